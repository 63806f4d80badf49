// The three ops that the IR itself must know: Const (so that passes and inference can see values), Placeholder (inputs of functions), Foreign.
#pragma once

#include "ir/op_def.h"

namespace isomer::ir {

struct ConstAttributes {
  Tensor value;
  DType dtype = DType::kInvalid;  // always value.dtype()
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("value", self.value);
    visit("dtype", self.dtype);
  }
};

struct PlaceholderAttributes {
  DType dtype = DType::kInvalid;
  PartialShape shape;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("dtype", self.dtype);
    visit("shape", self.shape);
  }
};

inline std::unique_ptr<Attributes> const_attributes(Tensor value) {
  const DType dtype = value.dtype();
  return attributes_with(ConstAttributes{std::move(value), dtype});
}
inline std::unique_ptr<Attributes> placeholder_attributes(DType dtype, PartialShape shape) {
  return attributes_with(PlaceholderAttributes{dtype, std::move(shape)});
}

}  // namespace isomer::ir
