// Variables: handles, reading, assigning, gathering rows.
#include "ops/variables.h"

#include "ops/kernel.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- inference

Result<void> infer_handle(InferContext& c) {
  const auto& a = c.as<VarHandleOpAttributes>();
  TensorType& type = c.result(0);
  type.shape = PartialShape::scalar();
  type.element_dtype = a.dtype;
  type.element_shape = a.shape;
  return {};
}

// What the handle says about the variable; the dtype that the op claims must be the variable's.
Result<PartialShape> variable_shape(InferContext& c, DType dtype) {
  const TensorType& handle = c.input_type(0);
  if (handle.element_dtype == DType::kInvalid) return PartialShape::unknown();
  if (handle.element_dtype != dtype) {
    return input_error("the variable is " + std::string(to_string(handle.element_dtype)) + ", the op takes " + std::string(to_string(dtype)));
  }
  return handle.element_shape;
}

Result<void> infer_read(InferContext& c) {
  c.set_shape(0, TRY(variable_shape(c, c.result(0).dtype)));
  return {};
}

Result<void> infer_assign(InferContext& c) {
  TRY(merge(TRY(variable_shape(c, c.input_type(1).dtype)), c.shape(1)));
  return {};
}

PartialShape joined(const PartialShape& indices, int64_t keep, const PartialShape& params, int64_t from) {
  std::vector<int64_t> dims(indices.dims().begin(), indices.dims().begin() + keep);
  dims.insert(dims.end(), params.dims().begin() + from, params.dims().end());
  return PartialShape(std::move(dims));
}

Result<void> infer_gather(InferContext& c) {
  const int64_t batch_dims = c.as<ResourceGatherAttributes>().batch_dims;
  const PartialShape params = TRY(variable_shape(c, c.result(0).dtype));
  const PartialShape& indices = c.shape(1);
  if (!params.has_rank() || !indices.has_rank()) return {};
  if (batch_dims < 0 || batch_dims >= params.rank() || batch_dims > indices.rank()) {
    return input_error("batch_dims " + std::to_string(batch_dims) + " does not fit a variable of shape " + to_string(params) + " and indices of shape " +
                       to_string(indices));
  }
  c.set_shape(0, joined(indices, indices.rank(), params, batch_dims + 1));
  return {};
}

Result<void> infer_gather_nd(InferContext& c) {
  const PartialShape params = TRY(variable_shape(c, c.result(0).dtype));
  const PartialShape indices = TRY(shape_of_rank_at_least(c, 1, 1));
  if (!params.has_rank() || !indices.has_rank() || indices[indices.rank() - 1] == kUnknownDim) return {};
  const int64_t depth = indices[indices.rank() - 1];
  if (depth > params.rank()) return input_error("indices of length " + std::to_string(depth) + " do not fit a variable of shape " + to_string(params));
  c.set_shape(0, joined(indices, indices.rank() - 1, params, depth));
  return {};
}

// --- kernels

Result<VariableResource*> variable_input(EvalContext& c, Inputs inputs) { return find_variable(c.state(), *TRY(handle_input(inputs, 0))); }

Result<const Tensor*> variable_value(EvalContext& c, Inputs inputs) {
  const ResourceHandle& handle = *TRY(handle_input(inputs, 0));
  const VariableResource& variable = *TRY(find_variable(c.state(), handle));
  if (!variable.value.valid()) {
    return fail(Error{ErrorCode::kInvalidModel, "variable '" + handle.name + "' has no value yet", {}, {}, "does the model come with its weights?"});
  }
  return &variable.value;
}

Result<Outputs> reference_handle(EvalContext& c, Inputs) {
  const auto& a = c.as<VarHandleOpAttributes>();
  const std::string& name = a.shared_name.empty() ? c.node().name : a.shared_name;
  std::shared_ptr<Resource>& slot = c.state().resources[name];
  if (!slot) {
    auto variable = std::make_shared<VariableResource>();
    variable->dtype = a.dtype;
    variable->shape = a.shape;
    slot = std::move(variable);
  }
  return Outputs{ResourceHandle{name}};
}

Result<Outputs> reference_read(EvalContext& c, Inputs inputs) { return one(*TRY(variable_value(c, inputs))); }

Result<Outputs> reference_is_initialized(EvalContext& c, Inputs inputs) {
  const auto variable = variable_input(c, inputs);
  return one(Tensor::scalar(variable && (*variable)->value.valid()));
}

Result<Outputs> reference_assign(EvalContext& c, Inputs inputs) {
  VariableResource& variable = *TRY(variable_input(c, inputs));
  const Tensor& value = *TRY(tensor_input(c, inputs, 1));
  if (value.dtype() != variable.dtype || !compatible(variable.shape, PartialShape(value.shape()))) {
    return input_error("the variable is " + std::string(to_string(variable.dtype)) + to_string(variable.shape) + ", found " + type_text(value));
  }
  variable.value = value;
  return Outputs{};
}

template <class T, bool subtract>
Result<Tensor> added(EvalContext& c, const Tensor& a, const Tensor& b) {
  return map_pairs<T, T>(c, a, b, a.dtype(), [](T x, T y) {
    if constexpr (std::is_same_v<T, int64_t>) {
      const auto u = static_cast<uint64_t>(x), v = static_cast<uint64_t>(y);
      return static_cast<int64_t>(subtract ? u - v : u + v);
    } else {
      return subtract ? x - y : x + y;
    }
  });
}

template <bool subtract>
Result<Outputs> reference_assign_add(EvalContext& c, Inputs inputs) {
  const Tensor before = *TRY(variable_value(c, inputs));
  const Tensor& value = *TRY(tensor_input(c, inputs, 1));
  if (value.dtype() != before.dtype() || value.shape() != before.shape()) {
    return input_error("the variable is " + type_text(before) + ", found " + type_text(value));
  }
  VariableResource& variable = *TRY(variable_input(c, inputs));
  switch (type_class(before.dtype())) {
    case TypeClass::kFloat: variable.value = TRY((added<double, subtract>(c, before, value))); break;
    case TypeClass::kInteger: variable.value = TRY((added<int64_t, subtract>(c, before, value))); break;
    case TypeClass::kComplex: variable.value = TRY((added<Complex, subtract>(c, before, value))); break;
    default: return dtype_error(c, before.dtype());
  }
  return Outputs{};
}

Result<void> check_range(int64_t index, int64_t size) {
  if (index >= 0 && index < size) return {};
  return input_error("index " + std::to_string(index) + " lies outside [0, " + std::to_string(size) + ")");
}

Result<Outputs> reference_gather(EvalContext& c, Inputs inputs) {
  const Tensor& params = *TRY(variable_value(c, inputs));
  const Tensor& indices = *TRY(tensor_input(c, inputs, 1));
  const int64_t batch_dims = c.as<ResourceGatherAttributes>().batch_dims;
  if (params.dtype() != c.output_dtype(0)) return dtype_error(c, params.dtype());
  if (batch_dims < 0 || batch_dims >= params.rank() || batch_dims > indices.rank() ||
      !std::equal(params.shape().begin(), params.shape().begin() + batch_dims, indices.shape().begin())) {
    return input_error("batch_dims " + std::to_string(batch_dims) + " does not fit " + type_text(params) + " and " + type_text(indices));
  }
  const Shape batch(params.shape().begin(), params.shape().begin() + batch_dims);
  const Shape row(params.shape().begin() + batch_dims + 1, params.shape().end());
  Shape shape = indices.shape();
  shape.insert(shape.end(), row.begin(), row.end());
  const int64_t batches = element_count_of(batch), row_elements = element_count_of(row), rows = params.shape()[static_cast<size_t>(batch_dims)];
  const int64_t each = batches == 0 ? 0 : indices.elements() / batches;
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), params.dtype(), std::move(shape)));
  for (int64_t i = 0; i < indices.elements(); ++i) {
    const int64_t index = indices.as_int64(i);
    TRY(check_range(index, rows));
    builder.append(params, (i / each * rows + index) * row_elements, row_elements);
  }
  return one(TRY(std::move(builder).finish()));
}

Result<Outputs> reference_gather_nd(EvalContext& c, Inputs inputs) {
  const Tensor& params = *TRY(variable_value(c, inputs));
  const Tensor& indices = *TRY(tensor_input(c, inputs, 1));
  if (params.dtype() != c.output_dtype(0)) return dtype_error(c, params.dtype());
  const int64_t depth = indices.rank() == 0 ? -1 : indices.shape().back();
  if (depth < 0 || depth > params.rank()) return input_error("indices " + type_text(indices) + " do not fit a variable " + type_text(params));
  Shape shape(indices.shape().begin(), indices.shape().end() - 1);
  const int64_t count = element_count_of(shape);
  const Shape row(params.shape().begin() + depth, params.shape().end());
  shape.insert(shape.end(), row.begin(), row.end());
  const int64_t row_elements = element_count_of(row);
  const std::vector<int64_t> strides = strides_of(params.shape());
  TensorBuilder builder = TRY(TensorBuilder::create(memory_of(c), params.dtype(), std::move(shape)));
  for (int64_t i = 0; i < count; ++i) {
    int64_t first = 0;
    for (int64_t d = 0; d < depth; ++d) {
      const int64_t index = indices.as_int64(i * depth + d);
      TRY(check_range(index, params.shape()[static_cast<size_t>(d)]));
      first += index * strides[static_cast<size_t>(d)];
    }
    builder.append(params, first, row_elements);
  }
  return one(TRY(std::move(builder).finish()));
}

Result<Outputs> reference_nothing(EvalContext&, Inputs) { return Outputs{}; }

}  // namespace

constinit const OpDef kOp_VarHandleOp = {
    .name = "VarHandleOp",
    .signature = "-> resource: resource",
    .make_attributes = &make_attributes<VarHandleOpAttributes>,
    .infer = infer_handle,
    .reference = reference_handle,
    .doc = "A handle of the variable named shared_name (or like the node, where that is empty).",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_ReadVariableOp = {
    .name = "ReadVariableOp",
    .signature = "resource: resource -> value: dtype",
    .make_attributes = &make_attributes<ReadVariableOpAttributes>,
    .infer = infer_read,
    .reference = reference_read,
    .doc = "The value of a variable.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_VarIsInitializedOp = {
    .name = "VarIsInitializedOp",
    .signature = "resource: resource -> is_initialized: bool",
    .infer = infer_scalar,
    .reference = reference_is_initialized,
    .doc = "Whether a variable has a value.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_AssignVariableOp = {
    .name = "AssignVariableOp",
    .signature = "resource: resource, value: dtype ->",
    .make_attributes = &make_attributes<AssignVariableOpAttributes>,
    .infer = infer_assign,
    .reference = reference_assign,
    .doc = "Gives a variable another value.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_AssignAddVariableOp = {
    .name = "AssignAddVariableOp",
    .signature = "resource: resource, value: dtype ->",
    .infer = infer_assign,
    .reference = reference_assign_add<false>,
    .doc = "Adds to a variable.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_AssignSubVariableOp = {
    .name = "AssignSubVariableOp",
    .signature = "resource: resource, value: dtype ->",
    .infer = infer_assign,
    .reference = reference_assign_add<true>,
    .doc = "Subtracts from a variable.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_ResourceGather = {
    .name = "ResourceGather",
    .signature = "resource: resource, indices: Tindices -> output: dtype",
    .make_attributes = &make_attributes<ResourceGatherAttributes>,
    .infer = infer_gather,
    .reference = reference_gather,
    .doc = "Rows of a variable: GatherV2 along axis batch_dims. An index outside the variable is an error.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_ResourceGatherNd = {
    .name = "ResourceGatherNd",
    .signature = "resource: resource, indices: Tindices -> output: dtype",
    .make_attributes = &make_attributes<ReadVariableOpAttributes>,
    .infer = infer_gather_nd,
    .reference = reference_gather_nd,
    .doc = "GatherNd from a variable: the last dimension of the indices addresses elements or slices. An index outside the variable is an error.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_DisableCopyOnRead = {
    .name = "DisableCopyOnRead",
    .signature = "resource: resource ->",
    .reference = reference_nothing,
    .doc = "A hint to TensorFlow's memory management; does nothing.",
    .effect = Effect::kWrites,
};

}  // namespace isomer::ops
