#include "ops/data_format.h"

namespace isomer::ops {

Result<DataFormat> parse_data_format(std::string_view text, int64_t spatial) {
  const std::string_view last = spatial == 2 ? "NHWC" : "NDHWC", first = spatial == 2 ? "NCHW" : "NCDHW";
  if (text == last) return DataFormat{false, spatial};
  if (text == first) return DataFormat{true, spatial};
  return fail(ErrorCode::kInvalidModel, "data_format must be " + std::string(last) + " or " + std::string(first) + ", found '" + std::string(text) + "'");
}

}  // namespace isomer::ops
