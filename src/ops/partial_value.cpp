// A walk from a value back through the ops that shape arithmetic is made of. The walk stops at everything else, and after a bounded number of steps:
// what it does not reach is simply not known.
#include "ops/partial_value.h"

#include <algorithm>

#include "base/checked.h"
#include "ops/gather.h"
#include "ops/join.h"
#include "ops/kernel.h"
#include "ops/slice.h"

namespace isomer::ops {
namespace {

using namespace ir;
using Element = std::optional<int64_t>;

constexpr int kSteps = 400;
constexpr int kDepth = 48;
constexpr size_t kElements = 1024;

Element floor_div(int64_t a, int64_t b) {
  if (b == 0 || (a == INT64_MIN && b == -1)) return std::nullopt;
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
Element floor_mod(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return b == 0 ? Element() : Element(0);
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
Element subtract(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_sub_overflow(a, b, &result) ? Element() : Element(result);
}

struct Arithmetic {
  std::string_view op;
  Element (*apply)(int64_t, int64_t);
};
constexpr Arithmetic kArithmetic[] = {
    {"Add", checked_add},
    {"AddV2", checked_add},
    {"Sub", subtract},
    {"Mul", checked_mul},
    {"FloorDiv", floor_div},
    {"FloorMod", floor_mod},
    {"Maximum", [](int64_t a, int64_t b) -> Element { return std::max(a, b); }},
    {"Minimum", [](int64_t a, int64_t b) -> Element { return std::min(a, b); }},
};

// Ops whose result has the elements of input 0 in the same order.
constexpr std::string_view kSameElements[] = {"Identity", "Snapshot", "StopGradient", "PreventGradient", "EnsureShape", "ExpandDims", "Squeeze", "Reshape"};

// Can an element of this dtype have this value? (Arithmetic here does not wrap; the op's does.)
bool fits(int64_t value, DType dtype) {
  if (dtype == DType::kInt64) return true;
  if (dtype == DType::kUint64) return value >= 0;
  const int64_t bits = 8 * element_size(dtype);
  if (is_signed_integer(dtype)) return value >= -(int64_t{1} << (bits - 1)) && value < int64_t{1} << (bits - 1);
  return value >= 0 && value < int64_t{1} << bits;
}

class Walk {
 public:
  explicit Walk(const Graph& graph) : graph_(graph) {}

  std::optional<PartialElements> visit(ValueId value) {
    const TensorType& type = graph_.type(value);
    if (!is_integer(type.dtype) || depth_ == kDepth || ++steps_ > kSteps) return std::nullopt;
    ++depth_;
    auto result = elements_of(graph_.producer(value), graph_.value(value).output_index);
    --depth_;
    if (result && result->size() > kElements) return std::nullopt;
    if (result) {
      for (Element& e : *result)
        if (e && !fits(*e, type.dtype)) e.reset();
      return result;
    }
    // The number of elements may be known even so.
    const auto count = type.shape.elements();
    if (!count || *count > static_cast<int64_t>(kElements)) return std::nullopt;
    return PartialElements(static_cast<size_t>(*count));
  }

 private:
  std::optional<PartialElements> elements_of(const Node& n, int32_t output) {
    const std::string_view op = n.op->name;
    if (op == "Const") return constant(*graph_.constant(n.outputs[0]));
    if (op == "Shape" || op == "ShapeN") return shape(graph_.type(n.inputs[static_cast<size_t>(output)]).shape);
    if (op == "Size") return PartialElements{graph_.type(n.inputs[0]).shape.elements()};
    if (op == "Rank") return rank(graph_.type(n.inputs[0]).shape);
    for (const std::string_view same : kSameElements)
      if (op == same) return visit(n.inputs[0]);
    if (op == "IdentityN") return visit(n.inputs[static_cast<size_t>(output)]);
    if (op == "Cast") return visit(n.inputs[0]);
    if (op == "Pack") return join(n.inputs, n.as<PackAttributes>().axis);
    if (op == "ConcatV2") return join(std::span(n.inputs).first(n.inputs.size() - 1), scalar(n.inputs.back()));
    if (op == "Concat") return join(std::span(n.inputs).subspan(1), scalar(n.inputs[0]));
    if (op == "Slice") return slice(n);
    if (op == "StridedSlice") return strided_slice(n);
    if (op == "GatherV2" || op == "Gather") return gather(n);
    if (op == "Unpack") return unpack(n, output);
    if (op == "Fill") return fill(n);
    if (op == "Range") return range(n);
    if (op == "BroadcastArgs") return broadcast_arguments(n);
    if (op == "Prod") return prod(n);
    for (const Arithmetic& rule : kArithmetic)
      if (op == rule.op) return combine(n, rule.apply);
    return std::nullopt;
  }

  static std::optional<PartialElements> constant(const Tensor& tensor) {
    if (!is_integer(tensor.dtype()) || tensor.elements() > static_cast<int64_t>(kElements)) return std::nullopt;
    const auto values = tensor.to_int64s();
    return PartialElements(values.begin(), values.end());
  }

  static std::optional<PartialElements> shape(const PartialShape& of) {
    if (!of.has_rank()) return std::nullopt;
    PartialElements elements;
    for (const int64_t dim : of.dims()) elements.push_back(dim == kUnknownDim ? Element() : Element(dim));
    return elements;
  }

  static std::optional<PartialElements> rank(const PartialShape& of) { return PartialElements{of.has_rank() ? Element(of.rank()) : Element()}; }

  Element scalar(ValueId value) {
    const auto elements = visit(value);
    return elements && elements->size() == 1 ? (*elements)[0] : std::nullopt;
  }

  bool is_vector(ValueId value) const {
    const PartialShape& shape = graph_.type(value).shape;
    return shape.has_rank() && shape.rank() == 1;
  }
  bool is_scalar_or_vector(ValueId value) const {
    const PartialShape& shape = graph_.type(value).shape;
    return shape.has_rank() && shape.rank() <= 1;
  }

  // Tensors joined along their first dimension follow each other in C order.
  std::optional<PartialElements> join(std::span<const ValueId> inputs, Element axis) {
    if (axis != 0) return std::nullopt;
    PartialElements all;
    for (const ValueId input : inputs) {
      const auto elements = visit(input);
      if (!elements || all.size() + elements->size() > kElements) return std::nullopt;
      all.insert(all.end(), elements->begin(), elements->end());
    }
    return all;
  }

  std::optional<PartialElements> slice(const Node& n) {
    const auto elements = visit(n.inputs[0]);
    const Element begin = scalar(n.inputs[1]), size = scalar(n.inputs[2]);
    if (!elements || !is_vector(n.inputs[0]) || !begin || !size) return std::nullopt;
    const auto count = static_cast<int64_t>(elements->size());
    if (*begin < 0 || *begin > count || *size < -1 || *size > count - *begin) return std::nullopt;
    const auto first = elements->begin() + *begin;
    return PartialElements(first, *size == -1 ? elements->end() : first + *size);
  }

  std::optional<PartialElements> strided_slice(const Node& n) {
    const auto elements = visit(n.inputs[0]);
    if (!elements || !is_vector(n.inputs[0])) return std::nullopt;
    const auto begin = visit(n.inputs[1]), end = visit(n.inputs[2]), strides = visit(n.inputs[3]);
    if (!begin || !end || !strides) return std::nullopt;
    const auto plan = plan_strided_slice(PartialShape{static_cast<int64_t>(elements->size())}, *begin, *end, *strides, n.as<StridedSliceAttributes>());
    if (!plan || !plan->known || plan->shape.size() != 1) return std::nullopt;
    PartialElements picked;
    for (int64_t i = 0; i < plan->shape[0]; ++i) picked.push_back((*elements)[static_cast<size_t>(plan->begin[0] + i * plan->strides[0])]);
    return picked;
  }

  std::optional<PartialElements> gather(const Node& n) {
    const auto elements = visit(n.inputs[0]);
    const auto indices = visit(n.inputs[1]);
    if (!elements || !is_vector(n.inputs[0]) || !indices || (n.is("GatherV2") && n.as<GatherV2Attributes>().batch_dims != 0)) return std::nullopt;
    PartialElements picked;
    for (const Element& index : *indices) {
      const bool inside = index && *index >= 0 && *index < static_cast<int64_t>(elements->size());
      picked.push_back(inside ? (*elements)[static_cast<size_t>(*index)] : std::nullopt);
    }
    return picked;
  }

  std::optional<PartialElements> unpack(const Node& n, int32_t output) {
    const auto elements = visit(n.inputs[0]);
    if (!elements || !is_vector(n.inputs[0]) || static_cast<size_t>(output) >= elements->size()) return std::nullopt;
    return PartialElements{(*elements)[static_cast<size_t>(output)]};
  }

  std::optional<PartialElements> fill(const Node& n) {
    const Element count = is_vector(n.inputs[0]) ? scalar(n.inputs[0]) : std::nullopt;
    const Element value = scalar(n.inputs[1]);
    if (!count || *count < 0 || *count > static_cast<int64_t>(kElements)) return std::nullopt;
    return PartialElements(static_cast<size_t>(*count), value);
  }

  std::optional<PartialElements> range(const Node& n) {
    const Element start = scalar(n.inputs[0]), limit = scalar(n.inputs[1]), delta = scalar(n.inputs[2]);
    if (!start || !limit || !delta || *delta == 0) return std::nullopt;
    PartialElements values;
    for (Element at = start; at && (*delta > 0 ? *at < *limit : *at > *limit); at = checked_add(*at, *delta)) {
      if (values.size() == kElements) return std::nullopt;
      values.push_back(at);
    }
    return values;
  }

  std::optional<PartialElements> broadcast_arguments(const Node& n) {
    const auto a = visit(n.inputs[0]), b = visit(n.inputs[1]);
    if (!a || !b) return std::nullopt;
    const auto dims = [](const PartialElements& elements) {
      std::vector<int64_t> result;
      for (const Element& e : elements) result.push_back(e && *e >= 0 ? *e : kUnknownDim);
      return PartialShape(std::move(result));
    };
    // A size of 1 or an unknown one tells nothing about the result, so broadcasting what is known is right.
    const auto both = broadcast(dims(*a), dims(*b));
    return both ? shape(*both) : std::nullopt;
  }

  std::optional<PartialElements> prod(const Node& n) {
    const auto elements = visit(n.inputs[0]);
    const auto axes = visit(n.inputs[1]);
    if (!elements || !axes || axes->size() != 1 || !is_vector(n.inputs[0])) return std::nullopt;
    Element result = 1;
    for (const Element& e : *elements) result = result && e ? checked_mul(*result, *e) : std::nullopt;
    return PartialElements{result};
  }

  // Element by element; one side may be a scalar.
  std::optional<PartialElements> combine(const Node& n, Element (*apply)(int64_t, int64_t)) {
    const auto a = visit(n.inputs[0]), b = visit(n.inputs[1]);
    if (!a || !b || !is_scalar_or_vector(n.inputs[0]) || !is_scalar_or_vector(n.inputs[1])) return std::nullopt;
    if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return std::nullopt;
    const size_t count = a->size() == 1 ? b->size() : a->size();
    PartialElements result(count);
    for (size_t i = 0; i < count; ++i) {
      const Element x = (*a)[a->size() == 1 ? 0 : i], y = (*b)[b->size() == 1 ? 0 : i];
      if (x && y) result[i] = apply(*x, *y);
    }
    return result;
  }

  const Graph& graph_;
  int steps_ = 0;
  int depth_ = 0;
};

}  // namespace

std::optional<PartialElements> partial_elements(const Graph& graph, ValueId value) { return Walk(graph).visit(value); }

std::optional<PartialShape> partial_value(const Graph& graph, ValueId value) {
  const TensorType& type = graph.type(value);
  if (type.shape.has_rank() && type.shape.rank() > 1) return std::nullopt;
  const auto elements = partial_elements(graph, value);
  if (!elements) return std::nullopt;
  std::vector<int64_t> dims;
  for (const Element& e : *elements) dims.push_back(e && *e >= 0 ? *e : kUnknownDim);
  return PartialShape(std::move(dims));
}

Result<PartialShape> shape_from_input(InferContext& c, int64_t i) {
  const PartialShape& own = c.shape(i);
  if (own.has_rank() && own.rank() > 1) {
    return input_error("input " + std::to_string(i) + " of " + std::string(c.op().name) + " must be a vector of sizes, found shape " + to_string(own));
  }
  constexpr int64_t kMaxRank = 254;
  if (own.has_rank() && own.rank() == 1 && own[0] > kMaxRank) {
    return input_error("input " + std::to_string(i) + " of " + std::string(c.op().name) + " claims " + std::to_string(own[0]) + " dimensions");
  }
  if (const auto value = partial_value(c.graph(), c.input(i)); value && value->rank() <= kMaxRank) return *value;
  if (own.has_rank() && own.rank() == 1 && own[0] != kUnknownDim) return PartialShape::of_rank(own[0]);
  return PartialShape::unknown();
}

std::optional<int64_t> scalar_from_input(InferContext& c, int64_t i) {
  const auto elements = partial_elements(c.graph(), c.input(i));
  return elements && elements->size() == 1 ? (*elements)[0] : std::nullopt;
}

std::optional<std::vector<int64_t>> elements_from_input(InferContext& c, int64_t i) {
  const auto elements = partial_elements(c.graph(), c.input(i));
  if (!elements || !std::all_of(elements->begin(), elements->end(), [](const Element& e) { return e.has_value(); })) return std::nullopt;
  std::vector<int64_t> values;
  for (const Element& e : *elements) values.push_back(*e);
  return values;
}

}  // namespace isomer::ops
