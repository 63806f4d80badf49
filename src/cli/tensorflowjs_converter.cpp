#include "cli/command.h"

namespace isomer::cli {
int tensorflowjs_converter(int, char**) { return kUsage; }
}  // namespace isomer::cli
