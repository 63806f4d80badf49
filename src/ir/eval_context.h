// EvalContext: what a reference kernel may see besides its inputs. No process globals.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/limits.h"
#include "ir/graph.h"

namespace isomer::ir {

// State of one run that ops share: resources and random numbers.
class Resource {
 public:
  virtual ~Resource() = default;
};

class RunState {
 public:
  Limits limits;
  TensorAllocator* allocator = &heap_allocator();
  bool tfjs_compat = false;  // reproduce what TensorFlow.js computes where it differs from TensorFlow
  int64_t steps = 0;         // nodes executed so far
  int64_t depth = 0;         // calls of functions open now
  uint64_t seed = 0;
  uint64_t random_calls = 0;
  std::map<std::string, std::shared_ptr<Resource>> resources;  // by handle name
  // Runs a function of the module; set by the interpreter (ops/interpreter.h) that owns this state. It takes the arguments by value, so that a list
  // that nobody else holds can be changed in place.
  Result<std::vector<RuntimeValue>> (*call)(RunState&, const Module&, std::string_view function, std::vector<RuntimeValue> arguments) = nullptr;
  std::shared_ptr<Resource> execution;  // what the interpreter keeps during one run

  // Makes a handle name that nothing else in this run has.
  std::string fresh_name(std::string_view base) { return std::string(base) + "#" + std::to_string(next_++); }

 private:
  int64_t next_ = 0;
};

class EvalContext {
 public:
  EvalContext(RunState& state, const Module& module, const Graph& graph, const Node& node) : state_(state), module_(module), graph_(graph), node_(node) {}

  RunState& state() { return state_; }
  const Limits& limits() const { return state_.limits; }
  bool tfjs_compat() const { return state_.tfjs_compat; }
  const Module& module() const { return module_; }
  const Graph& graph() const { return graph_; }
  const Node& node() const { return node_; }
  template <class Struct>
  const Struct& as() const {
    return node_.as<Struct>();
  }
  int64_t output_count() const { return static_cast<int64_t>(node_.outputs.size()); }
  DType output_dtype(int64_t i) const { return graph_.type(node_.outputs[static_cast<size_t>(i)]).dtype; }

  // A zero-filled tensor within the limits.
  Result<MutableTensor> allocate(DType dtype, Shape shape) { return MutableTensor::create(dtype, std::move(shape), state_.limits, *state_.allocator); }
  // Runs a function of the module.
  Result<std::vector<RuntimeValue>> call(std::string_view function, std::vector<RuntimeValue> arguments) {
    if (!state_.call) return fail(ErrorCode::kInternal, "function calls are not possible here");
    return state_.call(state_, module_, function, std::move(arguments));
  }

 private:
  RunState& state_;
  const Module& module_;
  const Graph& graph_;
  const Node& node_;
};

}  // namespace isomer::ir
