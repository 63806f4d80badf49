#include <array>
#include <cstdlib>

#include "ir/verify.h"
#include "passes/pass.h"

namespace isomer::passes {
namespace {

constexpr Pass kPasses[] = {
#define PASS(name, summary) {#name, summary, &name},
#include "passes/passes.def"
#undef PASS
};

}  // namespace

std::span<const Pass> all_passes() { return kPasses; }

const Pass* find_pass(std::string_view name) {
  for (const Pass& pass : kPasses)
    if (pass.name == name) return &pass;
  return nullptr;
}

Result<void> run_passes(ir::Module& module, std::span<const std::string_view> names, PassContext& context) {
  const char* wish = std::getenv("ISOMER_VERIFY_PASSES");
  const bool verify = wish && *wish == '1';
  for (const std::string_view name : names) {
    const Pass* pass = find_pass(name);
    if (!pass) {
      return fail(Error{ErrorCode::kInvalidArgument, "there is no pass '" + std::string(name) + "'", {}, {}, "isomer dump --list-passes lists them"});
    }
    TRY(in_context(pass->run(module, context), "running the pass " + std::string(name)));
    if (verify) TRY(in_context(ir::verify(module), "verifying the module after the pass " + std::string(name)));
    if (context.after_each) context.after_each(name, module);
  }
  return {};
}

}  // namespace isomer::passes
