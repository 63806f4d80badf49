// Functions of mathematics that the C++ library lacks, in double precision.
#pragma once

namespace isomer::ops {

// The logarithm of |Gamma(x)|; infinite at 0, -1, -2, ...
double log_gamma(double x);
// The derivative of log_gamma; NaN at 0 and at negative integers.
double digamma(double x);
// The inverse of the distribution function of the normal distribution; NaN outside [0, 1].
double normal_quantile(double p);
// The inverse of erf; NaN outside [-1, 1].
double inverse_erf(double x);

}  // namespace isomer::ops
