// Detection.
#include <algorithm>

#include "ir/const_op.h"
#include "ops/registry.h"
#include "passes/build.h"

namespace isomer::passes {

// Before: NonMaxSuppression(boxes, scores, n) {iou_threshold}   After: NonMaxSuppressionV2 with the threshold as input
Result<bool> lower_non_max_suppression(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  const Term threshold = b.number(DType::kFloat32, b.attribute("iou_threshold", 0.5f));
  return b.replace(b.make("NonMaxSuppressionV2", {b.input(0), b.input(1), b.input(2), threshold}));
}

// Before: NonMaxSuppressionV5(boxes, scores, n, iou, score, sigma)
// After:  the same with iou = 1 where sigma > 0 (a runtime that drops boxes above iou then only weakens them, as TensorFlow does);
//         the number of selected boxes is the size of the first result
Result<bool> lower_non_max_suppression_v5(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Tensor* sigma = b.input(5).constant();
  if (!sigma || b.attribute("pad_to_max_output_size", false)) return refuse(reason, "sigma must be constant, the result not padded");
  std::vector<Term> inputs = b.inputs();
  if (sigma->as_double(0) > 0) inputs[3] = b.number(inputs[3].dtype(), 1);
  auto results = b.again(inputs);
  TRY(b.status());
  results[2] = b.result_used(2) ? b.make("Size", {results[0]}, {{"out_type", DType::kInt32}}) : Term(b, {});
  return b.replace(results);
}

namespace {

struct Detections {
  Term boxes, scores, classes, count;  // [total, 4], [total], [total], []
};

struct DetectionInputs {
  Term per_class, iou_threshold, score_threshold;
  int64_t classes = 0, total = 0;
  bool clip = true;
};

// The detections of one example: boxes [n, q, 4], scores [n, classes].
Result<Detections> detect(Term boxes, Term scores, const DetectionInputs& in) {
  Builder& b = boxes.builder();
  const bool shared_boxes = boxes.shape()[1] == 1;
  const auto zeros_after = [&](Term rows) {
    std::vector<Size> sizes{in.total};
    if (rows.shape().rank() == 2) sizes.emplace_back(int64_t{4});
    const Term padding = b.make("Fill", {b.sizes(sizes), b.number(DType::kFloat32, 0)});
    return slice_axis(concat({rows, padding}, 0), 0, int64_t{0}, in.total);
  };
  std::vector<Term> found_boxes, found_scores, found_classes;
  for (int64_t k = 0; k < in.classes; ++k) {
    const Term box = squeeze(slice_axis(boxes, 1, shared_boxes ? 0 : k, int64_t{1}), 1), score = squeeze(slice_axis(scores, 1, k, int64_t{1}), 1);
    const Term selected = b.make("NonMaxSuppressionV3", {box, score, in.per_class, in.iou_threshold, in.score_threshold});
    found_boxes.push_back(gather(box, selected, 0));
    found_scores.push_back(gather(score, selected, 0));
    found_classes.push_back(zeros_like(found_scores.back()) + static_cast<double>(k));
  }
  const Term all_scores = concat(found_scores, 0);
  const Term count = minimum(b.scalar(b.size_of(all_scores, 0)), b.integer(in.total));
  const auto best = b.make_all("TopKV2", {all_scores, count}, {{"sorted", true}});
  TRY(b.status());
  Term best_boxes = gather(concat(found_boxes, 0), best[1], 0);
  if (in.clip) best_boxes = minimum(maximum(best_boxes, b.number(DType::kFloat32, 0)), b.number(DType::kFloat32, 1));
  return Detections{zeros_after(best_boxes), zeros_after(best[0]), zeros_after(gather(concat(found_classes, 0), best[1], 0)), count};
}

// A function of the module whose arguments have the types of `like`.
ir::Function& add_function_of(RuleContext& context, const std::string& name, std::span<const Term> like, std::span<const PartialShape> shapes) {
  ir::Function& function = context.module.add_function(name);
  for (size_t i = 0; i < like.size(); ++i) {
    const TensorType type{like[i].dtype(), shapes[i], DType::kInvalid, {}};
    const std::string argument = "argument_" + std::to_string(i);
    const ir::NodeId placeholder =
        function.graph.add_with_types(ops::kOp_Placeholder, ir::placeholder_attributes(type.dtype, type.shape), {}, std::span(&type, 1), argument);
    function.graph.inputs.push_back({argument, function.graph.output(placeholder), {}});
  }
  return function;
}

// A loop over the examples that joins their detections one after the other.
Result<std::vector<Term>> detect_in_loop(RuleContext& context, Builder& b, const std::string& name, Term boxes, Term scores, const DetectionInputs& in) {
  // Empty results that depend on the input: a loop variable must not be a constant that the runtime may free.
  const Size none = b.scalar(b.size_of(boxes, 0)) * 0;
  const Term zero = b.number(DType::kFloat32, 0);
  const Term empty[] = {b.make("Fill", {b.sizes({none, in.total, int64_t{4}}), zero}), b.make("Fill", {b.sizes({none, in.total}), zero}),
                        b.make("Fill", {b.sizes({none, in.total}), zero}), b.make("Fill", {b.sizes({none}), b.integer(0)})};
  const std::vector<Term> variables{b.integer(0), boxes, scores, in.per_class, in.iou_threshold, in.score_threshold, empty[0], empty[1], empty[2], empty[3]};
  TRY(b.status());
  std::vector<PartialShape> shapes;
  for (const Term& variable : variables) shapes.push_back(variable.shape());
  for (size_t i = 6; i < shapes.size(); ++i) shapes[i][0] = kUnknownDim;

  ir::Function& more = add_function_of(context, name + "_more", variables, shapes);
  RuleContext inside_more{context.module, more.graph};
  Builder condition(inside_more, "more");
  const Term all = Term(condition, more.graph.inputs[1].value);
  const Term going_on = less(Term(condition, more.graph.inputs[0].value), condition.scalar(condition.size_of(all, 0)));
  TRY(condition.status());
  more.graph.outputs.push_back({"more", going_on.id(), {}});

  ir::Function& body = add_function_of(context, name + "_example", variables, shapes);
  RuleContext inside_body{context.module, body.graph};
  Builder example(inside_body, "example");
  std::vector<Term> arguments;
  for (const ir::Port& port : body.graph.inputs) arguments.emplace_back(example, port.value);
  DetectionInputs own = in;
  own.per_class = arguments[3];
  own.iou_threshold = arguments[4];
  own.score_threshold = arguments[5];
  const Detections found = TRY(detect(gather(arguments[1], arguments[0], 0), gather(arguments[2], arguments[0], 0), own));
  const auto joined = [&](size_t i, Term one) { return concat({arguments[i], expand(one, 0)}, 0); };
  std::vector<Term> results = arguments;
  results[0] = arguments[0] + 1;
  results[6] = joined(6, found.boxes);
  results[7] = joined(7, found.scores);
  results[8] = joined(8, found.classes);
  results[9] = joined(9, found.count);
  TRY(example.status());
  for (size_t i = 0; i < results.size(); ++i) body.graph.outputs.push_back({"result_" + std::to_string(i), results[i].id(), {}});

  const auto loop = b.make_all("StatelessWhile", variables, {{"cond", ir::FunctionRef{more.name}}, {"body", ir::FunctionRef{body.name}}});
  TRY(b.status());
  return std::vector<Term>(loop.begin() + 6, loop.end());
}

}  // namespace

// Before: CombinedNonMaxSuppression(boxes [b, n, q, 4], scores [b, n, c], per class, total, iou, score)
// After:  for each example and class NonMaxSuppressionV3, then boxes, scores and classes of what it selects one after the other, the best `total` of them by
//         TopKV2, zeros to the end. Written out where b is known and b * c at most 64, else StatelessWhile over the examples. c and the limits are known.
Result<bool> lower_combined_non_max_suppression(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const Term boxes = b.input(0), scores = b.input(1);
  const PartialShape box_shape = boxes.shape(), score_shape = scores.shape();
  const Tensor *per_class = b.input(2).constant(), *limit = b.input(3).constant();
  if (!box_shape.has_rank() || !score_shape.has_rank() || box_shape.rank() != 4 || score_shape.rank() != 3 || !per_class || !limit ||
      score_shape[2] == kUnknownDim || box_shape[2] == kUnknownDim)
    return refuse(reason, "the numbers of classes and of results must be known");
  constexpr int64_t kMostClasses = 256, kWrittenOut = 64;
  DetectionInputs in{
      .per_class = b.input(2), .iou_threshold = b.input(4), .score_threshold = b.input(5), .classes = score_shape[2], .total = limit->as_int64(0)};
  if (in.classes < 1 || in.classes > kMostClasses || in.total < 0 || in.total > (1 << 20))
    return refuse(reason, "one suppression is written for each class, 256 at most");
  if (b.attribute("pad_per_class", false)) in.total = std::min(in.total, std::clamp<int64_t>(per_class->as_int64(0), 0, 1 << 20) * in.classes);
  in.clip = b.attribute("clip_boxes", true);
  const int64_t batch = box_shape[0] != kUnknownDim ? box_shape[0] : score_shape[0];
  if (batch < 1 || batch * in.classes > kWrittenOut) {
    const std::string name = context.graph.node(node).name;
    return b.replace(TRY(detect_in_loop(context, b, name, boxes, scores, in)));
  }
  std::vector<Term> columns[4];
  for (int64_t i = 0; i < batch; ++i) {
    const auto example = [&](Term x) { return squeeze(slice_axis(x, 0, i, int64_t{1}), 0); };
    const Detections found = TRY(detect(example(boxes), example(scores), in));
    columns[0].push_back(found.boxes);
    columns[1].push_back(found.scores);
    columns[2].push_back(found.classes);
    columns[3].push_back(found.count);
  }
  std::vector<Term> results;
  for (const auto& column : columns) results.push_back(b.make("Pack", column, {{"axis", int64_t{0}}}));
  return b.replace(results);
}

// Before: ImageProjectiveTransformV2(images, transforms, size)   After: ImageProjectiveTransformV3(images, transforms, size, 0)
Result<bool> lower_projective_transform(RuleContext& context, ir::NodeId node, std::string&) {
  Builder b(context, node);
  ir::AttributeMap attributes;
  for (const char* name : {"interpolation", "fill_mode"}) attributes.push_back({name, b.attribute<std::string>(name, "")});
  return b.replace(b.make("ImageProjectiveTransformV3", {b.input(0), b.input(1), b.input(2), b.number(DType::kFloat32, 0)}, attributes));
}

}  // namespace isomer::passes
