// Attributes of the image resizing ops.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// ResizeBilinear and ResizeNearestNeighbor. At most one of the two may be set; none is TensorFlow's first, slightly shifted way.
struct ResizeAttributes {
  bool align_corners = false;       // the centres of the corner pixels meet
  bool half_pixel_centers = false;  // the corners of the images meet
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("align_corners", self.align_corners);
    visit("half_pixel_centers", self.half_pixel_centers);
  }
};

}  // namespace isomer::ops
