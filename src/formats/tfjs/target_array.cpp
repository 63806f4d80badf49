// Conditions on arrays, strings and control flow; see target_conditions.h.
#include <algorithm>
#include <cctype>

#include "formats/tfjs/regex_spelling.h"
#include "formats/tfjs/target_conditions.h"
#include "passes/rewrite.h"

namespace isomer::tfjs {
namespace {

// tf.js turns attribute strings into lower case.
bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

const ir::Graph* body_of(const NodeView& v, std::string_view attribute) {
  const ir::Function* function = v.module().find_function(v.attribute(attribute, ir::FunctionRef{}).name);
  return function ? &function->graph : nullptr;
}

Reason condition_type(const TensorType& type) {
  if (type.dtype != DType::kBool && !is_integer(type.dtype))
    return "tf.js takes the truth of " + std::string(to_string(type.dtype)) + " otherwise than TensorFlow";
  if (type.shape.has_rank() && type.shape.rank() != 0) return "tf.js looks at the first element of the condition only";
  return {};
}

}  // namespace

Reason strided_slice(const NodeView& v) {
  if (!passes::backward_ranges(v.graph(), v.node()).empty()) return "tf.js computes a negative size for a range that ends before it begins";
  return {};
}

Reason select(const NodeView& v) {
  const PartialShape& condition = v.shape(0);
  const PartialShape& data = v.shape(1).has_rank() ? v.shape(1) : v.shape(2);
  if (condition.has_rank() && condition.rank() == 0) return {};
  if (!condition.has_rank() || !data.has_rank()) return "tf.js broadcasts the condition along the last axis, and the ranks are not known";
  if (condition.rank() == 1 && data.rank() > 1) return "tf.js broadcasts a vector condition along the last axis, not the first";
  return {};
}

Reason one_hot(const NodeView& v) {
  const int64_t axis = v.attribute<int64_t>("axis", -1);
  if (axis != -1 && !(v.shape(0).has_rank() && axis == v.shape(0).rank())) return "tf.js puts the new axis last whatever `axis` says";
  const Tensor* depth = v.constant(1);
  if (depth && depth->elements() == 1 && depth->as_int64(0) < 2) return "tf.js refuses a depth below 2";
  return {};
}

Reason ensure_shape(const NodeView&) { return "tf.js has the op, but it always fails"; }
Reason shape_n(const NodeView&) { return "tf.js gives float32 shapes"; }

Reason tensor_scatter_update(const NodeView& v) {
  // A result of arithmetic that nobody else uses may be overwritten.
  const ir::Value& target = v.graph().value(v.input(0));
  const ir::Node& producer = v.graph().node(target.producer);
  const bool own = producer.is("AddV2") || producer.is("LogicalOr") || producer.is("TensorScatterUpdate");
  if (own && target.users.size() == 1 && !v.graph().is_output(v.input(0))) return {};
  return "tf.js writes into the input";
}

Reason matrix_band_part(const NodeView& v) {
  const Tensor* lower = v.constant(1);
  const Tensor* upper = v.constant(2);
  if (lower && upper && lower->elements() == 1 && upper->elements() == 1 && lower->as_int64(0) == upper->as_int64(0)) return {};
  return "tf.js takes the lower bound for the upper one";
}

Reason regex_replace(const NodeView& v) {
  const std::string pattern = v.attribute<std::string>("pattern", ""), rewrite = v.attribute<std::string>("rewrite", "");
  const auto spelling = regex_for_javascript(pattern, rewrite);
  if (spelling) return {};
  return "replacing '" + pattern + "' by '" + rewrite + "' has no equivalent in JavaScript: " + spelling.error();
}

Reason string_ngrams(const NodeView& v) {
  for (const char* name : {"separator", "left_pad", "right_pad"})
    if (has_capitals(v.attribute<std::string>(name, ""))) return "tf.js turns the attribute `" + std::string(name) + "` into lower case";
  return {};
}

Reason one_result(const NodeView& v) {
  for (int64_t i = 1; i < static_cast<int64_t>(v.node().outputs.size()); ++i)
    if (v.result_used(i)) return "tf.js gives the first result only";
  return {};
}

Reason not_registered(const NodeView&) { return "tf.js has the op's code, but does not find it"; }
Reason synthetic(const NodeView&) { return "tf.js means something of its own by this name"; }

Reason table_find(const NodeView& v) {
  if (v.shape(1).has_rank() && v.shape(1).rank() == 1) return {};
  return "tf.js gives a flat result";
}

Reason list_concat_v2(const NodeView&) { return "tf.js looks for the element shape among the attributes and fails"; }
Reason list_pop_back(const NodeView&) { return "tf.js gives one of the two results and changes the list in place"; }

Reason stateful_control_flow(const NodeView&) { return "tf.js runs the stateless form better"; }

Reason conditional(const NodeView& v) { return condition_type(v.graph().type(v.input(0))); }

Reason loop(const NodeView& v) {
  const ir::Graph* condition = body_of(v, "cond");
  if (!condition || condition->outputs.size() != 1) return "the condition function is missing";
  return condition_type(condition->type(condition->outputs[0].value));
}

}  // namespace isomer::tfjs
