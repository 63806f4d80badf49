// Numbers in text, as StringToNumber and the readers of vocabulary files take them.
#pragma once

#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace isomer::ops {

// Reads a number of `dtype` (float32, float64, int32, int64, uint32, uint64) and stores it as element `index`. Surrounding blanks, a sign, hexadecimal
// floats ("0x10"), "inf", "infinity" and "nan" in any case are taken. InvalidModel when the text is something else or does not fit the integer type;
// floats that are too large become infinite.
Result<void> parse_number(std::string_view text, MutableTensor& out, int64_t index);

}  // namespace isomer::ops
