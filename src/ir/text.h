// The text form of modules, attribute values and tensors. What is printed can be read back; printing what was read gives the same text.
//
//   module {
//     producer "2.19.0"
//     metadata "name" "JSON text"
//     variable "kernel" float32[4,3] = float32[4,3](0.5 -1.0 ...)
//     table "words" string -> int64 keys = string[2]("a" "b") values = int64[2](0 1)
//     asset "vocab.txt" "a\nb\n"
//     initializer @init
//     signature "serving_default" = @serving structured ["probabilities"]
//   }
//
//   function @serving from "__inference_serving_12" {
//     input "x" = %x "serving_default_x:0"
//     %x = Placeholder() {dtype = float32, shape = shape[?,4]} : float32[?,4]
//     %kernel = Const() {value = float32[4,3](...)} : float32[4,3]
//     %dense/MatMul = MatMul(%x, %kernel) {transpose_b = true} : float32[?,3] from "MatMul StatefulPartitionedCall/dense/MatMul"
//     %axis = Const() {value = int32[](1)} : int32[]
//     %split = Split(%axis, %dense/MatMul) {num_split = 3} : float32[?,1], float32[?,1], float32[?,1]
//     %other = Foreign "SomeOp"(%split:1, %split:2) {depth = 3} ^(%dense/MatMul) : float32[...]
//     output "y" = %split "Identity:0"
//     control_output %other
//   }
//
// Everything in `module` is optional. One node a line, definitions before uses; `%split:1` is result 1 of the node named split, `%split` its result 0.
// `^( ... )` are control inputs, `from` is the origin. Only attributes that differ from their defaults are printed, and the dtype of a Const is that of its
// value. Names are quoted where they hold more than letters, digits and `_ . / -`. `//` starts a comment. Types: `float32[?,10]`, unknown rank
// `float32[...]`, resources and variants with what they hold `resource<float32[4,3]>[]`; the unknown dtype of a Foreign op's result is `invalid`.
//
// Attribute values: int `3`; float `1.0`, `1e-05`, `inf`, `-inf`, `nan`, `nan:0x7fc00001` (any other NaN by its bits), always with a point, an exponent or a
// name; `true`; string `"..."` with the escapes \" \\ \n \t \xNN; dtype `float32`; shape `shape[2,?,3]`, `shape[...]`; tensor `int32[2](1 2)`,
// `string[1]("a")`, `bool[](true)`, `complex64[1](1.0+2.0i)`; function `@name`; lists `[1, 2]` of one of these kinds, tensors excepted.
// Floats are the shortest text that reads back to the same bits.
//
// Large tensors and assets go to side bytes: `float32[500,500]@data(OFFSET, COUNT)`. Printed without side bytes they are elided, `float32[500,500](...)`,
// which a person can read and parse() refuses.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "ir/module.h"

namespace isomer::ir {

struct PrintOptions {
  // Takes the bytes of large tensors and assets, in order. Empty: they are elided.
  std::function<void(std::span<const std::byte>)> side;
  int64_t inline_elements = 64;  // tensors of more elements are large
  int64_t inline_bytes = 4096;   // string tensors and assets of more bytes are large
};

std::string print(const Module& module, const PrintOptions& options = {});
std::string print(const Function& function, const PrintOptions& options = {});
std::string print_attribute(const AttributeValue& value);
std::string print_tensor(const Tensor& tensor);
// "..." with escapes.
std::string quote(std::string_view text);

struct ParseOptions {
  const OpDef* (*find_op)(std::string_view name) = nullptr;  // required for modules
  Limits limits;
  const Bytes* side = nullptr;  // what `@data` refers to; tensors share it
  std::string source = "text";  // the file's name, for the places of errors: "model.isomer:12:7"
};

// Malformed where the text breaks the rules above; the result still needs verify() (ir/verify.h), which judges what the text means.
Result<Module> parse(std::string_view text, const ParseOptions& options);
Result<AttributeValue> parse_attribute(std::string_view text);
Result<Tensor> parse_tensor(std::string_view text);

}  // namespace isomer::ir
