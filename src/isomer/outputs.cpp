#include "isomer/outputs.h"

#include "base/atomic_output.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/tensor_json.h"

namespace isomer {
namespace {

Result<void> write_json(OutputFile& file, const JsonValue& value) {
  JsonWriter writer([&](std::string_view text) { return file.append(text); });
  writer.value(value);
  return writer.finish();
}

Result<void> write_json_file(AtomicDirectory& directory, const std::string& name, const JsonValue& value) {
  OutputFile file = TRY(directory.create_file(name));
  TRY(write_json(file, value));
  return file.close();
}

Result<void> write_npy_file(AtomicDirectory& directory, const std::string& name, const Tensor& tensor) {
  OutputFile file = TRY(directory.create_file(name));
  TRY(file.append(std::string_view(TRY(npy_header(tensor)))));
  TRY(file.append(tensor.bytes()));
  return file.close();
}

Result<void> write_directory(const std::string& path, const std::vector<NamedTensor>& outputs) {
  AtomicDirectory directory = TRY(AtomicDirectory::create(path, [](std::string_view name) { return name == "outputs.json" || name.starts_with("output_"); }));
  JsonValue::Array list;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& tensor = outputs[i].value;
    const bool strings = tensor.dtype() == DType::kString;
    const std::string file_name = "output_" + std::to_string(i) + (strings ? ".json" : ".npy");
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(outputs[i].name);
    entry["dtype"] = JsonValue(to_string(tensor.dtype()));
    JsonValue::Array shape;
    for (const int64_t dim : tensor.shape()) shape.emplace_back(dim);
    entry["shape"] = JsonValue(std::move(shape));
    entry["file"] = JsonValue(file_name);
    list.push_back(std::move(entry));
    if (strings) {
      TRY(write_json_file(directory, file_name, tensor_to_json(tensor)));
    } else {
      TRY(write_npy_file(directory, file_name, TRY(widened_for_numpy(tensor))));
    }
  }
  JsonValue root = JsonValue::object();
  root["outputs"] = JsonValue(std::move(list));
  TRY(write_json_file(directory, "outputs.json", root));
  return directory.commit();
}

Result<void> write_one_json(const std::string& path, const std::vector<NamedTensor>& outputs) {
  JsonValue::Array list;
  for (const NamedTensor& output : outputs) {
    JsonValue entry = JsonValue::object();
    entry["name"] = JsonValue(output.name);
    JsonValue tensor = tensor_to_json(output.value);
    for (JsonMember& member : tensor.members()) entry[member.key] = std::move(member.value);
    list.push_back(std::move(entry));
  }
  JsonValue root = JsonValue::object();
  root["outputs"] = JsonValue(std::move(list));
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(write_json(file.file(), root));
  return file.commit();
}

Result<void> write_one_npz(const std::string& path, const std::vector<NamedTensor>& outputs) {
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(write_npz(outputs, [&](std::span<const std::byte> bytes) { return file.file().append(bytes); }));
  return file.commit();
}

}  // namespace

Result<void> write_outputs(const std::string& path, const std::vector<NamedTensor>& outputs) {
  if (path.ends_with(".npz")) return write_one_npz(path, outputs);
  if (path.ends_with(".json")) return write_one_json(path, outputs);
  return write_directory(path, outputs);
}

}  // namespace isomer
