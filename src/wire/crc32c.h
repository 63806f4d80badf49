// CRC-32C (Castagnoli), the checksum of checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace isomer {

// The checksum of A followed by `data`, where `crc` is that of A (0 for nothing).
uint32_t crc32c_extend(uint32_t crc, std::span<const std::byte> data);
inline uint32_t crc32c(std::span<const std::byte> data) { return crc32c_extend(0, data); }
// Of a possibly mapped range, whose pages are given back as it is read.
uint32_t crc32c_streaming(uint32_t crc, const Bytes& data);

// The form in which files store a checksum of data that itself holds checksums.
inline uint32_t crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

namespace detail {
uint32_t crc32c_portable(uint32_t crc, std::span<const std::byte> data);  // what machines without the instruction use
}

}  // namespace isomer
