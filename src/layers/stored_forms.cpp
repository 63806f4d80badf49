// Three things changed with Keras 2. Recurrent layers had a matrix for each gate ("lstm_1_W_i"), unless they were made for GPUs; now these stand side by side,
// for LSTM in the order i, f, c, o (the file's is i, c, f, o), for GRU in the order z, r, h, which is the file's. Kernels of convolutions had the layout of
// their images: with channels first [out, in, rows, columns]. And kernels of one-dimensional convolutions had a second window dimension of 1.
//
// Beside that, Theano convolves where others correlate: kernels that were trained with it are turned by half a turn, until Keras 2.3.
#include "layers/stored_forms.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>

namespace isomer::layers {
namespace {

std::string without_number(const std::string& name) {
  const size_t colon = name.rfind(':');
  return colon == std::string::npos ? name : name.substr(0, colon);
}

// Dimensions in another order; those before the last two backwards, where `turned`.
Result<Tensor> rearranged(const Tensor& x, const std::vector<int64_t>& order, bool turned) {
  const auto rank = order.size();
  Shape shape;
  for (const int64_t axis : order) shape.push_back(x.shape()[static_cast<size_t>(axis)]);
  std::vector<int64_t> strides(rank, 1);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * x.shape()[i];
  MutableTensor out = TRY(MutableTensor::create(x.dtype(), shape, Limits()));
  const auto size = static_cast<size_t>(element_size(x.dtype()));
  std::vector<int64_t> at(rank, 0);
  for (int64_t i = 0; i < out.elements(); ++i) {
    int64_t from = 0;
    for (size_t r = 0; r < rank; ++r) {
      const int64_t place = turned && r + 2 < rank ? shape[r] - 1 - at[r] : at[r];
      from += place * strides[static_cast<size_t>(order[r])];
    }
    std::memcpy(out.data() + static_cast<size_t>(i) * size, x.bytes().data() + static_cast<size_t>(from) * size, size);
    for (size_t r = rank; r-- > 0;) {
      if (++at[r] < shape[r]) break;
      at[r] = 0;
    }
  }
  return std::move(out).finish();
}

// Matrices of equal height side by side; vectors one after the other.
Result<Tensor> side_by_side(const std::vector<Tensor>& parts) {
  Shape shape = parts[0].shape();
  int64_t width = 0;
  for (const Tensor& part : parts) width += part.shape().back();
  shape.back() = width;
  MutableTensor out = TRY(MutableTensor::create(parts[0].dtype(), shape, Limits()));
  const int64_t rows = width == 0 ? 0 : out.elements() / width, size = element_size(parts[0].dtype());
  int64_t before = 0;
  for (const Tensor& part : parts) {
    const int64_t own = part.shape().back();
    for (int64_t row = 0; row < rows; ++row)
      std::memcpy(out.data() + (row * width + before) * size, part.bytes().data() + row * own * size, static_cast<size_t>(own * size));
    before += own;
  }
  return std::move(out).finish();
}

// --- gates

struct GateKind {
  std::string_view matrix, now;
};
constexpr GateKind kMatrices[] = {{"W", "kernel"}, {"U", "recurrent_kernel"}, {"b", "bias"}};

struct Form {
  StoredWeight weight;
  std::vector<size_t> parts;   // of the file, side by side
  std::vector<int64_t> order;  // of dimensions; empty: as they are
  bool turned = false;
  bool reshaped = false;  // the shape of `weight`, whatever the file's is
};

// The parts of "lstm_1_W_i": layer, matrix and gate.
struct GateName {
  std::string layer, matrix, gate;
};
std::optional<GateName> gate_name(const std::string& full) {
  const std::string name = without_number(full);
  if (name.size() < 5 || name[name.size() - 2] != '_' || name[name.size() - 4] != '_') return std::nullopt;
  const std::string matrix(1, name[name.size() - 3]), gate(1, name.back());
  if (std::string("WUb").find(matrix) == std::string::npos || std::string("ifcozrh").find(gate) == std::string::npos) return std::nullopt;
  return GateName{name.substr(0, name.size() - 4), matrix, gate};
}

std::vector<Form> with_joined_gates(const std::vector<StoredWeight>& stored) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, size_t>> layers;  // (group, layer) to "W_i" and where it is
  for (size_t i = 0; i < stored.size(); ++i)
    if (const auto name = gate_name(stored[i].name)) layers[{stored[i].group, name->layer}][name->matrix + "_" + name->gate] = i;
  std::vector<Form> forms;
  std::map<std::pair<std::string, std::string>, bool> joined;
  for (size_t i = 0; i < stored.size(); ++i) {
    const auto name = gate_name(stored[i].name);
    const std::string gates = !name                                                 ? ""
                              : layers[{stored[i].group, name->layer}].size() == 12 ? "ifco"
                              : layers[{stored[i].group, name->layer}].size() == 9  ? "zrh"
                                                                                    : "";
    if (gates.empty()) {
      forms.push_back({stored[i], {i}, {}});
      continue;
    }
    const auto key = std::pair(stored[i].group, name->layer);
    if (std::exchange(joined[key], true)) continue;
    for (const GateKind& kind : kMatrices) {
      Form form;
      for (const char gate : gates) {
        const auto part = layers[key].find(std::string(kind.matrix) + "_" + gate);
        if (part != layers[key].end()) form.parts.push_back(part->second);
      }
      if (form.parts.size() != gates.size()) continue;
      form.weight = stored[form.parts[0]];
      form.weight.name = name->layer + "/" + std::string(kind.now);
      form.weight.shape.back() = 0;
      for (const size_t part : form.parts) form.weight.shape.back() += stored[part].shape.back();
      forms.push_back(std::move(form));
    }
  }
  return forms;
}

// --- convolutions

const Layer* layer_at(const Model& model, const std::vector<std::string>& path) {
  const Model* inside = &model;
  const Layer* found = nullptr;
  for (const std::string& name : path) {
    if (!inside) return found;
    found = nullptr;
    for (const Layer& layer : inside->layers)
      if (layer.name == name) found = &layer;
    if (!found) return nullptr;
    inside = found->model.get();
  }
  return found;
}

bool is_kernel_of_convolution(const WeightSlot& slot) {
  const std::string& name = slot.classes.empty() ? std::string() : slot.classes.back();
  return slot.name.ends_with("kernel") && slot.name != "recurrent_kernel" && slot.shape.size() >= 3 && name.find("Conv") != std::string::npos;
}

Shape reordered(const Shape& shape, const std::vector<int64_t>& order) {
  Shape result;
  for (const int64_t axis : order) result.push_back(shape[static_cast<size_t>(axis)]);
  return result;
}

// How a kernel of the file becomes what the slot holds; as it is where it already does, or where no way is known.
void fit_kernel(Form& form, const WeightSlot& slot, const Layer* layer, bool keras1, bool theano) {
  const Shape& shape = form.weight.shape;
  const JsonValue* ordering = layer ? layer->config.find("dim_ordering") : nullptr;
  const bool first = keras1 && ordering && *ordering == JsonValue("th");
  form.turned = theano;
  std::vector<std::vector<int64_t>> orders;
  if (shape.size() == 4) orders = {{2, 3, 1, 0}, {2, 3, 0, 1}, {0, 1, 3, 2}, {3, 2, 0, 1}};
  if (shape.size() == 5) orders = {{2, 3, 4, 1, 0}};
  if (shape == slot.shape && !first) {
    if (theano) {
      form.order.resize(shape.size());
      std::iota(form.order.begin(), form.order.end(), 0);
    }
    return;
  }
  // [length, 1, in, out] of one dimension.
  if (shape.size() == 4 && slot.shape.size() == 3 && shape[1] == 1 && Shape{shape[0], shape[2], shape[3]} == slot.shape) {
    form.reshaped = true;
    form.weight.shape = slot.shape;
    return;
  }
  for (const std::vector<int64_t>& order : orders) {
    if (reordered(shape, order) != slot.shape) continue;
    form.order = order;
    form.weight.shape = slot.shape;
    return;
  }
}

// Kernels of a group in the order in which its layers need them.
void fit_kernels(std::vector<Form>& forms, const StoredModel& stored, const Model& model, std::span<const WeightSlot> slots) {
  const bool keras1 = model.generation == Generation::kKeras1, theano = stored.backend == "theano";
  std::map<std::string, std::vector<const WeightSlot*>> needed;
  std::map<std::string, std::vector<Form*>> held;
  for (const WeightSlot& slot : slots)
    if (is_kernel_of_convolution(slot) && !slot.path.empty()) needed[slot.path[0]].push_back(&slot);
  for (Form& form : forms)
    if (form.parts.size() == 1 && form.weight.shape.size() >= 3) held[form.weight.group].push_back(&form);
  for (const auto& [group, kernels] : needed) {
    const auto found = held.find(group);
    if (found == held.end() || found->second.size() != kernels.size()) continue;
    for (size_t i = 0; i < kernels.size(); ++i) fit_kernel(*found->second[i], *kernels[i], layer_at(model, kernels[i]->path), keras1, theano);
  }
}

}  // namespace

WeightForms weights_as_of_today(const StoredModel& stored, const Model& model, std::span<const WeightSlot> slots) {
  auto forms = std::make_shared<std::vector<Form>>(with_joined_gates(stored.weights));
  if (model.generation == Generation::kKeras1 || model.generation == Generation::kKeras2) fit_kernels(*forms, stored, model, slots);
  WeightForms result;
  for (const Form& form : *forms) result.weights.push_back(form.weight);
  result.read = [forms, read = stored.read](size_t i) -> Result<Tensor> {
    const Form& form = (*forms)[i];
    std::vector<Tensor> parts;
    for (const size_t part : form.parts) parts.push_back(TRY(read(part)));
    Tensor value = parts.size() == 1 ? parts[0] : TRY(side_by_side(parts));
    if (form.reshaped) value = value.reshaped(form.weight.shape);
    return form.order.empty() ? value : rearranged(value, form.order, form.turned);
  };
  return result;
}

}  // namespace isomer::layers
