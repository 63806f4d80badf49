// Strings as base64, as the bytes of numbers, joined by segments, and matched as a whole.
#include "ops/string_encoding.h"

#include <algorithm>

#include "ops/kernel.h"
#include "ops/partial_value.h"
#include "ops/string_tensor.h"
#include "wire/base64.h"
#include "wire/regex.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- base64, in the alphabet that is safe in URLs

Result<Outputs> reference_encode_base64(EvalContext& c, Inputs inputs) {
  const bool pad = c.as<EncodeBase64Attributes>().pad;
  const Tensor& bytes = *TRY(tensor_input(c, inputs, 0));
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < bytes.elements(); ++i) {
    std::string text = base64_encode(bytes.string_at(i));
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    if (!pad) text.erase(std::min(text.find('='), text.size()));
    TRY(out.add(std::move(text)));
  }
  return one(TRY(out.finish(bytes.shape())));
}

Result<Outputs> reference_decode_base64(EvalContext& c, Inputs inputs) {
  const Tensor& text = *TRY(tensor_input(c, inputs, 0));
  StringCollector out(memory_of(c));
  for (int64_t i = 0; i < text.elements(); ++i) {
    auto bytes = text.string_at(i).find_first_of("+/") == std::string_view::npos ? base64_decode(text.string_at(i)) : std::nullopt;
    if (!bytes) return input_error("element " + std::to_string(i) + " is no base64 in the alphabet with - and _");
    TRY(out.add(std::move(*bytes)));
  }
  return one(TRY(out.finish(text.shape())));
}

// --- DecodeRaw

Result<void> infer_decode_raw(InferContext& c) {
  if (c.result(0).dtype == DType::kInvalid || element_size(c.result(0).dtype) == 0) return dtype_error(c.op(), c.result(0).dtype);
  if (!c.shape(0).has_rank()) return {};
  std::vector<int64_t> dims = c.shape(0).dims();
  const auto bytes = c.input_count() > 1 ? scalar_from_input(c, 1) : std::nullopt;
  dims.push_back(bytes && *bytes > 0 ? *bytes / element_size(c.result(0).dtype) : kUnknownDim);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

// The bytes of all strings, cut or filled with zeros to `length` each, as numbers.
Result<Outputs> numbers_of_bytes(EvalContext& c, const Tensor& bytes, int64_t length) {
  const DType dtype = c.output_dtype(0);
  const int64_t size = element_size(dtype);
  if (size == 0) return dtype_error(c, dtype);
  if (length % size != 0) return input_error("strings of " + std::to_string(length) + " bytes are no numbers of " + std::to_string(size));
  Shape shape = bytes.shape();
  shape.push_back(length / size);
  MutableTensor out = TRY(c.allocate(dtype, std::move(shape)));
  const std::span<std::byte> target(out.data(), static_cast<size_t>(out.elements() * size));
  for (int64_t i = 0; i < bytes.elements(); ++i) {
    const std::string_view from = bytes.string_at(i);
    const auto count = std::min(from.size(), static_cast<size_t>(length));
    std::copy_n(reinterpret_cast<const std::byte*>(from.data()), count, target.data() + i * length);
  }
  // The parts of a complex number are numbers of their own.
  const int64_t part = is_complex(dtype) ? size / 2 : size;
  if (!c.as<DecodeRawAttributes>().little_endian && part > 1) {
    for (size_t at = 0; at < target.size(); at += static_cast<size_t>(part)) std::reverse(target.data() + at, target.data() + at + part);
  }
  if (dtype == DType::kBool)
    for (std::byte& value : target) value = value != std::byte{0} ? std::byte{1} : std::byte{0};
  return one(std::move(out));
}

Result<Outputs> reference_decode_raw(EvalContext& c, Inputs inputs) {
  const Tensor& bytes = *TRY(tensor_input(c, inputs, 0));
  const auto length = bytes.elements() == 0 ? 0 : static_cast<int64_t>(bytes.string_at(0).size());
  for (int64_t i = 0; i < bytes.elements(); ++i) {
    if (static_cast<int64_t>(bytes.string_at(i).size()) != length)
      return input_error("all strings must have as many bytes, found " + std::to_string(length) + " and " + std::to_string(bytes.string_at(i).size()));
  }
  return numbers_of_bytes(c, bytes, length);
}

Result<Outputs> reference_decode_padded_raw(EvalContext& c, Inputs inputs) {
  const int64_t length = TRY(scalar_int(*TRY(tensor_input(c, inputs, 1)), "fixed_length"));
  if (length < 1) return input_error("fixed_length must be positive, found " + std::to_string(length));
  return numbers_of_bytes(c, *TRY(tensor_input(c, inputs, 0)), length);
}

// --- RegexFullMatch

Result<void> infer_regex_full_match(InferContext& c) {
  TRY(shape_of_rank(c, 1, 0));
  return infer_same(c);
}

Result<Outputs> reference_regex_full_match(EvalContext& c, Inputs inputs) {
  const Tensor &text = *TRY(tensor_input(c, inputs, 0)), &pattern = *TRY(tensor_input(c, inputs, 1));
  if (pattern.elements() != 1) return input_error("the pattern must be one string, found " + type_text(pattern));
  const wire::Regex regex = TRY(wire::Regex::compile(pattern.string_at(0)));
  MutableTensor out = TRY(c.allocate(DType::kBool, text.shape()));
  for (int64_t i = 0; i < text.elements(); ++i) out.as<uint8_t>()[i] = regex.matches_all(text.string_at(i)) ? 1 : 0;
  return one(std::move(out));
}

// --- UnsortedSegmentJoin

Result<void> infer_segment_join(InferContext& c) {
  const PartialShape &text = c.shape(0), &ids = c.shape(1);
  TRY(shape_of_rank(c, 2, 0));
  if (!text.has_rank() || !ids.has_rank()) return {};
  if (ids.rank() > text.rank()) return input_error("segment_ids " + to_string(ids) + " do not begin the shape of the inputs " + to_string(text));
  std::vector<int64_t> dims(text.dims().begin() + ids.rank(), text.dims().end());
  const auto count = scalar_from_input(c, 2);
  dims.insert(dims.begin(), count && *count >= 0 ? *count : kUnknownDim);
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

Result<Outputs> reference_segment_join(EvalContext& c, Inputs inputs) {
  const std::string& separator = c.as<UnsortedSegmentJoinAttributes>().separator;
  const Tensor &text = *TRY(tensor_input(c, inputs, 0)), &ids = *TRY(tensor_input(c, inputs, 1));
  const int64_t count = TRY(scalar_int(*TRY(tensor_input(c, inputs, 2)), "num_segments"));
  if (ids.rank() > text.rank() || !std::equal(ids.shape().begin(), ids.shape().end(), text.shape().begin()))
    return input_error("segment_ids " + type_text(ids) + " do not begin the shape of the inputs " + type_text(text));
  if (count < 0) return input_error("num_segments must not be negative, found " + std::to_string(count));
  Shape shape(text.shape().begin() + ids.rank(), text.shape().end());
  const int64_t row = element_count_of(shape);
  shape.insert(shape.begin(), count);
  TRY(check_elements(c, shape));
  std::vector<std::string> joined(static_cast<size_t>(element_count_of(shape)));
  std::vector<bool> begun(joined.size(), false);
  int64_t bytes = 0;
  for (int64_t i = 0; i < ids.elements(); ++i) {
    const int64_t id = ids.as_int64(i);
    if (id < 0 || id >= count) return input_error("segment " + std::to_string(id) + " of " + std::to_string(count) + " does not exist");
    for (int64_t j = 0; j < row; ++j) {
      const auto at = static_cast<size_t>(id * row + j);
      if (begun[at]) joined[at] += separator;
      joined[at] += text.string_at(i * row + j);
      begun[at] = true;
      bytes += static_cast<int64_t>(separator.size() + text.string_at(i * row + j).size());
      if (bytes > c.limits().tensor_bytes) return fail(ErrorCode::kLimitExceeded, "the joined strings exceed the limit of a tensor's bytes");
    }
  }
  return one(TRY(make_strings(memory_of(c), std::move(shape), joined)));
}

}  // namespace

constinit const OpDef kOp_EncodeBase64 = {
    .name = "EncodeBase64",
    .signature = "input: string -> output: string",
    .make_attributes = &make_attributes<EncodeBase64Attributes>,
    .infer = infer_same,
    .reference = reference_encode_base64,
    .doc = "Strings in base64 with the alphabet that is safe in URLs (RFC 4648, section 5), padded with = where `pad` is set.",
};

constinit const OpDef kOp_DecodeBase64 = {
    .name = "DecodeBase64",
    .signature = "input: string -> output: string",
    .infer = infer_same,
    .reference = reference_decode_base64,
    .doc = "The bytes that strings in base64 (EncodeBase64, padded or not) stand for.",
};

constinit const OpDef kOp_DecodeRaw = {
    .name = "DecodeRaw",
    .signature = "bytes: string -> output: out_type",
    .make_attributes = &make_attributes<DecodeRawAttributes>,
    .infer = infer_decode_raw,
    .reference = reference_decode_raw,
    .doc = "The bytes of strings of one length as numbers, along a new last dimension.",
};

constinit const OpDef kOp_DecodePaddedRaw = {
    .name = "DecodePaddedRaw",
    .signature = "input_bytes: string, fixed_length: int32 -> output: out_type",
    .make_attributes = &make_attributes<DecodeRawAttributes>,
    .infer = infer_decode_raw,
    .reference = reference_decode_padded_raw,
    .doc = "DecodeRaw of strings that are cut or filled up with zeros to fixed_length bytes.",
};

constinit const OpDef kOp_RegexFullMatch = {
    .name = "RegexFullMatch",
    .signature = "input: string, pattern: string -> output: bool",
    .infer = infer_regex_full_match,
    .reference = reference_regex_full_match,
    .doc = "StaticRegexFullMatch with the pattern as an input.",
};

constinit const OpDef kOp_UnsortedSegmentJoin = {
    .name = "UnsortedSegmentJoin",
    .signature = "inputs: string, segment_ids: Tindices, num_segments: Tnumsegments -> output: string",
    .make_attributes = &make_attributes<UnsortedSegmentJoinAttributes>,
    .infer = infer_segment_join,
    .reference = reference_segment_join,
    .doc = "The strings of each segment, in their order, with the separator between them.",
};

}  // namespace isomer::ops
