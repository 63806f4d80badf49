#include <algorithm>
#include <iterator>

#include "layers/lower.h"

namespace isomer::layers {

#define LAYER(Name) extern const LayerDef kLayer_##Name;
#include "layers/layers.def"
#undef LAYER

namespace {

constexpr const LayerDef* kLayers[] = {
#define LAYER(Name) &kLayer_##Name,
#include "layers/layers.def"
#undef LAYER
};

// Names that classes had before, or have beside their own.
struct Alias {
  std::string_view name, now;
};
constexpr Alias kAliases[] = {
    {"AtrousConvolution1D", "Conv1D"},
    {"AtrousConvolution2D", "Conv2D"},
    {"AvgPool1D", "AveragePooling1D"},
    {"AvgPool2D", "AveragePooling2D"},
    {"AvgPool3D", "AveragePooling3D"},
    {"BatchNormalizationV1", "BatchNormalization"},
    {"BatchNormalizationV2", "BatchNormalization"},
    {"Convolution1D", "Conv1D"},
    {"Convolution1DTranspose", "Conv1DTranspose"},
    {"Convolution2D", "Conv2D"},
    {"Convolution2DTranspose", "Conv2DTranspose"},
    {"Convolution3D", "Conv3D"},
    {"Convolution3DTranspose", "Conv3DTranspose"},
    {"Deconvolution2D", "Conv2DTranspose"},
    {"GRUV2", "GRU"},
    {"GlobalAvgPool1D", "GlobalAveragePooling1D"},
    {"GlobalAvgPool2D", "GlobalAveragePooling2D"},
    {"GlobalAvgPool3D", "GlobalAveragePooling3D"},
    {"GlobalMaxPool1D", "GlobalMaxPooling1D"},
    {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
    {"GlobalMaxPool3D", "GlobalMaxPooling3D"},
    {"LSTMV2", "LSTM"},
    {"MaxPool1D", "MaxPooling1D"},
    {"MaxPool2D", "MaxPooling2D"},
    {"MaxPool3D", "MaxPooling3D"},
    {"SeparableConvolution1D", "SeparableConv1D"},
    {"SeparableConvolution2D", "SeparableConv2D"},
    {"SyncBatchNormalization", "BatchNormalization"},
    {"GroupedQueryAttention", "GroupQueryAttention"},
    {"TimeDistributedDense", "Dense"},
    {"UnifiedGRU", "GRU"},
    {"UnifiedLSTM", "LSTM"},
};

}  // namespace

std::span<const LayerDef* const> all_layers() { return kLayers; }

const LayerDef* find_layer(std::string_view class_name) {
  for (const Alias& alias : kAliases)
    if (alias.name == class_name) class_name = alias.now;
  const auto it = std::find_if(std::begin(kLayers), std::end(kLayers), [&](const LayerDef* def) { return def->name == class_name; });
  return it == std::end(kLayers) ? nullptr : *it;
}

}  // namespace isomer::layers
