// B-trees of version 2: the index of links, attributes, huge objects and chunks in files of later versions.
#pragma once

#include <functional>

#include "wire/hdf5_file.h"

namespace isomer::hdf5 {

// Calls `visit` for each record in the tree's order. `type` is the type of record the tree must have.
Result<void> for_each_record(const File& file, int64_t address, int64_t type, const std::function<Result<void>(Cursor record)>& visit);

}  // namespace isomer::hdf5
