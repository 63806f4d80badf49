#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace isomer::cli {
void add_inspect(CLI::App&, int&) {}
}  // namespace isomer::cli
