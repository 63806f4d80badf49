// Attributes of the ops that pass their input on.
#pragma once

#include <string>
#include <vector>

#include "ir/op_def.h"

namespace isomer::ops {

// PreventGradient, CheckNumerics
struct CheckNumericsAttributes {
  std::string message;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("message", self.message);
  }
};

// EnsureShape, PlaceholderWithDefault
struct EnsureShapeAttributes {
  PartialShape shape;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("shape", self.shape);
  }
};

struct AssertAttributes {
  int64_t summarize = 3;  // elements of each tensor in the message
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("summarize", self.summarize);
  }
};

struct PrintAttributes {
  std::string message;
  int64_t first_n = -1;
  int64_t summarize = 3;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("message", self.message);
    visit("first_n", self.first_n);
    visit("summarize", self.summarize);
  }
};

struct PrintV2Attributes {
  std::string output_stream = "stderr";
  std::string end = "\n";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("output_stream", self.output_stream);
    visit("end", self.end);
  }
};

struct DebugIdentityAttributes {
  std::string device_name;
  std::string tensor_name;
  std::vector<std::string> debug_urls;
  bool gated_grpc = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("device_name", self.device_name);
    visit("tensor_name", self.tensor_name);
    visit("debug_urls", self.debug_urls);
    visit("gated_grpc", self.gated_grpc);
  }
};

}  // namespace isomer::ops
