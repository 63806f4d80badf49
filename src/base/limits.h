// Limits that every reader and the interpreter obey, so that a few hostile bytes cannot claim memory or time without bound.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace isomer {

struct Limits {
  int64_t nodes = 4'000'000;                                      // nodes of one graph, functions included
  int64_t tensor_elements = int64_t{1} << 32;                     // elements of one tensor
  int64_t tensor_bytes = int64_t{16} << 30;                       // bytes of one computed tensor
  int64_t total_bytes = int64_t{32} << 30;                        // bytes of all tensors alive in one run
  int64_t document_bytes = int64_t{2} << 30;                      // a parsed document without its detached weights
  int64_t nesting = 100;                                          // JSON depth, protobuf depth, calls of functions
  int64_t inflated_bytes = int64_t{4} << 30;                      // what one compressed file may unpack to
  int64_t inflate_ratio = 2000;                                   // bytes out for each byte in
  int64_t steps = int64_t{1} << 40;                               // nodes executed in one run
  int64_t rank = 254;                                             // dimensions of one tensor
  std::optional<std::chrono::steady_clock::time_point> deadline;  // when a run must have ended

  // What fuzzers use: everything small.
  static Limits tiny();
};

}  // namespace isomer
