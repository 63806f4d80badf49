// What all subcommands share: how they report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "isomer/convert.h"

namespace CLI {
class App;
}

namespace isomer::cli {

inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;

// A subcommand adds itself to the program; what it returns runs it.
using Run = int (*)();

// Prints the error to the error stream ("isomer: ...") and gives the exit code that belongs to it.
int fail_with(const Error& error, bool json);
// "1.5 MB"
std::string human_bytes(int64_t bytes);
std::string quoted_json(std::string_view text);

// --input name=FILE: .npy, or .json for strings ({"dtype": "string", "shape": [...], "values": [...]}).
Result<NamedTensor> read_input(const std::string& assignment, const Limits& limits);

}  // namespace isomer::cli
