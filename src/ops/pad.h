// Attributes of the padding ops.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

struct MirrorPadAttributes {
  std::string mode;  // "REFLECT" (the border is not repeated) or "SYMMETRIC" (it is)
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("mode", self.mode);
  }
};

// SpaceToDepth, DepthToSpace
struct SpaceDepthAttributes {
  int64_t block_size = 0;
  std::string data_format = "NHWC";  // or "NCHW"
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("block_size", self.block_size);
    visit("data_format", self.data_format);
  }
};

// SpaceToBatch, BatchToSpace
struct BlockSizeAttributes {
  int64_t block_size = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("block_size", self.block_size);
  }
};

}  // namespace isomer::ops
