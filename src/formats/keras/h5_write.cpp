#include "formats/keras/h5_write.h"

#include "base/atomic_output.h"

namespace isomer::keras {
namespace {

Result<Hdf5Node> tree_of(const H5Model& model) {
  Hdf5Node root;
  add_text(root, "backend", model.backend);
  add_text(root, "keras_version", model.keras_version);
  add_text(root, "model_config", TRY(write_json(model.model_config)));
  if (!model.training_config.is_null()) add_text(root, "training_config", TRY(write_json(model.training_config)));
  Hdf5Node weights;
  add_text(weights, "backend", model.backend);
  add_text(weights, "keras_version", model.keras_version);
  std::vector<std::string> names;
  for (const H5Layer& layer : model.layers) names.push_back(layer.name);
  TRY(add_list(weights, "layer_names", names));
  for (const H5Layer& layer : model.layers) {
    std::vector<std::string> weight_names;
    for (const NamedTensor& weight : layer.weights) {
      weight_names.push_back(weight.name);
      TRY(add_dataset(weights, layer.name + "/" + weight.name, weight.value));
    }
    TRY(add_list(*TRY(group_at(weights, layer.name)), "weight_names", weight_names));
  }
  TRY(add_list(*TRY(group_at(weights, "top_level_model_weights")), "weight_names", {}));
  root.children.push_back({"model_weights", std::move(weights)});
  if (!model.optimizer_weights.empty()) {
    Hdf5Node optimizer;
    std::vector<std::string> optimizer_names;
    for (const NamedTensor& weight : model.optimizer_weights) {
      optimizer_names.push_back(weight.name);
      TRY(add_dataset(optimizer, weight.name, weight.value));
    }
    TRY(add_list(optimizer, "weight_names", optimizer_names));
    root.children.push_back({"optimizer_weights", std::move(optimizer)});
  }
  return root;
}

}  // namespace

Result<int64_t> write_h5(const H5Model& model, const std::string& path, const BeforeCommit& before_commit) {
  const Hdf5Node root = TRY(tree_of(model));
  AtomicFile output = TRY(AtomicFile::create(path));
  TRY(write_hdf5(root, [&](std::span<const std::byte> bytes) { return output.file().append(bytes); }));
  const int64_t size = output.file().size();
  const std::string partial = TRY(output.finish());
  if (before_commit) TRY(before_commit(partial));
  TRY(output.commit());
  return size;
}

}  // namespace isomer::keras
