// The links of a group, wherever the file keeps them.
#pragma once

#include <map>
#include <vector>

#include "wire/hdf5_header.h"

namespace isomer::hdf5 {

struct Links {
  std::vector<Hdf5Link> in_order;                     // of creation where the file keeps it, else by name
  std::map<std::string, size_t, std::less<>> places;  // in `in_order`
};

Result<Links> read_links(const File& file, const Header& header);

}  // namespace isomer::hdf5
