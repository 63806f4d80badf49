// Writes docs/generated/layers.md, the page of all layer classes and functions of Keras, or compares it: `isomer_layers_coverage_test --update` rewrites it.
// The last line is `N passed, N failed`; one check for each class and one for the page.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "layers/functions.h"
#include "layers/lower.h"

namespace isomer::layers {
namespace {

// The classes that tf.js 4.22 loads.
constexpr std::string_view kTfjs[] = {
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM2D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GRU",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "InputLayer",
    "LSTM",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "RNN",
    "RandomHeight",
    "RandomWidth",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv2D",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "ThresholdedReLU",
    "TimeDistributed",
    "UpSampling2D",
    "ZeroPadding2D",
};

bool is_refused(const LayerDef& def) { return def.doc.ends_with(": refused."); }

std::string page() {
  std::string rows;
  int64_t lowered = 0, in_tfjs = 0;
  for (const LayerDef* def : all_layers()) {
    const bool tfjs = std::find(std::begin(kTfjs), std::end(kTfjs), def->name) != std::end(kTfjs);
    lowered += is_refused(*def) ? 0 : 1;
    in_tfjs += tfjs ? 1 : 0;
    rows += "| " + std::string(def->name) + " | yes | " + (is_refused(*def) ? "refused" : "yes") + " | " + (tfjs ? "yes" : "") + " | " + std::string(def->doc) +
            " |\n";
  }
  std::string text =
      "# Layers\n\n"
      "Written by isomer_layers_coverage_test from the definitions in src/layers; `isomer_layers_coverage_test --update` writes it again. *Read*: its\n"
      "configuration is understood, of whatever generation of Keras. *Ops*: it becomes ops, so that it runs and converts; what is refused is refused by name, "
      "with\n"
      "what to do instead. *tf.js*: TensorFlow.js 4.22 has the class.\n\n";
  text += std::to_string(all_layers().size()) + " classes: " + std::to_string(lowered) + " become ops, " + std::to_string(in_tfjs) +
          " are classes of tf.js.\n\n| Class | Read | Ops | tf.js | What it is |\n|---|---|---|---|---|\n" + rows;
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
  for (const std::string_view name : kTfjs) {
    ++(find_layer(name) ? passed : failed);
    if (!find_layer(name)) std::printf("FAILED %s: tf.js has it\n", std::string(name).c_str());
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
