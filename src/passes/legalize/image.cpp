// Detection.
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

// Before: CombinedNonMaxSuppression(boxes [b, n, q, 4], scores [b, n, c], per class, total, iou, score)
// After:  for each example and class NonMaxSuppressionV3, then boxes, scores and classes of what it selects one after the other, the best `total` of them by
//         TopKV2, zeros to the end. Known b, c and limits: b * c suppressions are written out.
Result<bool> lower_combined_non_max_suppression(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const PartialShape boxes = b.input(0).shape(), scores = b.input(1).shape();
  const Tensor *per_class = b.input(2).constant(), *limit = b.input(3).constant();
  constexpr int64_t kMost = 256;
  if (!boxes.has_rank() || !scores.has_rank() || boxes.rank() != 4 || scores.rank() != 3 || scores[2] == kUnknownDim || boxes[2] == kUnknownDim || !per_class || !limit)
    return refuse(reason, "the numbers of classes and of results must be known");
  const int64_t batch = boxes[0] != kUnknownDim ? boxes[0] : scores[0], classes = scores[2];
  if (batch == kUnknownDim) return refuse(reason, "the number of examples must be known: one suppression is written for each example and class");
  if (batch < 1 || classes < 1 || batch * classes > kMost) return refuse(reason, "more than 256 suppressions would be written out");
  int64_t total = limit->as_int64(0);
  if (b.attribute("pad_per_class", false)) total = std::min(total, per_class->as_int64(0) * classes);
  const bool clip = b.attribute("clip_boxes", true);

  const auto zeros_after = [&](Term rows, Size row) {
    std::vector<Size> sizes{total};
    if (rows.shape().rank() == 2) sizes.push_back(row);
    const Term padding = b.make("Fill", {b.sizes(sizes), b.number(DType::kFloat32, 0)});
    return slice_axis(concat({rows, padding}, 0), 0, int64_t{0}, total);
  };
  std::vector<Term> columns[4];
  for (int64_t example = 0; example < batch; ++example) {
    const Term own_boxes = squeeze(slice_axis(b.input(0), 0, example, int64_t{1}), 0), own_scores = squeeze(slice_axis(b.input(1), 0, example, int64_t{1}), 0);
    std::vector<Term> found_boxes, found_scores, found_classes;
    for (int64_t k = 0; k < classes; ++k) {
      const Term box = squeeze(slice_axis(own_boxes, 1, boxes[2] == 1 ? 0 : k, int64_t{1}), 1), score = squeeze(slice_axis(own_scores, 1, k, int64_t{1}), 1);
      const Term selected = b.make("NonMaxSuppressionV3", {box, score, b.input(2), b.input(4), b.input(5)});
      found_boxes.push_back(gather(box, selected, 0));
      found_scores.push_back(gather(score, selected, 0));
      found_classes.push_back(zeros_like(found_scores.back()) + static_cast<double>(k));
    }
    const Term all_scores = concat(found_scores, 0);
    const Term count = minimum(b.scalar(b.size_of(all_scores, 0)), b.integer(total));
    const auto best = b.make_all("TopKV2", {all_scores, count}, {{"sorted", true}});
    TRY(b.status());
    Term best_boxes = gather(concat(found_boxes, 0), best[1], 0);
    if (clip) best_boxes = b.make("ClipByValue", {best_boxes, b.number(DType::kFloat32, 0), b.number(DType::kFloat32, 1)});
    columns[0].push_back(zeros_after(best_boxes, int64_t{4}));
    columns[1].push_back(zeros_after(best[0], int64_t{1}));
    columns[2].push_back(zeros_after(gather(concat(found_classes, 0), best[1], 0), int64_t{1}));
    columns[3].push_back(count);
  }
  std::vector<Term> results;
  for (const auto& column : columns) results.push_back(b.make("Pack", column, {{"axis", int64_t{0}}}));
  return b.replace(results);
}

}  // namespace isomer::passes
