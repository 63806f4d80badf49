// The incomplete gamma functions: below x = a + 1 the series P = x^a exp(-x) / Gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...), above it the
// continued fraction of Q. Both take about sqrt(a) steps, so for a huge `a` the uniform expansion of Temme stands in: a normal distribution and its first
// correction, whose error is less than 1 / a.
//
// The incomplete beta function: its continued fraction, on the side of the mean where it converges fast.
//
// zeta: the first terms one by one, the rest by the formula of Euler and Maclaurin. For negative q the terms left of 0 are a difference of two such sums.
//
// Bessel functions: the series of powers, whose terms are all positive, and for large x the asymptotic expansion, whose terms fall below any rounding.
#include "ops/incomplete_functions.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "ops/special_functions.h"

namespace isomer::ops {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kMaxSteps = 20000;

// A continued fraction b0 + a1 / (b1 + a2 / (b2 + ...)) from its front (Lentz). `next` gives a_i and b_i for i = 1, 2, ...
template <class F>
double continued_fraction(double b0, F&& next) {
  constexpr double kTiny = 1e-300;  // in place of a denominator of 0
  double value = b0 == 0 ? kTiny : b0, c = value, d = 0;
  for (int i = 1; i < kMaxSteps; ++i) {
    const auto [a, b] = next(i);
    d = b + a * d;
    c = b + a / c;
    d = 1 / (d == 0 ? kTiny : d);
    if (c == 0) c = kTiny;
    const double change = c * d;
    value *= change;
    if (!(std::fabs(change - 1) > kEpsilon)) break;
  }
  return value;
}

struct Fraction {
  double a, b;
};

// P and Q, the smaller one accurate by itself; a > 0, x > 0, both finite.
struct GammaParts {
  double lower, upper;
};
GammaParts gamma_parts(double a, double x) {
  if (a > 1e6) {
    const double mu = (x - a) / a;
    // eta^2 / 2 = mu - log(1 + mu), of the sign of mu; near 0 both it and the correction 1 / mu - 1 / eta cancel.
    const bool near = std::fabs(mu) < 1e-3;
    const double eta = near ? mu * (1 - mu * (1.0 / 3 - mu * (7.0 / 36 - mu * 73.0 / 540))) : std::copysign(std::sqrt(2 * (mu - std::log1p(mu))), mu);
    const double correction = near ? -1.0 / 3 + eta * (1.0 / 12 - eta * 2.0 / 135) : 1 / mu - 1 / eta;
    const double rest = std::exp(-a * eta * eta / 2) / std::sqrt(2 * std::numbers::pi * a) * correction;
    return {std::erfc(-eta * std::sqrt(a / 2)) / 2 - rest, std::erfc(eta * std::sqrt(a / 2)) / 2 + rest};
  }
  const double factor = std::exp(a * std::log(x) - x - log_gamma(a));
  if (x < a + 1) {
    double sum = 1 / a, term = sum;
    for (int i = 1; i < kMaxSteps && term > sum * kEpsilon; ++i) sum += term *= x / (a + i);
    return {factor * sum, 1 - factor * sum};
  }
  const double upper = factor / continued_fraction(x + 1 - a, [&](int i) { return Fraction{i * (a - i), x + 2 * i + 1 - a}; });
  return {1 - upper, upper};
}

double beta_fraction(double a, double b, double x) {
  return continued_fraction(1, [&](int i) {
    const int m = i / 2;
    if (i % 2 == 0) return Fraction{m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1};
    return Fraction{-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1};
  });
}

// For q > 0.
double positive_zeta(double x, double q) {
  double sum = 0;
  for (int i = 0; i < 12; ++i, q += 1) sum += std::pow(q, -x);
  const double first = std::pow(q, -x);
  if (first == 0) return sum;  // nothing is left, and x may be infinite
  sum += first * q / (x - 1) + first / 2;
  // The Bernoulli numbers B2, B4, ... divided by the factorials 2!, 4!, ...
  constexpr double kBernoulli[] = {
      1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000, 1.0 / 74724249600, -3617.0 / 10670622842880000};
  double term = first * x / q;
  int k = 0;
  for (const double number : kBernoulli) {
    sum += term * number;
    term *= (x + k + 1) * (x + k + 2) / (q * q);
    k += 2;
  }
  return sum;
}

// I_order(x) exp(-x) for x >= 0; order 0 or 1.
double scaled_bessel(int order, double x) {
  if (x < 30) {
    const double square = x * x / 4;
    double term = order == 0 ? 1 : x / 2, sum = term;
    for (int k = 1; k < kMaxSteps && term > sum * kEpsilon; ++k) sum += term *= square / (static_cast<double>(k) * (k + order));
    return sum * std::exp(-x);
  }
  double term = 1, sum = 1;
  for (int k = 1; k < 30; ++k) {
    const double odd = 2 * k - 1;
    sum += term *= (odd * odd - 4 * order) / (k * 8 * x);
  }
  return sum / std::sqrt(2 * std::numbers::pi * x);
}

}  // namespace

double lower_gamma(double a, double x) {
  if (x == 0 && a > 0) return 0;
  if (!(a > 0) || !(x > 0)) return kNaN;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 0;
  return std::isinf(x) ? 1 : gamma_parts(a, x).lower;
}

double upper_gamma(double a, double x) {
  if (x == 0 && a > 0) return 1;
  if (!(a > 0) || !(x > 0)) return kNaN;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 1;
  return std::isinf(x) ? 0 : gamma_parts(a, x).upper;
}

double incomplete_beta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1)) return kNaN;
  if (x == 0 || x == 1) return x;
  const double factor = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return factor / a / beta_fraction(a, b, x);
  return 1 - factor / b / beta_fraction(b, a, 1 - x);
}

double zeta(double x, double q) {
  if (std::isnan(x) || std::isnan(q)) return kNaN;
  if (x == 1) return kInfinity;
  if (x < 1) return kNaN;
  const bool whole = x == std::floor(x), even = whole && std::fmod(x, 2) == 0;
  if (q <= 0) {
    if (q == std::floor(q)) return even ? kInfinity : kNaN;
    if (!whole) return kNaN;
    const double part = q - std::floor(q);
    return positive_zeta(x, part) + (even ? 1 : -1) * (positive_zeta(x, 1 - part) - positive_zeta(x, 1 - q));
  }
  return positive_zeta(x, q);
}

double polygamma(double n, double x) {
  if (!(n >= 0) || n != std::floor(n)) return kNaN;
  if (n == 0) return digamma(x);
  return (std::fmod(n, 2) == 0 ? -1 : 1) * std::tgamma(n + 1) * zeta(n + 1, x);
}

double scaled_bessel_i0(double x) { return scaled_bessel(0, std::fabs(x)); }
double scaled_bessel_i1(double x) { return std::copysign(scaled_bessel(1, std::fabs(x)), x); }
double bessel_i0(double x) { return scaled_bessel_i0(x) * std::exp(std::fabs(x)); }
double bessel_i1(double x) { return scaled_bessel_i1(x) * std::exp(std::fabs(x)); }

}  // namespace isomer::ops
