// Writer of sorted string tables, the container of checkpoint indexes (the layout is told in wire/sorted_table.cpp). Blocks are not packed, like TensorFlow's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace isomer {

class SortedTableWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit SortedTableWriter(Sink sink) : sink_(std::move(sink)) {}

  // The caller keeps keys in ascending order, bytewise.
  Result<void> add(std::string_view key, std::string_view value);
  // Writes what is left, the index and the footer. No call may follow.
  Result<void> finish();

 private:
  class Block {
   public:
    explicit Block(int64_t interval) : interval_(interval) {}
    void add(std::string_view key, std::string_view value);
    // The content, with its restarts; the block is empty afterwards.
    std::string take();
    bool empty() const { return content_.empty(); }
    int64_t size() const { return static_cast<int64_t>(content_.size()); }
    const std::string& last_key() const { return last_key_; }

   private:
    int64_t interval_, since_restart_ = 0;
    std::string content_, last_key_;
    std::vector<uint32_t> restarts_;
  };

  Result<void> flush();
  // Writes the content and its trailer; the handle, as it stands in the index.
  Result<std::string> write_block(const std::string& content);

  Sink sink_;
  Block block_{16}, index_{1};
  uint64_t written_ = 0;
};

}  // namespace isomer
