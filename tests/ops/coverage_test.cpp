// Walks every op and says what was forgotten: a paragraph of documentation, a fixture and random cases for a reference kernel. Writes docs/generated/ops.md,
// or compares it: `isomer_coverage_test --update` rewrites it. The last line is `N passed, N failed`; one check for each op and one for the page.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "formats/tfjs/target.h"
#include "formats/tfjs/target_advice.h"
#include "ops/registry.h"
#include "passes/legalize.h"
#include "passes/rewrite.h"
#include "wire/gzip.h"

namespace isomer {
namespace {

struct Exception {
  std::string_view op;
  std::string_view reason;
};
// Ops with a reference kernel that need no fixture of their own.
constexpr Exception kWithoutFixture[] = {
    {"Const", "every fixture folds constants"},
};

constexpr int kRandomCases = 20;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Op and reason of each line `Op: reason` of tests/ops/random/exceptions.txt.
std::map<std::string, std::string, std::less<>> random_exceptions() {
  std::map<std::string, std::string, std::less<>> exceptions;
  std::istringstream lines(read_text(ISOMER_SOURCE_DIR "/tests/ops/random/exceptions.txt"));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (!line.starts_with('#') && colon != std::string::npos) exceptions[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return exceptions;
}

int count_cases(std::string_view text) {
  int count = 0;
  for (size_t at = 0; (at = text.find("\ncase ", at)) != std::string_view::npos; ++at) ++count;
  return count;
}

// What is wrong with the random cases of an op with a kernel, or empty.
std::string random_problem(std::string_view op) {
  static const auto exceptions = random_exceptions();
  const std::string path = ISOMER_SOURCE_DIR "/tests/ops/random/" + std::string(op) + ".txt.gz";
  const bool recorded = std::filesystem::exists(path), excepted = exceptions.contains(op);
  if (recorded && excepted) return "has random cases and an exception in tests/ops/random/exceptions.txt";
  if (excepted) return "";
  if (!recorded) return "has a reference kernel and no random cases tests/ops/random/" + std::string(op) + ".txt.gz (tests/peers/record_random.py writes them)";
  const auto text = gunzip(Bytes::from_string(read_text(path)), {});
  if (!text) return "has random cases that cannot be read: " + text.error().message;
  const int found = count_cases(text->text());
  return found < kRandomCases ? "has only " + std::to_string(found) + " random cases" : "";
}

std::string problem_of(const ir::OpDef& op) {
  if (op.doc.empty()) return "has no doc";
  if (!op.doc.ends_with('.')) return "has a doc that is no sentence";
  const bool fixture = std::filesystem::exists(std::string(ISOMER_SOURCE_DIR "/tests/ops/") + std::string(op.name) + ".txt");
  const bool excepted = std::any_of(std::begin(kWithoutFixture), std::end(kWithoutFixture), [&](const Exception& e) { return e.op == op.name; });
  if (op.reference && !fixture && !excepted) return "has a reference kernel and no fixture tests/ops/" + std::string(op.name) + ".txt";
  if (fixture && excepted) return "has a fixture and an exception in tests/ops/coverage_test.cpp";
  if (op.reference && !excepted) return random_problem(op.name);
  return "";
}

std::string_view effect_text(ir::Effect effect) {
  switch (effect) {
    case ir::Effect::kPure: return "";
    case ir::Effect::kReads: return "reads";
    case ir::Effect::kWrites: return "writes";
  }
  return "";
}

// Ops that a pass before the export takes away.
struct TakenAway {
  std::string_view op, how;
};
constexpr TakenAway kTakenAway[] = {
    {"Assert", "taken away (strip_debug_ops)"},
    {"Case", "as conditionals (fold_control_flow)"},
    {"CheckNumerics", "taken away (strip_debug_ops)"},
    {"Foreign", "as the op that it carries"},
    {"InitializeTableFromTextFileV2", "taken away (freeze_resources)"},
    {"PartitionedCall", "taken away (inline_functions)"},
    {"Print", "taken away (strip_debug_ops)"},
    {"PrintV2", "taken away (strip_debug_ops)"},
    {"ReadVariableOp", "taken away (freeze_resources)"},
    {"ResourceGather", "taken away (freeze_resources)"},
    {"StatefulPartitionedCall", "taken away (inline_functions)"},
    {"StatelessCase", "as conditionals (fold_control_flow)"},
    {"VarHandleOp", "taken away (freeze_resources)"},
    {"VarIsInitializedOp", "taken away (freeze_resources)"},
};

// What an exporter for tf.js makes of the op.
std::string tfjs_text(const ir::OpDef& op, const std::vector<std::string_view>& with_rules) {
  const bool rule = std::binary_search(with_rules.begin(), with_rules.end(), op.name);
  switch (tfjs::support_of(op.name)) {
    case tfjs::Support::kAlways: return "as it is";
    case tfjs::Support::kSometimes: return rule ? "as it is, or rewritten" : "as it is, in some forms";
    case tfjs::Support::kNever: break;
  }
  if (rule) return "rewritten";
  for (const TakenAway& taken : kTakenAway)
    if (taken.op == op.name) return std::string(taken.how);
  const tfjs::Lack lack = tfjs::lack_of(op.name);
  return "no: " + std::string(lack.reason) + "; " + std::string(lack.advice);
}

std::string page() {
  std::string text =
      "# Ops\n\n"
      "Written by isomer_coverage_test from the definitions in src/ops, the table of src/formats/tfjs/target.cpp and the rules of src/passes/legalize;\n"
      "`isomer_coverage_test --update` writes it again. *Inference*: result shapes are known before the op runs. *Kernel*: Isomer can compute it; an op\n"
      "without a kernel can be converted, not run. *Folds*: computed at conversion when all inputs are constants, so that it may occur in any model whose\n"
      "inputs it does not depend on. *tf.js*: what becomes of it in a graph model. *Effect*: what it does besides computing its results.\n\n";
  const std::vector<std::string_view> with_rules = passes::ops_with_rules();
  std::string rows;
  int64_t kernels = 0, folding = 0, exported = 0, ops = 0;
  for (const ir::OpDef* op : ops::all_ops()) {
    const bool folds = passes::is_foldable(*op);
    const std::string tfjs = tfjs_text(*op, with_rules);
    ++ops;
    kernels += op->reference ? 1 : 0;
    folding += folds ? 1 : 0;
    exported += tfjs.starts_with("no:") ? 0 : 1;
    rows += "| " + std::string(op->name) + " | " + (op->infer ? "yes" : "") + " | " + (op->reference ? "yes" : "") + " | " + (folds ? "yes" : "") + " | " +
            tfjs + " | " + std::string(effect_text(op->effect)) + " |\n";
  }
  text += std::to_string(ops) + " ops: " + std::to_string(kernels) + " have a kernel, " + std::to_string(folding) + " fold, " + std::to_string(exported) +
          " can be exported to tf.js.\n\n| Op | Inference | Kernel | Folds | tf.js | Effect |\n|---|---|---|---|---|---|\n";
  return text + rows;
}

int main_with(bool update) {
  int64_t passed = 0, failed = 0;
  for (const ir::OpDef* op : ops::all_ops()) {
    const std::string problem = problem_of(*op);
    ++(problem.empty() ? passed : failed);
    if (!problem.empty()) std::printf("FAILED %s %s\n", std::string(op->name).c_str(), problem.c_str());
  }
  const std::string path = ISOMER_SOURCE_DIR "/docs/generated/ops.md", wanted = page();
  if (update) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << wanted;
  }
  const bool fresh = read_text(path) == wanted;
  ++(fresh ? passed : failed);
  if (!fresh) std::printf("FAILED docs/generated/ops.md is out of date: run isomer_coverage_test --update\n");
  std::printf("%lld passed, %lld failed\n", static_cast<long long>(passed), static_cast<long long>(failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace isomer

int main(int argc, char** argv) { return isomer::main_with(argc > 1 && std::string_view(argv[1]) == "--update"); }
