// Runs the cases recorded from TensorFlow.js with the reference kernels: isomer_conformance_test FOLDER [--only OP]..., or --self-test.
//
// A case becomes a graph model in memory, is imported as one that lies on disk, and is run; an op case twice, with the shapes of its inputs known and
// unknown. Results compare as the recording's README says: dtype and shape equal, floats within 1e-5 + 1e-4 of the expected value, NaN and infinities at
// the same places, all else equal. Cases in which TensorFlow.js computes something else than TensorFlow are compared with what TensorFlow defines where
// that is recorded, and those of them that --tfjs-compat claims run once more in that mode, where TensorFlow.js's own results count. What is left of them
// is skipped, as are a few that are not marked (recorded_case.cpp). The last line counts:
// `N passed, N failed, N skipped`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "base/mapped_file.h"
#include "conformance/recorded_case.h"
#include "wire/gzip.h"

namespace isomer {
namespace {

enum class Verdict { kPassed, kFailed, kSkipped };

struct Outcome {
  std::string id = "?";
  std::string op = "?";
  Verdict verdict = Verdict::kPassed;
  std::string reason;  // of a failure or of skipping
};

std::string element_text(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kString) return "'" + std::string(tensor.string_at(i)) + "'";
  if (is_complex(tensor.dtype())) return json_number(tensor.at<float>(2 * i)) + " + " + json_number(tensor.at<float>(2 * i + 1)) + "i";
  if (is_integer(tensor.dtype()) || tensor.dtype() == DType::kBool) return std::to_string(tensor.as_int64(i));
  const double value = tensor.as_double(i);
  return std::isnan(value) ? "NaN" : std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity") : json_number(static_cast<float>(value));
}

bool equal_element(const Tensor& expected, const Tensor& actual, int64_t i) {
  switch (type_class(expected.dtype())) {
    case TypeClass::kString: return expected.string_at(i) == actual.string_at(i);
    case TypeClass::kComplex:
      return close(expected.at<float>(2 * i), actual.at<float>(2 * i)) && close(expected.at<float>(2 * i + 1), actual.at<float>(2 * i + 1));
    case TypeClass::kFloat: return close(expected.as_double(i), actual.as_double(i));
    default: return expected.as_int64(i) == actual.as_int64(i);
  }
}

// What is wrong with a result; empty when nothing is.
std::string difference(const ExpectedOutput& expected, const Tensor& actual) {
  const bool widened = expected.may_be_int64 && expected.dtype == DType::kInt32 && actual.dtype() == DType::kInt64;
  if (actual.dtype() != expected.dtype && !widened)
    return "expected " + std::string(to_string(expected.dtype)) + ", got " + std::string(to_string(actual.dtype()));
  if (actual.shape() != expected.shape) return "expected the shape " + to_string(expected.shape) + ", got " + to_string(actual.shape());
  if (!expected.value.valid()) return {};
  for (int64_t i = 0; i < actual.elements(); ++i) {
    if (equal_element(expected.value, actual, i)) continue;
    return "element " + std::to_string(i) + " of " + type_text(actual) + ": expected " + element_text(expected.value, i) + ", got " + element_text(actual, i);
  }
  return {};
}

// The reason of a failure, or empty.
Result<std::string> run_case(const JsonValue& json, const RecordedCase& c, Shapes shapes, bool tfjs_compat) {
  const ir::Module module = TRY(in_context(import_case(json, shapes), "importing"));
  RunOptions options;
  options.tfjs_compat = tfjs_compat;
  const auto results = TRY(in_context(run_model(module, c.inputs, options), "running"));
  const auto& expected = tfjs_compat ? c.tfjs_outputs : c.outputs;
  if (results.size() != expected.size()) return "expected " + std::to_string(expected.size()) + " results, got " + std::to_string(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    if (std::string text = difference(expected[i], results[i].value); !text.empty()) return "output " + std::to_string(i) + ": " + text;
  }
  return std::string();
}

Outcome judge(const std::string& line) {
  Outcome outcome;
  const auto failed = [&](std::string reason) {
    outcome.verdict = Verdict::kFailed;
    outcome.reason = std::move(reason);
    return outcome;
  };
  const auto json = read_json(line, Limits());
  if (!json) return failed(json.error().describe());
  const auto c = read_case(*json);
  if (!c) return failed(c.error().describe());
  outcome.id = c->id;
  outcome.op = c->op;
  if (!c->skip.empty() && c->tfjs_outputs.empty()) {
    outcome.verdict = Verdict::kSkipped;
    outcome.reason = c->skip;
    return outcome;
  }
  for (const bool tfjs_compat : {false, true}) {
    if (tfjs_compat ? c->tfjs_outputs.empty() : !c->skip.empty()) continue;
    for (const Shapes shapes : {Shapes::kKnown, Shapes::kUnknown}) {
      const auto reason = run_case(*json, *c, shapes, tfjs_compat);
      const std::string where = std::string(tfjs_compat ? "as tf.js: " : "") + (shapes == Shapes::kKnown ? "" : "with unknown shapes: ");
      if (!reason) return failed(where + reason.error().describe());
      if (!reason->empty()) return failed(where + *reason);
      if (json->find("graph")) break;  // recorded with its own shapes
    }
  }
  return outcome;
}

struct Counts {
  int64_t passed = 0, failed = 0, skipped = 0;
  std::map<std::string, int64_t> reasons;  // of skipping
};

void count(std::map<std::string, Counts>& by_op, const Outcome& outcome) {
  Counts& counts = by_op[outcome.op];
  if (outcome.verdict == Verdict::kPassed) ++counts.passed;
  if (outcome.verdict == Verdict::kSkipped) ++counts.skipped, ++counts.reasons[outcome.reason];
  if (outcome.verdict != Verdict::kFailed) return;
  ++counts.failed;
  std::printf("FAILED %s (%s): %s\n", outcome.id.c_str(), outcome.op.c_str(), outcome.reason.c_str());
}

Result<void> run_file(const std::string& path, const std::set<std::string>& only, std::map<std::string, Counts>& by_op) {
  const Bytes packed = TRY(map_file(path));
  const Bytes file = TRY(in_context(gunzip(packed, Limits()), "reading " + path));
  std::string_view text = file.text();
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const Outcome outcome = judge(line);
    if (only.empty() || only.contains(outcome.op)) count(by_op, outcome);
  }
  return {};
}

int run_folder(const std::string& folder, const std::set<std::string>& only) {
  Counts total;
  for (const char* name : {"ops.jsonl.gz", "graphs.jsonl.gz"}) {
    std::map<std::string, Counts> by_op;
    if (auto done = run_file(folder + "/" + name, only, by_op); !done) {
      std::printf("%s\n", done.error().describe().c_str());
      ++total.failed;
    }
    Counts in_file;
    for (const auto& [op, counts] : by_op) {
      std::printf("%-28s %lld passed, %lld failed, %lld skipped\n", op.c_str(), static_cast<long long>(counts.passed), static_cast<long long>(counts.failed),
                  static_cast<long long>(counts.skipped));
      for (const auto& [reason, times] : counts.reasons) std::printf("    skipped %lld: %s\n", static_cast<long long>(times), reason.c_str());
      in_file.passed += counts.passed, in_file.failed += counts.failed, in_file.skipped += counts.skipped;
    }
    std::printf("== %s: %lld passed, %lld failed, %lld skipped\n", name, static_cast<long long>(in_file.passed), static_cast<long long>(in_file.failed),
                static_cast<long long>(in_file.skipped));
    total.passed += in_file.passed, total.failed += in_file.failed, total.skipped += in_file.skipped;
  }
  std::printf("%lld passed, %lld failed, %lld skipped\n", static_cast<long long>(total.passed), static_cast<long long>(total.failed),
              static_cast<long long>(total.skipped));
  return total.failed == 0 && total.passed + total.skipped > 0 ? 0 : 1;
}

// Cases whose verdict is known: the runner must not let a wrong one pass.
int self_test() {
  const std::string add = R"({"id": "t", "op": "AddV2", "attr": {"T": {"type": "DT_FLOAT"}}, "const_inputs": [1], "inputs": [
      {"dtype": "float32", "shape": [2], "values": [1, "NaN"]}, {"dtype": "float32", "shape": [], "values": [2]}], )";
  const std::string neg = R"({"id": "t", "op": "Neg", "graph": {"node": [
      {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_INT32"}, "shape": {"shape": {"dim": [{"size": "1"}]}}}},
      {"name": "y", "op": "Neg", "input": ["x"], "attr": {"T": {"type": "DT_INT32"}}}]}, "weights": [], "output_names": ["y"],
      "inputs": [{"name": "x", "dtype": "int32", "shape": [1], "values": [7]}], )";
  const std::string concat = R"({"id": "t", "op": "ConcatV2", "attr": {"N": {"i": "2"}}, "const_inputs": [1, 2], "inputs": [
      {"dtype": "string", "shape": [1], "values": ["a"]}, {"dtype": "string", "shape": [1], "encoding": "base64", "values": ["/w=="]},
      {"dtype": "int32", "shape": [], "values": [0]}], )";
  // Ops that only TensorFlow.js has, by hand: 1*2 + 2*1 and so on; 3*3.
  const std::string conv1d = R"({"id": "t", "op": "Conv1D", "attr": {"T": {"type": "DT_FLOAT"}, "stride": {"i": "1"}, "padding": {"s": "VkFMSUQ="},
      "data_format": {"s": "TldD"}, "dilation": {"i": "1"}}, "const_inputs": [], "inputs": [{"dtype": "float32", "shape": [1, 4, 1], "values": [1, 2, 3, 4]},
      {"dtype": "float32", "shape": [2, 1, 1], "values": [2, 1]}], "outputs": [{"dtype": "float32", "shape": [1, 3, 1], "values": [4, 7, 10]}]})";
  const std::string depthwise = R"({"id": "t", "op": "DepthwiseConv2d", "attr": {"T": {"type": "DT_FLOAT"}, "strides": {"list": {"i": ["1", "1", "1", "1"]}},
      "padding": {"s": "VkFMSUQ="}}, "const_inputs": [], "inputs": [{"dtype": "float32", "shape": [1, 1, 1, 1], "values": [3]},
      {"dtype": "float32", "shape": [1, 1, 1, 1], "values": [3]}], "outputs": [{"dtype": "float32", "shape": [1, 1, 1, 1], "values": [9]}]})";
  const std::string ones = R"({"id": "t", "op": "Ones", "attr": {"T": {"type": "DT_INT32"}}, "const_inputs": [0],
      "inputs": [{"dtype": "int32", "shape": [1], "values": [2]}], "outputs": [{"dtype": "int32", "shape": [2], "values": [1, 1]}]})";
  const std::string enter = R"({"id": "t", "op": "Enter", "graph": {"node": [
      {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_INT32"}}}, {"name": "y", "op": "Enter", "input": ["x"], "attr": {"frame_name": {"s": "Zg=="}}}]},
      "weights": [], "output_names": ["y"], "inputs": [{"name": "x", "dtype": "int32", "shape": [1], "values": [7]}],
      "outputs": [{"dtype": "int32", "shape": [1], "values": [7]}]})";
  struct Known {
    const char* what;
    std::string line;
    Verdict verdict;
  };
  const std::vector<Known> cases = {
      {"a right value", add + R"("outputs": [{"dtype": "float32", "shape": [2], "values": [3.00001, "NaN"]}]})", Verdict::kPassed},
      {"a value off by 1e-3", add + R"("outputs": [{"dtype": "float32", "shape": [2], "values": [3.001, "NaN"]}]})", Verdict::kFailed},
      {"a number for NaN", add + R"("outputs": [{"dtype": "float32", "shape": [2], "values": [3, 3]}]})", Verdict::kFailed},
      {"infinity for a number", add + R"("outputs": [{"dtype": "float32", "shape": [2], "values": ["Infinity", "NaN"]}]})", Verdict::kFailed},
      {"another shape", add + R"("outputs": [{"dtype": "float32", "shape": [2, 1], "values": [3, "NaN"]}]})", Verdict::kFailed},
      {"another dtype", add + R"("check": "shape", "outputs": [{"dtype": "int32", "shape": [2]}]})", Verdict::kFailed},
      {"a shape alone", add + R"("check": "shape", "outputs": [{"dtype": "float32", "shape": [2]}]})", Verdict::kPassed},
      {"a divergent case", add + R"("divergent": "rounds", "outputs": [{"dtype": "float32", "shape": [2], "values": [3, "NaN"]}]})", Verdict::kSkipped},
      {"a divergent case, corrected",
       add + R"("divergent": "rounds", "outputs": [], "tf_outputs": [{"dtype": "float32", "shape": [2], "values": [3, "NaN"]}]})", Verdict::kPassed},
      {"a divergent case, corrected to something else",
       add + R"("divergent": "rounds", "outputs": [], "tf_outputs": [{"dtype": "float32", "shape": [2], "values": [4, "NaN"]}]})", Verdict::kFailed},
      {"a graph", neg + R"("outputs": [{"dtype": "int32", "shape": [1], "values": [-7]}]})", Verdict::kPassed},
      {"a graph with a wrong value", neg + R"("outputs": [{"dtype": "int32", "shape": [1], "values": [7]}]})", Verdict::kFailed},
      {"strings", concat + R"("outputs": [{"dtype": "string", "shape": [2], "encoding": "base64", "values": ["YQ==", "/w=="]}]})", Verdict::kPassed},
      {"a wrong string", concat + R"("outputs": [{"dtype": "string", "shape": [2], "values": ["a", "b"]}]})", Verdict::kFailed},
      {"Conv1D", conv1d, Verdict::kPassed},
      {"DepthwiseConv2d", depthwise, Verdict::kPassed},
      {"Ones", ones, Verdict::kPassed},
      {"an Enter without a loop", enter, Verdict::kPassed},
      {"a line that is no case", "{}", Verdict::kFailed},
  };
  int failed = 0;
  for (const Known& known : cases) {
    const Outcome outcome = judge(known.line);
    if (outcome.verdict == known.verdict) continue;
    ++failed;
    std::printf("FAILED %s: verdict %d instead of %d (%s)\n", known.what, static_cast<int>(outcome.verdict), static_cast<int>(known.verdict),
                outcome.reason.c_str());
  }
  std::printf("%d passed, %d failed, 0 skipped\n", static_cast<int>(cases.size()) - failed, failed);
  return failed == 0 ? 0 : 1;
}

int usage() {
  std::printf("usage: isomer_conformance_test FOLDER [--only OP]..., or isomer_conformance_test --self-test\n");
  return 2;
}

int conformance_main(const std::vector<std::string>& arguments) {
  std::string folder;
  std::set<std::string> only;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--self-test") return arguments.size() == 1 ? self_test() : usage();
    if (arguments[i] == "--only" && i + 1 < arguments.size()) {
      only.insert(arguments[++i]);
    } else if (folder.empty() && !arguments[i].starts_with("-")) {
      folder = arguments[i];
    } else {
      return usage();
    }
  }
  return folder.empty() ? usage() : run_folder(folder, only);
}

}  // namespace
}  // namespace isomer

int main(int argc, char** argv) { return isomer::conformance_main(std::vector<std::string>(argv + 1, argv + argc)); }
