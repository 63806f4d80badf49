#include "formats/keras/archive_weights.h"

#include <algorithm>

#include "formats/keras/hdf5_weights.h"

namespace isomer::keras {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

struct Found {
  std::string path;        // "layers/dense/vars/0"
  std::string layer_name;  // the attribute "name" of its group, where there is one
  int64_t index = 0;
  Hdf5Object dataset;
};

Result<void> walk(const Hdf5Object& group, const std::string& path, int64_t depth, std::vector<Found>& found, const Limits& limits) {
  if (depth > limits.nesting) return fail(ErrorCode::kLimitExceeded, "groups nest deeper than " + std::to_string(limits.nesting));
  const bool is_vars = path == "vars" || path.ends_with("/vars");
  const std::string name = is_vars ? TRY(text_attribute(group, "name")).value_or("") : "";
  for (const Hdf5Link& link : TRY(group.children())) {
    const Hdf5Object child = TRY(group.open(link));
    const std::string below = path.empty() ? link.name : path + "/" + link.name;
    if (child.is_group()) {
      TRY(walk(child, below, depth + 1, found, limits));
    } else if (is_vars && is_number(link.name) && link.name.size() < 10) {
      if (static_cast<int64_t>(found.size()) >= limits.nodes)
        return fail(ErrorCode::kLimitExceeded, "the file has more than " + std::to_string(limits.nodes) + " weights");
      found.push_back({below, name, std::stoll(link.name), child});
    }
  }
  return {};
}

// "layers/..." in archives of Keras 3, "_layer_checkpoint_dependencies/..." in those of the first tf_keras versions that write archives.
constexpr std::string_view kOldLayers = "_layer_checkpoint_dependencies/";

std::string modern_path(std::string path) {
  for (size_t at = path.find(kOldLayers); at != std::string::npos; at = path.find(kOldLayers, at)) path.replace(at, kOldLayers.size(), "layers/");
  return path;
}

bool has_part(std::string_view path, std::string_view part) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (path.substr(0, slash) == part) return true;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return false;
}

}  // namespace

Result<bool> looks_like_archive_weights(const Hdf5Object& root) {
  for (const Hdf5Link& link : TRY(root.children()))
    if (link.name == "layers" || link.name == "_layer_checkpoint_dependencies" || link.name == "vars") return true;
  return false;
}

Result<void> read_archive_weights(std::span<const Hdf5Object> roots, layers::StoredModel& model, const Limits& limits) {
  std::vector<Found> found;
  for (const Hdf5Object& root : roots) TRY(walk(root, {}, 0, found, limits));
  // By object, then by number: "10" comes after "9".
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    const std::string_view x(a.path.data(), a.path.rfind('/')), y(b.path.data(), b.path.rfind('/'));
    return x != y ? x < y : a.index < b.index;
  });
  WeightTable weights, optimizer;
  for (Found& f : found) {
    const std::string path = modern_path(std::move(f.path));
    if (path.starts_with("optimizer/")) {
      TRY(optimizer.add({}, path, f.dataset, limits));
    } else if (!path.starts_with("metrics/") && !path.starts_with("compile_metrics/") && !path.starts_with("_metrics/") && !path.starts_with("loss/") &&
               !has_part(path, "seed_generator") && !has_part(path, "_seed_generators")) {
      TRY(weights.add({}, path, f.dataset, limits));
      weights.weights.back().layer = std::move(f.layer_name);
    }
  }
  model.read = weights.reader();
  model.weights = std::move(weights.weights);
  model.read_optimizer = optimizer.reader();
  model.optimizer_weights = std::move(optimizer.weights);
  model.has_weights = true;
  model.layout = layers::WeightLayout::kArchive;
  return {};
}

}  // namespace isomer::keras
