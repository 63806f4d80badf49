#include "isomer/load.h"

#include "base/mapped_file.h"
#include "formats/keras/architecture.h"
#include "formats/keras/archive.h"
#include "formats/keras/h5.h"
#include "formats/keras/saved_model.h"
#include "formats/tf/frozen_graph.h"
#include "formats/tf/saved_model_import.h"
#include "formats/tfjs/graph_model_import.h"
#include "formats/tfjs/layers_model.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ops/registry.h"

namespace isomer {
namespace {

// What a graph model says beside its graph goes along. `signature` is not among it: the module has that in a form of its own.
Result<ir::Module> import_graph_model(const tfjs::GraphModelDocument& document, const LoadOptions& options, TensorAllocator& allocator) {
  ir::Module module = TRY(tfjs::import_graph_model(document, options, options.limits, allocator));
  const JsonValue* metadata = document.json.find("userDefinedMetadata");
  if (!metadata || !metadata->is_object()) return module;
  for (const JsonMember& member : metadata->members()) {
    if (member.key == "signature") continue;
    // Other outputs than the signature's have no places in its structure.
    if (member.key == "structuredOutputKeys" && !options.output_node_names.empty()) continue;
    module.metadata.emplace_back(member.key, TRY(write_json(member.value)));
  }
  return module;
}

// The layers of a model become ops, its weights variables.
Result<ir::Module> import_layers(const layers::StoredModel& stored, const LoadOptions& options, std::vector<std::string>& notes) {
  if (options.signature && *options.signature != "serving_default") {
    return fail(Error{ErrorCode::kNotFound,
                      "there is no signature '" + *options.signature + "': a model of Keras layers has serving_default alone",
                      {},
                      {},
                      "leave --signature_name out"});
  }
  layers::LoweringOptions lowering;
  lowering.limits = options.limits;
  layers::LoweredModel lowered = TRY(layers::lower_stored(stored, lowering, options.seed));
  notes = std::move(lowered.notes);
  return std::move(lowered.module);
}

Result<ir::Module> import_any(const Recognised& source, const LoadOptions& options, TensorAllocator& allocator, std::vector<std::string>& notes) {
  switch (source.format) {
    case Format::kSavedModel:
    case Format::kHubModule: {
      const auto document = TRY(tf::read_saved_model(TRY(ModelFiles::open(source.path, options.limits)), options.limits));
      if (options.checks && document.bundle) document.bundle->check_later(*options.checks);
      return tf::import_saved_model(document, options, options.limits);
    }
    case Format::kFrozenGraph: return tf::import_frozen_graph(TRY(tf::read_frozen_graph(source.path, options.limits)), options, options.limits);
    case Format::kGraphModel: return import_graph_model(TRY(tfjs::read_graph_model(source.path, options.limits)), options, allocator);
    case Format::kKerasSavedModel:  // its ops stand in it beside the layers
      return import_any({Format::kSavedModel, source.path, source.archive, source.text, source.detail}, options, allocator, notes);
    case Format::kLayersModel:
    case Format::kKerasH5:
    case Format::kKerasArchive:
    case Format::kKerasJson: return import_layers(TRY(load_layers(source, options)), options, notes);
    case Format::kIsomerText: {
      const Bytes text = TRY(map_file(source.path));
      const std::string side = source.path + ".bin";
      const Bytes data = is_regular_file(side) ? TRY(map_file(side)) : Bytes();
      ir::Module module = TRY(ir::parse(text.text(), {&ops::find_op, options.limits, &data, source.path}));
      TRY(ir::verify(module));
      return module;
    }
    default: break;
  }
  return fail(Error{ErrorCode::kUnsupported,
                    "this is a " + std::string(info(source.format).title) + ", which Isomer recognises but does not read yet",
                    source.path,
                    {},
                    "isomer --help lists the formats that it reads"});
}

}  // namespace

bool has_layers(Format format) {
  return format == Format::kLayersModel || format == Format::kKerasH5 || format == Format::kKerasArchive || format == Format::kKerasSavedModel ||
         format == Format::kKerasJson;
}

Result<layers::StoredModel> load_layers(const Recognised& source, const LoadOptions& options) {
  const auto read = [&]() -> Result<layers::StoredModel> {
    switch (source.format) {
      case Format::kLayersModel: return tfjs::stored_model(TRY(tfjs::read_layers_model(source.path, options.limits)), options.limits);
      case Format::kKerasH5: return keras::read_h5(source.path, options.limits);
      case Format::kKerasArchive: return keras::read_archive(source.path, options.limits);
      case Format::kKerasJson: return keras::read_architecture(source.path, options.limits);
      case Format::kKerasSavedModel:
      case Format::kSavedModel: return keras::read_saved_model_layers(source.path, options.limits);
      default: return fail(ErrorCode::kUnsupported, "a " + std::string(info(source.format).title) + " holds no layers");
    }
  };
  layers::StoredModel model = TRY(read());
  if (!options.weights.empty()) TRY(keras::read_h5_weights(options.weights, model, options.limits));
  return model;
}

Result<Recognised> recognise_input(const std::string& path, const std::optional<Format>& wish, const Limits& limits) {
  if (!is_directory(path) && !is_regular_file(path)) {
    return fail(Error{ErrorCode::kNotFound, "there is no such file or directory", path, {}, "check the path"});
  }
  if (!wish) return recognise(path, limits);
  // A wish narrows what the content says; it cannot make one format into another.
  const auto found = recognise(path, limits);
  if (found && found->format == *wish) return found;
  const bool saved_model_like = *wish == Format::kSavedModel || *wish == Format::kHubModule || *wish == Format::kKerasSavedModel;
  if (found && saved_model_like && (found->format == Format::kSavedModel || found->format == Format::kHubModule)) {
    Recognised result = *found;
    result.format = *wish;
    return result;
  }
  if (found && !found->path.empty()) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "--input_format says " + std::string(info(*wish).name) + ", but the content is a " + std::string(info(found->format).title) + " (" +
                          std::string(info(found->format).name) + ")",
                      path,
                      {},
                      "leave --input_format out, or name the format that it is"});
  }
  Recognised result{*wish, path};
  if (*wish == Format::kGraphModel && is_directory(path)) result.path = path + "/model.json";
  return result;
}

Result<LoadedModel> load_model(const std::string& path, const LoadOptions& options, TensorAllocator& allocator) {
  LoadedModel model;
  model.source = TRY(recognise_input(path, options.input_format, options.limits));
  if (!options.weights.empty() && (!has_layers(model.source.format) || model.source.format == Format::kKerasSavedModel)) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "--weights gives the weights of a model of Keras layers, but this is a " + std::string(info(model.source.format).title),
                      path,
                      {},
                      "leave --weights out"});
  }
  model.module = TRY(in_context(import_any(model.source, options, allocator, model.notes), "reading " + path));
  return model;
}

}  // namespace isomer
