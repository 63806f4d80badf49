// The ways that are open from a model; part of inspect.h.
#pragma once

#include <string>
#include <vector>

#include "isomer/inspect.h"

namespace isomer {

// `asked` is what the caller chose, `examined` what was taken where he did not; commands name only what needs to be chosen.
std::vector<Route> find_routes(const std::string& path, const LoadOptions& asked, const LoadOptions& examined, const std::vector<std::string>& narrowed,
                               const Inspection& inspection);

}  // namespace isomer
