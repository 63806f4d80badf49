// What the reference kernels and the inference rules of all op families share.
//
// Kernels are slow, obvious and right. They work class by class, not dtype by dtype: floats of every width are computed in double and rounded once,
// integers in int64 and wrapped to their width, bools as 0 or 1, complex numbers as complex<double>. Elements are converted in blocks of kBlock, so a
// kernel needs no more memory than its inputs and results.
#pragma once

#include <algorithm>
#include <complex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/eval_context.h"
#include "ops/registry.h"

namespace isomer::ops {

using Complex = std::complex<double>;
using Inputs = std::span<const ir::RuntimeValue>;
using Outputs = std::vector<ir::RuntimeValue>;

inline constexpr int64_t kBlock = 4096;

// --- inputs

// Input `i` as a tensor of the dtype that the graph gives it; InvalidModel when it is missing, a list or a handle, or has another dtype. The pointer
// lives as long as `inputs`.
Result<const Tensor*> tensor_input(ir::EvalContext& c, Inputs inputs, int64_t i);
// All inputs from `first` on, `count` of them (-1: the rest).
Result<std::vector<const Tensor*>> tensor_inputs(ir::EvalContext& c, Inputs inputs, int64_t first = 0, int64_t count = -1);
// The only element of an integer tensor; `what` names the operand in the error.
Result<int64_t> scalar_int(const Tensor& tensor, std::string_view what);
// The same, as an axis of a tensor of this rank; negative ones count from the end.
Result<int64_t> axis_value(const Tensor& tensor, int64_t rank, std::string_view what);
// The elements of an integer scalar or vector.
Result<std::vector<int64_t>> int_vector(const Tensor& tensor, std::string_view what);
// The elements of a vector of sizes, none negative, whose product fits.
Result<Shape> shape_value(const Tensor& tensor, std::string_view what);
std::vector<std::string> strings_of(const Tensor& tensor);

// One flag for each dimension: true where it is reduced. `axes` is an integer scalar or vector; negative axes count from the end; a repeated axis is an
// error, as in TensorFlow.
Result<std::vector<bool>> reduction_axes(const Tensor& axes, int64_t rank);

// "op X does not take float16".
std::unexpected<Error> dtype_error(const ir::OpDef& op, DType dtype);
inline std::unexpected<Error> dtype_error(ir::EvalContext& c, DType dtype) { return dtype_error(*c.node().op, dtype); }
// InvalidModel.
std::unexpected<Error> input_error(std::string message);

// LimitExceeded when a result of this shape would pass the limits; for kernels that make strings, which `allocate` does not see.
Result<void> check_elements(ir::EvalContext& c, const Shape& shape);

inline Outputs one(Tensor tensor) { return {ir::RuntimeValue(std::move(tensor))}; }
inline Outputs one(MutableTensor tensor) { return one(std::move(tensor).finish()); }

// --- arithmetic

// Integers wrap around.
inline int64_t wrapping_add(int64_t x, int64_t y) { return static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y)); }
inline int64_t wrapping_subtract(int64_t x, int64_t y) { return static_cast<int64_t>(static_cast<uint64_t>(x) - static_cast<uint64_t>(y)); }
inline int64_t wrapping_multiply(int64_t x, int64_t y) { return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y)); }

// The nearest number of a float dtype, as double: for kernels that round on the way as TensorFlow does, because it shows.
double rounded_to(DType dtype, double value);

// --- iteration

// Elements between neighbours in each dimension, in C order; zeros for a shape without elements.
std::vector<int64_t> strides_of(const Shape& shape);
// The same for a tensor of shape `from` seen under the larger shape `to` (NumPy broadcasting): 0 where it repeats. `from` must broadcast to `to`.
std::vector<int64_t> broadcast_strides(const Shape& from, const Shape& to);

// f(first, count) for each block of at most kBlock elements.
template <class F>
void for_blocks(int64_t elements, F&& f) {
  for (int64_t first = 0; first < elements; first += kBlock) f(first, std::min(kBlock, elements - first));
}

// Walks through all indices of a shape in C order and keeps one element offset for each set of strides. Costs amortised constant time for a step.
//
//   for (Odometer at(shape, {strides_a, strides_b}); !at.done(); at.next()) use(at.offset(0), at.offset(1));
class Odometer {
 public:
  Odometer(Shape shape, std::vector<std::vector<int64_t>> strides);
  bool done() const { return done_; }
  void next();
  int64_t offset(size_t which) const { return offsets_[which]; }
  const std::vector<int64_t>& index() const { return index_; }

 private:
  Shape shape_;
  std::vector<std::vector<int64_t>> strides_;
  std::vector<int64_t> index_;
  std::vector<int64_t> offsets_;
  bool done_;
};

// The elements of a tensor in the order in which they appear under a larger shape (NumPy broadcasting), read in blocks. The tensor must outlive it.
class BroadcastReader {
 public:
  BroadcastReader(const Tensor& tensor, const Shape& shape);
  // Elements [first, first + out.size()) of the larger shape.
  void load(int64_t first, std::span<double> out) const;
  void load(int64_t first, std::span<int64_t> out) const;
  void load(int64_t first, std::span<Complex> out) const;
  // Offset in the tensor of element `index` of the larger shape.
  int64_t offset(int64_t index) const;

 private:
  template <class T>
  void load_runs(int64_t first, std::span<T> out) const;

  const Tensor& tensor_;
  bool whole_ = false;            // the tensor has the larger shape itself
  std::vector<int64_t> sizes_;    // the larger shape, neighbouring dimensions joined where both step alike
  std::vector<int64_t> strides_;  // elements of the tensor for each step
};

// The load and store of a class, by the C++ type that kernels compute in.
inline void load(const Tensor& t, int64_t first, std::span<double> out) { load_doubles(t, first, out); }
inline void load(const Tensor& t, int64_t first, std::span<int64_t> out) { load_int64s(t, first, out); }
inline void load(const Tensor& t, int64_t first, std::span<Complex> out) { load_complex(t, first, out); }
inline void store(MutableTensor& t, int64_t first, std::span<const double> in) { store_doubles(t, first, in); }
inline void store(MutableTensor& t, int64_t first, std::span<const int64_t> in) { store_int64s(t, first, in); }
inline void store(MutableTensor& t, int64_t first, std::span<const Complex> in) { store_complex(t, first, in); }

// A whole tensor in the type that kernels compute in; for kernels that jump around in small tensors.
template <class T>
std::vector<T> load_all(const Tensor& tensor) {
  std::vector<T> values(static_cast<size_t>(tensor.elements()));
  load(tensor, 0, std::span<T>(values));
  return values;
}

// Element by element: out[i] = f(x[i]), In and Out of double, int64_t, Complex as x.dtype() and `out` demand.
template <class In, class Out, class F>
Result<Tensor> map_elements(ir::EvalContext& c, const Tensor& x, DType out, F f) {
  MutableTensor y = TRY(c.allocate(out, x.shape()));
  std::vector<In> from(static_cast<size_t>(std::min(kBlock, y.elements())));
  std::vector<Out> to(from.size());
  for_blocks(y.elements(), [&](int64_t first, int64_t count) {
    const auto n = static_cast<size_t>(count);
    load(x, first, std::span<In>(from.data(), n));
    for (size_t i = 0; i < n; ++i) to[i] = f(from[i]);
    store(y, first, std::span<const Out>(to.data(), n));
  });
  return std::move(y).finish();
}

// Element by element with broadcasting: out[i] = f(a[i], b[i]).
template <class In, class Out, class F>
Result<Tensor> map_pairs(ir::EvalContext& c, const Tensor& a, const Tensor& b, DType out, F f) {
  Shape shape = TRY(broadcast(a.shape(), b.shape()));
  MutableTensor y = TRY(c.allocate(out, std::move(shape)));
  const BroadcastReader left(a, y.shape()), right(b, y.shape());
  std::vector<In> from_a(static_cast<size_t>(std::min(kBlock, y.elements()))), from_b(from_a.size());
  std::vector<Out> to(from_a.size());
  for_blocks(y.elements(), [&](int64_t first, int64_t count) {
    const auto n = static_cast<size_t>(count);
    left.load(first, std::span<In>(from_a.data(), n));
    right.load(first, std::span<In>(from_b.data(), n));
    for (size_t i = 0; i < n; ++i) to[i] = f(from_a[i], from_b[i]);
    store(y, first, std::span<const Out>(to.data(), n));
  });
  return std::move(y).finish();
}

// --- inference

// Result 0 has the shape of input 0.
Result<void> infer_same(ir::InferContext& c);
// Result 0 has the broadcast shape of inputs 0 and 1.
Result<void> infer_broadcast(ir::InferContext& c);
// Result 0 is a scalar.
Result<void> infer_scalar(ir::InferContext& c);
// The shape of input `i`, which must be of this rank or unknown (then all dimensions are unknown).
Result<PartialShape> shape_of_rank(ir::InferContext& c, int64_t i, int64_t rank);
// The same for at least this rank; an unknown rank stays unknown.
Result<PartialShape> shape_of_rank_at_least(ir::InferContext& c, int64_t i, int64_t rank);
// The one size that both dimensions can have; InvalidModel (with `what`) when they differ.
Result<int64_t> same_dim(int64_t a, int64_t b, std::string_view what);
// a + b and a * b; unknown where an operand is, or where the result does not fit.
int64_t add_dims(int64_t a, int64_t b);
int64_t mul_dims(int64_t a, int64_t b);

}  // namespace isomer::ops
