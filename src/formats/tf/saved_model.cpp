#include "formats/tf/saved_model.h"

#include <algorithm>

#include "formats/tf/detach.h"
#include "formats/tf/parse_message.h"
#include "formats/tf/schema/tensorflow.pb.h"
#include "formats/tf/tensor_proto.h"

namespace isomer::tf {
namespace {

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

std::vector<std::string> split_tags(const std::string& text) {
  std::vector<std::string> tags;
  for (size_t begin = 0; begin < text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) tags.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

Result<std::vector<SignaturePort>> read_ports(const google::protobuf::RepeatedPtrField<TensorInfoEntry>& entries) {
  std::vector<SignaturePort> ports;
  for (const TensorInfoEntry& entry : entries) {
    SignaturePort port;
    port.key = entry.key();
    const TensorInfo& info = entry.value();
    port.tensor = info.name();  // empty for sparse and composite tensors
    port.type.dtype = dtype_from_number(info.dtype()).value_or(DType::kInvalid);
    port.type.shape = TRY(decode_shape(info.tensor_shape()));
    ports.push_back(std::move(port));
  }
  // Protobuf maps have no order of their own; sorted by key is what TensorFlow's own loaders show.
  std::sort(ports.begin(), ports.end(), [](const SignaturePort& a, const SignaturePort& b) { return a.key < b.key; });
  return ports;
}

}  // namespace

Result<SavedModelDocument> read_saved_model(std::shared_ptr<const ModelFiles> files, const Limits& limits) {
  SavedModelDocument document;
  document.files = files;
  document.is_hub_v1 = files->contains("tfhub_module.pb");
  auto message = std::make_shared<SavedModel>();
  const std::string name = files->contains("saved_model.pb") ? "saved_model.pb" : "saved_model.pbtxt";
  const std::string path = files->describe(name);
  document.is_text = name == "saved_model.pbtxt";
  if (!files->contains(name)) {
    return fail(Error{ErrorCode::kNotFound,
                      "there is neither saved_model.pb nor saved_model.pbtxt",
                      files->describe(""),
                      {},
                      "name the directory that holds saved_model.pb"});
  }
  const Bytes bytes = TRY(files->read(name));
  if (document.is_text) {
    TRY(parse_text(bytes, *message, path, limits));
  } else {
    Detached reduced = TRY(in_context(detach_saved_model(bytes, limits), "reading " + path));
    document.detached = std::move(reduced.contents);
    TRY(parse_binary(reduced.message, *message, path, limits));
  }
  if (message->meta_graphs_size() == 0) {
    return fail(Error{ErrorCode::kMalformed, "the SavedModel holds no MetaGraph", path, {}, "the file is damaged or not a SavedModel"});
  }
  document.message = std::move(message);
  const std::string prefix = "variables/variables";
  if (files->contains(prefix + ".index")) {
    const auto shards = [files, prefix](const std::string& suffix) { return files->read(prefix + suffix); };
    document.bundle = std::make_shared<TensorBundle>(TRY(TensorBundle::open(TRY(files->read(prefix + ".index")), files->describe(prefix), shards, limits)));
  }
  return document;
}

std::vector<std::vector<std::string>> tag_sets(const SavedModelDocument& document) {
  std::vector<std::vector<std::string>> sets;
  for (const MetaGraphDef& graph : document.message->meta_graphs()) {
    std::vector<std::string> tags(graph.meta_info_def().tags().begin(), graph.meta_info_def().tags().end());
    std::sort(tags.begin(), tags.end());
    sets.push_back(std::move(tags));
  }
  return sets;
}

Result<const MetaGraphDef*> choose_meta_graph(const SavedModelDocument& document, const std::optional<std::string>& tags) {
  const auto sets = tag_sets(document);
  const auto pick = [&](const std::vector<std::string>& wanted) -> const MetaGraphDef* {
    const auto it = std::find(sets.begin(), sets.end(), wanted);
    return it == sets.end() ? nullptr : &document.message->meta_graphs(static_cast<int>(it - sets.begin()));
  };
  if (tags) {
    if (const auto* graph = pick(split_tags(*tags))) return graph;
  } else {
    if (sets.size() == 1) return &document.message->meta_graphs(0);
    if (const auto* graph = pick({"serve"})) return graph;
    if (const auto* graph = pick({})) return graph;
  }
  std::string available;
  for (const auto& set : sets) available += (available.empty() ? "'" : ", '") + join(set) + "'";
  return fail(Error{ErrorCode::kNotFound,
                    tags ? "no MetaGraph has exactly the tags '" + *tags + "'" : "the SavedModel has several MetaGraphs and none is tagged 'serve'",
                    document.files->describe(""),
                    {},
                    "choose with --saved_model_tags; there are: " + available});
}

Result<std::vector<SignatureSummary>> list_signatures(const MetaGraphDef& graph) {
  std::vector<SignatureSummary> result;
  for (const SignatureEntry& entry : graph.signature_def()) {
    if (entry.key().starts_with("__saved_model")) continue;
    SignatureSummary summary;
    summary.name = entry.key();
    summary.inputs = TRY(in_context(read_ports(entry.value().inputs()), "reading the signature '" + entry.key() + "'"));
    summary.outputs = TRY(in_context(read_ports(entry.value().outputs()), "reading the signature '" + entry.key() + "'"));
    result.push_back(std::move(summary));
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return result;
}

}  // namespace isomer::tf
