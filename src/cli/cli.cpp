#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "cli/command.h"

namespace isomer::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  isomer convert saved_model/ web_model/ --verify        SavedModel to tf.js, with proof
  isomer convert frozen.pb web_model/ --output_node_names=Softmax
  isomer inspect web_model/                              what is it, and what can become of it?
  isomer run web_model/ --input x=x.npy --output out/    run it, no browser needed

Exit codes: 0 done, 1 the job failed, 2 the call was wrong.)";

bool called_as_converter(std::string_view name) {
  const size_t slash = name.rfind('/');
  return (slash == std::string_view::npos ? name : name.substr(slash + 1)) == "tensorflowjs_converter";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 0 && called_as_converter(argv[0])) return tensorflowjs_converter(argc, argv);
  // Before anything else is set up: scripts ask for it often.
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("isomer " ISOMER_VERSION);
    return kDone;
  }
  CLI::App program("Isomer reads, converts, verifies and runs TensorFlow.js models.", "isomer");
  program.footer(kFooter);
  program.require_subcommand(1);
  program.set_version_flag("--version", "isomer " ISOMER_VERSION);
  program.failure_message(CLI::FailureMessage::simple);
  int exit_code = kDone;
  add_convert(program, exit_code);
  add_inspect(program, exit_code);
  add_run(program, exit_code);
  add_dump(program, exit_code);
  if (argc == 1) {
    std::fputs(program.help().c_str(), stderr);
    return kUsage;
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return program.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return program.exit(version);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "isomer: %s\n  hint: isomer --help, or isomer COMMAND --help, tells how to call it\n", error.what());
    return kUsage;
  }
  return exit_code;
}

}  // namespace isomer::cli
