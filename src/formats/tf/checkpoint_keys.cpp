#include "formats/tf/checkpoint_keys.h"

#include <deque>

#include "formats/tf/parse_message.h"
#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf {
namespace {

int64_t child(const SavedObjectGraph& objects, int64_t id, std::string_view name) {
  if (id < 0 || id >= objects.nodes_size()) return -1;
  for (const ObjectReference& reference : objects.nodes(static_cast<int>(id)).children())
    if (reference.local_name() == name) return reference.node_id();
  return -1;
}

}  // namespace

Result<CheckpointKeys> read_checkpoint_keys(TensorBundle& bundle, const SavedObjectGraph& objects, const Limits& limits) {
  const Tensor serialized = TRY(bundle.read("_CHECKPOINTABLE_OBJECT_GRAPH"));
  if (serialized.dtype() != DType::kString || serialized.elements() != 1) return fail(ErrorCode::kMalformed, "the checkpoint's object graph is not a string");
  TrackableObjectGraph graph;
  TRY(parse_binary(std::string(serialized.string_at(0)), graph, "the checkpoint's object graph", limits));
  CheckpointKeys keys;
  std::map<int64_t, int64_t> pairs = {{0, 0}};  // object of the model -> object of the checkpoint
  std::deque<int64_t> queue = {0};
  while (!queue.empty()) {
    const int64_t id = queue.front();
    queue.pop_front();
    const int64_t stored_id = pairs[id];
    if (stored_id < 0 || stored_id >= graph.nodes_size()) continue;
    const auto& stored = graph.nodes(static_cast<int>(stored_id));
    for (const auto& attribute : stored.attributes()) keys[id][attribute.name()] = attribute.checkpoint_key();
    for (const ObjectReference& reference : stored.children()) {
      const int64_t next = child(objects, id, reference.local_name());
      if (next >= 0 && pairs.emplace(next, reference.node_id()).second) queue.push_back(next);
    }
  }
  return keys;
}

}  // namespace isomer::tf
