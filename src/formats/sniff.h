// Recognising formats by content.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"

namespace isomer {

enum class Format {
#define FORMAT(enumerator, name, title, reads, writes) enumerator,
#include "formats/formats.def"
#undef FORMAT
};

struct FormatInfo {
  Format format;
  std::string_view name;   // of --input_format and --output_format
  std::string_view title;  // for people
  bool reads, writes;
};
std::span<const FormatInfo> all_formats();
const FormatInfo& info(Format format);
std::optional<Format> format_from_name(std::string_view name);

struct Recognised {
  Format format;
  std::string path;      // what the format's reader wants: the directory or the file
  bool archive = false;  // a .tar.gz of the directory
  bool text = false;     // the text form (.pbtxt) of a protobuf format
  std::string detail;    // "TensorFlow 2.19.0", "hub module, version 1"; may be empty
};

// What lies at `path` (file or directory). Content decides; the name only where content cannot. NotFound when there is nothing, Unsupported when it is
// no model, InvalidArgument when it could be several formats (the error names them and --input_format).
Result<Recognised> recognise(const std::string& path, const Limits& limits);

}  // namespace isomer
