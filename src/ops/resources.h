// What handles stand for while a graph runs: variables, lookup tables, tensor arrays.
//
// A run keeps its resources by handle name (ir::RunState::resources). A variable's handle is its name; a table's is table_handle(name); tensor arrays
// get fresh names and end with the run that made them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/eval_context.h"
#include "ops/string_tensor.h"

namespace isomer::ops {

class VariableResource final : public ir::Resource {
 public:
  DType dtype = DType::kInvalid;
  PartialShape shape;
  Tensor value;  // invalid until it is assigned
};

// The variable behind a handle. NotFound when there is none.
Result<VariableResource*> find_variable(ir::RunState& state, const ir::ResourceHandle& handle);

// A map from keys (any dtype but complex) to rows of one shape. Entries stay in the order in which their keys came.
class LookupTable final : public ir::Resource {
 public:
  LookupTable(DType key_dtype, DType value_dtype) : key_dtype_(key_dtype), value_dtype_(value_dtype) {}

  DType key_dtype() const { return key_dtype_; }
  DType value_dtype() const { return value_dtype_; }
  int64_t size() const { return static_cast<int64_t>(keys_.size()); }
  // May it be read? A table that is filled once must be filled before.
  bool readable() const { return changeable_ || initialized_; }
  // A table that ops may change at any time (MutableHashTable), or one that is filled once.
  bool changeable() const { return changeable_; }
  void set_changeable() { changeable_ = true; }

  // What happens to a key that is there already with another value.
  enum class Conflict { kReplace, kRefuse };
  // The shape of `values` is the shape of `keys` followed by that of a row. InvalidModel when dtypes or shapes do not fit, or on a refused conflict.
  Result<void> insert(const Tensor& keys, const Tensor& values, const Limits& limits, Conflict conflict = Conflict::kReplace);
  // Fills a table once and for all. Filling it a second time is allowed with the same contents only, as in TensorFlow.
  Result<void> fill(const Tensor& keys, const Tensor& values, const Limits& limits);
  void clear();
  Result<void> remove(const Tensor& keys);
  // Rows of the keys; a missing key has `missing`, which is one row, or one row for each key.
  Result<Tensor> find(const Tensor& keys, const Tensor& missing, const Memory& memory) const;
  // All entries: keys of shape [size], values of shape [size] + row.
  Result<Tensor> keys(const Memory& memory) const;
  Result<Tensor> values(const Memory& memory) const;

 private:
  Result<void> check_keys(const Tensor& keys) const;

  DType key_dtype_, value_dtype_;
  bool changeable_ = false;
  bool initialized_ = false;
  int64_t bytes_ = 0;
  Shape row_shape_;
  std::unordered_map<std::string, int64_t> index_;
  std::vector<std::string> keys_;    // the bytes of each key
  std::vector<std::string> values_;  // the bytes of each element of each row
};

// The handle of the table of this name.
std::string table_handle(std::string_view name);
// The name of the table, when the handle is one of a table.
std::optional<std::string_view> table_name(std::string_view handle);
// The table behind a handle, made on first use. InvalidModel when it has other dtypes.
Result<LookupTable*> table_resource(ir::RunState& state, const std::string& handle, DType key_dtype, DType value_dtype);
// NotFound when there is none.
Result<LookupTable*> find_table(ir::RunState& state, const ir::ResourceHandle& handle);

// TensorFlow 1's mutable array of tensors.
class TensorArray final : public ir::Resource {
 public:
  DType dtype = DType::kInvalid;
  PartialShape element_shape;
  bool dynamic_size = false;
  bool clear_after_read = true;
  struct Element {
    Tensor value;  // invalid until it is written
    bool cleared = false;
  };
  std::vector<Element> elements;
};

// The handle that an input carries; InvalidModel when it is something else.
Result<const ir::ResourceHandle*> handle_input(std::span<const ir::RuntimeValue> inputs, int64_t i);

}  // namespace isomer::ops
