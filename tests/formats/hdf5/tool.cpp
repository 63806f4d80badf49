// Shows tests what the HDF5 reader reads, and writes a file anew through reader and writer.
//
//   isomer_hdf5_tool dump FILE           one JSON object a line for each group and dataset; bytes are in hexadecimal
//   isomer_hdf5_tool rewrite FILE OUT    the same groups, datasets and attributes, written by Isomer
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/mapped_file.h"
#include "wire/hdf5.h"
#include "wire/hdf5_writer.h"

using namespace isomer;

namespace {

constexpr int kDeepest = 60;

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : bytes) {
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text + "\"";
}

template <class Value>
std::string describe(const Hdf5Type& type, const Hdf5Space& space, const Value& value) {
  std::string text = "\"type\": \"" + type.name + "\", \"null\": " + (space.is_null ? "true" : "false") + ", \"shape\": [";
  for (size_t i = 0; i < space.shape.size(); ++i) text += (i ? ", " : "") + std::to_string(space.shape[i]);
  text += "], ";
  if (type.is_string()) {
    const auto strings = value.read_strings();
    if (!strings) return text + "\"error\": \"" + std::string(to_string(strings.error().code)) + "\"";
    text += "\"strings\": [";
    for (size_t i = 0; i < strings->size(); ++i) text += (i ? ", " : "") + hex((*strings)[i]);
    return text + "]";
  }
  const auto bytes = value.read();
  if (!bytes) return text + "\"error\": \"" + std::string(to_string(bytes.error().code)) + "\"";
  return text + "\"data\": " + hex(bytes->text());
}

Result<void> dump(const Hdf5Object& object, const std::string& path, int depth) {
  if (depth > kDeepest) return fail(ErrorCode::kLimitExceeded, "groups are nested too deeply");
  std::string line = "{\"path\": " + hex(path) + ", \"kind\": \"" + (object.is_dataset() ? "dataset" : object.is_group() ? "group" : "type") + "\"";
  if (object.is_dataset()) line += ", " + describe(TRY(object.type()), TRY(object.space()), object);
  line += ", \"attributes\": [";
  const char* comma = "";
  for (const Hdf5Attribute& attribute : TRY(object.attributes())) {
    line += std::exchange(comma, ", ") + ("{\"name\": " + hex(attribute.name()) + ", ") + describe(attribute.type(), attribute.space(), attribute) + "}";
  }
  std::puts((line + "]}").c_str());
  for (const Hdf5Link& link : TRY(object.children())) {
    const auto child = object.open(link);
    if (child) {
      TRY(dump(*child, path + "/" + link.name, depth + 1));
    } else {
      std::puts(("{\"path\": " + hex(path + "/" + link.name) + ", \"kind\": \"refused\", \"error\": \"" + std::string(to_string(child.error().code)) + "\"}")
                    .c_str());
    }
  }
  return {};
}

template <class Value>
Result<Hdf5Data> data_of(const Hdf5Type& type, const Hdf5Space& space, const Value& value) {
  Hdf5Data data;
  data.type = type;
  data.shape = space.shape;
  data.is_null = space.is_null;
  if (type.is_string()) {
    data.strings = TRY(value.read_strings());
  } else {
    data.pieces.push_back(TRY(value.read()));
  }
  return data;
}

Result<Hdf5Node> copy_of(const Hdf5Object& object, int depth) {
  if (depth > kDeepest) return fail(ErrorCode::kLimitExceeded, "groups are nested too deeply");
  Hdf5Node node;
  for (const Hdf5Attribute& attribute : TRY(object.attributes())) {
    Hdf5Data data = TRY(data_of(attribute.type(), attribute.space(), attribute));
    node.attributes.push_back({attribute.name(), std::move(data)});
  }
  if (object.is_dataset()) {
    node.data = TRY(data_of(TRY(object.type()), TRY(object.space()), object));
    return node;
  }
  for (const Hdf5Link& link : TRY(object.children())) {
    const Hdf5Object child = TRY(object.open(link));
    Hdf5Node copy = TRY(copy_of(child, depth + 1));
    node.children.push_back({link.name, std::move(copy)});
  }
  return node;
}

Result<void> rewrite(const Hdf5Object& root, const char* path) {
  const Hdf5Node node = TRY(copy_of(root, 0));
  std::ofstream out(path, std::ios::binary);
  TRY(write_hdf5(node, [&](std::span<const std::byte> bytes) -> Result<void> {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return {};
  }));
  if (!out.flush()) return fail(ErrorCode::kIo, std::string("cannot write ") + path);
  return {};
}

Result<void> run(int count, char** words) {
  if (count < 3) return fail(ErrorCode::kInvalidArgument, "usage: isomer_hdf5_tool dump FILE | rewrite FILE OUT");
  const Hdf5File file = TRY(Hdf5File::open(TRY(map_file(words[2])), Limits{}));
  const Hdf5Object root = TRY(file.root());
  if (std::strcmp(words[1], "rewrite") == 0 && count == 4) return rewrite(root, words[3]);
  return dump(root, "", 0);
}

}  // namespace

int main(int count, char** words) {
  const auto done = run(count, words);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return 1;
}
