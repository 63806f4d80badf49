// Attributes of the ops that write strings as other strings, or read numbers out of their bytes.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

struct EncodeBase64Attributes {
  bool pad = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("pad", self.pad);
  }
};

// DecodeRaw and DecodePaddedRaw.
struct DecodeRawAttributes {
  DType out_type = DType::kInvalid;
  bool little_endian = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("out_type", self.out_type);
    visit("little_endian", self.little_endian);
  }
};

struct UnsortedSegmentJoinAttributes {
  std::string separator;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("separator", self.separator);
  }
};

}  // namespace isomer::ops
