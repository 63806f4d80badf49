#include "ops/kernel.h"

#include "base/checked.h"
#include "tensor/half.h"

namespace isomer::ops {
namespace {

using namespace ir;

Result<void> check_int_vector(const Tensor& tensor, std::string_view what) {
  if (!is_integer(tensor.dtype()) || tensor.rank() > 1) {
    return input_error(std::string(what) + " must be a vector of integers, found " + type_text(tensor));
  }
  return {};
}

}  // namespace

Result<const Tensor*> tensor_input(EvalContext& c, Inputs inputs, int64_t i) {
  const auto at = static_cast<size_t>(i);
  if (i < 0 || at >= inputs.size() || at >= c.node().inputs.size()) {
    return input_error("input " + std::to_string(i) + " is missing; found " + std::to_string(inputs.size()));
  }
  const auto* tensor = std::get_if<Tensor>(&inputs[at]);
  if (!tensor || !tensor->valid()) return input_error("input " + std::to_string(i) + " must be a tensor");
  const DType declared = c.graph().type(c.node().inputs[at]).dtype;
  if (tensor->dtype() != declared) {
    return input_error("input " + std::to_string(i) + " must be " + std::string(to_string(declared)) + ", found " + type_text(*tensor));
  }
  return tensor;
}

Result<std::vector<const Tensor*>> tensor_inputs(EvalContext& c, Inputs inputs, int64_t first, int64_t count) {
  const int64_t rest = static_cast<int64_t>(inputs.size()) - first;
  std::vector<const Tensor*> tensors;
  for (int64_t i = 0; i < (count < 0 ? rest : count); ++i) tensors.push_back(TRY(tensor_input(c, inputs, first + i)));
  return tensors;
}

Result<int64_t> scalar_int(const Tensor& tensor, std::string_view what) {
  if (!is_integer(tensor.dtype()) || tensor.elements() != 1) {
    return input_error(std::string(what) + " must be one integer, found " + type_text(tensor));
  }
  return tensor.as_int64(0);
}

Result<int64_t> axis_value(const Tensor& tensor, int64_t rank, std::string_view what) { return resolve_axis(TRY(scalar_int(tensor, what)), rank); }

Result<std::vector<int64_t>> int_vector(const Tensor& tensor, std::string_view what) {
  TRY(check_int_vector(tensor, what));
  return tensor.to_int64s();
}

Result<Shape> shape_value(const Tensor& tensor, std::string_view what) {
  Shape shape = TRY(int_vector(tensor, what));
  if (!element_count(shape)) return input_error(std::string(what) + " is no shape: " + to_string(shape));
  return shape;
}

std::vector<std::string> strings_of(const Tensor& tensor) {
  std::vector<std::string> strings;
  for (int64_t i = 0; i < tensor.elements(); ++i) strings.emplace_back(tensor.string_at(i));
  return strings;
}

Result<std::vector<bool>> reduction_axes(const Tensor& axes, int64_t rank) {
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t axis : TRY(int_vector(axes, "the axes of a reduction"))) {
    const auto at = static_cast<size_t>(TRY(resolve_axis(axis, rank)));
    if (reduced[at]) return input_error("axis " + std::to_string(axis) + " of a reduction is given twice");
    reduced[at] = true;
  }
  return reduced;
}

std::unexpected<Error> dtype_error(const OpDef& op, DType dtype) {
  return fail(ErrorCode::kInvalidModel, std::string(op.name) + " does not take " + std::string(to_string(dtype)));
}
std::unexpected<Error> input_error(std::string message) { return fail(ErrorCode::kInvalidModel, std::move(message)); }

Result<void> check_elements(EvalContext& c, const Shape& shape) {
  const auto count = element_count(shape);
  if (count && *count <= c.limits().tensor_elements) return {};
  return fail(ErrorCode::kLimitExceeded,
              "a tensor of shape " + to_string(shape) + " exceeds the limit of " + std::to_string(c.limits().tensor_elements) + " elements");
}

double rounded_to(DType dtype, double value) {
  switch (dtype) {
    case DType::kFloat32: return static_cast<float>(value);
    case DType::kHalf: return half_to_double(double_to_half(value));
    case DType::kBfloat16: return bfloat16_to_double(double_to_bfloat16(value));
    default: return value;
  }
}

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 0);
  if (element_count_of(shape) == 0) return strides;  // nothing to step through, and the product of the other sizes may not fit
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  const std::vector<int64_t> own = strides_of(from);
  std::vector<int64_t> strides(to.size(), 0);
  const size_t lead = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1) strides[lead + i] = own[i];
  return strides;
}

Odometer::Odometer(Shape shape, std::vector<std::vector<int64_t>> strides)
    : shape_(std::move(shape)), strides_(std::move(strides)), index_(shape_.size(), 0), offsets_(strides_.size(), 0), done_(element_count_of(shape_) == 0) {}

void Odometer::next() {
  for (size_t d = shape_.size(); d-- > 0;) {
    if (++index_[d] < shape_[d]) {
      for (size_t i = 0; i < offsets_.size(); ++i) offsets_[i] += strides_[i][d];
      return;
    }
    for (size_t i = 0; i < offsets_.size(); ++i) offsets_[i] -= strides_[i][d] * (shape_[d] - 1);
    index_[d] = 0;
  }
  done_ = true;
}

BroadcastReader::BroadcastReader(const Tensor& tensor, const Shape& shape) : tensor_(tensor), whole_(tensor.shape() == shape) {
  if (whole_) return;
  const std::vector<int64_t> strides = broadcast_strides(tensor.shape(), shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    if (!sizes_.empty() && strides_.back() == strides[d] * shape[d]) {
      sizes_.back() *= shape[d];
      strides_.back() = strides[d];
    } else {
      sizes_.push_back(shape[d]);
      strides_.push_back(strides[d]);
    }
  }
}

int64_t BroadcastReader::offset(int64_t index) const {
  if (whole_) return index;
  int64_t at = 0;
  for (size_t d = sizes_.size(); d-- > 0;) {
    at += index % sizes_[d] * strides_[d];
    index /= sizes_[d];
  }
  return at;
}

template <class T>
void BroadcastReader::load_runs(int64_t first, std::span<T> out) const {
  if (whole_) return ops::load(tensor_, first, out);
  // The innermost dimension either steps through the tensor or repeats one element.
  const int64_t run = sizes_.empty() ? 1 : sizes_.back();
  const bool repeats = sizes_.empty() || strides_.back() == 0;
  for (size_t done = 0; done < out.size();) {
    const int64_t index = first + static_cast<int64_t>(done);
    const auto left = static_cast<size_t>(run - index % run);
    const auto part = out.subspan(done, std::min(left, out.size() - done));
    if (repeats) {
      ops::load(tensor_, offset(index), part.first(1));
      std::fill(part.begin() + 1, part.end(), part[0]);
    } else {
      ops::load(tensor_, offset(index), part);
    }
    done += part.size();
  }
}

void BroadcastReader::load(int64_t first, std::span<double> out) const { load_runs(first, out); }
void BroadcastReader::load(int64_t first, std::span<int64_t> out) const { load_runs(first, out); }
void BroadcastReader::load(int64_t first, std::span<Complex> out) const { load_runs(first, out); }

Result<void> infer_same(InferContext& c) {
  c.set_shape(0, c.shape(0));
  return {};
}

Result<void> infer_broadcast(InferContext& c) {
  c.set_shape(0, TRY(broadcast(c.shape(0), c.shape(1))));
  return {};
}

Result<void> infer_scalar(InferContext& c) {
  c.set_shape(0, PartialShape::scalar());
  return {};
}

Result<PartialShape> shape_of_rank(InferContext& c, int64_t i, int64_t rank) {
  const PartialShape& shape = c.shape(i);
  if (!shape.has_rank()) return PartialShape::of_rank(rank);
  if (shape.rank() == rank) return shape;
  return input_error("input " + std::to_string(i) + " of " + std::string(c.op().name) + " must have rank " + std::to_string(rank) + ", found shape " +
                     to_string(shape));
}

Result<PartialShape> shape_of_rank_at_least(InferContext& c, int64_t i, int64_t rank) {
  const PartialShape& shape = c.shape(i);
  if (!shape.has_rank() || shape.rank() >= rank) return shape;
  return input_error("input " + std::to_string(i) + " of " + std::string(c.op().name) + " must have rank " + std::to_string(rank) + " or more, found shape " +
                     to_string(shape));
}

Result<int64_t> same_dim(int64_t a, int64_t b, std::string_view what) {
  if (a == kUnknownDim) return b;
  if (b == kUnknownDim || a == b) return a;
  return input_error(std::string(what) + " must agree, found " + std::to_string(a) + " and " + std::to_string(b));
}

int64_t add_dims(int64_t a, int64_t b) { return a == kUnknownDim || b == kUnknownDim ? kUnknownDim : checked_add(a, b).value_or(kUnknownDim); }
int64_t mul_dims(int64_t a, int64_t b) { return a == kUnknownDim || b == kUnknownDim ? kUnknownDim : checked_mul(a, b).value_or(kUnknownDim); }

}  // namespace isomer::ops
