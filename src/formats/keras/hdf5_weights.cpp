#include "formats/keras/hdf5_weights.h"

#include <algorithm>

namespace isomer::keras {
namespace {

Result<DType> dtype_of(const Hdf5Object& dataset) {
  const Hdf5Type type = TRY(dataset.type());
  using Kind = Hdf5Type::Kind;
  const std::optional<std::string> said = TRY(text_attribute(dataset, "dtype"));
  const bool is_bfloat16 = said && *said == "bfloat16" && type.size == 2;
  if (is_bfloat16 || type.kind == Kind::kBfloat16) return DType::kBfloat16;
  switch (type.kind) {
    case Kind::kBool: return DType::kBool;
    case Kind::kFloat:
      if (type.size == 2) return DType::kHalf;
      if (type.size == 4) return DType::kFloat32;
      if (type.size == 8) return DType::kFloat64;
      break;
    case Kind::kComplex:
      if (type.size == 8) return DType::kComplex64;
      if (type.size == 16) return DType::kComplex128;
      break;
    case Kind::kInteger:
    case Kind::kEnum:
      if (const auto dtype = dtype_from_string((type.is_signed ? "int" : "uint") + std::to_string(8 * type.size))) return *dtype;
      break;
    case Kind::kFixedString:
    case Kind::kVariableString: return DType::kString;
    default: break;
  }
  return fail(ErrorCode::kUnsupported, "a weight is of the type " + type.name + ", which no tensor has");
}

}  // namespace

Result<void> WeightTable::add(std::string group, std::string name, const Hdf5Object& dataset, const Limits& limits) {
  if (static_cast<int64_t>(weights.size()) >= limits.nodes)
    return fail(ErrorCode::kLimitExceeded, "the file has more than " + std::to_string(limits.nodes) + " weights");
  if (!dataset.is_dataset()) return fail(ErrorCode::kInvalidModel, "the weight '" + name + "' is a group, expected a dataset");
  const Hdf5Space space = TRY(in_context(dataset.space(), "reading the weight '" + name + "'"));
  const DType dtype = TRY(in_context(dtype_of(dataset), "reading the weight '" + name + "'"));
  weights.push_back({std::move(group), std::move(name), space.shape, dtype});
  datasets.push_back(dataset);
  return {};
}

std::function<Result<Tensor>(size_t)> WeightTable::reader() const {
  return [datasets = datasets](size_t i) -> Result<Tensor> { return read_tensor(datasets[i]); };
}

Result<Tensor> read_tensor(const Hdf5Object& dataset) {
  const DType dtype = TRY(dtype_of(dataset));
  const Hdf5Space space = TRY(dataset.space());
  if (dtype == DType::kString) return Tensor::from_strings(space.shape, TRY(dataset.read_strings()));
  return Tensor::create(dtype, space.shape, TRY(dataset.read()));
}

Result<std::optional<std::string>> text_attribute(const Hdf5Object& object, const std::string& name) {
  const auto attribute = TRY(object.attribute(name));
  if (!attribute) return std::nullopt;
  if (!attribute->type().is_string())
    return fail(ErrorCode::kInvalidModel, "expected the attribute '" + name + "' to be text, found " + attribute->type().name);
  std::vector<std::string> values = TRY(attribute->read_strings());
  if (values.size() != 1) return fail(ErrorCode::kInvalidModel, "expected the attribute '" + name + "' to be one text, found " + std::to_string(values.size()));
  return std::move(values[0]);
}

Result<std::optional<std::vector<std::string>>> list_attribute(const Hdf5Object& object, const std::string& name) {
  const auto read = [&](const Hdf5Attribute& attribute) -> Result<std::vector<std::string>> {
    if (attribute.type().is_string()) return attribute.read_strings();
    // numpy gives an empty list the dtype float64.
    if (attribute.space().elements == 0) return std::vector<std::string>();
    return fail(ErrorCode::kInvalidModel, "expected the attribute '" + attribute.name() + "' to be a list of texts, found " + attribute.type().name);
  };
  if (const auto whole = TRY(object.attribute(name))) return TRY(read(*whole));
  std::optional<std::vector<std::string>> values;
  for (int i = 0;; ++i) {
    const auto part = TRY(object.attribute(name + std::to_string(i)));
    if (!part) return values;
    if (!values) values.emplace();
    std::vector<std::string> more = TRY(read(*part));
    std::move(more.begin(), more.end(), std::back_inserter(*values));
  }
}

std::string without_output_number(std::string name) {
  if (name.ends_with(":0")) name.resize(name.size() - 2);
  return name;
}

}  // namespace isomer::keras
