// The command line program. Exit codes: 0 done, 1 the job failed, 2 the call was wrong.
#pragma once

namespace isomer::cli {

int main(int argc, char** argv);

}  // namespace isomer::cli
