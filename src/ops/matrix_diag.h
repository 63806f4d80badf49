// Attributes of the ops over diagonals.
#pragma once

#include <string>

#include "ir/op_def.h"

namespace isomer::ops {

// MatrixDiagV3, MatrixDiagPartV3, MatrixSetDiagV3: where diagonals shorter than the longest lie in their rows. The first word is for those above the
// main diagonal, the second for those below it: RIGHT_LEFT, LEFT_RIGHT, LEFT_LEFT or RIGHT_RIGHT.
struct DiagonalAlignAttributes {
  std::string align = "RIGHT_LEFT";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("align", self.align);
  }
};

}  // namespace isomer::ops
