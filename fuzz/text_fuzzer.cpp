// Any bytes through the parser of the text form. A module that parses must print to a text that reads back as the same module; one that verifies is
// run, function by function, on arguments of zeros, and then goes through every pass, each of which must leave a module that verifies.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "ir/text.h"
#include "ir/verify.h"
#include "ops/interpreter.h"
#include "ops/registry.h"
#include "passes/pass.h"

namespace {

using namespace isomer;

[[noreturn]] void stop(const char* what, const Error& error) {
  std::fprintf(stderr, "%s\n%s\n", what, error.describe().c_str());
  std::abort();
}

// Zeros of an input's type, unknown dimensions being 2.
Result<ir::RuntimeValue> argument_of(const TensorType& type, const Limits& limits) {
  if (type.dtype == DType::kResource) return ir::ResourceHandle{"handle"};
  if (type.dtype == DType::kVariant) return std::make_shared<const ir::TensorList>(ir::TensorList{type.element_dtype, type.element_shape, {}});
  Shape shape;
  for (const int64_t dim : type.shape.dims()) shape.push_back(dim == kUnknownDim ? 2 : dim);
  if (type.dtype != DType::kString) return std::move(TRY(MutableTensor::create(type.dtype, shape, limits))).finish();
  const auto count = element_count(shape);
  if (!count || *count > limits.tensor_elements) return fail(ErrorCode::kLimitExceeded, "too many strings");
  return Tensor::from_strings(shape, std::vector<std::string>(static_cast<size_t>(*count)));
}

void run(const ir::Module& module, const ir::Function& function, const Limits& limits) {
  ir::RunState state;
  state.limits = limits;
  if (!ops::initialize(state, module)) return;
  std::vector<ir::RuntimeValue> arguments;
  for (const ir::Port& port : function.graph.inputs) {
    auto argument = argument_of(function.graph.type(port.value), limits);
    if (!argument) return;
    arguments.push_back(std::move(*argument));
  }
  (void)ops::run_function(state, module, function.name, arguments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Limits limits = Limits::tiny();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Bytes side = Bytes::from_string(std::string(1024, '\1'));
  const ir::ParseOptions options = {.find_op = ops::find_op, .limits = limits, .side = &side};
  auto module = ir::parse(text, options);
  if (!module) return 0;

  std::string again_side;
  const std::string printed =
      ir::print(*module, {.side = [&](std::span<const std::byte> bytes) { again_side.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }});
  const Bytes again_bytes = Bytes::from_string(again_side);
  const auto again = ir::parse(printed, {.find_op = ops::find_op, .side = &again_bytes});
  if (!again) stop("what was printed cannot be read", again.error());
  if (ir::print(*again, {.side = [](std::span<const std::byte>) {}}) != printed) stop("what was printed reads as another module", Error{});

  if (!ir::verify(*module)) return 0;
  limits.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (const auto& function : module->functions()) run(*module, *function, limits);
  for (const passes::Pass& pass : passes::all_passes()) {
    passes::PassContext context{.limits = limits};
    if (!pass.run(*module, context)) return 0;
    const auto verified = ir::verify(*module);
    if (!verified) stop(("the module is broken after the pass " + std::string(pass.name)).c_str(), verified.error());
  }
  return 0;
}
