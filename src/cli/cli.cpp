#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
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
  isomer verify saved_model/ web_model/                  do two models compute the same?

Exit codes: 0 done, 1 the job failed, 2 the call was wrong.)";

bool called_as_converter(std::string_view name) {
  const size_t slash = name.rfind('/');
  return (slash == std::string_view::npos ? name : name.substr(slash + 1)) == "tensorflowjs_converter";
}

std::vector<CLI::App*> commands(CLI::App& program) {
  return program.get_subcommands([](CLI::App*) { return true; });
}

CLI::App* find_command(CLI::App& program, std::string_view name) {
  for (CLI::App* command : commands(program))
    if (command->get_name() == name) return command;
  return nullptr;
}

// "isomer convert INPUT OUTPUT"
std::string usage_of(const CLI::App& command) {
  std::string text = "isomer " + command.get_name();
  for (const CLI::Option* option : command.get_options())
    if (option->get_positional()) text += " " + option->get_single_name();
  return text;
}

// The first word that begins like a flag and is none of the command's.
std::string unknown_flag(const CLI::App& command, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!word.starts_with("--") || word == "--") continue;
    const std::string flag = word.substr(0, word.find('='));
    if (!command.get_option_no_throw(flag)) return flag;
  }
  return {};
}

// What the parser of the command line found wrong, as an error that says what to do.
Error explain(CLI::App& program, const CLI::ParseError& error, const std::vector<std::string>& words) {
  Error result{ErrorCode::kInvalidArgument, error.what(), {}, {}, "isomer --help lists the commands"};
  CLI::App* command = words.empty() ? nullptr : find_command(program, words[0]);
  if (!command) {
    if (words.empty()) return result;
    std::vector<std::string> names;
    for (const CLI::App* c : commands(program)) names.push_back(c->get_name());
    const bool flag = words[0].starts_with("-");
    result.message = flag ? "'" + words[0] + "' stands before the command, or is no flag" : "there is no command '" + words[0] + "'";
    if (const std::string near = did_you_mean(words[0], names); !near.empty()) result.hint = near + " " + result.hint;
    return result;
  }
  const std::string help = "isomer " + command->get_name() + " --help lists the flags";
  result.hint = "write " + usage_of(*command) + "; " + help;
  if (const std::string flag = unknown_flag(*command, words); !flag.empty()) {
    std::vector<std::string> known;
    for (const CLI::Option* option : command->get_options())
      if (option->nonpositional()) known.push_back("--" + option->get_single_name());
    const std::string near = did_you_mean(flag, known);
    result.message = "isomer " + command->get_name() + " has no flag " + flag;
    result.hint = near.empty() ? help : near + " " + help;
  } else if (error.get_name() == "RequiredError") {
    result.message = "isomer " + command->get_name() + ": " + error.what();
  }
  return result;
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
  add_optimize(program, exit_code);
  add_reduce(program, exit_code);
  add_run(program, exit_code);
  add_verify(program, exit_code);
  add_diff(program, exit_code);
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
    const std::vector<std::string> words(argv + 1, argv + argc);
    Voice voice;
    voice.json = std::find(words.begin(), words.end(), "--json") != words.end();
    return report_failure(explain(program, error, words), voice);
  }
  return exit_code;
}

}  // namespace isomer::cli
