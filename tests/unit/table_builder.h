// Writes sorted tables for tests, whole or wrong on purpose.
#pragma once

#include <snappy.h>

#include <string>
#include <utility>
#include <vector>

#include "wire/crc32c.h"
#include "wire/varint.h"

namespace isomer {

inline void append_fixed(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

class TableBuilder {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  bool packed = false;        // pack blocks with snappy
  int restart_interval = 16;  // entries between keys that are written in full
  size_t entries_per_block = 100;

  std::string build(const Entries& entries) const {
    std::string file;
    Entries index;
    for (size_t first = 0; first < entries.size(); first += entries_per_block) {
      const Entries part(entries.begin() + static_cast<ptrdiff_t>(first),
                         entries.begin() + static_cast<ptrdiff_t>(std::min(first + entries_per_block, entries.size())));
      index.emplace_back(part.back().first, append_block(file, content(part)));
    }
    return finish(std::move(file), index);
  }

  // A file of these blocks (already in `file`), index and footer.
  std::string finish(std::string file, const Entries& index) const {
    std::string footer = append_block(file, content({}));
    footer += append_block(file, content(index));
    footer.resize(40, '\0');
    append_fixed(footer, 0xdb4775248b80fb57ULL, 8);
    return file + footer;
  }

  std::string content(const Entries& entries) const {
    std::string block, previous;
    std::vector<size_t> restarts = {0};
    for (size_t i = 0; i < entries.size(); ++i) {
      const auto& [key, value] = entries[i];
      size_t shared = 0;
      if (i % static_cast<size_t>(restart_interval) == 0) {
        if (i > 0) restarts.push_back(block.size());
      } else {
        while (shared < key.size() && shared < previous.size() && key[shared] == previous[shared]) ++shared;
      }
      append_varint(block, shared);
      append_varint(block, key.size() - shared);
      append_varint(block, value.size());
      block += key.substr(shared) + value;
      previous = key;
    }
    for (const size_t restart : restarts) append_fixed(block, restart, 4);
    append_fixed(block, restarts.size(), 4);
    return block;
  }

  // Appends a block with its trailer; its handle.
  std::string append_block(std::string& file, std::string block) const {
    if (packed) {
      std::string small;
      snappy::Compress(block.data(), block.size(), &small);
      block = small;
    }
    return append_raw(file, block, packed ? 1 : 0);
  }
  static std::string append_raw(std::string& file, std::string block, char packing) {
    std::string handle;
    append_varint(handle, file.size());
    append_varint(handle, block.size());
    block.push_back(packing);
    file += block;
    append_fixed(file, crc32c_mask(crc32c(std::as_bytes(std::span(block)))), 4);
    return handle;
  }
};

}  // namespace isomer
