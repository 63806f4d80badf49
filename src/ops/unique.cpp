// Ops about which elements there are: unique ones and differences.
#include <cmath>
#include <string>
#include <unordered_map>

#include "ops/elements.h"
#include "ops/partial_value.h"
#include "ops/search.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Makes bytes that are equal exactly where TensorFlow holds elements for equal: -0 equals 0, and no NaN equals anything. `tag` keeps the NaNs of two
// tensors apart.
class Keys {
 public:
  Keys(const Tensor& tensor, char tag) : tensor_(tensor), tag_(tag) {}

  void append(std::string& key, int64_t i) {
    if (tensor_.dtype() == DType::kString) {
      const std::string_view text = tensor_.string_at(i);
      key += std::to_string(text.size()) + ":";
      key += text;
    } else if (is_float(tensor_.dtype())) {
      append_number(key, tensor_.as_double(i));
    } else if (is_complex(tensor_.dtype())) {
      Complex value;
      load_complex(tensor_, i, {&value, 1});
      append_number(key, value.real());
      append_number(key, value.imag());
    } else {
      const auto size = static_cast<size_t>(element_size(tensor_.dtype()));
      key.append(reinterpret_cast<const char*>(tensor_.bytes().data()) + static_cast<size_t>(i) * size, size);
    }
  }
  std::string of(int64_t i) {
    std::string key;
    append(key, i);
    return key;
  }

 private:
  void append_number(std::string& key, double value) {
    if (std::isnan(value)) key += tag_ + std::to_string(nans_++);
    if (value == 0) value = 0;  // without a sign
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  const Tensor& tensor_;
  char tag_;
  int64_t nans_ = 0;
};

Result<Tensor> vector_of(EvalContext& c, DType dtype, const std::vector<int64_t>& values) {
  MutableTensor result = TRY(c.allocate(dtype, {static_cast<int64_t>(values.size())}));
  store_int64s(result, 0, values);
  return std::move(result).finish();
}

// --- Unique

// Results: the unique slices, for each slice its number among them, and, for the ops that count, how often each occurs.
Result<void> infer_unique(InferContext& c) {
  const bool any_axis = c.input_count() == 2;
  const PartialShape x = any_axis ? c.shape(0) : TRY(shape_of_rank(c, 0, 1));
  if (c.output_count() == 3) c.set_shape(2, PartialShape{kUnknownDim});
  c.set_shape(1, PartialShape{kUnknownDim});
  if (!x.has_rank()) return {};
  const auto axis = any_axis ? elements_from_input(c, 1) : std::vector<int64_t>{};
  if (!axis) {
    c.set_shape(0, PartialShape::of_rank(x.rank()));
    return {};
  }
  if (axis->size() > 1 || (axis->empty() && x.rank() != 1)) return input_error("unique slices are taken along one axis; without one, from a vector");
  const int64_t at = axis->empty() ? 0 : TRY(resolve_axis((*axis)[0], x.rank()));
  PartialShape unique = x;
  unique[at] = x[at] == 0 ? 0 : kUnknownDim;
  c.set_shape(0, std::move(unique));
  c.set_shape(1, PartialShape{x[at]});
  return {};
}

Result<Outputs> reference_unique(EvalContext& c, Inputs inputs) {
  const Tensor& x = *TRY(tensor_input(c, inputs, 0));
  const auto given = inputs.size() == 2 ? TRY(int_vector(*TRY(tensor_input(c, inputs, 1)), "the axis")) : std::vector<int64_t>{};
  if (given.size() > 1 || (given.empty() && x.rank() != 1)) return input_error("unique slices are taken along one axis; without one, from a vector");
  const int64_t axis = given.empty() ? 0 : TRY(resolve_axis(given[0], x.rank()));
  // x as [outer, size, inner]
  const int64_t outer = product(x.shape(), 0, axis), size = x.shape()[static_cast<size_t>(axis)], inner = product(x.shape(), axis + 1, x.rank());
  TRY(check_elements(c, {size}));
  std::unordered_map<std::string, int64_t> seen;
  std::vector<int64_t> first, number, count;  // of each unique slice where it is first and how often it is there; of each slice its number
  Keys keys(x, 'x');
  for (int64_t i = 0; i < size; ++i) {
    std::string key;
    for (int64_t o = 0; o < outer && inner > 0; ++o)
      for (int64_t k = 0; k < inner; ++k) keys.append(key, (o * size + i) * inner + k);
    const auto [it, fresh] = seen.try_emplace(std::move(key), static_cast<int64_t>(first.size()));
    if (fresh) {
      first.push_back(i);
      count.push_back(0);
    }
    number.push_back(it->second);
    ++count[static_cast<size_t>(it->second)];
  }
  Shape shape = x.shape();
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(first.size());
  ElementWriter y = TRY(ElementWriter::create(c, x.dtype(), std::move(shape)));
  int64_t to = 0;
  for (int64_t o = 0; o < outer && inner > 0; ++o)
    for (const int64_t i : first) {
      y.copy(x, (o * size + i) * inner, to, inner);
      to += inner;
    }
  Tensor values = TRY(std::move(y).finish());
  Tensor positions = TRY(vector_of(c, c.output_dtype(1), number));
  Outputs results{std::move(values), std::move(positions)};
  if (c.output_count() == 3) results.push_back(TRY(vector_of(c, c.output_dtype(2), count)));
  return results;
}

// --- ListDiff

Result<void> infer_list_diff(InferContext& c) {
  TRY(shape_of_rank(c, 0, 1));
  TRY(shape_of_rank(c, 1, 1));
  c.set_shape(0, PartialShape{kUnknownDim});
  c.set_shape(1, PartialShape{kUnknownDim});
  return {};
}
Result<Outputs> reference_list_diff(EvalContext& c, Inputs inputs) {
  const Tensor &x = *TRY(tensor_input(c, inputs, 0)), &y = *TRY(tensor_input(c, inputs, 1));
  if (x.rank() != 1 || y.rank() != 1) return input_error("ListDiff takes two vectors, found " + type_text(x) + " and " + type_text(y));
  std::unordered_map<std::string, int64_t> left_out;
  Keys x_keys(x, 'x'), y_keys(y, 'y');
  for (int64_t i = 0; i < y.elements(); ++i) left_out.try_emplace(y_keys.of(i), i);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < x.elements(); ++i)
    if (!left_out.contains(x_keys.of(i))) kept.push_back(i);
  ElementWriter out = TRY(ElementWriter::create(c, x.dtype(), {static_cast<int64_t>(kept.size())}));
  for (size_t i = 0; i < kept.size(); ++i) out.copy(x, kept[i], static_cast<int64_t>(i), 1);
  Tensor values = TRY(std::move(out).finish());
  Tensor positions = TRY(vector_of(c, c.output_dtype(1), kept));
  return Outputs{std::move(values), std::move(positions)};
}

}  // namespace

#define UNIQUE_OP(Name, operands, text)                      \
  constinit const OpDef kOp_##Name = {                       \
      .name = #Name,                                         \
      .signature = operands,                                 \
      .make_attributes = &make_attributes<UniqueAttributes>, \
      .infer = infer_unique,                                 \
      .reference = reference_unique,                         \
      .doc = text,                                           \
  };

UNIQUE_OP(Unique, "x: T -> y: T, idx: out_idx",
          "The different elements of a vector in the order in which they first occur, and for each element which of them it is.")
UNIQUE_OP(UniqueV2, "x: T, axis: Taxis -> y: T, idx: out_idx",
          "The different slices of x along an axis in the order in which they first occur, and for each slice which of them it is. Without an axis, as Unique.")
UNIQUE_OP(UniqueWithCounts, "x: T -> y: T, idx: out_idx, count: out_idx", "As Unique, and how often each occurs.")
UNIQUE_OP(UniqueWithCountsV2, "x: T, axis: Taxis -> y: T, idx: out_idx, count: out_idx", "As UniqueV2, and how often each occurs.")

constinit const OpDef kOp_ListDiff = {
    .name = "ListDiff",
    .signature = "x: T, y: T -> out: T, idx: out_idx",
    .make_attributes = &make_attributes<UniqueAttributes>,
    .infer = infer_list_diff,
    .reference = reference_list_diff,
    .doc = "The elements of x that y lacks, in their order, and where they are in x.",
};

}  // namespace isomer::ops
