#include "formats/keras/hdf5_tree.h"

#include <algorithm>

namespace isomer::keras {
namespace {

constexpr int64_t kListBytes = 64512;  // Keras's HDF5_OBJECT_HEADER_LIMIT

std::optional<Hdf5Type> type_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return hdf5_float(4);
    case DType::kFloat64: return hdf5_float(8);
    case DType::kHalf: return hdf5_float(2);
    case DType::kBool: return hdf5_bool();
    case DType::kInt8: return hdf5_integer(1, true);
    case DType::kInt16: return hdf5_integer(2, true);
    case DType::kInt32: return hdf5_integer(4, true);
    case DType::kInt64: return hdf5_integer(8, true);
    case DType::kUint8: return hdf5_integer(1, false);
    case DType::kUint16:
    case DType::kBfloat16: return hdf5_integer(2, false);
    case DType::kUint32: return hdf5_integer(4, false);
    case DType::kUint64: return hdf5_integer(8, false);
    case DType::kString: return hdf5_variable_string();
    default: return std::nullopt;
  }
}

Hdf5Node* child_of(Hdf5Node& node, std::string_view name) {
  const auto it = std::find_if(node.children.begin(), node.children.end(), [&](const Hdf5NamedNode& child) { return child.name == name; });
  if (it != node.children.end()) return &it->node;
  node.children.push_back({std::string(name), {}});
  return &node.children.back().node;
}

void add_texts(Hdf5Node& node, std::string name, std::span<const std::string> texts) {
  size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  Hdf5Data data{hdf5_fixed_string(static_cast<int64_t>(longest)), {static_cast<int64_t>(texts.size())}, false, {}, {}};
  data.strings.assign(texts.begin(), texts.end());
  node.attributes.push_back({std::move(name), std::move(data)});
}

}  // namespace

Result<Hdf5Node*> group_at(Hdf5Node& root, std::string_view path) {
  Hdf5Node* node = &root;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty()) node = child_of(*node, part);
    if (node->data) return fail(ErrorCode::kInvalidModel, "a weight and a layer would lie in one place: '" + std::string(part) + "'");
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return node;
}

Result<void> add_dataset(Hdf5Node& root, std::string_view path, const Tensor& value) {
  const auto type = type_of(value.dtype());
  if (!type)
    return fail(ErrorCode::kUnsupported,
                "the weight '" + std::string(path) + "' has the dtype " + std::string(to_string(value.dtype())) + ", which HDF5 files of Keras do not have");
  const size_t slash = path.rfind('/');
  Hdf5Node* group = slash == std::string_view::npos ? &root : TRY(group_at(root, path.substr(0, slash)));
  Hdf5Node* node = child_of(*group, path.substr(slash == std::string_view::npos ? 0 : slash + 1));
  if (node->data || !node->children.empty()) return fail(ErrorCode::kInvalidModel, "two weights would lie in one place: '" + std::string(path) + "'");
  node->data = Hdf5Data{*type, value.shape(), false, {}, {}};
  if (value.dtype() == DType::kString) {
    for (int64_t i = 0; i < value.elements(); ++i) node->data->strings.emplace_back(value.string_at(i));
  } else if (value.byte_size() > 0) {
    node->data->pieces.push_back(value.bytes());
  }
  if (value.dtype() == DType::kBfloat16) add_text(*node, "dtype", "bfloat16");
  return {};
}

void add_text(Hdf5Node& node, std::string name, std::string text) {
  node.attributes.push_back({std::move(name), Hdf5Data{hdf5_variable_string(), {}, false, {}, {std::move(text)}}});
}

Result<void> add_list(Hdf5Node& node, const std::string& name, const std::vector<std::string>& texts) {
  size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  if (static_cast<int64_t>(longest) > kListBytes) return fail(ErrorCode::kInvalidModel, "a name is longer than the 64512 bytes that an HDF5 file holds");
  const size_t bytes = longest * texts.size();
  if (static_cast<int64_t>(bytes) <= kListBytes) {
    add_texts(node, name, texts);
    return {};
  }
  // Pieces as numpy.array_split makes them: as even as can be.
  size_t parts = 2;
  while ((texts.size() + parts - 1) / parts * longest > static_cast<size_t>(kListBytes)) ++parts;
  size_t at = 0;
  for (size_t i = 0; i < parts; ++i) {
    const size_t count = texts.size() / parts + (i < texts.size() % parts ? 1 : 0);
    add_texts(node, name + std::to_string(i), std::span(texts).subspan(at, count));
    at += count;
  }
  return {};
}

}  // namespace isomer::keras
