// IEEE half precision and bfloat16, as bit patterns.
#pragma once

#include <cstdint>

namespace isomer {

double half_to_double(uint16_t bits);
uint16_t double_to_half(double value);  // round to nearest even, overflow to infinity
double bfloat16_to_double(uint16_t bits);
uint16_t double_to_bfloat16(double value);  // through float32, round to nearest even

}  // namespace isomer
