// Non-maximum suppression: of boxes that overlap, keep the one with the highest score.
//
// Boxes wait in a queue, the highest score first, among equals the first box. The box taken out is compared with those selected since it was last
// looked at: a hard overlap above the threshold drops it; soft suppression (sigma > 0) lowers its score by exp(-overlap^2 / (2 sigma)) instead and puts
// it back, if it is still good enough. Numbers are float32 as in TensorFlow: a comparison with a threshold must fall the same way.
#include "ops/nms.h"

#include <cmath>
#include <queue>

#include "ops/kernel.h"
#include "ops/partial_value.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Two opposite corners, (y, x) each, in any order.
struct Box {
  float y1, x1, y2, x2;
  float area() const { return (std::max(y1, y2) - std::min(y1, y2)) * (std::max(x1, x2) - std::min(x1, x2)); }
};

float overlap(const Box& a, const Box& b) {
  const float area_a = a.area(), area_b = b.area();
  if (!(area_a > 0) || !(area_b > 0)) return 0;
  const float height = std::min(std::max(a.y1, a.y2), std::max(b.y1, b.y2)) - std::max(std::min(a.y1, a.y2), std::min(b.y1, b.y2));
  const float width = std::min(std::max(a.x1, a.x2), std::max(b.x1, b.x2)) - std::max(std::min(a.x1, a.x2), std::min(b.x1, b.x2));
  const float both = std::max(height, 0.0f) * std::max(width, 0.0f);
  return both / (area_a + area_b - both);
}

struct SuppressionRule {
  int64_t max_count = 0;
  float iou_threshold = 0.5f;
  float score_threshold = -std::numeric_limits<float>::infinity();  // boxes must be better
  float soft_sigma = 0;
};

struct Selected {
  int64_t box = 0;
  float score = 0;
};

std::vector<Selected> suppress(std::span<const Box> boxes, std::span<const float> scores, const SuppressionRule& rule) {
  struct Candidate {
    int64_t box;
    float score;
    size_t compared;  // selected boxes it was compared with
  };
  const auto worse = [](const Candidate& a, const Candidate& b) { return a.score < b.score || (a.score == b.score && a.box > b.box); };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(worse)> queue(worse);
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i] > rule.score_threshold) queue.push({static_cast<int64_t>(i), scores[i], 0});  // NaN never is
  const bool soft = rule.soft_sigma > 0;
  const float scale = soft ? -0.5f / rule.soft_sigma : 0;
  std::vector<Selected> selected;
  while (!queue.empty() && static_cast<int64_t>(selected.size()) < rule.max_count) {
    Candidate next = queue.top();
    queue.pop();
    const float score = next.score;
    bool dropped = false;
    for (size_t s = selected.size(); s-- > next.compared && !dropped;) {
      const float iou = overlap(boxes[static_cast<size_t>(next.box)], boxes[static_cast<size_t>(selected[s].box)]);
      if (soft) next.score *= std::exp(scale * iou * iou);
      dropped = soft ? !(next.score > rule.score_threshold) : iou > rule.iou_threshold;
    }
    if (dropped) continue;
    next.compared = selected.size();
    if (next.score == score) {
      selected.push_back({next.box, next.score});
    } else {
      queue.push(next);
    }
  }
  return selected;
}

// --- NonMaxSuppression to V5

// Results: indices; of V5 the scores; of V4 and V5 how many there are.
Result<void> infer_suppression(InferContext& c) {
  const PartialShape boxes = TRY(shape_of_rank(c, 0, 2)), scores = TRY(shape_of_rank(c, 1, 1));
  TRY(same_dim(boxes[0], scores[0], "the boxes and the scores"));
  TRY(same_dim(boxes[1], 4, "the coordinates of a box"));
  for (int64_t i = 2; i < c.input_count(); ++i) TRY(shape_of_rank(c, i, 0));
  int64_t count = kUnknownDim;
  if (c.output_count() > 1 && c.as<PaddedNonMaxSuppressionAttributes>().pad_to_max_output_size) count = scalar_from_input(c, 2).value_or(kUnknownDim);
  if (count < kUnknownDim) return input_error("the number of boxes to select may not be negative");
  for (int64_t i = 0; i + 1 < std::max<int64_t>(c.output_count(), 2); ++i) c.set_shape(i, PartialShape{count});
  if (c.output_count() > 1) c.set_shape(c.output_count() - 1, PartialShape::scalar());
  return {};
}

Result<std::vector<Box>> boxes_of(const Tensor& tensor) {
  if (tensor.rank() != 2 || tensor.shape()[1] != 4) return input_error("boxes must be rows of four coordinates, found " + type_text(tensor));
  std::vector<Box> boxes;
  const auto values = load_all<double>(tensor);
  for (size_t i = 0; i + 3 < values.size(); i += 4) {
    boxes.push_back({static_cast<float>(values[i]), static_cast<float>(values[i + 1]), static_cast<float>(values[i + 2]), static_cast<float>(values[i + 3])});
  }
  return boxes;
}
std::vector<float> floats_of(const Tensor& tensor) {
  const auto values = load_all<double>(tensor);
  return std::vector<float>(values.begin(), values.end());
}

Result<float> float_input(EvalContext& c, Inputs inputs, int64_t i) {
  const Tensor& tensor = *TRY(tensor_input(c, inputs, i));
  if (tensor.elements() != 1) return input_error("input " + std::to_string(i) + " must be a scalar, found " + type_text(tensor));
  return static_cast<float>(tensor.as_double(0));
}

Result<void> check_rule(const SuppressionRule& rule) {
  if (rule.max_count < 0) return input_error("the number of boxes to select may not be negative, found " + std::to_string(rule.max_count));
  if (!(rule.iou_threshold >= 0 && rule.iou_threshold <= 1)) return input_error("iou_threshold must lie between 0 and 1");
  if (!(rule.soft_sigma >= 0)) return input_error("soft_nms_sigma may not be negative");
  return {};
}

Result<Outputs> reference_suppression(EvalContext& c, Inputs inputs) {
  const auto boxes = TRY(boxes_of(*TRY(tensor_input(c, inputs, 0))));
  const Tensor& given = *TRY(tensor_input(c, inputs, 1));
  if (given.rank() != 1 || given.elements() != static_cast<int64_t>(boxes.size()))
    return input_error("there must be one score for each box, found " + type_text(given));
  SuppressionRule rule{.max_count = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "the number of boxes to select"))};
  rule.iou_threshold = inputs.size() > 3 ? TRY(float_input(c, inputs, 3)) : c.as<NonMaxSuppressionAttributes>().iou_threshold;
  if (inputs.size() > 4) rule.score_threshold = TRY(float_input(c, inputs, 4));
  if (inputs.size() > 5) rule.soft_sigma = TRY(float_input(c, inputs, 5));
  TRY(check_rule(rule));
  const auto selected = suppress(boxes, floats_of(given), rule);
  const auto valid = static_cast<int64_t>(selected.size());
  const bool padded = c.output_count() > 1 && c.as<PaddedNonMaxSuppressionAttributes>().pad_to_max_output_size;
  MutableTensor indices = TRY(c.allocate(DType::kInt32, {padded ? rule.max_count : valid}));
  for (int64_t i = 0; i < valid; ++i) indices.as<int32_t>()[i] = static_cast<int32_t>(selected[static_cast<size_t>(i)].box);
  Outputs results{std::move(indices).finish()};
  if (c.output_count() == 3) {
    MutableTensor scores = TRY(c.allocate(given.dtype(), {padded ? rule.max_count : valid}));
    for (int64_t i = 0; i < valid; ++i) store_doubles(scores, i, std::vector<double>{selected[static_cast<size_t>(i)].score});
    results.push_back(std::move(scores).finish());
  }
  if (c.output_count() > 1) results.push_back(Tensor::scalar(static_cast<int32_t>(valid)));
  return results;
}

// --- CombinedNonMaxSuppression

// How many boxes the result has room for.
Result<int64_t> combined_size(int64_t per_class, int64_t total, int64_t classes, bool pad_per_class) {
  if (per_class != kUnknownDim && per_class <= 0) return input_error("max_output_size_per_class must be positive, found " + std::to_string(per_class));
  if (total != kUnknownDim && total <= 0) return input_error("max_total_size must be positive, found " + std::to_string(total));
  if (!pad_per_class) return total;
  const int64_t all = mul_dims(per_class, classes);
  return all == kUnknownDim || total == kUnknownDim ? kUnknownDim : std::min(total, all);
}

Result<void> infer_combined(InferContext& c) {
  const PartialShape boxes = TRY(shape_of_rank(c, 0, 4)), scores = TRY(shape_of_rank(c, 1, 3));
  const int64_t batch = TRY(same_dim(boxes[0], scores[0], "the batches of boxes and scores"));
  TRY(same_dim(boxes[1], scores[1], "the boxes and the scores"));
  TRY(same_dim(boxes[3], 4, "the coordinates of a box"));
  if (boxes[2] != 1) TRY(same_dim(boxes[2], scores[2], "the classes of boxes and scores"));
  const int64_t size = TRY(combined_size(scalar_from_input(c, 2).value_or(kUnknownDim), scalar_from_input(c, 3).value_or(kUnknownDim), scores[2],
                                         c.as<CombinedNonMaxSuppressionAttributes>().pad_per_class));
  c.set_shape(0, PartialShape{batch, size, 4});
  c.set_shape(1, PartialShape{batch, size});
  c.set_shape(2, PartialShape{batch, size});
  c.set_shape(3, PartialShape{batch});
  return {};
}

struct ClassBox {
  Box box;
  float score;
  int64_t number;  // of the class
};

// The best boxes of one image, all classes together, in descending order of score. `boxes` is [boxes, boxes_classes], `scores` [boxes, classes].
std::vector<ClassBox> best_of_all_classes(std::span<const Box> boxes, int64_t box_classes, std::span<const float> scores, int64_t classes,
                                          const SuppressionRule& rule) {
  std::vector<ClassBox> all;
  const int64_t count = static_cast<int64_t>(boxes.size()) / box_classes;
  for (int64_t k = 0; k < classes; ++k) {
    std::vector<Box> own;
    std::vector<float> own_scores;
    for (int64_t i = 0; i < count; ++i) {
      own.push_back(boxes[static_cast<size_t>(i * box_classes + (box_classes == 1 ? 0 : k))]);
      own_scores.push_back(scores[static_cast<size_t>(i * classes + k)]);
    }
    for (const Selected& s : suppress(own, own_scores, rule)) all.push_back({own[static_cast<size_t>(s.box)], s.score, k});
  }
  std::stable_sort(all.begin(), all.end(), [](const ClassBox& a, const ClassBox& b) { return a.score > b.score; });
  return all;
}

Result<Outputs> reference_combined(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<CombinedNonMaxSuppressionAttributes>();
  const Tensor &boxes = *TRY(tensor_input(c, inputs, 0)), &scores = *TRY(tensor_input(c, inputs, 1));
  const Shape &b = boxes.shape(), &s = scores.shape();
  if (b.size() != 4 || s.size() != 3 || b[0] != s[0] || b[1] != s[1] || (b[2] != 1 && b[2] != s[2]) || b[3] != 4) {
    return input_error("boxes and scores do not fit: " + type_text(boxes) + " and " + type_text(scores));
  }
  SuppressionRule rule{.max_count = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "max_output_size_per_class"))};
  const int64_t total = TRY(scalar_int(*TRY(tensor_input(c, inputs, 3)), "max_total_size"));
  rule.iou_threshold = TRY(float_input(c, inputs, 4));
  rule.score_threshold = TRY(float_input(c, inputs, 5));
  const int64_t size = TRY(combined_size(rule.max_count, total, s[2], a.pad_per_class));
  if (size == kUnknownDim) return input_error("the number of boxes to select does not fit 64 bits");
  TRY(check_rule(rule));
  const int64_t batch = b[0];
  MutableTensor out_boxes = TRY(c.allocate(DType::kFloat32, {batch, size, 4})), out_scores = TRY(c.allocate(DType::kFloat32, {batch, size}));
  MutableTensor out_classes = TRY(c.allocate(DType::kFloat32, {batch, size})), valid = TRY(c.allocate(DType::kInt32, {batch}));
  const auto all_boxes = TRY(boxes_of(boxes.reshaped({boxes.elements() / 4, 4})));
  const auto all_scores = floats_of(scores);
  const auto per_image = static_cast<size_t>(b[1] * b[2]), scores_per_image = static_cast<size_t>(b[1] * s[2]);
  for (int64_t image = 0; image < batch && per_image > 0; ++image) {
    const auto at = static_cast<size_t>(image);
    const auto best = best_of_all_classes(std::span(all_boxes).subspan(at * per_image, per_image), b[2],
                                          std::span(all_scores).subspan(at * scores_per_image, scores_per_image), s[2], rule);
    const int64_t kept = std::min(size, static_cast<int64_t>(best.size()));
    for (int64_t i = 0; i < kept; ++i) {
      const auto& [box, score, number] = best[static_cast<size_t>(i)];
      const float corners[4] = {box.y1, box.x1, box.y2, box.x2};
      for (int64_t k = 0; k < 4; ++k) out_boxes.as<float>()[(image * size + i) * 4 + k] = a.clip_boxes ? std::clamp(corners[k], 0.0f, 1.0f) : corners[k];
      out_scores.as<float>()[image * size + i] = score;
      out_classes.as<float>()[image * size + i] = static_cast<float>(number);
    }
    valid.as<int32_t>()[image] = static_cast<int32_t>(kept);
  }
  return Outputs{std::move(out_boxes).finish(), std::move(out_scores).finish(), std::move(out_classes).finish(), std::move(valid).finish()};
}

}  // namespace

#define SUPPRESSION_OP(Name, operands, Attributes, text) \
  constinit const OpDef kOp_##Name = {                   \
      .name = #Name,                                     \
      .signature = operands,                             \
      .make_attributes = &make_attributes<Attributes>,   \
      .infer = infer_suppression,                        \
      .reference = reference_suppression,                \
      .doc = text,                                       \
  };

SUPPRESSION_OP(NonMaxSuppression, "boxes: float32, scores: float32, max_output_size: int32 -> selected_indices: int32", NonMaxSuppressionAttributes,
               "Which boxes are left, best first, when every box is dropped that overlaps a better one by more than `iou_threshold`.")
SUPPRESSION_OP(NonMaxSuppressionV2, "boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold -> selected_indices: int32", NoAttributes,
               "As NonMaxSuppression, with the threshold as an input.")
SUPPRESSION_OP(NonMaxSuppressionV3,
               "boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold, score_threshold: T_threshold -> selected_indices: int32", NoAttributes,
               "As NonMaxSuppressionV2, of the boxes better than score_threshold.")
SUPPRESSION_OP(NonMaxSuppressionV4,
               "boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold, score_threshold: T_threshold -> selected_indices: int32, "
               "valid_outputs: int32",
               PaddedNonMaxSuppressionAttributes, "As NonMaxSuppressionV3, with how many there are, the indices padded with 0 where that is asked for.")
SUPPRESSION_OP(NonMaxSuppressionV5,
               "boxes: T, scores: T, max_output_size: int32, iou_threshold: T, score_threshold: T, soft_nms_sigma: T -> selected_indices: int32, "
               "selected_scores: T, valid_outputs: int32",
               PaddedNonMaxSuppressionAttributes,
               "As NonMaxSuppressionV4, with the scores; a sigma above 0 lowers the scores of overlapping boxes instead of dropping them.")

constinit const OpDef kOp_CombinedNonMaxSuppression = {
    .name = "CombinedNonMaxSuppression",
    .signature =
        "boxes: float32, scores: float32, max_output_size_per_class: int32, max_total_size: int32, iou_threshold: float32, score_threshold: float32 "
        "-> nmsed_boxes: float32, nmsed_scores: float32, nmsed_classes: float32, valid_detections: int32",
    .make_attributes = &make_attributes<CombinedNonMaxSuppressionAttributes>,
    .infer = infer_combined,
    .reference = reference_combined,
    .doc = "Non-maximum suppression for each class of each image, then the best boxes of all classes, padded with zeros.",
};

}  // namespace isomer::ops
