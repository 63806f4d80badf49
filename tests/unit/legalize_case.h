// What a case of tests/unit/legalize_cases.h is made of: literal types, so that the compiler writes the cases down as data (vectors of strings, built and
// destroyed by one function, took it three minutes).
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

namespace isomer::legalize_cases {

// Up to N values.
template <class T, size_t N>
struct Few {
  std::array<T, N> values{};
  size_t count = 0;

  constexpr Few() = default;
  constexpr Few(std::initializer_list<T> list) {
    for (const T& value : list) values.at(count++) = value;
  }
  constexpr const T* begin() const { return values.data(); }
  constexpr const T* end() const { return values.data() + count; }
};
using Sizes = Few<long, 6>;

struct Input {
  std::string_view tensor;  // constant: its text
  std::string_view dtype;   // otherwise: random numbers of this dtype ...
  Sizes shape;
  std::string_view declared;  // ... whose declared shape is this text (by default the shape itself)
  double low = -2, high = 2;
};

// Random numbers in [low, high).
constexpr Input x(std::string_view dtype, const Sizes& shape, double low = -2, double high = 2) { return {"", dtype, shape, "", low, high}; }
constexpr Input f(const Sizes& shape, double low = -2, double high = 2) { return x("float32", shape, low, high); }
constexpr Input i(const Sizes& shape, double low = -9, double high = 10) { return x("int32", shape, low, high); }
// The same with a shape that is known in part only: "shape[?,3]".
constexpr Input open(Input input, std::string_view declared) {
  input.declared = declared;
  return input;
}
// A constant: "int32[2](1 2)".
constexpr Input c(std::string_view tensor) { return {tensor, "", {}, "", 0, 0}; }
// An input with these values.
constexpr Input v(std::string_view tensor, std::string_view declared = "") {
  Input input = c(tensor);
  input.declared = declared.empty() ? "given" : declared;
  return input;
}

struct Case {
  std::string_view op, attributes;
  Few<Input, 6> inputs;
  double tolerance = 1e-6;
  Few<int, 6> results = {0};  // which results something uses
};

}  // namespace isomer::legalize_cases
