// Einsum: sums of products over labelled dimensions ("bij,bjk->bik", "...ii->...i").
//
// Every label has a size and, in each operand and in the result, a step: how far one moves there when the label's index grows by one. A label that an
// operand lacks has step 0, one that is repeated has the sum of its steps (so a diagonal is a stride). The labels fall into four groups: those that the
// result and both operands have (batch), those of the result and one operand (rows, columns), and those that the result lacks (depth). For each index of
// the batch group that leaves a product of matrices, whose elements are found through tables of offsets. The dimensions of an ellipsis are labels that
// only broadcast. One operand alone is multiplied by a scalar 1.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "ops/gemm.h"
#include "ops/kernel.h"
#include "ops/linear.h"

namespace isomer::ops {
namespace {

using namespace ir;

// Labels are characters; the dimensions of the ellipsis are -1 (last), -2, ...
using Labels = std::vector<int>;

struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

Result<Equation> parse(const std::string& text) {
  Equation equation;
  std::string compact;
  std::copy_if(text.begin(), text.end(), std::back_inserter(compact), [](char ch) { return ch != ' '; });
  const size_t arrow = compact.find("->");
  if (arrow == std::string::npos) return input_error("the equation of Einsum needs '->', found '" + text + "'");
  equation.result = compact.substr(arrow + 2);
  size_t begin = 0;
  for (size_t i = 0; i <= arrow; ++i) {
    if (i < arrow && compact[i] != ',') continue;
    equation.operands.push_back(compact.substr(begin, i - begin));
    begin = i + 1;
  }
  return equation;
}

// The labels of the dimensions of a tensor of this rank; the ellipsis takes the dimensions that the letters leave, or `ellipsis` ones if that is given.
Result<Labels> labels_of(const std::string& subscripts, std::optional<int64_t> rank, int64_t ellipsis) {
  const size_t dots = subscripts.find("...");
  const int64_t letters = static_cast<int64_t>(subscripts.size()) - (dots == std::string::npos ? 0 : 3);
  if (rank) {
    ellipsis = *rank - letters;
    if (ellipsis < 0 || (dots == std::string::npos && ellipsis != 0)) {
      return input_error("the subscripts '" + subscripts + "' of Einsum do not fit an input of rank " + std::to_string(*rank));
    }
  }
  Labels labels;
  for (size_t i = 0; i < subscripts.size(); ++i) {
    if (i == dots) {
      for (int64_t d = ellipsis; d > 0; --d) labels.push_back(static_cast<int>(-d));
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(subscripts[i]))) {
      labels.push_back(subscripts[i]);
    } else {
      return input_error("the subscripts '" + subscripts + "' of Einsum must be letters with at most one '...'");
    }
  }
  return labels;
}

int64_t ellipsis_size(const Labels& labels) { return labels.empty() ? 0 : std::max<int64_t>(0, -*std::min_element(labels.begin(), labels.end())); }

// All labels with their sizes, in a fixed order: first seen first. Unknown sizes are kUnknownDim.
struct Plan {
  std::vector<Labels> operands;
  Labels result;
  std::vector<std::pair<int, int64_t>> sizes;

  int64_t* size_of(int label) {
    for (auto& [known, size] : sizes)
      if (known == label) return &size;
    return nullptr;
  }
};

Result<Plan> make_plan(const std::string& text, const std::vector<PartialShape>& shapes) {
  const Equation equation = TRY(parse(text));
  if (equation.operands.size() != shapes.size() || shapes.empty() || shapes.size() > 2) {
    return input_error("Einsum takes one or two inputs, as many as its equation '" + text + "' names; found " + std::to_string(shapes.size()));
  }
  Plan plan;
  int64_t ellipsis = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    plan.operands.push_back(TRY(labels_of(equation.operands[i], shapes[i].rank(), 0)));
    const Labels& labels = plan.operands.back();
    ellipsis = std::max(ellipsis, ellipsis_size(labels));
    for (size_t d = 0; d < labels.size(); ++d) {
      const int64_t size = shapes[i][static_cast<int64_t>(d)];
      int64_t* known = plan.size_of(labels[d]);
      if (!known) {
        plan.sizes.emplace_back(labels[d], size);
      } else if (labels[d] < 0) {
        *known = TRY(broadcast(PartialShape{*known}, PartialShape{size}))[0];
      } else {
        *known = TRY(same_dim(*known, size, "the sizes of label '" + std::string(1, static_cast<char>(labels[d])) + "' of Einsum"));
      }
    }
  }
  plan.result = TRY(labels_of(equation.result, std::nullopt, ellipsis));
  if (ellipsis > 0 && equation.result.find("...") == std::string::npos) {
    return input_error("the result of Einsum '" + text + "' must have '...', because its inputs have dimensions there");
  }
  for (const int label : plan.result)
    if (!plan.size_of(label)) return input_error("the result of Einsum '" + text + "' has a label that no input has");
  return plan;
}

PartialShape result_shape(Plan& plan) {
  std::vector<int64_t> dims;
  for (const int label : plan.result) dims.push_back(*plan.size_of(label));
  return PartialShape(std::move(dims));
}

Result<void> infer_einsum(InferContext& c) {
  std::vector<PartialShape> shapes;
  for (int64_t i = 0; i < c.input_count(); ++i) {
    if (!c.shape(i).has_rank()) return {};
    shapes.push_back(c.shape(i));
  }
  Plan plan = TRY(make_plan(c.as<EinsumAttributes>().equation, shapes));
  c.set_shape(0, result_shape(plan));
  return {};
}

// How far a step along `label` moves in a tensor; dimensions of size 1 broadcast.
int64_t step_of(int label, const Labels& labels, const Shape& shape) {
  const std::vector<int64_t> strides = strides_of(shape);
  int64_t step = 0;
  for (size_t d = 0; d < labels.size(); ++d)
    if (labels[d] == label && shape[d] != 1) step += strides[d];
  return step;
}

// The labels of one group, with their steps in the left operand, the right one and the result.
struct Group {
  Shape sizes;
  std::array<std::vector<int64_t>, 3> steps;

  int64_t count() const { return element_count_of(sizes); }
  // The offsets of all index combinations in one of the three tensors.
  std::vector<int64_t> offsets(size_t which) const {
    std::vector<int64_t> result;
    result.reserve(static_cast<size_t>(count()));
    for (Odometer at(sizes, {steps[which]}); !at.done(); at.next()) result.push_back(at.offset(0));
    return result;
  }
};

// The elements of `tensor` at base + rows[i] + columns[j].
template <class T>
ReadPanel<T> reader(const Tensor& tensor, int64_t base, const std::vector<int64_t>& rows, const std::vector<int64_t>& columns) {
  return [&tensor, base, &rows, &columns](int64_t row, int64_t row_count, int64_t column, int64_t column_count, T* out) {
    for (int64_t i = 0; i < row_count; ++i) {
      for (int64_t j = 0; j < column_count; ++j) {
        load(tensor, base + rows[static_cast<size_t>(row + i)] + columns[static_cast<size_t>(column + j)], std::span<T>(out++, 1));
      }
    }
  };
}

template <class T>
void contract(const Tensor& a, const Tensor& b, MutableTensor& y, const Group& batch, const Group& rows, const Group& columns, const Group& depth) {
  const auto rows_a = rows.offsets(0), depth_a = depth.offsets(0), depth_b = depth.offsets(1), columns_b = columns.offsets(1);
  const auto rows_y = rows.offsets(2), columns_y = columns.offsets(2);
  for (Odometer at(batch.sizes, {batch.steps[0], batch.steps[1], batch.steps[2]}); !at.done(); at.next()) {
    gemm<T>(rows.count(), columns.count(), depth.count(), reader<T>(a, at.offset(0), rows_a, depth_a), reader<T>(b, at.offset(1), depth_b, columns_b),
            [&](int64_t row, int64_t column, std::span<const T> values) {
              for (size_t j = 0; j < values.size(); ++j) {
                store(y, at.offset(2) + rows_y[static_cast<size_t>(row)] + columns_y[static_cast<size_t>(column) + j], values.subspan(j, 1));
              }
            });
  }
}

// A scalar 1 of this dtype.
Result<Tensor> scalar_one(EvalContext& c, DType dtype) {
  MutableTensor one_value = TRY(c.allocate(dtype, {}));
  const double real = 1;
  const int64_t integer = 1;
  const Complex complex = 1;
  if (is_float(dtype)) store(one_value, 0, std::span(&real, 1));
  if (is_integer(dtype)) store(one_value, 0, std::span(&integer, 1));
  if (is_complex(dtype)) store(one_value, 0, std::span(&complex, 1));
  return std::move(one_value).finish();
}

Result<Outputs> reference_einsum(EvalContext& c, Inputs inputs) {
  const auto tensors = TRY(tensor_inputs(c, inputs));
  std::vector<PartialShape> shapes;
  for (const Tensor* tensor : tensors) shapes.emplace_back(tensor->shape());
  Plan plan = TRY(make_plan(c.as<EinsumAttributes>().equation, shapes));
  const Tensor& a = *tensors[0];
  if (!is_float(a.dtype()) && !is_integer(a.dtype()) && !is_complex(a.dtype())) return dtype_error(c, a.dtype());
  const Tensor b = tensors.size() == 2 ? *tensors[1] : TRY(scalar_one(c, a.dtype()));
  if (plan.operands.size() == 1) plan.operands.emplace_back();
  MutableTensor y = TRY(c.allocate(a.dtype(), result_shape(plan).dims()));
  if (y.elements() == 0) return one(std::move(y));

  Group batch, rows, columns, depth;
  for (const auto& [label, size] : plan.sizes) {
    const auto has = [&](const Labels& labels) { return std::find(labels.begin(), labels.end(), label) != labels.end(); };
    const bool in_a = has(plan.operands[0]), in_b = has(plan.operands[1]);
    Group& group = !has(plan.result) ? depth : in_a && in_b ? batch : in_a ? rows : columns;
    group.sizes.push_back(size);
    group.steps[0].push_back(step_of(label, plan.operands[0], a.shape()));
    group.steps[1].push_back(step_of(label, plan.operands[1], b.shape()));
    group.steps[2].push_back(step_of(label, plan.result, y.shape()));
  }
  const auto work = element_count(depth.sizes);
  if (!work || *work > c.limits().tensor_elements) return fail(ErrorCode::kLimitExceeded, "Einsum sums over more elements than the limit allows");
  switch (type_class(a.dtype())) {
    case TypeClass::kFloat: contract<double>(a, b, y, batch, rows, columns, depth); break;
    case TypeClass::kInteger: contract<int64_t>(a, b, y, batch, rows, columns, depth); break;
    case TypeClass::kComplex: contract<Complex>(a, b, y, batch, rows, columns, depth); break;
    default: return dtype_error(c, a.dtype());
  }
  return one(std::move(y));
}

}  // namespace

constinit const OpDef kOp_Einsum = {
    .name = "Einsum",
    .signature = "inputs: N * T -> output: T",
    .make_attributes = &make_attributes<EinsumAttributes>,
    .infer = infer_einsum,
    .reference = reference_einsum,
    .doc =
        "Sums of products over labelled dimensions of one or two tensors, as the equation says: repeated labels take diagonals, labels that the result lacks "
        "are summed over, and the dimensions of '...' broadcast.",
};

}  // namespace isomer::ops
