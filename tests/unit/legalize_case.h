// What a case of tests/unit/legalize_cases.h is made of.
#pragma once

#include <string>
#include <vector>

namespace isomer::legalize_cases {

struct Input {
  std::string tensor;  // constant: its text
  std::string dtype;   // otherwise: random numbers of this dtype ...
  std::vector<long> shape;
  std::string declared;  // ... whose declared shape is this text (by default the shape itself)
  double low = -2, high = 2;
};

// Random numbers in [low, high).
inline Input x(std::string dtype, std::vector<long> shape, double low = -2, double high = 2) { return {"", std::move(dtype), std::move(shape), "", low, high}; }
inline Input f(std::vector<long> shape, double low = -2, double high = 2) { return x("float32", std::move(shape), low, high); }
inline Input i(std::vector<long> shape, double low = -9, double high = 10) { return x("int32", std::move(shape), low, high); }
// The same with a shape that is known in part only: "shape[?,3]".
inline Input open(Input input, std::string declared) {
  input.declared = std::move(declared);
  return input;
}
// A constant: "int32[2](1 2)".
inline Input c(std::string tensor) { return {std::move(tensor), "", {}, "", 0, 0}; }
// An input with these values.
inline Input v(std::string tensor, std::string declared = "") {
  Input input = c(std::move(tensor));
  input.declared = declared.empty() ? "given" : std::move(declared);
  return input;
}

struct Case {
  std::string op, attributes;
  std::vector<Input> inputs;
  double tolerance = 1e-6;
  std::vector<int> results = {0};  // which results something uses
};

}  // namespace isomer::legalize_cases
