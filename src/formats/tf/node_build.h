// Short ways to say what a NodeDef holds.
#pragma once

#include <string>
#include <vector>

#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_proto.h"

namespace isomer::tf {

struct NewAttribute {
  std::string name;
  ir::AttributeValue value;
};

inline NodeDef& fill_node(NodeDef& node, std::string op, std::string name, const std::vector<std::string>& inputs,
                          const std::vector<NewAttribute>& attributes) {
  node.set_op(std::move(op));
  node.set_name(std::move(name));
  for (const std::string& input : inputs) node.add_input(input);
  for (const NewAttribute& attribute : attributes) {
    AttrEntry& entry = *node.add_attr();
    entry.set_key(attribute.name);
    encode_attribute(attribute.value, *entry.mutable_value());
  }
  return node;
}

inline NodeDef& fill_constant(NodeDef& node, std::string name, const Tensor& value) {
  return fill_node(node, "Const", std::move(name), {}, {{"dtype", value.dtype()}, {"value", value}});
}

inline TensorSpecProto& fill_spec(TensorSpecProto& spec, const std::string& name, const TensorType& type) {
  spec.set_name(name);
  encode_shape(type.shape, *spec.mutable_shape());
  spec.set_dtype(static_cast<DataType>(type.dtype));
  return spec;
}

}  // namespace isomer::tf
