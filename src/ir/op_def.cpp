#include "ir/op_def.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace isomer::ir {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at `separator` outside parentheses.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == separator && depth == 0)) {
      if (const auto part = trim(text.substr(begin, i - begin)); !part.empty()) parts.push_back(part);
      begin = i + 1;
    }
  }
  return parts;
}

Operand parse_operand(std::string_view text) {
  Operand operand;
  const size_t colon = text.find(':');
  operand.name = trim(text.substr(0, colon));
  std::string_view type = trim(text.substr(colon + 1));
  if (type.starts_with("list(")) {
    operand.is_list = true;
    operand.type_attribute = trim(type.substr(5, type.size() - 6));
    return operand;
  }
  if (const size_t star = type.find('*'); star != std::string_view::npos) {
    operand.number_attribute = trim(type.substr(0, star));
    type = trim(type.substr(star + 1));
  }
  operand.fixed = dtype_from_string(type);
  if (!operand.fixed) operand.type_attribute = type;
  return operand;
}

Signature parse_signature(std::string_view text) {
  Signature signature;
  const size_t arrow = text.find("->");
  for (const auto part : split(text.substr(0, arrow), ',')) signature.inputs.push_back(parse_operand(part));
  if (arrow != std::string_view::npos)
    for (const auto part : split(text.substr(arrow + 2), ',')) signature.outputs.push_back(parse_operand(part));
  return signature;
}

Result<void> bind_attribute(const OpDef& op, AttributeMap& map, const std::string& name, AttributeValue value) {
  if (const AttributeValue* bound = find(map, name)) {
    if (!equal(*bound, value)) {
      const auto* a = std::get_if<DType>(bound);
      const auto* b = std::get_if<DType>(&value);
      if (b && *b == DType::kInvalid) return {};  // the result of a Foreign op: its dtype is not known
      if (a && *a == DType::kInvalid) {
        const_cast<AttributeValue&>(*bound) = value;
        return {};
      }
      std::string detail = a && b ? ": " + std::string(to_string(*a)) + " and " + std::string(to_string(*b)) : "";
      return fail(ErrorCode::kInvalidModel, "inputs of " + std::string(op.name) + " disagree about '" + name + "'" + detail);
    }
    return {};
  }
  map.push_back({name, std::move(value)});
  return {};
}

}  // namespace

const Signature& signature_of(const OpDef& op) {
  static std::mutex mutex;
  static std::map<const OpDef*, Signature> cache;
  const std::lock_guard lock(mutex);
  auto [it, inserted] = cache.try_emplace(&op);
  if (inserted) it->second = parse_signature(op.signature);
  return it->second;
}

namespace {

// The number of inputs of an operand of several, where a field of the attributes tells it.
std::optional<int64_t> told_count(const Operand& operand, const AttributeMap& fields) {
  const AttributeValue* told = find(fields, operand.is_list ? operand.type_attribute : operand.number_attribute);
  if (!told) return std::nullopt;
  if (const auto* types = std::get_if<std::vector<DType>>(told)) return static_cast<int64_t>(types->size());
  const auto* number = std::get_if<int64_t>(told);
  return number ? std::optional(*number) : std::nullopt;
}

// The number of inputs of each operand. What no field tells is shared out equally.
std::optional<std::vector<size_t>> operand_counts(const Signature& signature, const Attributes* attributes, size_t inputs) {
  const auto variadic = std::count_if(signature.inputs.begin(), signature.inputs.end(), [](const Operand& o) { return o.variadic(); });
  const AttributeMap fields = attributes && variadic > 1 ? attributes->to_map() : AttributeMap{};
  size_t sharing = 0, left = inputs;
  std::vector<std::optional<size_t>> counts;
  for (const Operand& operand : signature.inputs) {
    std::optional<size_t> count = 1;
    if (operand.variadic()) {
      const auto told = told_count(operand, fields);
      count = told ? std::optional(static_cast<size_t>(*told)) : std::nullopt;
      sharing += told ? 0 : 1;
    }
    if (count && *count > left) return std::nullopt;
    left -= count.value_or(0);
    counts.push_back(count);
  }
  if (sharing == 0 ? left != 0 : left % sharing != 0) return std::nullopt;
  std::vector<size_t> result;
  for (const auto& count : counts) result.push_back(count ? *count : left / sharing);
  return result;
}

}  // namespace

Result<AttributeMap> derived_attributes(const OpDef& op, const Attributes* attributes, std::span<const DType> inputs) {
  const Signature& signature = signature_of(op);
  const auto counts = operand_counts(signature, attributes, inputs.size());
  if (!counts) {
    return fail(ErrorCode::kInvalidModel,
                std::string(op.name) + " takes " + std::string(op.signature) + "; found " + std::to_string(inputs.size()) + " inputs");
  }
  AttributeMap map;
  size_t at = 0;
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    const Operand& operand = signature.inputs[i];
    const size_t count = (*counts)[i];
    const auto types = inputs.subspan(at, count);
    at += count;
    if (operand.is_list) {
      TRY(bind_attribute(op, map, operand.type_attribute, std::vector<DType>(types.begin(), types.end())));
      continue;
    }
    if (!operand.number_attribute.empty()) TRY(bind_attribute(op, map, operand.number_attribute, static_cast<int64_t>(count)));
    for (const DType type : types) {
      if (!operand.fixed) {
        TRY(bind_attribute(op, map, operand.type_attribute, type));
      } else if (*operand.fixed != type && type != DType::kInvalid) {
        return fail(ErrorCode::kInvalidModel, "input '" + operand.name + "' of " + std::string(op.name) + " must be " + std::string(to_string(*operand.fixed)) +
                                                  ", found " + std::string(to_string(type)));
      }
    }
  }
  return map;
}

Result<std::vector<DType>> result_dtypes(const OpDef& op, const Attributes& attributes, std::span<const DType> inputs) {
  AttributeMap map = TRY(derived_attributes(op, &attributes, inputs));
  for (NamedAttribute& field : attributes.to_map())
    if (!find(map, field.name)) map.push_back(std::move(field));
  std::vector<DType> result;
  for (const Operand& operand : signature_of(op).outputs) {
    const auto missing = [&](const std::string& what) {
      return fail(ErrorCode::kInvalidModel, std::string(op.name) + " has no attribute '" + what + "' that tells its result '" + operand.name + "'");
    };
    if (operand.is_list) {
      const AttributeValue* list = find(map, operand.type_attribute);
      if (!list) return missing(operand.type_attribute);
      if (const auto* types = std::get_if<std::vector<DType>>(list)) result.insert(result.end(), types->begin(), types->end());
      continue;
    }
    int64_t count = 1;
    if (!operand.number_attribute.empty()) {
      const AttributeValue* number = find(map, operand.number_attribute);
      if (!number || !std::holds_alternative<int64_t>(*number)) return missing(operand.number_attribute);
      count = std::get<int64_t>(*number);
      if (count < 0 || count > 1'000'000) return fail(ErrorCode::kLimitExceeded, std::string(op.name) + " claims " + std::to_string(count) + " results");
    }
    DType type = DType::kInvalid;
    if (operand.fixed) {
      type = *operand.fixed;
    } else {
      const AttributeValue* found = find(map, operand.type_attribute);
      if (!found || !std::holds_alternative<DType>(*found)) return missing(operand.type_attribute);
      type = std::get<DType>(*found);
    }
    result.insert(result.end(), static_cast<size_t>(count), type);
  }
  return result;
}

}  // namespace isomer::ir
