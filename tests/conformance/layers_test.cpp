// Runs the layers recorded from TensorFlow.js: isomer_layers_conformance_test FILE [--only CLASS]... [--verbose].
//
// Each case is a layer (or a small model) with its weights and inputs. It is lowered, gets the recorded weights, and is run with the reference kernels; results
// compare as in conformance_test.cpp. Cases in which TensorFlow.js computes something else than Keras, or which are not stable, are skipped with the
// reason. The last line counts: `N passed, N failed, N skipped`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "base/mapped_file.h"
#include "conformance/recorded_case.h"
#include "layers/lower.h"
#include "layers/weight_matching.h"
#include "wire/gzip.h"

namespace isomer {
namespace {

std::string difference(const Tensor& expected, const Tensor& actual) {
  if (actual.shape() != expected.shape()) return "expected the shape " + to_string(expected.shape()) + ", got " + to_string(actual.shape());
  for (int64_t i = 0; i < actual.elements(); ++i) {
    if (close(expected.as_double(i), actual.as_double(i))) continue;
    return "element " + std::to_string(i) + " of " + type_text(actual) + ": expected " + json_number(expected.as_double(i)) + ", got " +
           json_number(actual.as_double(i));
  }
  return {};
}

struct LayerCase {
  std::string id, class_name, skip;
  JsonValue topology;
  bool container = false, training = false;
  bool without_batch = false;  // the layer was called on a single image, or on what has no batch
  std::vector<NamedTensor> weights, inputs;
  std::vector<Tensor> outputs;
  Tensor mask;
};

std::string text_of(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  return found && found->is_string() ? found->text() : std::string();
}

// What the recording does not mark, but Keras does otherwise.
std::string unmarked(const std::string& id) {
  if (id == "Conv3DTranspose-0005") return "not marked: SAME padding with a negative total is not clamped to 0 by tfjs in 3-D";
  if (id == "BatchNormalization-0023" || id == "BatchNormalization-0027")
    return "not marked: for an axis that is not the last tfjs takes each element's place for its channel";
  return {};
}

Result<LayerCase> read_layer_case(const JsonValue& json) {
  LayerCase c;
  c.id = text_of(json, "id");
  c.class_name = text_of(json, "class");
  c.container = json.find("container") && json.find("container")->is_bool() && json.find("container")->boolean();
  c.training = json.find("training") && json.find("training")->is_bool() && json.find("training")->boolean();
  for (const char* key : {"divergent", "unstable", "kernel_only"})
    if (const JsonValue* found = json.find(key)) c.skip = std::string(key) + (found->is_string() ? ": " + found->text() : "");
  c.without_batch = json.find("direct") != nullptr;
  const JsonValue::Array& recorded = json.find("inputs")->items();
  const bool image = c.class_name == "CenterCrop" || c.class_name == "Resizing";
  if (image && !recorded.empty() && recorded[0].find("shape")->items().size() == 3) c.without_batch = true;
  c.topology = JsonValue::object();
  c.topology["class_name"] = JsonValue(c.class_name);
  c.topology["config"] = *json.find("config");
  if (const JsonValue* call = json.find("call")) {
    for (const JsonMember& member : call->members()) {
      if (member.key == "mask" && member.value.is_object()) {
        c.mask = TRY(read_recorded_tensor(member.value));
      } else if (member.key != "mask" || !member.value.is_null()) {
        c.skip = "the call's argument " + member.key;
      }
    }
  }
  if (c.skip.empty()) c.skip = unmarked(c.id);
  for (const JsonValue& weight : json.find("weights")->items()) {
    Tensor value = TRY(read_recorded_tensor(weight));
    c.weights.push_back({text_of(weight, "name"), std::move(value)});
  }
  for (const JsonValue& input : json.find("inputs")->items()) {
    Tensor value = TRY(read_recorded_tensor(input));
    c.inputs.push_back({{}, std::move(value)});
  }
  for (const JsonValue& output : json.find("outputs")->items()) c.outputs.push_back(TRY(read_recorded_tensor(output)));
  return c;
}

// Empty, or why the result is wrong.
Result<std::string> run_case(LayerCase& c, bool open_batch) {
  const Limits limits;
  layers::Model model = c.container ? TRY(layers::read_model(c.topology, layers::Generation::kTfjs, limits))
                                    : TRY(layers::single_layer_model(c.topology, c.inputs.size(), layers::Generation::kTfjs, limits));
  // A layer may give states after its output.
  if (!c.container)
    for (size_t i = 1; i < c.outputs.size(); ++i) model.outputs.push_back({model.outputs[0].name, {model.outputs[0].ref.layer, 0, static_cast<int32_t>(i)}});
  if (model.inputs.size() != c.inputs.size())
    return "the model has " + std::to_string(model.inputs.size()) + " inputs, recorded are " + std::to_string(c.inputs.size());
  layers::LoweringOptions options;
  options.training = c.training;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    c.inputs[i].name = model.inputs[i].name;
    std::vector<int64_t> dims = c.inputs[i].value.shape();
    // predict() of TensorFlow.js takes a vector for a column.
    if (c.container && dims.size() == 1) {
      dims.push_back(1);
      c.inputs[i].value = c.inputs[i].value.reshaped(dims);
    }
    if (open_batch && !dims.empty()) dims[0] = kUnknownDim;
    options.input_types[c.inputs[i].name] = {c.inputs[i].value.dtype(), PartialShape(dims), DType::kInvalid, {}};
  }
  options.input_masks.clear();
  if (c.mask.valid()) options.input_masks[model.inputs[0].name] = c.mask;
  layers::LoweredModel lowered = TRY(in_context(layers::lower(model, options), "lowering"));
  std::vector<layers::StoredWeight> stored;
  for (const NamedTensor& weight : c.weights) stored.push_back({{}, weight.name, weight.value.shape()});
  const std::vector<size_t> matches = TRY(layers::match_weights(lowered.weights, stored));
  if (stored.size() != matches.size()) return "the layer has " + std::to_string(matches.size()) + " weights, recorded are " + std::to_string(stored.size());
  for (size_t i = 0; i < matches.size(); ++i)
    for (ir::Variable& variable : lowered.module.variables)
      if (variable.name == lowered.weights[i].variable) variable.value = c.weights[matches[i]].value;
  const auto results = TRY(in_context(run_model(lowered.module, c.inputs, {}), "running"));
  if (results.size() != c.outputs.size()) return "expected " + std::to_string(c.outputs.size()) + " results, got " + std::to_string(results.size());
  for (size_t i = 0; i < results.size(); ++i)
    if (std::string text = difference(c.outputs[i], results[i].value); !text.empty()) return "output " + std::to_string(i) + ": " + text;
  return std::string();
}

struct Counts {
  int64_t passed = 0, failed = 0, skipped = 0;
  std::map<std::string, int64_t> reasons;
};

int run_file(const std::string& path, const std::set<std::string>& only) {
  const auto packed = map_file(path);
  const auto file = packed ? gunzip(*packed, Limits()) : packed;
  if (!file) {
    std::printf("%s\n0 passed, 1 failed, 0 skipped\n", file.error().describe().c_str());
    return 1;
  }
  std::map<std::string, Counts> by_class;
  std::string_view text = file->text();
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto json = read_json(line, Limits());
    auto c = json ? read_layer_case(*json) : Result<LayerCase>(fail(json.error()));
    Counts& counts = by_class[c ? c->class_name : "?"];
    if (c && !only.empty() && !only.contains(c->class_name) && !only.contains(c->id)) continue;
    if (c && !c->skip.empty()) {
      ++counts.skipped, ++counts.reasons[c->skip];
      continue;
    }
    std::string wrong = c ? "" : c.error().describe();
    for (const bool open : {false, true}) {
      if (!wrong.empty() || (open && c->without_batch)) break;
      const auto result = run_case(*c, open);
      wrong = result ? *result : result.error().describe();
      if (!wrong.empty() && open) wrong = "with an open batch: " + wrong;
    }
    ++(wrong.empty() ? counts.passed : counts.failed);
    if (!wrong.empty()) std::printf("FAILED %s: %s\n", c ? c->id.c_str() : "?", wrong.c_str());
  }
  Counts total;
  for (const auto& [name, counts] : by_class) {
    std::printf("%-28s %lld passed, %lld failed, %lld skipped\n", name.c_str(), static_cast<long long>(counts.passed), static_cast<long long>(counts.failed),
                static_cast<long long>(counts.skipped));
    for (const auto& [reason, times] : counts.reasons) std::printf("    skipped %lld: %s\n", static_cast<long long>(times), reason.c_str());
    total.passed += counts.passed, total.failed += counts.failed, total.skipped += counts.skipped;
  }
  std::printf("%lld passed, %lld failed, %lld skipped\n", static_cast<long long>(total.passed), static_cast<long long>(total.failed),
              static_cast<long long>(total.skipped));
  return total.failed == 0 && total.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace isomer

int main(int argc, char** argv) {
  std::set<std::string> only;
  for (int i = 2; i + 1 < argc; i += 2)
    if (std::string(argv[i]) == "--only") only.insert(argv[i + 1]);
  if (argc < 2) {
    std::printf("usage: isomer_layers_conformance_test FILE [--only CLASS]...\n");
    return 2;
  }
  return isomer::run_file(argv[1], only);
}
