#include "isomer/inputs.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/checked.h"
#include "base/mapped_file.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/tensor_json.h"
#include "isomer/ports.h"
#include "wire/image.h"

namespace isomer {
namespace {

constexpr std::string_view kRandom = "random:";

struct Assignment {
  std::string name;  // empty: not said
  std::string source;
};

Result<Assignment> split(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos && !text.empty()) return Assignment{{}, text};
  if (equals != 0 && equals + 1 < text.size()) return Assignment{text.substr(0, equals), text.substr(equals + 1)};
  return fail(Error{ErrorCode::kInvalidArgument, "'" + text + "' is not NAME=FILE", {}, {}, "write --input x=x.npy, or --input random:1"});
}

Result<uint64_t> seed_of(const std::string& source) {
  const std::string digits = source.substr(kRandom.size());
  uint64_t seed = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size()) return seed;
  return fail(Error{ErrorCode::kInvalidArgument, "'" + digits + "' is no seed", {}, {}, "write random:1, or another whole number"});
}

bool is_npy(const Bytes& file) { return file.text().starts_with("\x93NUMPY"); }
bool is_zip(const Bytes& file) { return file.text().starts_with("PK\3\4") || file.text().starts_with("PK\5\6"); }

class InputReader {
 public:
  InputReader(const ir::Graph& graph, const InputRequest& request, const Limits& limits) : graph_(graph), request_(request), limits_(limits) {}

  Result<void> add(const Assignment& assignment) {
    if (assignment.source.starts_with(kRandom)) return add_random(assignment);
    const Bytes file = TRY(in_context(map_file(assignment.source), "reading the input" + (assignment.name.empty() ? "" : " '" + assignment.name + "'")));
    if (assignment.name.empty() && is_zip(file)) return in_context(add_archive(file), "reading " + assignment.source);
    const ir::Port* port = TRY(port_of(assignment.name));
    Tensor value = TRY(in_context(read(file, assignment.source, *port), "reading the input '" + port->key + "' from " + assignment.source));
    return add_tensor(*port, std::move(value));
  }

  GivenInputs given;

 private:
  const TensorType& type_of(const ir::Port& port) const { return graph_.type(port.value); }

  // The input of this name, or the only one.
  Result<const ir::Port*> port_of(const std::string& name) const {
    const std::string inputs = "the inputs are: " + list_inputs(graph_);
    if (!name.empty()) {
      if (const ir::Port* port = find_input(graph_, name)) return port;
      return fail(Error{ErrorCode::kInvalidArgument, "the model has no input '" + name + "'", {}, {}, inputs});
    }
    if (graph_.inputs.size() == 1) return &graph_.inputs[0];
    return fail(Error{ErrorCode::kInvalidArgument, "the model has " + std::to_string(graph_.inputs.size()) + " inputs: say which", {}, {}, inputs});
  }

  Result<void> claim(const ir::Port& port) {
    if (claimed_.insert(port.key).second) return {};
    return fail(ErrorCode::kInvalidArgument, "the input '" + port.key + "' is given twice");
  }
  Result<void> add_tensor(const ir::Port& port, Tensor value) {
    TRY(claim(port));
    given.tensors.push_back({port.key, std::move(value)});
    return {};
  }
  Result<void> add_random(const Assignment& assignment) {
    const uint64_t seed = TRY(seed_of(assignment.source));
    if (assignment.name.empty()) {
      given.random_rest = seed;
      return {};
    }
    const ir::Port* port = TRY(port_of(assignment.name));
    TRY(claim(*port));
    given.random[port->key] = seed;
    return {};
  }
  Result<void> add_archive(const Bytes& file) {
    auto tensors = TRY(tensors_from_npz(file, limits_));
    if (tensors.size() == 1 && graph_.inputs.size() == 1) return add_tensor(graph_.inputs[0], std::move(tensors[0].value));
    for (NamedTensor& named : tensors) TRY(add_tensor(*TRY(port_of(named.name)), std::move(named.value)));
    return {};
  }

  Result<Tensor> read(const Bytes& file, const std::string& path, const ir::Port& port) const {
    if (is_npy(file)) return tensor_from_npy(file, limits_);
    if (is_zip(file)) return from_archive(file, port.key);
    if (is_png(file) || is_jpeg(file)) return image_input(file, type_of(port), request_.image, limits_);
    if (path.ends_with(".json")) return tensor_from_json(TRY(read_json(file.text(), limits_)), type_of(port).dtype, limits_);
    if (path.ends_with(".bin") || path.ends_with(".raw")) return from_elements(file, port);
    return fail(Error{ErrorCode::kUnsupported,
                      "the file is none that an input can be read from",
                      {},
                      {},
                      "give .npy, .npz, .json, PNG or JPEG, or plain elements in a file named .bin or .raw"});
  }

  Result<Tensor> from_archive(const Bytes& file, const std::string& name) const {
    auto tensors = TRY(tensors_from_npz(file, limits_));
    const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
    if (it != tensors.end()) return it->value;
    if (tensors.size() == 1) return tensors[0].value;
    std::string names;
    for (const NamedTensor& t : tensors) names += (names.empty() ? "" : ", ") + t.name;
    return fail(ErrorCode::kNotFound, "the archive has no array '" + name + "'; it has: " + (names.empty() ? "none" : names));
  }

  // Plain elements: the shape is what the request or the model says; one open dimension follows from the size of the file.
  Result<Tensor> from_elements(const Bytes& file, const ir::Port& port) const {
    const TensorType& type = type_of(port);
    const int64_t width = element_size(type.dtype);
    if (width == 0) return fail(ErrorCode::kInvalidArgument, "plain elements do not suit an input of type " + to_string(type));
    Shape shape;
    int64_t known = 1;
    std::optional<size_t> open;
    const auto wish = request_.shapes.find(port.key);
    if (wish == request_.shapes.end() && !type.shape.has_rank())
      return fail(Error{ErrorCode::kInvalidArgument, "the model does not say the input's shape", {}, {}, "say it: --input_shape " + port.key + "=2,3"});
    const int64_t rank = wish != request_.shapes.end() ? static_cast<int64_t>(wish->second.size()) : type.shape.rank();
    for (int64_t i = 0; i < rank; ++i) {
      const int64_t size = wish != request_.shapes.end() ? wish->second[static_cast<size_t>(i)] : type.shape[i];
      if (size == kUnknownDim && open) {
        return fail(Error{ErrorCode::kInvalidArgument,
                          "the input " + to_string(type) + " has several open dimensions",
                          {},
                          {},
                          "say them: --input_shape " + port.key + "=2,3"});
      }
      if (size == kUnknownDim) open = static_cast<size_t>(i);
      shape.push_back(size);
      const auto product = checked_mul(known, size == kUnknownDim ? 1 : size);
      if (!product) return fail(ErrorCode::kLimitExceeded, "the shape " + to_string(type.shape) + " has too many elements");
      known = *product;
    }
    const int64_t count = file.size() / width;
    if (open) shape[*open] = known == 0 ? 0 : count / known;
    const auto elements = element_count(shape);
    if (!elements || *elements > count || *elements * width != file.size()) {
      return fail(ErrorCode::kInvalidArgument, "the file has " + std::to_string(file.size()) + " bytes, which does not fit " + to_string(type) + " (" +
                                                   std::to_string(width) + " bytes for each element)");
    }
    return Tensor::create(type.dtype, std::move(shape), file);
  }

  const ir::Graph& graph_;
  const InputRequest& request_;
  const Limits& limits_;
  std::set<std::string> claimed_;
};

}  // namespace

Result<std::vector<std::string>> names_to_cut(const ir::Module& module, const InputRequest& request) {
  const ir::Function* function = TRY(entry_function(module));
  std::vector<std::string> names;
  for (const std::string& text : request.inputs) {
    const Assignment assignment = TRY(split(text));
    if (!assignment.name.empty() && !find_input(function->graph, assignment.name)) names.push_back(assignment.name);
  }
  return names;
}

Result<GivenInputs> read_inputs(const ir::Module& module, const InputRequest& request, const Limits& limits) {
  const ir::Function* function = TRY(entry_function(module));
  for (const auto& [name, shape] : request.shapes) {
    if (!find_input(function->graph, name)) {
      return fail(Error{
          ErrorCode::kInvalidArgument, "the model has no input '" + name + "' to have a shape", {}, {}, "the inputs are: " + list_inputs(function->graph)});
    }
  }
  InputReader reader(function->graph, request, limits);
  for (const std::string& text : request.inputs) TRY(reader.add(TRY(split(text))));
  return std::move(reader.given);
}

}  // namespace isomer
