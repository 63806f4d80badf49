// digamma: the reflection psi(1 - x) - psi(x) = pi cot(pi x) moves the argument to the right half, the recurrence psi(x + 1) = psi(x) + 1/x moves it to
// where the asymptotic series is exact to double precision.
//
// normal_quantile and inverse_erf: Halley's steps on the library's erfc, which is accurate in the tails, from a crude first guess. Each step triples the
// number of right digits, so five of them are right to the last few bits from any guess.
#include "ops/special_functions.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace isomer::ops {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The x > 0 with erfc(x) = y, for y in (0, 1].
double inverse_erfc(double y) {
  if (y == 1) return 0;
  // From erfc(x) ~ exp(-x * x) / (x * sqrt(pi)) in the tail; near the middle from the slope of erf at 0.
  const double tail = -std::log(y);
  double x = y > 0.5 ? (1 - y) * std::sqrt(std::numbers::pi) / 2 : std::sqrt(std::fmax(tail - 0.5 * std::log(tail * std::numbers::pi + 1), 0.05));
  for (int step = 0; step < 5; ++step) {
    const double slope = 2 / std::sqrt(std::numbers::pi) * std::exp(-x * x);
    if (slope == 0) break;
    const double error = (std::erfc(x) - y) / slope;
    x += error / (1 - x * error);
  }
  return x;
}

}  // namespace

double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);  // lgamma itself writes a global
}

double digamma(double x) {
  if (std::isinf(x)) return x > 0 ? x : kNaN;
  if (x <= 0) {
    if (x == std::floor(x)) return kNaN;
    return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * (x - std::floor(x)));
  }
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  const double inverse = 1 / (x * x);
  const double series =
      inverse * (1.0 / 12 - inverse * (1.0 / 120 - inverse * (1.0 / 252 - inverse * (1.0 / 240 - inverse * (1.0 / 132 - inverse * 691.0 / 32760)))));
  return sum + std::log(x) - 0.5 / x - series;
}

double inverse_erf(double x) {
  if (!(x >= -1 && x <= 1)) return kNaN;
  if (x == 0) return x;
  if (std::fabs(x) == 1) return std::copysign(kInfinity, x);
  return std::copysign(inverse_erfc(1 - std::fabs(x)), x);
}

double normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  const double x = std::numbers::sqrt2 * inverse_erfc(p < 0.5 ? 2 * p : 2 * (1 - p));
  return p < 0.5 ? -x : x;
}

}  // namespace isomer::ops
