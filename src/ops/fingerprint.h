// The hashes by which TensorFlow puts strings into buckets. All of them give the same bits on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace isomer::ops {

// FarmHash's Fingerprint64 (StringToHashBucketFast).
uint64_t fingerprint64(std::string_view text);
// SipHash-2-4 with a key of 128 bits (StringToHashBucketStrong).
uint64_t siphash(std::string_view text, uint64_t key0, uint64_t key1);
// MurmurHash64A (StringToHashBucket, with a seed of its own).
uint64_t murmur_hash64(std::string_view text, uint64_t seed);

}  // namespace isomer::ops
