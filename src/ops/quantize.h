// Attributes of the ops that quantise and dequantise. `axis` is the dimension whose slices have ranges of their own; -1: one range for all.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

struct QuantizeV2Attributes {
  DType T = DType::kInvalid;
  std::string mode = "MIN_COMBINED";               // MIN_COMBINED, MIN_FIRST or SCALED
  std::string round_mode = "HALF_AWAY_FROM_ZERO";  // or HALF_TO_EVEN
  bool narrow_range = false;                       // SCALED: without the lowest value
  int64_t axis = -1;
  float ensure_minimum_range = 0.01f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("T", self.T);
    visit("mode", self.mode);
    visit("round_mode", self.round_mode);
    visit("narrow_range", self.narrow_range);
    visit("axis", self.axis);
    visit("ensure_minimum_range", self.ensure_minimum_range);
  }
};

struct DequantizeAttributes {
  std::string mode = "MIN_COMBINED";
  bool narrow_range = false;
  int64_t axis = -1;
  DType dtype = DType::kFloat32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("mode", self.mode);
    visit("narrow_range", self.narrow_range);
    visit("axis", self.axis);
    visit("dtype", self.dtype);
  }
};

// QuantizeAndDequantizeV2 and V4.
struct QuantizeAndDequantizeV2Attributes {
  bool signed_input = true;
  int64_t num_bits = 8;
  bool range_given = false;
  std::string round_mode = "HALF_TO_EVEN";  // or HALF_UP
  bool narrow_range = false;
  int64_t axis = -1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("signed_input", self.signed_input);
    visit("num_bits", self.num_bits);
    visit("range_given", self.range_given);
    visit("round_mode", self.round_mode);
    visit("narrow_range", self.narrow_range);
    visit("axis", self.axis);
  }
};

// QuantizeAndDequantizeV3, whose number of bits is an input.
struct QuantizeAndDequantizeV3Attributes {
  bool signed_input = true;
  bool range_given = true;
  bool narrow_range = false;
  int64_t axis = -1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("signed_input", self.signed_input);
    visit("range_given", self.range_given);
    visit("narrow_range", self.narrow_range);
    visit("axis", self.axis);
  }
};

}  // namespace isomer::ops
