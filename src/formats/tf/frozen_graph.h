// Frozen graphs: a GraphDef whose weights are constants, binary (.pb) or text (.pbtxt).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "formats/import_options.h"
#include "ir/module.h"

namespace isomer::tf {

class GraphDef;

struct FrozenGraphDocument {
  std::string path;
  std::shared_ptr<const GraphDef> message;
  std::vector<Bytes> detached;
  bool is_text = false;
};

Result<FrozenGraphDocument> read_frozen_graph(const std::string& path, const Limits& limits);

// Nodes that nothing uses and that compute something: what a user can name as outputs.
std::vector<std::string> output_candidates(const FrozenGraphDocument& document);

// The module has one signature, "serving_default": its inputs are the placeholders that the outputs need, its outputs the named nodes (a node with
// several results gives one output for each: "top:0", "top:1"; a name may also be a tensor, "top:1"). Without names the candidates are listed.
Result<ir::Module> import_frozen_graph(const FrozenGraphDocument& document, const ImportOptions& options, const Limits& limits);

}  // namespace isomer::tf
