// What tf.js can run: the table that the exporter legalises for.
//
// An op is in the table when tf.js 4.22 has a kernel for it; a condition says in which form tf.js computes what TensorFlow does. Everything else has to
// be rewritten by the rules of passes/legalize, or is refused. The evidence for each condition is an experiment in tests/peers/tfjs_forms, described in
// docs/formats/tfjs_op_pitfalls.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ir/module.h"

namespace isomer::tfjs {

// Why tf.js cannot take the node as it is (no kernel, or one that computes something else), or nothing when it can.
std::optional<std::string> why_not(const ir::Module& module, const ir::Graph& graph, const ir::Node& node);

// In how many forms tf.js computes an op as TensorFlow does; where it is not always, `why_not` says what is wrong with a node.
enum class Support { kAlways, kSometimes, kNever };
Support support_of(std::string_view op);

// Every op that tf.js has a kernel for, sorted.
std::span<const std::string_view> known_ops();

// The dtype that tf.js computes with where TensorFlow has `dtype`: float32, int32, bool, complex64 or string; resource and variant as they are.
DType working_dtype(DType dtype);

}  // namespace isomer::tfjs
