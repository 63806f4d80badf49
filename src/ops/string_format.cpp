// Tensors as text, as tf.print shows them: nested brackets, and of long dimensions only both ends.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "ops/kernel.h"
#include "ops/string_tensor.h"
#include "ops/strings.h"

namespace isomer::ops {

using namespace ir;

namespace {

// The fewest digits of two precisions that read back as the same number.
std::string shorter_digits(DType dtype, double value) {
  const bool wide = dtype == DType::kFloat64;
  if (std::isnan(value)) return "nan";  // without a sign
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", wide ? 15 : 6, value);
  const double again = std::strtod(text, nullptr);
  const bool same = wide ? again == value : static_cast<float>(again) == static_cast<float>(value);
  if (!same) std::snprintf(text, sizeof text, "%.*g", wide ? 17 : 9, value);
  return text;
}

// In quotes; control characters, quotes and backslashes as in C, everything beyond ASCII as it is.
std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char letter : value) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '\n') {
      text += "\\n";
    } else if (letter == '\r') {
      text += "\\r";
    } else if (letter == '\t') {
      text += "\\t";
    } else if (letter == '"' || letter == '\'' || letter == '\\') {
      text += {'\\', letter};
    } else if (byte < 0x20 || byte == 0x7F) {
      char octal[8];
      std::snprintf(octal, sizeof octal, "\\%03o", byte);
      text += octal;
    } else {
      text += letter;
    }
  }
  return text + "\"";
}

std::string shown_element(const Tensor& x, int64_t i) {
  switch (type_class(x.dtype())) {
    case TypeClass::kString: return quoted(x.string_at(i));
    case TypeClass::kBool: return x.at<uint8_t>(i) ? "1" : "0";
    case TypeClass::kInteger: return x.dtype() == DType::kUint64 ? std::to_string(x.at<uint64_t>(i)) : std::to_string(x.as_int64(i));
    case TypeClass::kFloat: return shorter_digits(x.dtype(), x.as_double(i));
    default: return "?";
  }
}

class Summary {
 public:
  Summary(EvalContext& c, const Tensor& x, int64_t ends) : c_(c), x_(x), ends_(ends) {}

  Result<std::string> text() {
    if (x_.rank() == 0) return ends_ == 0 ? "..." : shown_element(x_, 0);
    if (is_complex(x_.dtype())) {
      text_ = "[";
      for (int64_t i = 0; i < std::min(ends_, x_.elements()); ++i) text_ += i == 0 ? "?" : " ?";
      return text_ + (ends_ < x_.elements() ? "...]" : "]");
    }
    TRY(dimension(0, 0));
    return std::move(text_);
  }

 private:
  // What lies in dimension `d` from element `first` on.
  Result<void> dimension(int64_t d, int64_t first) {
    if (d == x_.rank()) {
      text_ += shown_element(x_, first);
      return check_elements(c_, {static_cast<int64_t>(text_.size())});
    }
    const int64_t size = x_.shape()[static_cast<size_t>(d)], end = std::max(ends_, size - ends_);
    const int64_t step = element_count_of(Shape(x_.shape().begin() + d + 1, x_.shape().end()));
    text_ += "[";
    for (int64_t i = 0; i < std::min(ends_, size); ++i) {
      if (i > 0) space(d);
      TRY(dimension(d + 1, first + i * step));
    }
    if (size > ends_ && size - ends_ > ends_) {
      space(d);
      text_ += "...";
    }
    for (int64_t i = end; i < size; ++i) {
      space(d);
      TRY(dimension(d + 1, first + i * step));
    }
    text_ += "]";
    return {};
  }
  // Between two parts of a dimension: lines for the outer ones.
  void space(int64_t d) {
    if (d + 1 < x_.rank()) {
      text_.append(static_cast<size_t>(x_.rank() - d - 1), '\n');
      text_.append(static_cast<size_t>(d), ' ');
    }
    text_ += " ";
  }

  EvalContext& c_;
  const Tensor& x_;
  int64_t ends_;
  std::string text_;
};

// The parts of the template between placeholders; an empty placeholder stands between any two characters.
std::vector<std::string> template_parts(const StringFormatAttributes& a) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    const size_t at = a.placeholder.empty() ? (begin + 1 < a.template_.size() ? begin + 1 : std::string::npos) : a.template_.find(a.placeholder, begin);
    parts.push_back(a.template_.substr(begin, at == std::string::npos ? at : at - begin));
    if (at == std::string::npos) return parts;
    begin = at + a.placeholder.size();
  }
}

Result<void> infer_string_format(InferContext& c) {
  const size_t places = template_parts(c.as<StringFormatAttributes>()).size() - 1;
  if (static_cast<int64_t>(places) != c.input_count())
    return input_error("the template has places for " + std::to_string(places) + " tensors, found " + std::to_string(c.input_count()));
  return infer_scalar(c);
}

Result<Outputs> reference_string_format(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<StringFormatAttributes>();
  const std::vector<std::string> parts = template_parts(a);
  if (parts.size() != inputs.size() + 1)
    return input_error("the template has places for " + std::to_string(parts.size() - 1) + " tensors, found " + std::to_string(inputs.size()));
  std::string text = parts[0];
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = *TRY(tensor_input(c, inputs, static_cast<int64_t>(i)));
    text += TRY(Summary(c, x, a.summarize < 0 ? x.elements() : std::min(a.summarize, x.elements())).text()) + parts[i + 1];
    TRY(check_elements(c, {static_cast<int64_t>(text.size())}));
  }
  StringCollector result(memory_of(c));
  TRY(result.add(std::move(text)));
  return one(TRY(result.finish({})));
}

}  // namespace

constinit const OpDef kOp_StringFormat = {
    .name = "StringFormat",
    .signature = "inputs: list(T) -> output: string",
    .make_attributes = &make_attributes<StringFormatAttributes>,
    .infer = infer_string_format,
    .reference = reference_string_format,
    .doc = "The template with each placeholder replaced by the text of a tensor, of which `summarize` elements at both ends of each dimension are shown.",
};

}  // namespace isomer::ops
