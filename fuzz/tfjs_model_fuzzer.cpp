// A graph model of one weight file: the text of model.json up to the first NUL byte, then the bytes of the file it calls "w". What is read must
// decode without harm, and a document that was written back must read as the same document.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "formats/tfjs/write.h"

namespace {

struct TemporaryFolder {
  TemporaryFolder() {
    path = (std::filesystem::temp_directory_path() / "tfjs_model_fuzzer_XXXXXX").string();
    if (!mkdtemp(path.data())) std::abort();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

const std::string& folder() {
  static const TemporaryFolder kept;
  return kept.path;
}

void put(const std::string& name, std::string_view content) {
  FILE* file = std::fopen((folder() + "/" + name).c_str(), "wb");
  if (!file || std::fwrite(content.data(), 1, content.size(), file) != content.size()) std::abort();
  std::fclose(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isomer;
  const Limits limits = Limits::tiny();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  put("model.json", input.substr(0, end));
  put("w", input.substr(std::min(end + 1, input.size())));
  auto document = tfjs::read_graph_model(folder(), limits);
  if (!document) return 0;
  (void)document->signature();
  (void)document->initializer_signature();
  for (const tfjs::WeightEntry& entry : document->weights.entries) (void)decode_weight(entry, limits);

  tfjs::WriteOptions options;
  options.weight_shard_size_bytes = 16;
  int64_t total = 0;
  for (const tfjs::WeightEntry& entry : document->weights.entries) total += entry.stored_bytes();
  if (total > 4096) return 0;
  const std::string copy = folder() + "/copy";
  if (!rewrite_graph_model(*document, copy, options)) return 0;
  // Written even where it was missing.
  document->topology.mutable_versions();
  const auto again = tfjs::read_graph_model(copy, Limits{});
  if (!again || again->topology.SerializeAsString() != document->topology.SerializeAsString()) std::abort();
  std::filesystem::remove_all(copy);
  return 0;
}
