#include "isomer/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "ir/text.h"

namespace isomer {
namespace {

Shape place_of(int64_t element, const Shape& shape) {
  Shape place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; element /= shape[axis]) place[axis] = element % shape[axis];
  return place;
}

// One element of a tensor that is no string.
std::complex<double> element(const Tensor& tensor, int64_t i) {
  std::complex<double> value;
  if (!is_complex(tensor.dtype())) return tensor.as_double(i);
  load_complex(tensor, i, {&value, 1});
  return value;
}

std::string element_text(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kString) return ir::quote(tensor.string_at(i).substr(0, 60));
  const std::complex<double> value = element(tensor, i);
  char text[64];
  std::snprintf(text, sizeof text, is_complex(tensor.dtype()) ? "%.9g%+.9gi" : "%.9g", value.real(), value.imag());
  return text;
}

bool same(std::complex<double> a, std::complex<double> b) {
  const auto equal = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return equal(a.real(), b.real()) && equal(a.imag(), b.imag());
}

}  // namespace

bool Comparison::equal() const {
  return std::all_of(outputs.begin(), outputs.end(), [](const OutputDifference& o) { return o.equal; });
}

OutputDifference compare_tensors(const std::string& name, const Tensor& expected, const Tensor& actual, const Tolerance& tolerance) {
  OutputDifference result;
  result.name = name;
  result.type = {expected.dtype(), PartialShape(expected.shape()), DType::kInvalid, {}};
  const auto point_to = [&](int64_t i) {
    result.where = place_of(i, expected.shape());
    result.expected = element_text(expected, i);
    result.actual = element_text(actual, i);
  };
  const auto differ = [&](std::string note) {
    result.equal = false;
    result.max_absolute = result.max_relative = std::numeric_limits<double>::infinity();
    result.note = std::move(note);
    return result;
  };
  if (expected.shape() != actual.shape()) return differ("shape " + to_string(actual.shape()) + " instead of " + to_string(expected.shape()));
  const TypeClass kind = type_class(expected.dtype());
  // Widths may differ (tf.js has no int64), kinds may not.
  if (type_class(actual.dtype()) != kind)
    return differ("dtype " + std::string(to_string(actual.dtype())) + " instead of " + std::string(to_string(expected.dtype())));
  const bool exact = kind == TypeClass::kInteger || kind == TypeClass::kBool;
  double worst = 0;  // difference as a multiple of what is allowed
  for (int64_t i = 0; i < expected.elements(); ++i) {
    if (kind == TypeClass::kString) {
      if (expected.string_at(i) == actual.string_at(i)) continue;
      point_to(i);
      return differ("strings differ");
    }
    const std::complex<double> e = element(expected, i), a = element(actual, i);
    if (same(e, a)) continue;
    const double difference = std::abs(e - a), size = std::abs(e);
    if (!std::isfinite(difference)) {
      point_to(i);
      return differ("NaN or infinity at different places");
    }
    result.max_absolute = std::max(result.max_absolute, difference);
    if (size > 0) result.max_relative = std::max(result.max_relative, difference / size);
    const double allowed = exact ? 0.0 : tolerance.absolute + tolerance.relative * size;
    if (difference > allowed) result.equal = false;
    const double measure = difference / std::max(allowed, std::numeric_limits<double>::min());
    if (measure > worst) {
      worst = measure;
      point_to(i);
    }
  }
  return result;
}

std::vector<OutputDifference> compare_outputs(const std::vector<NamedTensor>& expected, const std::vector<NamedTensor>& actual, const Tolerance& tolerance) {
  std::vector<OutputDifference> result;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i >= actual.size()) {
      OutputDifference& missing = result.emplace_back();
      missing.name = expected[i].name;
      missing.max_absolute = missing.max_relative = std::numeric_limits<double>::infinity();
      missing.equal = false;
      missing.note = "the output is missing";
      continue;
    }
    result.push_back(compare_tensors(expected[i].name, expected[i].value, actual[i].value, tolerance));
  }
  return result;
}

}  // namespace isomer
