// Gzip streams (RFC 1952), inflated with zlib.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

bool is_gzip(const Bytes& file);

// What the stream holds; several members that follow each other are joined. More than 1 MiB goes to an unlinked temporary file, so that the
// result costs no memory. LimitExceeded past limits.inflated_bytes or limits.inflate_ratio, Malformed for a wrong checksum.
Result<Bytes> gunzip(const Bytes& file, const Limits& limits);

}  // namespace isomer
