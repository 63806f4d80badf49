// Classes of Keras that Isomer knows, and refuses with what to do instead.
#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

void refuse_code(LayerCall& c) {
  c.unsupported("a " + c.layer.class_name + " layer holds code that the file does not have", "export the model as a SavedModel, which holds its ops");
}

void refuse_class(LayerCall& c) {
  c.unsupported("Isomer cannot compute the layer class " + c.layer.class_name, "export the model as a SavedModel, which holds its ops");
}

void refuse_columns(LayerCall& c) {
  c.unsupported("a DenseFeatures layer is made of feature columns, which the file does not hold in full",
                "use preprocessing layers, or export the model as a SavedModel");
}

}  // namespace

LAYER_CLASS(FlaxLayer, refuse_code, "A module of Flax: refused.")
LAYER_CLASS(JaxLayer, refuse_code, "A function of JAX: refused.")
LAYER_CLASS(TFSMLayer, refuse_code, "A SavedModel beside the file: refused.")
LAYER_CLASS(TorchModuleWrapper, refuse_code, "A module of PyTorch: refused.")
LAYER_CLASS(DenseFeatures, refuse_columns, "Feature columns: refused.")
LAYER_CLASS(AutoContrast, refuse_class, "Images at full contrast: refused.")
LAYER_CLASS(ContrastLimitedAdaptiveHistogramEqualization, refuse_class, "Images at equal contrast: refused.")
LAYER_CLASS(Equalization, refuse_class, "Images at equal histograms: refused.")
LAYER_CLASS(MaxNumBoundingBoxes, refuse_class, "Boxes of images, cut to a number: refused.")
LAYER_CLASS(MelSpectrogram, refuse_class, "Spectrograms on the mel scale: refused.")
LAYER_CLASS(STFTSpectrogram, refuse_class, "Spectrograms: refused.")
LAYER_CLASS(DynamicEmbedding, refuse_class, "An embedding that grows: refused.")
LAYER_CLASS(DynamicLookup, refuse_class, "A vocabulary that grows: refused.")
LAYER_CLASS(RandomFourierFeatures, refuse_class, "Random projections of a kernel: refused.")

}  // namespace isomer::layers
