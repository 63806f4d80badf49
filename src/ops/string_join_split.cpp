// Ops that take strings apart or put those of a dimension together.
#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/string_tensor.h"
#include "ops/strings.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- StringSplit and StringSplitV2: the pieces of a vector of strings as a sparse matrix

using Pieces = std::vector<std::string_view>;

Pieces split_at_any(std::string_view text, std::string_view delimiters, bool skip_empty) {
  Pieces pieces;
  if (text.empty()) return pieces;
  if (delimiters.empty()) {
    for (size_t i = 0; i < text.size(); ++i) pieces.push_back(text.substr(i, 1));
    return pieces;
  }
  for (size_t first = 0;;) {
    const size_t end = text.find_first_of(delimiters, first);
    const std::string_view piece = text.substr(first, end == std::string_view::npos ? end : end - first);
    if (!piece.empty() || !skip_empty) pieces.push_back(piece);
    if (end == std::string_view::npos) return pieces;
    first = end + 1;
  }
}

Pieces split_at_blanks(std::string_view text, int64_t max_split) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  Pieces pieces;
  const auto skip_blanks = [&] { text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size())); };
  skip_blanks();
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, text.find_first_of(kBlanks));
    pieces.push_back(piece);
    text.remove_prefix(piece.size());
    skip_blanks();
    if (static_cast<int64_t>(pieces.size()) == max_split) {
      pieces.push_back(text);
      break;
    }
  }
  return pieces;
}

Pieces split_at(std::string_view text, std::string_view separator, int64_t max_split) {
  if (max_split == 0) return {text};
  if (separator.empty()) return split_at_blanks(text, max_split);
  Pieces pieces;
  while (static_cast<int64_t>(pieces.size()) != max_split) {
    const size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end + separator.size());
  }
  pieces.push_back(text);
  return pieces;
}

Result<void> infer_split(InferContext& c) {
  TRY(shape_of_rank(c, 0, 1));
  c.set_shape(0, PartialShape{kUnknownDim, 2});
  c.set_shape(1, PartialShape::of_rank(1));
  c.set_shape(2, PartialShape{2});
  return {};
}

template <class Split>
Result<Outputs> split_rows(EvalContext& c, Inputs inputs, Split split) {
  const Tensor &text = *TRY(tensor_input(c, inputs, 0)), &separator = *TRY(tensor_input(c, inputs, 1));
  if (text.rank() != 1) return input_error("the strings must be a vector, found " + type_text(text));
  if (separator.elements() != 1) return input_error("the separator must be one string, found " + type_text(separator));
  StringCollector values(memory_of(c));
  std::vector<int64_t> indices;
  int64_t columns = 0;
  for (int64_t row = 0; row < text.elements(); ++row) {
    const Pieces pieces = split(text.string_at(row), separator.string_at(0));
    columns = std::max(columns, static_cast<int64_t>(pieces.size()));
    for (size_t i = 0; i < pieces.size(); ++i) {
      TRY(values.add(std::string(pieces[i])));
      indices.push_back(row);
      indices.push_back(static_cast<int64_t>(i));
    }
  }
  const int64_t count = values.size();
  const int64_t shape[] = {text.elements(), columns};
  Tensor pieces = TRY(values.finish({count}));
  return Outputs{Tensor::int64s(indices).reshaped({count, 2}), std::move(pieces), Tensor::int64s(shape)};
}

Result<Outputs> reference_split(EvalContext& c, Inputs inputs) {
  const bool skip_empty = c.as<StringSplitAttributes>().skip_empty;
  return split_rows(c, inputs, [&](std::string_view text, std::string_view delimiters) { return split_at_any(text, delimiters, skip_empty); });
}

Result<Outputs> reference_split_v2(EvalContext& c, Inputs inputs) {
  const int64_t max_split = c.as<StringSplitV2Attributes>().maxsplit;
  return split_rows(c, inputs, [&](std::string_view text, std::string_view separator) { return split_at(text, separator, max_split); });
}

// --- ReduceJoin

Result<void> infer_reduce_join(InferContext& c) {
  const PartialShape& shape = c.shape(0);
  const Tensor* axes = c.constant(1);
  const bool keep = c.as<ReduceJoinAttributes>().keep_dims;
  if (!shape.has_rank()) return {};
  if (!axes) {
    if (keep) c.set_shape(0, PartialShape::of_rank(shape.rank()));
    return {};
  }
  const std::vector<bool> reduced = TRY(reduction_axes(*axes, shape.rank()));
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < shape.rank(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) {
      dims.push_back(shape[i]);
    } else if (keep) {
      dims.push_back(1);
    }
  }
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

Result<Outputs> reference_reduce_join(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<ReduceJoinAttributes>();
  const Tensor &text = *TRY(tensor_input(c, inputs, 0)), &axes = *TRY(tensor_input(c, inputs, 1));
  const std::vector<bool> reduced = TRY(reduction_axes(axes, text.rank()));
  // The strings are joined in the order that the axes are given in, the first one running fastest.
  const std::vector<int64_t> strides = strides_of(text.shape());
  Shape joined, kept, result;
  std::vector<int64_t> joined_strides, kept_strides;
  for (const int64_t axis : axes.to_int64s()) {
    const auto at = static_cast<size_t>(TRY(resolve_axis(axis, text.rank())));
    joined.insert(joined.begin(), text.shape()[at]);
    joined_strides.insert(joined_strides.begin(), strides[at]);
  }
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) {
      kept.push_back(text.shape()[i]);
      kept_strides.push_back(strides[i]);
      result.push_back(text.shape()[i]);
    } else if (a.keep_dims) {
      result.push_back(1);
    }
  }
  StringCollector out(memory_of(c));
  for (Odometer group(kept, {kept_strides}); !group.done(); group.next()) {
    std::string value;
    bool first = true;
    for (Odometer part(joined, {joined_strides}); !part.done(); part.next()) {
      if (!std::exchange(first, false)) value += a.separator;
      value += text.string_at(group.offset(0) + part.offset(0));
    }
    TRY(out.add(std::move(value)));
  }
  return one(TRY(out.finish(std::move(result))));
}

// --- StringNGrams

Result<void> infer_ngrams(InferContext& c) {
  TRY(shape_of_rank(c, 0, 1));
  for (const int64_t width : c.as<StringNGramsAttributes>().ngram_widths)
    if (width < 1) return input_error("the width of n-grams must be positive, found " + std::to_string(width));
  c.set_shape(0, PartialShape::of_rank(1));
  c.set_shape(1, TRY(shape_of_rank(c, 1, 1)));
  return {};
}

// Makes the n-grams of one row, padded at both ends.
class NGramMaker {
 public:
  NGramMaker(const StringNGramsAttributes& attributes, const Tensor& data, StringCollector& out) : a_(attributes), data_(data), out_(out) {}

  Result<void> make_row(int64_t begin, int64_t end) {
    const int64_t length = end - begin, before = out_.size();
    for (const int64_t width : a_.ngram_widths) {
      const int64_t pad = std::min(a_.pad_width < 0 ? width - 1 : a_.pad_width, width - 1);
      if (pad > out_.room()) return fail(ErrorCode::kLimitExceeded, "n-grams of width " + std::to_string(width) + " are too wide");
      TRY(make(begin, end, width, pad, length + 2 * pad - width + 1));
    }
    // A sequence too short for any n-gram becomes one of its own.
    if (!a_.preserve_short_sequences || out_.size() != before || length == 0) return {};
    const int64_t pad = std::max<int64_t>(a_.pad_width, 0);
    if (pad > out_.room()) return fail(ErrorCode::kLimitExceeded, "a padding of " + std::to_string(pad) + " is too wide");
    return make(begin, end, length + 2 * pad, pad, 1);
  }

 private:
  Result<void> make(int64_t begin, int64_t end, int64_t width, int64_t pad, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      // The window lies at [i - pad, i - pad + width) of the row; what sticks out is padding.
      const int64_t first = begin + i - pad;
      const int64_t left = std::clamp<int64_t>(begin - first, 0, width), right = std::clamp<int64_t>(first + width - end, 0, width - left);
      std::string text;
      const auto append = [&](std::string_view piece, bool separated) -> Result<void> {
        if (separated) text += a_.separator;
        text += piece;
        if (static_cast<int64_t>(text.size()) > out_.room())
          return fail(ErrorCode::kLimitExceeded, "n-grams of width " + std::to_string(width) + " are too wide");
        return {};
      };
      for (int64_t k = 0; k < width; ++k) {
        const std::string_view piece = k < left ? a_.left_pad : k >= width - right ? std::string_view(a_.right_pad) : data_.string_at(first + k);
        TRY(append(piece, k > 0));
      }
      TRY(out_.add(std::move(text)));
    }
    return {};
  }

  const StringNGramsAttributes& a_;
  const Tensor& data_;
  StringCollector& out_;
};

Result<Outputs> reference_ngrams(EvalContext& c, Inputs inputs) {
  const Tensor &data = *TRY(tensor_input(c, inputs, 0)), &splits = *TRY(tensor_input(c, inputs, 1));
  const std::vector<int64_t> ends = TRY(int_vector(splits, "the splits"));
  if (data.rank() != 1) return input_error("the strings must be a vector, found " + type_text(data));
  if (!ends.empty() && (ends.front() != 0 || ends.back() != data.elements() || !std::is_sorted(ends.begin(), ends.end()))) {
    return input_error("the splits must rise from 0 to the number of strings, " + std::to_string(data.elements()));
  }
  StringCollector out(memory_of(c));
  NGramMaker maker(c.as<StringNGramsAttributes>(), data, out);
  std::vector<int64_t> result_splits(ends.size(), 0);
  for (size_t row = 1; row < ends.size(); ++row) {
    TRY(maker.make_row(ends[row - 1], ends[row]));
    result_splits[row] = out.size();
  }
  MutableTensor split_tensor = TRY(c.allocate(splits.dtype(), splits.shape()));
  store_int64s(split_tensor, 0, result_splits);
  const int64_t count = out.size();
  return Outputs{TRY(out.finish({count})), std::move(split_tensor).finish()};
}

}  // namespace

constinit const OpDef kOp_StringSplit = {
    .name = "StringSplit",
    .signature = "input: string, delimiter: string -> indices: int64, values: string, shape: int64",
    .make_attributes = &make_attributes<StringSplitAttributes>,
    .infer = infer_split,
    .reference = reference_split,
    .doc = "The pieces of each string between characters of the delimiter (between all bytes, when it is empty) as a sparse matrix.",
};

constinit const OpDef kOp_StringSplitV2 = {
    .name = "StringSplitV2",
    .signature = "input: string, sep: string -> indices: int64, values: string, shape: int64",
    .make_attributes = &make_attributes<StringSplitV2Attributes>,
    .infer = infer_split,
    .reference = reference_split_v2,
    .doc =
        "The pieces of each string between separators (between runs of blanks, when the separator is empty) as a sparse matrix, with at most maxsplit "
        "splits unless that is negative.",
};

constinit const OpDef kOp_ReduceJoin = {
    .name = "ReduceJoin",
    .signature = "inputs: string, reduction_indices: int32 -> output: string",
    .make_attributes = &make_attributes<ReduceJoinAttributes>,
    .infer = infer_reduce_join,
    .reference = reference_reduce_join,
    .doc = "Joins the strings along dimensions; the dimension that is given first runs fastest.",
};

constinit const OpDef kOp_StringNGrams = {
    .name = "StringNGrams",
    .signature = "data: string, data_splits: Tsplits -> ngrams: string, ngrams_splits: Tsplits",
    .make_attributes = &make_attributes<StringNGramsAttributes>,
    .infer = infer_ngrams,
    .reference = reference_ngrams,
    .doc =
        "All runs of neighbouring strings of the given widths within each row of a ragged matrix, joined by the separator; rows are padded at both ends "
        "with pad_width paddings (-1: one less than the width).",
};

}  // namespace isomer::ops
