// Random graphs through random pipelines: the input's bytes are choices. A graph of the ops that the optimiser knows is made, run by the reference kernels,
// changed by passes, verified after each and run again; outputs must agree.
//
// Ops that jump (Floor, Sign, comparisons) are left out, since a difference in the last bit could become one of 1. The tolerance counts from the largest
// number of the run: where large numbers cancel, nothing small is left to compare.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ir/text.h"
#include "ir/verify.h"
#include "ops/interpreter.h"
#include "ops/registry.h"
#include "passes/pass.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace {

using namespace isomer;
using ir::ValueId;
using Integers = std::vector<int64_t>;

class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  int64_t below(int64_t count) { return next() % count; }
  float number() {
    static constexpr float kNumbers[] = {0.0f, 1.0f, -1.0f, 0.5f, 2.0f, -0.25f, 1.5f, 0.1f, -0.0f, 6.0f, 3.0f, -2.0f, 0.75f, 0.3f, 1.25f, -0.6f};
    return kNumbers[below(16)];
  }

 private:
  uint8_t next() { return at_ < size_ ? data_[at_++] : 0; }
  const uint8_t* data_;
  size_t size_, at_ = 0;
};

class Generator {
 public:
  Generator(ir::Module& module, ir::Graph& graph, Choices& choices) : module_(module), graph_(graph), c_(choices) {}

  void run() {
    input({-1, 4, 6, 2});
    input({-1, 3});
    for (int i = 0; i < 40 && !c_.empty(); ++i) step();
    // The last value, and some that other nodes use too.
    int64_t count = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      const bool last = i + 1 == values_.size();
      if (!last && c_.below(8) != 0) continue;
      graph_.outputs.push_back({"y" + std::to_string(count++), values_[i], {}});
    }
  }

 private:
  void input(Integers dims) {
    const auto node = passes::add_node(graph_, "Placeholder", {{"dtype", DType::kFloat32}, {"shape", PartialShape(std::move(dims))}}, {}, "x");
    if (!node) return;
    values_.push_back(graph_.output(*node));
    graph_.inputs.push_back({graph_.node(*node).name, values_.back(), {}});
  }
  ValueId pick() { return values_[static_cast<size_t>(c_.below(static_cast<int64_t>(values_.size())))]; }
  // Often the newest value, so that chains grow.
  ValueId operand() { return c_.below(4) != 0 ? values_.back() : pick(); }
  ValueId constant(Shape shape) {
    std::vector<float> numbers(static_cast<size_t>(element_count_of(shape)));
    for (float& number : numbers) number = c_.number();
    return passes::add_constant(graph_, Tensor::of<float>(DType::kFloat32, std::move(shape), numbers), "c");
  }
  ValueId integers(const Integers& list, Shape shape) { return passes::add_constant(graph_, Tensor::int32s(list).reshaped(std::move(shape)), "i"); }
  ValueId integers(const Integers& list) { return integers(list, {static_cast<int64_t>(list.size())}); }

  std::optional<ValueId> add(std::string_view op, std::vector<ValueId> inputs, const ir::AttributeMap& attributes = {}) {
    const auto node = passes::add_node(graph_, op, attributes, inputs, op, &module_);
    if (!node) return std::nullopt;
    return graph_.output(*node);
  }
  void keep(std::optional<ValueId> value) {
    if (value) values_.push_back(*value);
  }

  int64_t rank(ValueId v) const { return graph_.type(v).shape.has_rank() ? graph_.type(v).shape.rank() : 0; }
  int64_t channels(ValueId v) const { return rank(v) > 0 ? graph_.type(v).shape[rank(v) - 1] : -1; }
  std::string padding() { return c_.below(2) == 0 ? "SAME" : "VALID"; }

  void step() {
    const ValueId x = operand();
    switch (c_.below(18)) {
      case 0:
      case 1: return unary(x);
      case 2:
      case 3: return with_constant(x);
      case 4: return keep(binary(x, pick()));
      case 5:
      case 6: return linear(x);
      case 7: return normalize(x);
      case 8:
      case 9: return reshape(x);
      case 10:
      case 11: return transpose(x);
      case 12: return pad(x);
      case 13: return join(x);
      case 14: return reduce(x);
      case 15: return fused(x);
      case 16: return loop(x);
      default: return written_out(x);
    }
  }

  void unary(ValueId x) {
    static constexpr std::string_view kOps[] = {"Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "Neg", "Abs", "Square", "Identity", "Softplus"};
    keep(add(kOps[c_.below(std::size(kOps))], {x}));
  }
  std::optional<ValueId> binary(ValueId x, ValueId y) {
    static constexpr std::string_view kOps[] = {"AddV2", "Mul", "Sub", "Maximum", "Minimum", "SquaredDifference"};
    return add(kOps[c_.below(std::size(kOps))], {x, y});
  }
  void with_constant(ValueId x) {
    const int64_t size = channels(x);
    Shape shape;
    if (const int64_t form = c_.below(4); form > 0 && size > 0) {
      shape = Shape(static_cast<size_t>(form == 1 ? 1 : std::min(form, rank(x))), 1);
      shape.back() = size;
    }
    const ValueId y = constant(shape);
    if (c_.below(3) == 0 && shape.size() == 1) return keep(add("BiasAdd", {x, y}));
    keep(c_.below(4) == 0 ? binary(y, x) : binary(x, y));
  }
  void linear(ValueId x) {
    const int64_t size = channels(x);
    if (size <= 0 || size > 8) return;
    if (rank(x) == 2) {
      const bool transposed = c_.below(2) == 0;
      return keep(add("MatMul", {x, constant(transposed ? Shape{3, size} : Shape{size, 3})}, {{"transpose_b", transposed}}));
    }
    if (rank(x) != 4) return;
    const int64_t height = 1 + c_.below(3), width = 1 + c_.below(3), stride = 1 + c_.below(2);
    const ir::AttributeMap attributes = {{"strides", Integers{1, stride, stride, 1}}, {"padding", padding()}};
    if (c_.below(2) == 0) return keep(add("DepthwiseConv2dNative", {x, constant({height, width, size, 1 + c_.below(2)})}, attributes));
    keep(add("Conv2D", {x, constant({height, width, size, 2})}, attributes));
  }
  // What graph models for tf.js hold: linear op, bias and activation in one.
  void fused(ValueId x) {
    static constexpr std::string_view kActivations[] = {"", "Relu", "Relu6", "Elu", "Sigmoid", "LeakyRelu", "Prelu", "Tanh"};
    const int64_t size = channels(x);
    if (size <= 0 || size > 8 || (rank(x) != 2 && rank(x) != 4)) return;
    const std::string activation(kActivations[c_.below(std::size(kActivations))]);
    const bool bias = c_.below(4) != 0 || activation.empty(), depthwise = rank(x) == 4 && c_.below(2) == 0;
    std::vector<std::string> steps{bias ? "BiasAdd" : "NoOp"};
    if (!activation.empty()) steps.push_back(activation);
    ir::AttributeMap attributes = {{"fused_ops", steps}, {"leakyrelu_alpha", 0.3f}};
    std::vector<ValueId> inputs{x, rank(x) == 2 ? constant({size, 3}) : depthwise ? constant({2, 2, size, 1}) : constant({2, 2, size, 2})};
    const int64_t results = depthwise ? size : rank(x) == 2 ? 3 : 2;
    if (bias) inputs.push_back(constant({results}));
    if (activation == "Prelu") inputs.push_back(constant({results}));
    if (rank(x) == 4) {
      attributes.push_back({"strides", Integers{1, 1, 1, 1}});
      attributes.push_back({"padding", padding()});
    }
    keep(add(rank(x) == 2 ? "_FusedMatMul" : depthwise ? "FusedDepthwiseConv2dNative" : "_FusedConv2D", inputs, attributes));
  }
  // While(i, n, x, invariant): a counter, one that nobody reads, a value that changes, and one that is passed on and that the body computes with.
  void loop(ValueId x) {
    if (rank(x) == 0) return;
    const std::vector<ValueId> arguments = {integers({c_.below(5)}, {}), integers({0}, {}), x, pick()};
    ir::Function &condition = function_of(arguments), &body = function_of(arguments);
    const auto call = [&](ir::Graph& graph, std::string_view op, std::vector<ValueId> inputs) -> std::optional<ValueId> {
      const auto node = passes::add_node(graph, op, {}, inputs, op, &module_);
      return node ? std::optional(graph.output(*node)) : std::nullopt;
    };
    const ValueId limit = passes::add_constant(condition.graph, Tensor::scalar(int32_t{3}), "limit");
    const auto less = call(condition.graph, "Less", {condition.graph.inputs[0].value, limit});
    const ValueId one = passes::add_constant(body.graph, Tensor::scalar(int32_t{1}), "one");
    const auto next = call(body.graph, "AddV2", {body.graph.inputs[0].value, one}), other = call(body.graph, "AddV2", {body.graph.inputs[1].value, one});
    static constexpr std::string_view kOps[] = {"Tanh", "Sigmoid", "Relu", "Softplus"};
    auto invariant = call(body.graph, kOps[c_.below(std::size(kOps))], {body.graph.inputs[3].value});
    if (invariant && c_.below(2) == 0) invariant = call(body.graph, kOps[c_.below(std::size(kOps))], {*invariant});
    // A scalar of it, so that the changing value keeps its shape.
    Integers axes(static_cast<size_t>(rank(arguments[3])));
    for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
    const auto all = invariant ? call(body.graph, "Max", {*invariant, passes::add_constant(body.graph, Tensor::int32s(axes), "axes")}) : std::nullopt;
    const auto value = all ? call(body.graph, c_.below(2) == 0 ? "AddV2" : "Maximum", {body.graph.inputs[2].value, *all}) : std::nullopt;
    if (!less || !next || !other || !value) return;
    condition.graph.outputs.push_back({"again", *less, {}});
    for (const ValueId result : {*next, *other, *value, body.graph.inputs[3].value})
      body.graph.outputs.push_back({"r" + std::to_string(body.graph.outputs.size()), result, {}});
    const auto node = passes::add_node(graph_, "StatelessWhile", {{"cond", ir::FunctionRef{condition.name}}, {"body", ir::FunctionRef{body.name}}}, arguments,
                                       "loop", &module_);
    if (node) values_.push_back(graph_.output(*node, 2 + c_.below(2)));
  }
  ir::Function& function_of(const std::vector<ValueId>& arguments) {
    ir::Function& function = module_.add_function("loop");
    for (const ValueId argument : arguments) {
      const TensorType& type = graph_.type(argument);
      const auto node = passes::add_node(function.graph, "Placeholder", {{"dtype", type.dtype}, {"shape", type.shape}}, {}, "a");
      if (node) function.graph.inputs.push_back({function.graph.node(*node).name, function.graph.output(*node), {}});
    }
    return function;
  }
  void normalize(ValueId x) {
    const int64_t size = channels(x);
    if (rank(x) != 4 || size <= 0) return;
    std::vector<float> variance(static_cast<size_t>(size), 0.5f + 0.25f * static_cast<float>(c_.below(8)));
    const ValueId v = passes::add_constant(graph_, Tensor::of<float>(DType::kFloat32, {size}, variance), "variance");
    keep(add("FusedBatchNormV3", {x, constant({size}), constant({size}), constant({size}), v}, {{"is_training", false}, {"epsilon", 0.001f}}));
  }
  void reshape(ValueId x) {
    switch (c_.below(4)) {
      case 0: return keep(add("ExpandDims", {x, integers({c_.below(3)}, {})}));
      case 1: return keep(add("Squeeze", {x}, {{"squeeze_dims", Integers{c_.below(4)}}}));
      case 2: {
        const auto shape = add("Shape", {x});
        return shape ? keep(add("Reshape", {x, *shape})) : void();
      }
      default: {
        Integers dims(graph_.type(x).shape.dims());
        if (dims.size() < 2) return;
        std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
        if (c_.below(2) == 0) dims = {-1, 6};
        return keep(add("Reshape", {x, integers(dims)}));
      }
    }
  }
  void transpose(ValueId x) {
    Integers order(static_cast<size_t>(rank(x)));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    if (order.size() == 4) {
      order = c_.below(2) == 0 ? Integers{0, 3, 1, 2} : Integers{0, 2, 3, 1};
    } else if (!order.empty()) {
      std::swap(order[order.size() - 1], order[static_cast<size_t>(c_.below(rank(x)))]);
    }
    keep(add("Transpose", {x, integers(order)}));
  }
  void pad(ValueId x) {
    Integers pads(static_cast<size_t>(2 * rank(x)));
    for (size_t i = 2; i + 2 < pads.size(); ++i) pads[i] = c_.below(3);
    keep(add("Pad", {x, integers(pads, {rank(x), 2})}));
  }
  void join(ValueId x) { keep(add("ConcatV2", {x, pick(), integers({c_.below(4) - 1}, {})})); }
  void reduce(ValueId x) {
    Integers axes;
    for (int64_t axis = 1; axis < rank(x); ++axis)
      if (c_.below(2) == 0) axes.push_back(axis);
    keep(add(c_.below(2) == 0 ? "Mean" : "Max", {x, integers(axes)}, {{"keep_dims", c_.below(2) == 0}}));
  }
  // Prelu, LeakyRelu and dilation as layers write them.
  void written_out(ValueId x) {
    const int64_t form = c_.below(3);
    if (form == 0) {
      const auto up = add("Relu", {x}), minus = add("Neg", {x});
      const auto down = minus ? add("Relu", {*minus}) : std::nullopt;
      const auto scaled = down ? add("Mul", {constant({}), *down}) : std::nullopt;
      if (up && scaled) keep(add("AddV2", {*up, *scaled}));
    } else if (form == 1) {
      const auto scaled = add("Mul", {x, constant({})});
      if (scaled) keep(add("Maximum", {x, *scaled}));
    } else if (rank(x) == 4 && channels(x) > 0 && channels(x) < 8) {
      const int64_t p = c_.below(3);
      const auto batches = add("SpaceToBatchND", {x, integers({2, 2}), integers({2 + p, 2 + p, 2 + p, 2 + p}, {2, 2})});
      const auto y = batches
                         ? add("Conv2D", {*batches, constant({3, 3, channels(x), 2})}, {{"strides", Integers{1, 1, 1, 1}}, {"padding", std::string("VALID")}})
                         : std::nullopt;
      if (y) keep(add("BatchToSpaceND", {*y, integers({2, 2}), integers({0, p, 0, p}, {2, 2})}));
    }
  }

  ir::Module& module_;
  ir::Graph& graph_;
  Choices& c_;
  std::vector<ValueId> values_;
};

std::vector<ir::RuntimeValue> arguments() {
  std::vector<ir::RuntimeValue> values;
  for (const Shape& shape : {Shape{2, 4, 6, 2}, Shape{2, 3}}) {
    std::vector<float> numbers(static_cast<size_t>(element_count_of(shape)));
    uint32_t state = 12345;
    for (float& number : numbers) {
      state = state * 1664525u + 1013904223u;
      number = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f;
    }
    values.emplace_back(Tensor::of<float>(DType::kFloat32, shape, numbers));
  }
  return values;
}

double largest(const Tensor& tensor) {
  double result = 0;
  if (!is_float(tensor.dtype())) return 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double size = std::fabs(tensor.as_double(i));
    if (!(size <= result)) result = std::isnan(size) ? HUGE_VAL : size;
  }
  return result;
}

[[noreturn]] void stop(const std::string& what, const std::string& detail, const std::string& before, const ir::Module& module) {
  std::fprintf(stderr, "%s: %s\n// before\n%s// after\n%s", what.c_str(), detail.c_str(), before.c_str(), ir::print(module).c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Choices choices(data, size);
  const int64_t pipeline = choices.below(4);
  std::vector<std::string_view> names;
  const auto all = passes::all_passes();
  for (int i = 0; i < 8; ++i) names.push_back(all[static_cast<size_t>(choices.below(static_cast<int64_t>(all.size())))].name);

  ir::Module module;
  ir::Function& function = module.add_function("main");
  module.signatures.push_back({"serving_default", function.name, {}});
  Generator(module, function.graph, choices).run();
  passes::PassContext context;
  // What no output needs goes first, as in every pipeline: it may claim shapes that no run has.
  static constexpr std::string_view kPrune[] = {"prune"};
  if (!passes::run_passes(module, kPrune, context) || !ir::verify(module)) return 0;
  const std::string before = ir::print(module);
  double scale = 1;
  ir::RunState state;
  state.limits = Limits::tiny();
  ops::Observer observer;
  observer.after = [&](const ir::Function&, const ir::Node&, std::span<const ir::RuntimeValue> results) {
    for (const ir::RuntimeValue& value : results)
      if (const auto* tensor = std::get_if<Tensor>(&value)) scale = std::max(scale, largest(*tensor));
  };
  const auto expected = ops::run_function(state, module, "main", arguments(), observer);
  if (!expected || !(scale < 1e6)) return 0;

  Result<void> done;
  if (pipeline == 0) {
    done = passes::run_passes(module, names, context);
  } else {
    done = passes::optimize(module, context);
    if (done && pipeline > 1) done = passes::fuse_for_tfjs(module, context);
  }
  if (!done) stop("a pass failed", done.error().message, before, module);
  if (const auto verified = ir::verify(module); !verified)
    stop("the module is broken", verified.error().message + " at " + verified.error().place, before, module);
  ir::RunState again;
  again.limits = Limits::tiny();
  const auto actual = ops::run_function(again, module, "main", arguments());
  if (!actual) stop("the result does not run", actual.error().message + " at " + actual.error().place, before, module);
  for (size_t i = 0; i < expected->size(); ++i) {
    const Tensor &x = std::get<Tensor>((*expected)[i]), &y = std::get<Tensor>((*actual)[i]);
    if (x.shape() != y.shape() || x.dtype() != y.dtype()) stop("an output has another type", type_text(x) + " became " + type_text(y), before, module);
    for (int64_t k = 0; k < x.elements(); ++k) {
      const double a = x.as_double(k), b = y.as_double(k);
      if (std::fabs(a - b) <= 1e-5 * scale + 1e-4 * std::fabs(a)) continue;
      stop("an output differs", "y" + std::to_string(i) + "[" + std::to_string(k) + "]: " + std::to_string(a) + " became " + std::to_string(b), before, module);
    }
  }
  return 0;
}
