#include "cli/cli.h"

int main(int argc, char** argv) { return isomer::cli::main(argc, argv); }
