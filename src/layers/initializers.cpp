// X. Glorot and Y. Bengio, 2010; K. He et al., 2015; Y. LeCun et al., 1998: the variance follows from the number of inputs and outputs of a unit. For kernels
// of convolutions these count once for each place of the window. Orthogonal: A. Saxe et al., 2013, by the Gram-Schmidt process on rows of normal numbers.
#include "layers/initializers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "layers/config.h"

namespace isomer::layers {
namespace {

using Draw = std::function<double()>;

double unit(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

// Box and Muller; std::normal_distribution differs from library to library.
double normal(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - unit(random)));
  return radius * std::cos(2 * M_PI * unit(random));
}

double truncated_normal(std::mt19937_64& random) {
  while (true) {
    const double x = normal(random);
    if (std::fabs(x) < 2) return x;
  }
}

struct Fans {
  double in = 1, out = 1;
};
Fans fans_of(const Shape& shape) {
  if (shape.empty()) return {};
  if (shape.size() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double window = 1;
  for (size_t i = 0; i + 2 < shape.size(); ++i) window *= static_cast<double>(shape[i]);
  return {window * static_cast<double>(shape[shape.size() - 2]), window * static_cast<double>(shape.back())};
}

Result<Tensor> filled(const Shape& shape, DType dtype, const Draw& draw) {
  MutableTensor tensor = TRY(MutableTensor::create(dtype, shape, Limits()));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = draw();
    if (is_float(dtype)) {
      store_doubles(tensor, i, {&value, 1});
    } else {
      const auto integer = static_cast<int64_t>(value);
      store_int64s(tensor, i, {&integer, 1});
    }
  }
  return std::move(tensor).finish();
}

Result<Tensor> scaled_variance(const Shape& shape, DType dtype, double scale, const std::string& mode, const std::string& distribution,
                               std::mt19937_64& random) {
  const Fans fans = fans_of(shape);
  const double fan = mode == "fan_in" || mode == "fanIn" ? fans.in : mode == "fan_out" || mode == "fanOut" ? fans.out : (fans.in + fans.out) / 2;
  const double variance = scale / std::max(1.0, fan);
  if (distribution == "uniform") {
    const double limit = std::sqrt(3 * variance);
    return filled(shape, dtype, [&] { return (2 * unit(random) - 1) * limit; });
  }
  if (distribution == "untruncated_normal") return filled(shape, dtype, [&] { return normal(random) * std::sqrt(variance); });
  // Cutting at two deviations takes spread away, which the constant gives back.
  return filled(shape, dtype, [&] { return truncated_normal(random) * std::sqrt(variance) / 0.87962566103423978; });
}

Result<Tensor> orthogonal(const Shape& shape, DType dtype, double gain, std::mt19937_64& random) {
  const int64_t columns = shape.empty() ? 1 : shape.back(), rows = shape.empty() ? 1 : element_count_of(shape) / std::max<int64_t>(1, columns);
  const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<std::vector<double>> vectors;
  while (static_cast<int64_t>(vectors.size()) < count) {
    std::vector<double> v(static_cast<size_t>(length));
    for (double& x : v) x = normal(random);
    for (const auto& other : vectors) {
      const double part = std::inner_product(v.begin(), v.end(), other.begin(), 0.0);
      for (size_t i = 0; i < v.size(); ++i) v[i] -= part * other[i];
    }
    const double size = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    if (size < 1e-6) continue;
    for (double& x : v) x /= size;
    vectors.push_back(std::move(v));
  }
  int64_t at = 0;
  return filled(shape, dtype, [&] {
    const int64_t row = at / columns, column = at % columns;
    ++at;
    return gain *
           (rows <= columns ? vectors[static_cast<size_t>(row)][static_cast<size_t>(column)] : vectors[static_cast<size_t>(column)][static_cast<size_t>(row)]);
  });
}

std::string plain(std::string name) {
  std::erase(name, '_');
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace

Result<Tensor> initial_value(const JsonValue& spec, const Shape& shape, DType dtype, std::mt19937_64& random) {
  const JsonValue empty = JsonValue::object();
  const JsonValue* found = spec.find("config");
  Config config(found && found->is_object() ? *found : empty, Generation::kKeras2);
  const std::string name = plain(class_name_of(spec));
  if (name.empty() || name == "zeros" || name == "zero") return filled(shape, dtype, [] { return 0.0; });
  if (name == "ones" || name == "one") return filled(shape, dtype, [] { return 1.0; });
  if (name == "constant") return filled(shape, dtype, [value = config.number("value", 0)] { return value; });
  if (name == "randomuniform" || name == "uniform") {
    const double low = config.number("minval", -0.05), high = config.number("maxval", 0.05);
    return filled(shape, dtype, [&] { return low + (high - low) * unit(random); });
  }
  if (name == "randomnormal" || name == "normal" || name == "truncatednormal") {
    const double mean = config.number("mean", 0), deviation = config.number("stddev", 0.05);
    const bool cut = name == "truncatednormal";
    return filled(shape, dtype, [&] { return mean + deviation * (cut ? truncated_normal(random) : normal(random)); });
  }
  if (name == "identity") {
    int64_t at = 0;
    const int64_t columns = shape.empty() ? 1 : shape.back();
    return filled(shape, dtype, [&, gain = config.number("gain", 1)] {
      const int64_t i = at++;
      return i / columns == i % columns ? gain : 0.0;
    });
  }
  if (name == "orthogonal") return orthogonal(shape, dtype, config.number("gain", 1), random);
  if (name == "variancescaling")
    return scaled_variance(shape, dtype, config.number("scale", 1), config.text("mode", "fan_in"), config.text("distribution", "truncated_normal"), random);
  struct Named {
    std::string_view name;
    double scale;
    std::string_view mode, distribution;
  };
  static constexpr Named kNamed[] = {{"glorotuniform", 1, "fan_avg", "uniform"}, {"glorotnormal", 1, "fan_avg", "normal"},
                                     {"heuniform", 2, "fan_in", "uniform"},      {"henormal", 2, "fan_in", "normal"},
                                     {"lecununiform", 1, "fan_in", "uniform"},   {"lecunnormal", 1, "fan_in", "normal"}};
  for (const Named& n : kNamed)
    if (n.name == name) return scaled_variance(shape, dtype, n.scale, std::string(n.mode), std::string(n.distribution), random);
  return fail(ErrorCode::kUnsupported, "Isomer does not know the initialiser " + class_name_of(spec));
}

}  // namespace isomer::layers
