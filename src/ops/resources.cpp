#include "ops/resources.h"

#include "base/checked.h"
#include "ops/kernel.h"

namespace isomer::ops {
namespace {

using namespace ir;

constexpr std::string_view kTablePrefix = "table:";

template <class Kind>
Result<Kind*> find_resource(RunState& state, const std::string& handle, std::string_view what) {
  const auto it = state.resources.find(handle);
  auto* found = it == state.resources.end() ? nullptr : dynamic_cast<Kind*>(it->second.get());
  if (!found) return fail(ErrorCode::kNotFound, "there is no " + std::string(what) + " '" + handle + "' in this run");
  return found;
}

// Keys compare by their bytes, so zeros of both signs must have the same.
std::string key_of(const Tensor& keys, int64_t i) {
  if (is_float(keys.dtype()) && keys.as_double(i) == 0) return std::string(static_cast<size_t>(element_size(keys.dtype())), '\0');
  return std::string(element_bytes(keys, i));
}

}  // namespace

Result<VariableResource*> find_variable(RunState& state, const ResourceHandle& handle) {
  return find_resource<VariableResource>(state, handle.name, "variable");
}

std::string table_handle(std::string_view name) { return std::string(kTablePrefix) + std::string(name); }

std::optional<std::string_view> table_name(std::string_view handle) {
  if (!handle.starts_with(kTablePrefix)) return std::nullopt;
  return handle.substr(kTablePrefix.size());
}

Result<LookupTable*> table_resource(RunState& state, const std::string& handle, DType key_dtype, DType value_dtype) {
  std::shared_ptr<Resource>& slot = state.resources[handle];
  if (!slot) slot = std::make_shared<LookupTable>(key_dtype, value_dtype);
  auto* table = dynamic_cast<LookupTable*>(slot.get());
  if (!table || table->key_dtype() != key_dtype || table->value_dtype() != value_dtype) {
    return input_error("'" + handle + "' is not a table from " + std::string(to_string(key_dtype)) + " to " + std::string(to_string(value_dtype)) +
                       " as another node declares it");
  }
  return table;
}

Result<LookupTable*> find_table(RunState& state, const ResourceHandle& handle) { return find_resource<LookupTable>(state, handle.name, "table"); }

Result<const ResourceHandle*> handle_input(std::span<const RuntimeValue> inputs, int64_t i) {
  const auto at = static_cast<size_t>(i);
  const auto* handle = at < inputs.size() ? std::get_if<ResourceHandle>(&inputs[at]) : nullptr;
  if (!handle) return input_error("input " + std::to_string(i) + " must be a handle of a resource");
  return handle;
}

Result<void> LookupTable::check_keys(const Tensor& keys) const {
  if (keys.dtype() == key_dtype_) return {};
  return input_error("the table has keys of " + std::string(to_string(key_dtype_)) + ", found " + type_text(keys));
}

Result<void> LookupTable::insert(const Tensor& keys, const Tensor& values, const Limits& limits, Conflict conflict) {
  TRY(check_keys(keys));
  if (values.dtype() != value_dtype_) {
    return input_error("the table has values of " + std::string(to_string(value_dtype_)) + ", found " + type_text(values));
  }
  const auto lead = keys.shape().size();
  if (values.shape().size() < lead || !std::equal(keys.shape().begin(), keys.shape().end(), values.shape().begin())) {
    return input_error("the values of a table must have the shape of the keys and that of a row, found keys " + type_text(keys) + " and values " +
                       type_text(values));
  }
  Shape row_shape(values.shape().begin() + static_cast<std::ptrdiff_t>(lead), values.shape().end());
  if (keys_.empty()) row_shape_ = row_shape;
  if (row_shape != row_shape_) {
    return input_error("the rows of the table have shape " + to_string(row_shape_) + ", found " + to_string(row_shape));
  }
  const int64_t row = element_count_of(row_shape_);
  for (int64_t i = 0; i < keys.elements(); ++i) {
    std::string key = key_of(keys, i);
    const auto [it, inserted] = index_.try_emplace(key, size());
    if (inserted) {
      bytes_ += static_cast<int64_t>(key.size());
      keys_.push_back(std::move(key));
      values_.resize(values_.size() + static_cast<size_t>(row));
    }
    for (int64_t j = 0; j < row; ++j) {
      std::string& value = values_[static_cast<size_t>(it->second * row + j)];
      const std::string_view given = element_bytes(values, i * row + j);
      if (!inserted && conflict == Conflict::kRefuse && value != given) return input_error("key " + std::to_string(i) + " occurs twice with different values");
      bytes_ += static_cast<int64_t>(given.size()) - static_cast<int64_t>(value.size());
      value = given;
    }
    if (bytes_ > limits.tensor_bytes || size() > limits.tensor_elements) return fail(ErrorCode::kLimitExceeded, "the table grows beyond the limits");
  }
  return {};
}

Result<void> LookupTable::fill(const Tensor& keys, const Tensor& values, const Limits& limits) {
  const int64_t before = size();
  TRY(insert(keys, values, limits, Conflict::kRefuse));
  if (initialized_ && size() != before) return input_error("the table was initialised before with other contents");
  initialized_ = true;
  return {};
}

void LookupTable::clear() {
  index_.clear();
  keys_.clear();
  values_.clear();
  bytes_ = 0;
}

Result<void> LookupTable::remove(const Tensor& keys) {
  TRY(check_keys(keys));
  std::vector<bool> gone(keys_.size(), false);
  for (int64_t i = 0; i < keys.elements(); ++i) {
    if (const auto it = index_.find(key_of(keys, i)); it != index_.end()) gone[static_cast<size_t>(it->second)] = true;
  }
  const auto row = static_cast<size_t>(element_count_of(row_shape_));
  size_t kept = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (gone[i]) {
      bytes_ -= static_cast<int64_t>(keys_[i].size());
      for (size_t j = 0; j < row; ++j) bytes_ -= static_cast<int64_t>(values_[i * row + j].size());
      index_.erase(keys_[i]);
      continue;
    }
    index_[keys_[i]] = static_cast<int64_t>(kept);
    if (kept != i) {
      keys_[kept] = std::move(keys_[i]);
      for (size_t j = 0; j < row; ++j) values_[kept * row + j] = std::move(values_[i * row + j]);
    }
    ++kept;
  }
  keys_.resize(kept);
  values_.resize(kept * row);
  return {};
}

Result<Tensor> LookupTable::find(const Tensor& keys, const Tensor& missing, const Memory& memory) const {
  TRY(check_keys(keys));
  if (missing.dtype() != value_dtype_) {
    return input_error("the default must be of the table's " + std::string(to_string(value_dtype_)) + ", found " + type_text(missing));
  }
  const Shape row_shape = keys_.empty() && missing.shape() != keys.shape() ? missing.shape() : row_shape_;
  Shape shape = keys.shape();
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  const auto elements = element_count(shape);
  if (!elements || *elements > memory.limits.tensor_elements) return fail(ErrorCode::kLimitExceeded, "a result of shape " + to_string(shape) + " is too large");
  const int64_t row = element_count_of(row_shape);
  const bool each = missing.elements() == *elements && missing.shape() == shape;
  if (!each && missing.elements() != row) {
    return input_error("the default must have the shape of a row, " + to_string(row_shape) + ", found " + type_text(missing));
  }
  std::vector<std::string> found;
  found.reserve(static_cast<size_t>(*elements));
  int64_t bytes = 0;
  for (int64_t i = 0; i < keys.elements(); ++i) {
    const auto it = index_.find(key_of(keys, i));
    for (int64_t j = 0; j < row; ++j) {
      if (it == index_.end()) {
        found.emplace_back(element_bytes(missing, (each ? i * row : 0) + j));
      } else {
        found.push_back(values_[static_cast<size_t>(it->second * row + j)]);
      }
      bytes += static_cast<int64_t>(found.back().size());
    }
    if (bytes > memory.limits.tensor_bytes) return fail(ErrorCode::kLimitExceeded, "the values found exceed the limit of a tensor's bytes");
  }
  return from_element_bytes(memory, value_dtype_, std::move(shape), found);
}

Result<Tensor> LookupTable::keys(const Memory& memory) const { return from_element_bytes(memory, key_dtype_, {size()}, keys_); }

Result<Tensor> LookupTable::values(const Memory& memory) const {
  Shape shape = row_shape_;
  shape.insert(shape.begin(), size());
  return from_element_bytes(memory, value_dtype_, std::move(shape), values_);
}

}  // namespace isomer::ops
