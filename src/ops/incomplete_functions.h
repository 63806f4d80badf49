// Incomplete gamma and beta functions, the Hurwitz zeta function and modified Bessel functions, in double precision.
#pragma once

namespace isomer::ops {

// The part of Gamma(a) that its integral collects up to x, and what is left of it; NaN for a <= 0 and for x < 0.
double lower_gamma(double a, double x);
double upper_gamma(double a, double x);
// The part of Beta(a, b) that its integral collects up to x; NaN for a <= 0, b <= 0 and x outside [0, 1].
double incomplete_beta(double a, double b, double x);
// The sum of (q + k) ^ -x over k = 0, 1, 2, ...; NaN for x < 1, and for q < 0 unless x is whole.
double zeta(double x, double q);
// Derivative n of digamma; NaN where n is not a whole number or negative.
double polygamma(double n, double x);
// Modified Bessel functions of the first kind, times exp(-|x|) where scaled.
double bessel_i0(double x);
double bessel_i1(double x);
double scaled_bessel_i0(double x);
double scaled_bessel_i1(double x);

}  // namespace isomer::ops
