#include "formats/tf/tensor_proto.h"

#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf {
namespace {

Result<DType> decode_dtype(int number) {
  const auto dtype = dtype_from_number(number);
  if (!dtype) return fail(ErrorCode::kUnsupported, "dtype number " + std::to_string(number) + " is not one that Isomer knows");
  return *dtype;
}

// Fills `tensor` from a repeated field: value i for element i, the last value for all elements after it, zero when there is none.
template <class Stored, class Field, class Convert>
void fill_from(MutableTensor& tensor, const Field& field, int64_t per_element, Convert convert) {
  const int64_t count = tensor.elements() * per_element;
  const auto given = std::min<int64_t>(count, field.size());
  auto* out = tensor.as<Stored>();
  for (int64_t i = 0; i < given; ++i) out[i] = convert(field.Get(static_cast<int>(i)));
  if (given == 0 || given == count) return;
  for (int64_t i = given; i < count; ++i) out[i] = out[i - per_element < 0 ? 0 : i - per_element];
}

template <class Stored, class Field>
void fill_from(MutableTensor& tensor, const Field& field, int64_t per_element = 1) {
  fill_from<Stored>(tensor, field, per_element, [](auto v) { return static_cast<Stored>(v); });
}

Result<Tensor> decode_strings(const TensorProto& proto, Shape shape, const Limits& limits) {
  const auto count = element_count(shape);
  if (!count || *count > limits.tensor_elements / 8)
    return fail(ErrorCode::kLimitExceeded, "a string tensor of shape " + to_string(shape) + " exceeds the limits");
  if (*count > proto.string_val_size() && proto.string_val_size() > 1) {
    return fail(ErrorCode::kInvalidModel, "a string tensor of shape " + to_string(shape) + " needs " + std::to_string(*count) + " strings, found " +
                                              std::to_string(proto.string_val_size()));
  }
  std::vector<std::string> values;
  values.reserve(static_cast<size_t>(*count));
  for (int64_t i = 0; i < *count; ++i) {
    const int at = static_cast<int>(std::min<int64_t>(i, proto.string_val_size() - 1));
    values.push_back(at < 0 ? std::string() : proto.string_val(at));
  }
  return Tensor::from_strings(std::move(shape), values);
}

}  // namespace

Result<PartialShape> decode_shape(const TensorShapeProto& shape) {
  if (shape.unknown_rank()) return PartialShape::unknown();
  if (shape.dim_size() > 254) return fail(ErrorCode::kLimitExceeded, "a shape of rank " + std::to_string(shape.dim_size()));
  std::vector<int64_t> dims;
  dims.reserve(static_cast<size_t>(shape.dim_size()));
  for (const auto& dim : shape.dim()) dims.push_back(dim.size() < 0 ? kUnknownDim : dim.size());
  return PartialShape(std::move(dims));
}

Result<Tensor> decode_tensor(const TensorProto& proto, const DecodeContext& context) {
  const DType dtype = TRY(decode_dtype(proto.dtype()));
  const PartialShape partial = TRY(decode_shape(proto.tensor_shape()));
  const auto known = partial.known();
  if (!known) return fail(ErrorCode::kInvalidModel, "a tensor value needs a fully known shape, found " + to_string(partial));
  Shape shape = *known;
  if (dtype == DType::kString) return decode_strings(proto, std::move(shape), context.limits);
  if (proto.detached() != 0) {
    const auto index = static_cast<size_t>(proto.detached() - 1);
    if (index >= context.detached.size()) return fail(ErrorCode::kInternal, "a detached tensor is missing");
    return Tensor::create(dtype, std::move(shape), context.detached[index]);
  }
  if (!proto.tensor_content().empty()) {
    const auto& content = proto.tensor_content();
    return Tensor::create(dtype, std::move(shape), Bytes::copy_of(std::as_bytes(std::span(content.data(), content.size()))));
  }
  MutableTensor tensor = TRY(MutableTensor::create(dtype, std::move(shape), context.limits));
  switch (dtype) {
    case DType::kFloat32: fill_from<float>(tensor, proto.float_val()); break;
    case DType::kFloat64: fill_from<double>(tensor, proto.double_val()); break;
    case DType::kInt32: fill_from<int32_t>(tensor, proto.int_val()); break;
    case DType::kInt16: fill_from<int16_t>(tensor, proto.int_val()); break;
    case DType::kInt8: fill_from<int8_t>(tensor, proto.int_val()); break;
    case DType::kUint8: fill_from<uint8_t>(tensor, proto.int_val()); break;
    case DType::kUint16: fill_from<uint16_t>(tensor, proto.int_val()); break;
    case DType::kInt64: fill_from<int64_t>(tensor, proto.int64_val()); break;
    case DType::kUint32: fill_from<uint32_t>(tensor, proto.uint32_val()); break;
    case DType::kUint64: fill_from<uint64_t>(tensor, proto.uint64_val()); break;
    case DType::kBool: fill_from<uint8_t>(tensor, proto.bool_val()); break;
    case DType::kHalf:
    case DType::kBfloat16: fill_from<uint16_t>(tensor, proto.half_val()); break;
    case DType::kComplex64: fill_from<float>(tensor, proto.scomplex_val(), 2); break;
    case DType::kComplex128: fill_from<double>(tensor, proto.dcomplex_val(), 2); break;
    default: return fail(ErrorCode::kUnsupported, "a constant of dtype " + std::string(to_string(dtype)));
  }
  return std::move(tensor).finish();
}

namespace {

Result<ir::AttributeValue> decode_list(const AttrValue::ListValue& list, const DecodeContext& context) {
  if (list.s_size()) return ir::AttributeValue(std::vector<std::string>(list.s().begin(), list.s().end()));
  if (list.i_size()) return ir::AttributeValue(std::vector<int64_t>(list.i().begin(), list.i().end()));
  if (list.f_size()) return ir::AttributeValue(std::vector<float>(list.f().begin(), list.f().end()));
  if (list.b_size()) return ir::AttributeValue(std::vector<bool>(list.b().begin(), list.b().end()));
  if (list.type_size()) {
    std::vector<DType> types;
    for (const int number : list.type()) types.push_back(TRY(decode_dtype(number)));
    return ir::AttributeValue(std::move(types));
  }
  if (list.shape_size()) {
    std::vector<PartialShape> shapes;
    for (const auto& shape : list.shape()) shapes.push_back(TRY(decode_shape(shape)));
    return ir::AttributeValue(std::move(shapes));
  }
  if (list.func_size()) {
    std::vector<ir::FunctionRef> functions;
    for (const auto& function : list.func()) functions.push_back({function.name()});
    return ir::AttributeValue(std::move(functions));
  }
  if (list.tensor_size()) return fail(ErrorCode::kUnsupported, "an attribute that is a list of tensors");
  (void)context;
  return ir::AttributeValue(std::vector<int64_t>{});
}

}  // namespace

Result<ir::AttributeValue> decode_attribute(const AttrValue& attr, const DecodeContext& context) {
  switch (attr.value_case()) {
    case AttrValue::kS: return ir::AttributeValue(attr.s());
    case AttrValue::kI: return ir::AttributeValue(static_cast<int64_t>(attr.i()));
    case AttrValue::kF: return ir::AttributeValue(attr.f());
    case AttrValue::kB: return ir::AttributeValue(attr.b());
    case AttrValue::kType: return ir::AttributeValue(TRY(decode_dtype(attr.type())));
    case AttrValue::kShape: return ir::AttributeValue(TRY(decode_shape(attr.shape())));
    case AttrValue::kTensor: return ir::AttributeValue(TRY(decode_tensor(attr.tensor(), context)));
    case AttrValue::kFunc: return ir::AttributeValue(ir::FunctionRef{attr.func().name()});
    case AttrValue::kList: return decode_list(attr.list(), context);
    case AttrValue::kPlaceholder: return fail(ErrorCode::kUnsupported, "a placeholder attribute '" + attr.placeholder() + "' (an uninstantiated function)");
    case AttrValue::VALUE_NOT_SET: break;
  }
  return fail(ErrorCode::kMalformed, "an attribute without a value");
}

void encode_shape(const PartialShape& shape, TensorShapeProto& out) {
  if (!shape.has_rank()) {
    out.set_unknown_rank(true);
    return;
  }
  for (const int64_t dim : shape.dims()) out.add_dim()->set_size(dim);
}

void encode_tensor(const Tensor& tensor, bool values, TensorProto& out) {
  out.set_dtype(static_cast<DataType>(tensor.dtype()));
  encode_shape(PartialShape(tensor.shape()), *out.mutable_tensor_shape());
  if (!values) return;
  if (tensor.dtype() == DType::kString) {
    for (int64_t i = 0; i < tensor.elements(); ++i) out.add_string_val(std::string(tensor.string_at(i)));
  } else {
    out.set_tensor_content(tensor.bytes().data(), static_cast<size_t>(tensor.byte_size()));
  }
}

void encode_attribute(const ir::AttributeValue& value, AttrValue& out) {
  const auto type = [](DType dtype) { return static_cast<DataType>(dtype); };
  std::visit(
      [&]<class T>(const T& v) {
        if constexpr (std::is_same_v<T, int64_t>) {
          out.set_i(v);
        } else if constexpr (std::is_same_v<T, float>) {
          out.set_f(v);
        } else if constexpr (std::is_same_v<T, bool>) {
          out.set_b(v);
        } else if constexpr (std::is_same_v<T, std::string>) {
          out.set_s(v);
        } else if constexpr (std::is_same_v<T, DType>) {
          out.set_type(type(v));
        } else if constexpr (std::is_same_v<T, PartialShape>) {
          encode_shape(v, *out.mutable_shape());
        } else if constexpr (std::is_same_v<T, Tensor>) {
          encode_tensor(v, true, *out.mutable_tensor());
        } else if constexpr (std::is_same_v<T, ir::FunctionRef>) {
          out.mutable_func()->set_name(v.name);
        } else {
          auto& list = *out.mutable_list();
          for (const auto& item : v) {
            using Item = typename T::value_type;
            if constexpr (std::is_same_v<Item, int64_t>) {
              list.add_i(item);
            } else if constexpr (std::is_same_v<Item, float>) {
              list.add_f(item);
            } else if constexpr (std::is_same_v<Item, bool>) {
              list.add_b(item);
            } else if constexpr (std::is_same_v<Item, std::string>) {
              list.add_s(item);
            } else if constexpr (std::is_same_v<Item, DType>) {
              list.add_type(type(item));
            } else if constexpr (std::is_same_v<Item, PartialShape>) {
              encode_shape(item, *list.add_shape());
            } else {
              list.add_func()->set_name(item.name);
            }
          }
        }
      },
      value);
}

}  // namespace isomer::tf
