// The messages of the HDF5 writer.
#pragma once

#include <string>

#include "wire/hdf5_writer.h"

namespace isomer::hdf5 {

// Little-endian bytes at the end of `out`.
inline void put(std::string& out, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(i < 8 ? value >> (8 * i) : 0));
}
inline void pad_to_8(std::string& out) { out.resize((out.size() + 7) / 8 * 8); }
constexpr uint64_t kUndefined = UINT64_MAX;  // the address of what is not there

// InvalidArgument for types that are only met, not read.
Result<std::string> encode_type(const Hdf5Type& type);
std::string encode_space(const Hdf5Data& data);
std::string encode_layout(uint64_t address, uint64_t size);
std::string encode_no_fill_value();

// The bytes of all elements, with the checks of write_hdf5.
Result<int64_t> checked_bytes(const Hdf5Data& data);
// A string of fixed length with its padding.
Result<std::string> padded_string(const Hdf5Type& type, const std::string& text);

}  // namespace isomer::hdf5
