// Layers that TensorFlow.js lacks, written as others that compute the same.
#pragma once

#include <string>
#include <vector>

#include "layers/keras2_spelling.h"
#include "layers/layer_rewriter.h"

namespace isomer::layers {

// Before: a layer of a class or form that TensorFlow.js lacks. After: one or more layers before it, and a layer of its name at the end of them. Each rule
// stands, with its Before and After, in one of the files rewrite_tfjs*.cpp. Classes that TensorFlow.js lacks are rewritten only with
// `rewrite_unsupported_layers`; forms that it
// would compute wrongly (keepdims, causal padding, groups, activations) and operations always.
// Only where shapes say enough, and channels are last. Everything else stays, and is refused later.
Result<void> rewrite_for_tfjs(Model& model, const std::vector<std::string>& path, const TranslateOptions& options, Rewritten& rewritten);

// The rules, by what they are about. They return false where they do not fit.
bool rewrite_activation(LayerRewriter& r, const SpelledLayer& layer, Generation from,
                        const Limits& limits);                     // ReLU, ELU, Softmax, and what any layer has as activation
bool rewrite_kernel(LayerRewriter& r, const SpelledLayer& layer);  // convolutions with groups, dilations, output_padding
Result<bool> rewrite_resampling(LayerRewriter& r, const SpelledLayer& layer, Generation from, const Limits& limits);  // Resizing, CenterCrop, UpSampling2D
bool rewrite_masked(LayerRewriter& r, const SpelledLayer& layer, const std::vector<std::string>& path,
                    const std::set<std::vector<std::string>>& masked);  // recurrent layers

}  // namespace isomer::layers
