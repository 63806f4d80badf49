// Writes docs/generated/layers.md, the page of all layer classes and functions of Keras, or compares it: `isomer_layers_coverage_test --update` rewrites it.
// The last line is `N passed, N failed`; one check for each class and one for the page.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "layers/functions.h"
#include "layers/lower.h"
#include "layers/translate.h"

namespace isomer::layers {
namespace {

bool is_refused(const LayerDef& def) { return def.doc.ends_with(": refused."); }

std::string page() {
  std::string rows;
  int64_t lowered = 0, in_tfjs = 0, in_keras2 = 0, in_keras3 = 0;
  const auto word = [](bool has) { return std::string(has ? "yes" : ""); };
  for (const LayerDef* def : all_layers()) {
    const bool tfjs = has_class(Spelling::kTfjs, def->name), keras2 = has_class(Spelling::kKeras2, def->name), keras3 = has_class(Spelling::kKeras3, def->name);
    lowered += is_refused(*def) ? 0 : 1;
    in_tfjs += tfjs ? 1 : 0;
    in_keras2 += keras2 ? 1 : 0;
    in_keras3 += keras3 ? 1 : 0;
    rows += "| " + std::string(def->name) + " | yes | " + (is_refused(*def) ? "refused" : "yes") + " | " + word(tfjs) + " | " + word(keras2) + " | " +
            word(keras3) + " | " + std::string(def->doc) + " |\n";
  }
  std::string text =
      "# Layers\n\n"
      "Written by isomer_layers_coverage_test from the definitions in src/layers; `isomer_layers_coverage_test --update` writes it again. *Read*: its\n"
      "configuration is understood, of whatever generation of Keras. *Ops*: it becomes ops, so that it runs and converts; what is refused is refused by name, "
      "with\n"
      "what to do instead. *tf.js*, *Keras 2*, *Keras 3*: it is written as a layer of this class for TensorFlow.js 4.22, tf_keras 2.19 and Keras 3.15; some "
      "more\n"
      "are written for TensorFlow.js as other layers that compute the same (src/layers/rewrite_tfjs.h).\n\n";
  text += std::to_string(all_layers().size()) + " classes: " + std::to_string(lowered) + " become ops, " + std::to_string(in_tfjs) +
          " are written for tf.js, " + std::to_string(in_keras2) + " for Keras 2, " + std::to_string(in_keras3) +
          " for Keras 3.\n\n| Class | Read | Ops | tf.js | Keras 2 | Keras 3 | What it is |\n|---|---|---|---|---|---|---|\n" + rows;
  text +=
      "\n# Functions\n\n"
      "What models of Keras 3 (`keras.ops`) and of tf_keras (`TFOpLambda`, under TensorFlow's names) may call on tensors beside layers.\n\n";
  const auto functions = all_functions();
  std::string line;
  for (const FunctionDef* function : functions) line += (line.empty() ? "" : ", ") + std::string(function->name);
  return text + std::to_string(functions.size()) + " functions: " + line + ".\n";
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int main_with(bool update) {
  int64_t passed = 0, failed = 0;
  std::string_view before;
  for (const LayerDef* def : all_layers()) {
    const bool good = def->lower && def->doc.ends_with('.') && before < def->name && find_layer(def->name) == def;
    ++(good ? passed : failed);
    if (!good) std::printf("FAILED %s: needs a lowering, a line of doc, and its place in the alphabet\n", std::string(def->name).c_str());
    before = def->name;
  }
  const std::string path = ISOMER_SOURCE_DIR "/docs/generated/layers.md", wanted = page();
  if (update) std::ofstream(path, std::ios::binary) << wanted;
  const bool fresh = read_text(path) == wanted;
  ++(fresh ? passed : failed);
  if (!fresh) std::printf("FAILED docs/generated/layers.md is out of date: run isomer_layers_coverage_test --update\n");
  std::printf("%lld passed, %lld failed\n", static_cast<long long>(passed), static_cast<long long>(failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace isomer::layers

int main(int argc, char** argv) { return isomer::layers::main_with(argc > 1 && std::string_view(argv[1]) == "--update"); }
