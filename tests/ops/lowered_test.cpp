// Writes docs/generated/lowered.md, the page of what tf.js lacks and what is written instead, from the rules' own comments; or compares it:
// `isomer_lowered_test --update` rewrites it. The last line is `N passed, N failed`; one check for each rule and one for the page.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "formats/tfjs/target.h"
#include "passes/legalize.h"

namespace isomer {
namespace {

struct Row {
  std::string_view op, function;
};
constexpr Row kRows[] = {
#define RULE(Op, function) {#Op, #function},
#include "passes/legalize/rules.def"
#undef RULE
};

struct Comment {
  std::string file, text;
};

// The comment in front of each rule, by the rule's name.
std::map<std::string, Comment> comments() {
  std::map<std::string, Comment> result;
  for (const auto& entry : std::filesystem::directory_iterator(ISOMER_SOURCE_DIR "/src/passes/legalize")) {
    if (entry.path().extension() != ".cpp") continue;
    std::ifstream file(entry.path());
    std::string line, comment;
    while (std::getline(file, line)) {
      constexpr std::string_view kRule = "Result<bool> ";
      if (line.starts_with("// ")) {
        comment += line.substr(3) + "\n";
      } else if (line.starts_with(kRule) && line.find("(RuleContext&") != std::string::npos && line.ends_with("{")) {
        const std::string name = line.substr(kRule.size(), line.find('(') - kRule.size());
        result[name] = {entry.path().filename().string(), comment};
        comment.clear();
      } else {
        comment.clear();
      }
    }
  }
  return result;
}

std::string page(const std::map<std::string, Comment>& rules, int64_t& passed, int64_t& failed) {
  std::string text =
      "# Ops that are rewritten\n\n"
      "Written by isomer_lowered_test from the rules in src/passes/legalize; `isomer_lowered_test --update` writes it again. A model for tf.js gets the\n"
      "form on the right where tf.js lacks the op (`never`) or computes something else in some form of it (`sometimes`, by the conditions of\n"
      "src/formats/tfjs/target.cpp).\n\n"
      "| Op | Taken as it is | Rules in |\n|---|---|---|\n";
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> by_function;  // function -> file, ops
  for (const Row& row : kRows) {
    const auto rule = rules.find(std::string(row.function));
    const bool documented =
        rule != rules.end() && rule->second.text.find("Before:") != std::string::npos && rule->second.text.find("After:") != std::string::npos;
    ++(documented ? passed : failed);
    if (!documented)
      std::printf("FAILED the rule %s of %s has no comment with Before and After\n", std::string(row.function).c_str(), std::string(row.op).c_str());
    if (rule == rules.end()) continue;
    auto& [file, ops] = by_function[std::string(row.function)];
    file = rule->second.file;
    ops.emplace_back(row.op);
    const bool sometimes = tfjs::support_of(row.op) != tfjs::Support::kNever;
    text += "| " + std::string(row.op) + " | " + (sometimes ? "sometimes" : "never") + " | " + file + " |\n";
  }
  for (const auto& [function, entry] : by_function) {
    text += "\n## " + function + "\n\n";
    for (size_t i = 0; i < entry.second.size(); ++i) text += (i == 0 ? "" : ", ") + entry.second[i];
    text += "\n\n```\n" + rules.at(function).text + "```\n";
  }
  return text;
}

int main_with(bool update) {
  int64_t passed = 0, failed = 0;
  const std::string path = ISOMER_SOURCE_DIR "/docs/generated/lowered.md", wanted = page(comments(), passed, failed);
  if (update) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << wanted;
  }
  std::ifstream file(path, std::ios::binary);
  const bool fresh = std::string(std::istreambuf_iterator<char>(file), {}) == wanted;
  ++(fresh ? passed : failed);
  if (!fresh) std::printf("FAILED docs/generated/lowered.md is out of date: run isomer_lowered_test --update\n");
  std::printf("%lld passed, %lld failed\n", static_cast<long long>(passed), static_cast<long long>(failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace isomer

int main(int argc, char** argv) { return isomer::main_with(argc > 1 && std::string_view(argv[1]) == "--update"); }
