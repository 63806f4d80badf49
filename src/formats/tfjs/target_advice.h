// Why tf.js has no form of an op, and what a user can do about it.
#pragma once

#include <string_view>

namespace isomer::tfjs {

struct Lack {
  std::string_view reason, advice;
};
// For any name of an op; something general where nothing better is known.
Lack lack_of(std::string_view op);

}  // namespace isomer::tfjs
