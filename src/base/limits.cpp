#include "base/limits.h"

namespace isomer {

Limits Limits::tiny() {
  Limits limits;
  limits.nodes = 2'000;
  limits.tensor_elements = 1 << 16;
  limits.tensor_bytes = 1 << 19;
  limits.total_bytes = 1 << 24;
  limits.document_bytes = 1 << 20;
  limits.nesting = 30;
  limits.inflated_bytes = 1 << 20;
  limits.steps = 20'000;
  return limits;
}

}  // namespace isomer
