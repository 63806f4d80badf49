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

#include "ops/registry.h"
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

std::string page() {
  std::string text =
      "# Ops\n\n"
      "Written by isomer_coverage_test from the definitions in src/ops; `isomer_coverage_test --update` writes it again. *Inference*: result shapes are\n"
      "known before the op runs. *Kernel*: Isomer can compute it; an op without a kernel can be converted, not run. *Effect*: what it does besides\n"
      "computing its results.\n\n"
      "| Op | Inference | Kernel | Effect |\n"
      "|---|---|---|---|\n";
  for (const ir::OpDef* op : ops::all_ops()) {
    text += "| " + std::string(op->name) + " | " + (op->infer ? "yes" : "") + " | " + (op->reference ? "yes" : "") + " | " +
            std::string(effect_text(op->effect)) + " |\n";
  }
  return text;
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
