// Printing. Floats are the shortest decimal text that reads back to the same bits; NaNs other than the plain one are printed by their bits.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "ir/const_op.h"
#include "ir/text.h"
#include "ir/text_cursor.h"
#include "tensor/half.h"

namespace isomer::ir {
namespace {

// --- numbers

template <class T>
std::string shortest(T value) {
  char buffer[64];
  const auto result = std::to_chars(std::begin(buffer), std::end(buffer), value);
  return std::string(buffer, result.ptr);
}

std::string with_point(std::string digits) {
  if (digits.find_first_of(".en") == std::string::npos) digits += ".0";  // 'n' stands in inf
  return digits;
}

std::string nan_text(uint64_t bits, uint64_t plain, int hex_digits) {
  if (bits == plain) return "nan";
  std::string text = "nan:0x";
  for (int i = hex_digits - 1; i >= 0; --i) text += "0123456789abcdef"[bits >> (4 * i) & 15];
  return text;
}

std::string float_text(float value) { return std::isnan(value) ? nan_text(std::bit_cast<uint32_t>(value), 0x7fc00000, 8) : with_point(shortest(value)); }
std::string float_text(double value) {
  return std::isnan(value) ? nan_text(std::bit_cast<uint64_t>(value), 0x7ff8000000000000, 16) : with_point(shortest(value));
}

// Half and bfloat16: fewer digits than a float of the same value needs may do.
std::string narrow_float_text(uint16_t bits, double (*decode)(uint16_t), uint16_t (*encode)(double), uint16_t plain_nan) {
  const double value = decode(bits);
  if (std::isnan(value)) return nan_text(bits, plain_nan, 4);
  for (int digits = 1; digits < 6; ++digits) {
    char buffer[64];
    const auto end = std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::general, digits).ptr;
    double rounded = 0;
    if (std::from_chars(buffer, end, rounded).ec == std::errc() && encode(rounded) == bits) return with_point(shortest(rounded));
  }
  return with_point(shortest(value));
}

std::string complex_text(const std::string& real, const std::string& imaginary) { return real + (imaginary.starts_with('-') ? "" : "+") + imaginary + "i"; }

std::string element_text(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::kFloat32: return float_text(tensor.at<float>(i));
    case DType::kFloat64: return float_text(tensor.at<double>(i));
    case DType::kHalf: return narrow_float_text(tensor.at<uint16_t>(i), half_to_double, double_to_half, 0x7e00);
    case DType::kBfloat16: return narrow_float_text(tensor.at<uint16_t>(i), bfloat16_to_double, double_to_bfloat16, 0x7fc0);
    case DType::kInt8:
    case DType::kQint8: return std::to_string(tensor.at<int8_t>(i));
    case DType::kUint8:
    case DType::kQuint8: return std::to_string(tensor.at<uint8_t>(i));
    case DType::kInt16:
    case DType::kQint16: return std::to_string(tensor.at<int16_t>(i));
    case DType::kUint16:
    case DType::kQuint16: return std::to_string(tensor.at<uint16_t>(i));
    case DType::kInt32:
    case DType::kQint32: return std::to_string(tensor.at<int32_t>(i));
    case DType::kUint32: return std::to_string(tensor.at<uint32_t>(i));
    case DType::kInt64: return std::to_string(tensor.at<int64_t>(i));
    case DType::kUint64: return std::to_string(tensor.at<uint64_t>(i));
    case DType::kBool: return tensor.at<uint8_t>(i) ? "true" : "false";
    case DType::kComplex64: return complex_text(float_text(tensor.at<float>(2 * i)), float_text(tensor.at<float>(2 * i + 1)));
    case DType::kComplex128: return complex_text(float_text(tensor.at<double>(2 * i)), float_text(tensor.at<double>(2 * i + 1)));
    case DType::kString: return quote(tensor.string_at(i));
    case DType::kResource:
    case DType::kVariant:
    case DType::kInvalid: break;  // no tensor has these
  }
  return "";
}

std::string name_text(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), is_name_character);
  return bare ? std::string(name) : quote(name);
}

// --- values

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  std::string tensor(const Tensor& tensor) {
    if (!tensor.valid()) return "invalid[]()";
    std::string text = type_text(tensor);
    const bool large = tensor.elements() > options_.inline_elements || (tensor.dtype() == DType::kString && tensor.byte_size() > options_.inline_bytes);
    if (large) return text + side(tensor.bytes(), "(...)");
    text += '(';
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (i) text += ' ';
      text += element_text(tensor, i);
    }
    return text + ')';
  }

  std::string attribute(const AttributeValue& value) {
    return std::visit([&](const auto& v) { return value_text(v); }, value);
  }

  std::string module(const Module& module);
  std::string function(const Function& function);

 private:
  std::string side(const Bytes& bytes, std::string_view elided) {
    if (!options_.side) return std::string(elided);
    options_.side(bytes.span());
    const int64_t offset = side_bytes_;
    side_bytes_ += bytes.size();
    return "@data(" + std::to_string(offset) + ", " + std::to_string(bytes.size()) + ")";
  }

  std::string value_text(int64_t v) { return std::to_string(v); }
  std::string value_text(float v) { return float_text(v); }
  std::string value_text(bool v) { return v ? "true" : "false"; }
  std::string value_text(const std::string& v) { return quote(v); }
  std::string value_text(DType v) { return std::string(to_string(v)); }
  std::string value_text(const PartialShape& v) { return "shape" + to_string(v); }
  std::string value_text(const Tensor& v) { return tensor(v); }
  std::string value_text(const FunctionRef& v) { return "@" + name_text(v.name); }
  template <class T>
  std::string value_text(const std::vector<T>& list) {
    std::string text = "[";
    for (size_t i = 0; i < list.size(); ++i) text += (i ? ", " : "") + value_text(static_cast<const T&>(list[i]));
    return text + "]";
  }

  std::string value_name(const Graph& graph, ValueId id) {
    const Value& value = graph.value(id);
    const std::string name = "%" + name_text(graph.node(value.producer).name);
    return value.output_index == 0 ? name : name + ":" + std::to_string(value.output_index);
  }
  std::string attributes(const Node& node);
  std::string node(const Graph& graph, const Node& node);
  std::string port(const Graph& graph, std::string_view word, const Port& port);

  const PrintOptions& options_;
  int64_t side_bytes_ = 0;
};

// --- functions

std::string Printer::attributes(const Node& node) {
  AttributeMap map = node.attributes->non_default();
  if (node.is("Const") && node.as<ConstAttributes>().dtype == node.as<ConstAttributes>().value.dtype()) {
    std::erase_if(map, [](const NamedAttribute& a) { return a.name == "dtype"; });
  }
  std::string text;
  for (const NamedAttribute& a : map) text += (text.empty() ? " {" : ", ") + name_text(a.name) + " = " + attribute(a.value);
  return text.empty() ? text : text + "}";
}

std::string Printer::node(const Graph& graph, const Node& node) {
  std::string text = "%" + name_text(node.name) + " = " + std::string(node.op->name);
  if (node.is("Foreign")) text += " " + quote(node.as<ForeignAttributes>().op);
  text += "(";
  for (size_t i = 0; i < node.inputs.size(); ++i) text += (i ? ", " : "") + value_name(graph, node.inputs[i]);
  text += ")" + attributes(node);
  for (size_t i = 0; i < node.control_inputs.size(); ++i) text += (i ? ", %" : " ^(%") + name_text(graph.node(node.control_inputs[i]).name);
  if (!node.control_inputs.empty()) text += ")";
  for (size_t i = 0; i < node.outputs.size(); ++i) text += (i ? ", " : " : ") + to_string(graph.type(node.outputs[i]));
  if (!node.origin.empty()) text += " from " + quote(node.origin);
  return text;
}

std::string Printer::port(const Graph& graph, std::string_view word, const Port& port) {
  std::string text = "  " + std::string(word) + " " + quote(port.key) + " = " + value_name(graph, port.value);
  if (!port.tensor_name.empty()) text += " " + quote(port.tensor_name);
  return text + "\n";
}

std::string Printer::function(const Function& function) {
  const Graph& graph = function.graph;
  std::string text = "function @" + name_text(function.name);
  if (!function.origin.empty()) text += " from " + quote(function.origin);
  text += " {\n";
  for (const Port& p : graph.inputs) text += port(graph, "input", p);
  // A graph with a cycle is a fault, and looking at it in any order helps to find it.
  auto order = graph.topological_order();
  for (const NodeId id : order ? *order : graph.live_nodes()) text += "  " + node(graph, graph.node(id)) + "\n";
  for (const Port& p : graph.outputs) text += port(graph, "output", p);
  for (const NodeId id : graph.control_outputs) text += "  control_output %" + name_text(graph.node(id).name) + "\n";
  return text + "}\n";
}

// --- modules

std::string Printer::module(const Module& module) {
  std::string text = "module {\n";
  if (!module.producer.empty()) text += "  producer " + quote(module.producer) + "\n";
  for (const auto& [name, json] : module.metadata) text += "  metadata " + quote(name) + " " + quote(json) + "\n";
  for (const Variable& v : module.variables) {
    text += "  variable " + quote(v.name) + " " + std::string(to_string(v.dtype)) + to_string(v.shape);
    text += v.value.valid() ? " = " + tensor(v.value) + "\n" : "\n";
  }
  for (const Table& t : module.tables) {
    text += "  table " + quote(t.name) + " " + std::string(to_string(t.key_dtype)) + " -> " + std::string(to_string(t.value_dtype));
    if (t.keys.valid()) {
      text += " keys = " + tensor(t.keys);
      text += " values = " + tensor(t.values);  // a statement of its own: side bytes are written in the order of the text
    }
    text += "\n";
  }
  for (const Asset& a : module.assets) {
    text += "  asset " + quote(a.name) + " " + (a.content.size() > options_.inline_bytes ? side(a.content, "...") : quote(a.content.text())) + "\n";
  }
  for (const std::string& name : module.initializers) text += "  initializer @" + name_text(name) + "\n";
  for (const Entry& entry : module.signatures) {
    text += "  signature " + quote(entry.key) + " = @" + name_text(entry.function);
    if (!entry.structured_outputs.empty()) text += " structured " + value_text(entry.structured_outputs);
    text += "\n";
  }
  text += "}\n";
  for (const auto& f : module.functions()) text += "\n" + function(*f);
  return text;
}

}  // namespace

std::string quote(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\t': result += "\\t"; break;
      default:
        if (byte >= 0x20 && byte < 0x7f) {
          result += c;
        } else {
          result += "\\x";
          result += "0123456789abcdef"[byte >> 4];
          result += "0123456789abcdef"[byte & 15];
        }
    }
  }
  return result + '"';
}

std::string print(const Module& module, const PrintOptions& options) { return Printer(options).module(module); }
std::string print(const Function& function, const PrintOptions& options) { return Printer(options).function(function); }

// A value by itself is never elided.
std::string print_attribute(const AttributeValue& value) {
  return Printer(PrintOptions{.side = {}, .inline_elements = INT64_MAX, .inline_bytes = INT64_MAX}).attribute(value);
}
std::string print_tensor(const Tensor& tensor) { return print_attribute(tensor); }

}  // namespace isomer::ir
