// Runs every fixture tests/ops/<Op>.txt and tests/ops/random/<Op>.txt.gz, or those of the ops or files given on the command line. Each case of an op goes
// three ways:
//
//   placeholders  the inputs are arguments of known shape: the interpreter's results are the recorded ones, inference promised no other types, and the
//                 module verifies and survives its text form;
//   unknown       the inputs have no known shape: inference still succeeds and contradicts nothing;
//   constants     the inputs are constants: inference sees the values and still contradicts nothing, and the folder computes the same bits.
//
// A case of a module runs @main. The last line counts the cases: `N passed, N failed`.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "ir/const_op.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ops/fixture.h"
#include "ops/interpreter.h"
#include "ops/registry.h"
#include "passes/pass.h"

namespace isomer {
namespace {

using namespace ir;

enum class InputKind { kPlaceholders, kUnknown, kConstants };

// A module whose function @main is the op alone.
Result<Module> module_of(const OpDef& op, const OpCase& c, InputKind kind) {
  Module module;
  Graph& graph = module.add_function("main").graph;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Tensor& input = c.inputs[i];
    const std::string name = "in" + std::to_string(i);
    NodeId node;
    if (kind == InputKind::kConstants) {
      node = TRY(graph.add(ops::kOp_Const, const_attributes(input), {}, name));
    } else {
      const PartialShape shape = kind == InputKind::kUnknown ? PartialShape::unknown() : PartialShape(input.shape());
      node = TRY(graph.add(ops::kOp_Placeholder, placeholder_attributes(input.dtype(), shape), {}, name));
      graph.inputs.push_back({name, graph.output(node), ""});
    }
    inputs.push_back(graph.output(node));
  }
  auto attributes = op.make_attributes();
  for (const NamedAttribute& attribute : c.attributes)
    if (!attributes->has_field(attribute.name)) return fail(ErrorCode::kInvalidModel, "the op has no attribute '" + attribute.name + "'");
  TRY(attributes->assign(c.attributes));
  const NodeId node = TRY(graph.add(op, std::move(attributes), inputs, "op", &module));
  for (const ValueId output : graph.node(node).outputs) graph.outputs.push_back({"out" + std::to_string(graph.outputs.size()), output, ""});
  return module;
}

Result<void> check_types(const Graph& graph, const OpCase& c) {
  if (graph.outputs.size() != c.outputs.size()) {
    return fail(ErrorCode::kInvalidModel, "expected " + std::to_string(c.outputs.size()) + " results, the graph has " + std::to_string(graph.outputs.size()));
  }
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const TensorType& type = graph.type(graph.outputs[i].value);
    const ExpectedTensor& expected = c.outputs[i];
    if (type.dtype == expected.dtype && compatible(type.shape, PartialShape(expected.shape))) continue;
    return fail(ErrorCode::kInvalidModel, "result " + std::to_string(i) + " is inferred to be " + to_string(type) + ", TensorFlow gives " +
                                              std::string(to_string(expected.dtype)) + to_string(expected.shape));
  }
  return {};
}

Result<void> check_text(const Module& module) {
  TRY(in_context(verify(module), "verifying the module"));
  std::string side;
  const std::string text =
      print(module, {.side = [&](std::span<const std::byte> bytes) { side.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }});
  const Bytes side_bytes = Bytes::from_string(side);
  const Module again = TRY(in_context(parse(text, {.find_op = ops::find_op, .side = &side_bytes}), "reading the module's text"));
  const std::string second = print(again, {.side = [](std::span<const std::byte>) {}});
  if (second != text) return fail(ErrorCode::kInternal, "the module's text reads back as another module:\n" + text + second);
  return {};
}

Result<std::vector<Tensor>> run(const Module& module, std::span<const Tensor> inputs) {
  RunState state;
  TRY(ops::initialize(state, module));
  const std::vector<RuntimeValue> arguments(inputs.begin(), inputs.end());
  std::vector<Tensor> results;
  for (const RuntimeValue& value : TRY(ops::run_function(state, module, "main", arguments))) {
    const auto* tensor = std::get_if<Tensor>(&value);
    if (!tensor) return fail(ErrorCode::kInternal, "result " + std::to_string(results.size()) + " is no tensor");
    results.push_back(*tensor);
  }
  return results;
}

Result<void> check_results(std::span<const Tensor> results, const OpCase& c) {
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const std::string wrong = difference(results[i], c.outputs[i], c.tolerance);
    if (!wrong.empty()) return fail(ErrorCode::kInternal, "result " + std::to_string(i) + ": " + wrong);
  }
  return {};
}

// Folding leaves constants, of the bits that running gave.
Result<void> check_folding(Module& module, std::span<const Tensor> results) {
  passes::PassContext context;
  TRY(passes::fold_constants(module, context));
  const Graph& graph = module.find_function("main")->graph;
  for (size_t i = 0; i < results.size(); ++i) {
    const Tensor* folded = graph.constant(graph.outputs[i].value);
    // The folder may leave alone what has effects; what it folds must be right.
    if (folded && !folded->identical(results[i])) {
      return fail(ErrorCode::kInternal,
                  "result " + std::to_string(i) + " is folded to " + print_tensor(*folded) + ", the interpreter gives " + print_tensor(results[i]));
    }
  }
  return {};
}

Result<void> check_op(const OpDef& op, const OpCase& c) {
  const Module module = TRY(module_of(op, c, InputKind::kPlaceholders));
  TRY(check_types(module.find_function("main")->graph, c));
  TRY(check_text(module));
  const std::vector<Tensor> results = TRY(run(module, c.inputs));
  TRY(check_results(results, c));

  const Module unknown = TRY(in_context(module_of(op, c, InputKind::kUnknown), "inferring with inputs of unknown shape"));
  TRY(in_context(check_types(unknown.find_function("main")->graph, c), "inferring with inputs of unknown shape"));

  Module constants = TRY(in_context(module_of(op, c, InputKind::kConstants), "inferring with constant inputs"));
  TRY(in_context(check_types(constants.find_function("main")->graph, c), "inferring with constant inputs"));
  if (op.effect != Effect::kPure) return {};
  return in_context(check_folding(constants, results), "folding");
}

Result<void> check_module(const Module& module, const OpCase& c) {
  const Function* main = module.find_function("main");
  if (!main) return fail(ErrorCode::kInvalidModel, "the module has no function @main");
  TRY(check_text(module));
  TRY(check_types(main->graph, c));
  return check_results(TRY(run(module, c.inputs)), c);
}

struct Counts {
  int64_t passed = 0;
  int64_t failed = 0;
};

Counts run_fixture(const std::string& path) {
  Counts counts;
  const auto fixture = read_op_fixture(path);
  const OpDef* op = fixture ? ops::find_op(fixture->op) : nullptr;
  if (!fixture || !op) {
    std::printf("FAILED %s\n", fixture ? (path + ": there is no op " + fixture->op).c_str() : fixture.error().describe().c_str());
    return {0, 1};
  }
  for (const OpCase& c : fixture->cases) {
    const auto checked = fixture->module ? check_module(*fixture->module, c) : check_op(*op, c);
    ++(checked ? counts.passed : counts.failed);
    if (!checked)
      std::printf("FAILED %s:%lld: %s, %s: %s\n", path.c_str(), static_cast<long long>(c.line), fixture->op.c_str(), c.label.c_str(),
                  checked.error().describe().c_str());
  }
  std::printf("%-40s %lld passed, %lld failed\n", fixture->op.c_str(), static_cast<long long>(counts.passed), static_cast<long long>(counts.failed));
  return counts;
}

// Of these ops (all when there are none), and the files that are given by path.
std::vector<std::string> fixture_paths(std::vector<std::string> wanted) {
  std::vector<std::string> paths;
  const auto given = std::stable_partition(wanted.begin(), wanted.end(), [](const std::string& name) { return name.find('.') == std::string::npos; });
  paths.assign(given, wanted.end());
  wanted.erase(given, wanted.end());
  if (wanted.empty() && !paths.empty()) return paths;
  for (const auto& [folder, suffix] : {std::pair("/tests/ops", ".txt"), std::pair("/tests/ops/random", ".txt.gz")}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(ISOMER_SOURCE_DIR) + folder)) {
      const std::string name = entry.path().filename().string(), op = name.substr(0, name.find('.'));
      if (name == op + suffix && (wanted.empty() || std::find(wanted.begin(), wanted.end(), op) != wanted.end())) paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

int main_with(const std::vector<std::string>& wanted) {
  Counts total;
  for (const std::string& path : fixture_paths(wanted)) {
    const Counts counts = run_fixture(path);
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
  std::printf("%lld passed, %lld failed\n", static_cast<long long>(total.passed), static_cast<long long>(total.failed));
  return total.failed == 0 && total.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace isomer

int main(int argc, char** argv) { return isomer::main_with({argv + 1, argv + argc}); }
