// TensorProto, TensorShapeProto and AttrValue to Isomer's types and back.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/limits.h"
#include "ir/attributes.h"

namespace isomer::tf {

class TensorProto;
class TensorShapeProto;
class AttrValue;

// What decoding needs besides the message: the tensor contents that were cut out before parsing (formats/tf/detach.h), and the limits.
struct DecodeContext {
  std::span<const Bytes> detached;
  const Limits& limits;
};

Result<PartialShape> decode_shape(const TensorShapeProto& shape);
// Contents come from the side table, from tensor_content, or from the typed fields (whose last value fills the rest, as TensorFlow does).
Result<Tensor> decode_tensor(const TensorProto& proto, const DecodeContext& context);
Result<ir::AttributeValue> decode_attribute(const AttrValue& attr, const DecodeContext& context);

void encode_shape(const PartialShape& shape, TensorShapeProto& out);
// With `values` false only dtype and shape are written, as tf.js's topology has it.
void encode_tensor(const Tensor& tensor, bool values, TensorProto& out);
void encode_attribute(const ir::AttributeValue& value, AttrValue& out);

}  // namespace isomer::tf
