// SavedModel directories (TensorFlow 1 and 2) and TF Hub modules, as documents.
//
// The document mirrors the directory: the parsed message (its large constants cut out and kept as mapped slices), the checkpoint and the assets.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "formats/model_files.h"
#include "formats/tf/tensor_bundle.h"
#include "tensor/tensor.h"

namespace isomer::tf {

class SavedModel;
class MetaGraphDef;

struct SavedModelDocument {
  std::shared_ptr<const ModelFiles> files;
  std::shared_ptr<const SavedModel> message;
  std::vector<Bytes> detached;           // large tensor contents, see detach.h
  std::shared_ptr<TensorBundle> bundle;  // null: the model has no variables directory
  bool is_text = false;                  // saved_model.pbtxt
  bool is_hub_v1 = false;                // tfhub_module.pb lies beside it
};

// Reads saved_model.pb or saved_model.pbtxt and the checkpoint's index (values stay mapped).
Result<SavedModelDocument> read_saved_model(std::shared_ptr<const ModelFiles> files, const Limits& limits);

// One input or output of a signature, as the file declares it.
struct SignaturePort {
  std::string key;
  std::string tensor;  // name in the main graph
  TensorType type;
};
struct SignatureSummary {
  std::string name;
  std::vector<SignaturePort> inputs, outputs;  // sorted by key
};

// The tag sets of all MetaGraphs, each sorted.
std::vector<std::vector<std::string>> tag_sets(const SavedModelDocument& document);

// The MetaGraph with exactly these tags (comma separated; "" is the empty set). Without a wish: the only one, else the one tagged `serve`, else (hub)
// the one without tags; otherwise NotFound, listing the tag sets.
Result<const MetaGraphDef*> choose_meta_graph(const SavedModelDocument& document, const std::optional<std::string>& tags);

// The signatures of a MetaGraph that a caller can run, sorted by name (initialisation and training entries left out).
Result<std::vector<SignatureSummary>> list_signatures(const MetaGraphDef& graph);

}  // namespace isomer::tf
