// As tf_keras and Keras 3 do it: nodes (calls of layers) are numbered by a walk from the outputs, depth first, and have as depth the longest way to an output;
// a layer has the largest depth of its nodes.
#include "layers/layer_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

namespace isomer::layers {
namespace {

using Node = std::pair<int32_t, int32_t>;  // layer and call

class Walk {
 public:
  explicit Walk(const Model& model) : model_(model), layer_index_(model.layers.size()) {
    for (const Port& port : model.outputs) visit({port.ref.layer, port.ref.call});
  }

  // Places of layers in Keras's order.
  std::vector<int32_t> order() const {
    std::map<Node, int64_t> depths;
    std::vector<int64_t> layer_depths(model_.layers.size(), 0);
    for (auto node = finished_.rbegin(); node != finished_.rend(); ++node) {
      int64_t& layer_depth = layer_depths[static_cast<size_t>(node->first)];
      const int64_t depth = std::max(depths[*node], layer_depth);
      depths[*node] = layer_depth = depth;
      for (const TensorRef& ref : inputs_of(*node)) {
        int64_t& before = depths[{ref.layer, ref.call}];
        before = std::max(before, depth + 1);
      }
    }
    std::vector<int32_t> places(model_.layers.size());
    std::iota(places.begin(), places.end(), 0);
    const auto key = [&](int32_t place) {
      const std::optional<int64_t>& index = layer_index_[static_cast<size_t>(place)];
      return std::tuple(!index, -layer_depths[static_cast<size_t>(place)], index.value_or(0));
    };
    std::stable_sort(places.begin(), places.end(), [&](int32_t a, int32_t b) { return key(a) < key(b); });
    return places;
  }

 private:
  std::vector<TensorRef> inputs_of(Node node) const {
    const std::vector<Call>& calls = model_.layers[static_cast<size_t>(node.first)].calls;
    return static_cast<size_t>(node.second) < calls.size() ? calls[static_cast<size_t>(node.second)].inputs : std::vector<TensorRef>();
  }

  // Depth first without recursion: models may be thousands of layers deep.
  void visit(Node first) {
    std::vector<std::pair<Node, size_t>> open;
    const auto enter = [&](Node node) {
      if (seen_.contains(node)) return;
      seen_[node] = true;
      std::optional<int64_t>& index = layer_index_[static_cast<size_t>(node.first)];
      if (!index) index = next_index_++;
      open.emplace_back(node, 0);
    };
    enter(first);
    while (!open.empty()) {
      auto& [node, next] = open.back();
      const std::vector<TensorRef> inputs = inputs_of(node);
      if (next < inputs.size()) {
        const TensorRef ref = inputs[next++];
        enter({ref.layer, ref.call});
      } else {
        finished_.push_back(node);
        open.pop_back();
      }
    }
  }

  const Model& model_;
  std::vector<std::optional<int64_t>> layer_index_;
  int64_t next_index_ = 0;
  std::map<Node, bool> seen_;
  std::vector<Node> finished_;
};

}  // namespace

void order_as_keras(Model& model) {
  for (Layer& layer : model.layers) {
    if (!layer.model) continue;
    Model inner = *layer.model;
    order_as_keras(inner);
    layer.model = std::make_shared<const Model>(std::move(inner));
  }
  if (model.sequential) return;
  const std::vector<int32_t> order = Walk(model).order();
  std::vector<int32_t> place(order.size());
  std::vector<Layer> layers;
  for (size_t i = 0; i < order.size(); ++i) {
    place[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
    layers.push_back(std::move(model.layers[static_cast<size_t>(order[i])]));
  }
  model.layers = std::move(layers);
  const auto move = [&](TensorRef& ref) { ref.layer = place[static_cast<size_t>(ref.layer)]; };
  for (Layer& layer : model.layers)
    for (Call& call : layer.calls)
      for (TensorRef& ref : call.inputs) move(ref);
  for (Port& port : model.inputs) move(port.ref);
  for (Port& port : model.outputs) move(port.ref);
}

}  // namespace isomer::layers
