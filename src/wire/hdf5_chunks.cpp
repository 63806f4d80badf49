// Where the chunks of a dataset are. Files of the first versions have a B-tree (version 1) by the place of the chunk. Later ones choose by what can grow:
//
//   nothing, one chunk      the layout message itself names it
//   nothing, not filtered   implicit: all chunks follow each other
//   nothing                 a fixed array
//   one dimension           an extensible array
//   more than one           a B-tree (version 2) by the place of the chunk
//
// Arrays have an entry for each chunk of the largest shape, in C order of the grid of chunks; in an extensible array the dimension that grows comes
// first. Both are cut into pages with a checksum each when they are large.
//
// An extensible array keeps its first entries in the index block, then come data blocks that double in size with every second *super block*: number u
// has 2^(u/2) data blocks of 2^((u+1)/2) times the least size. The data blocks of the first super blocks are named by the index block itself.
#include <algorithm>

#include "base/checked.h"
#include "wire/hdf5_btree2.h"
#include "wire/hdf5_dataset.h"

namespace isomer::hdf5 {
namespace {

using Visit = std::function<Result<void>(const Chunk&)>;

// Places of the chunks, counted in chunks.
class Grid {
 public:
  Grid(const Dataset& dataset, bool growing_first) : shape_(dataset.space.shape), chunk_(dataset.layout.chunk) {
    const auto& most = dataset.space.max_shape;
    for (size_t i = 0; i < shape_.size(); ++i) {
      const int64_t extent = most[i] < 0 ? shape_[i] : most[i];
      counts_.push_back(extent / chunk_[i] + (extent % chunk_[i] != 0));
      order_.push_back(i);
    }
    const auto growing = std::find(most.begin(), most.end(), -1);
    if (growing_first && growing != most.end())
      std::rotate(order_.begin(), order_.begin() + (growing - most.begin()), order_.begin() + (growing - most.begin()) + 1);
  }

  // The first element of chunk number `index`; nothing where it lies outside of the dataset.
  std::optional<std::vector<int64_t>> start_of(int64_t index) const {
    std::vector<int64_t> start(shape_.size());
    for (size_t k = order_.size(); k-- > 0;) {
      const size_t i = order_[k];
      const int64_t place = k == 0 ? index : counts_[i] ? index % counts_[i] : 0;
      index = counts_[i] ? index / counts_[i] : 0;
      const auto element = checked_mul(place, chunk_[i]);
      if (!element || *element >= shape_[i]) return std::nullopt;
      start[i] = *element;
    }
    return start;
  }

 private:
  const std::vector<int64_t>& shape_;
  const std::vector<int64_t>& chunk_;
  std::vector<int64_t> counts_;
  std::vector<size_t> order_;  // of dimensions, the slowest first
};

class Finder {
 public:
  Finder(const File& file, const Dataset& dataset, int64_t chunk_bytes, const Visit& visit)
      : file_(file),
        dataset_(dataset),
        layout_(dataset.layout),
        chunk_bytes_(chunk_bytes),
        visit_(visit),
        grid_(dataset, dataset.layout.index == Layout::Index::kExtensibleArray),
        seen_(file, "the index of a dataset's chunks") {}

  Result<void> find();

 private:
  Result<void> visit_inside(Chunk chunk);
  Result<void> read_tree_1(int64_t address, int64_t level);
  Result<void> read_tree_2();
  Result<void> read_implicit();
  Result<void> read_fixed_array();
  Result<void> read_extensible_array();
  Result<void> read_super_block(int64_t address, int64_t blocks, int64_t block_entries);
  // Page i of the block is used where bit `first_page` + i of `used` is set.
  Result<void> read_data_block(int64_t address, int64_t entries, const Bytes& used, int64_t first_page);
  // `count` entries of an array, those of chunk next_ and after.
  Result<void> read_entries(Cursor& cursor, int64_t count);
  Result<void> read_array_header(Cursor& cursor);

  const File& file_;
  const Dataset& dataset_;
  const Layout& layout_;
  const int64_t chunk_bytes_;
  const Visit& visit_;
  const Grid grid_;
  Visited seen_;
  // Of arrays:
  int64_t client_ = 0, entry_size_ = 0, page_entries_ = 0, block_offset_width_ = 0;
  int64_t next_ = 0, end_ = 0;  // number of the next chunk, and of the first that was never stored
};

Result<void> Finder::visit_inside(Chunk chunk) {
  for (size_t i = 0; i < chunk.start.size(); ++i) {
    if (chunk.start[i] >= dataset_.space.shape[i]) return {};  // left over from a larger shape
  }
  return visit_(chunk);
}

Result<void> Finder::read_tree_1(int64_t address, int64_t level) {
  TRY(seen_.enter(address));
  Cursor cursor = TRY(file_.at(address, "the B-tree of a dataset's chunks"));
  TRY(cursor.letters("TREE"));
  if (TRY(cursor.number(1)) != 1) return fail_at(ErrorCode::kMalformed, "expected the B-tree of a dataset, found that of a group", cursor.offset() - 1);
  const int64_t its_level = TRY(cursor.number(1));
  if (level >= 0 && its_level != level) return fail_at(ErrorCode::kMalformed, "a node of the B-tree of chunks has the wrong level", cursor.offset() - 1);
  const int64_t children = TRY(cursor.number(2));
  TRY(cursor.address());
  TRY(cursor.address());
  for (int64_t i = 0; i < children; ++i) {
    Chunk chunk;
    const int64_t offset = cursor.offset();
    chunk.size = TRY(cursor.number(4));
    chunk.filter_mask = TRY(cursor.number(4));
    for (const int64_t extent : layout_.chunk) {
      chunk.start.push_back(TRY(cursor.number(8)));
      if (chunk.start.back() % extent != 0) return fail_at(ErrorCode::kMalformed, "a chunk lies beside the grid of chunks", offset);
    }
    TRY(cursor.skip(8));
    chunk.address = TRY(cursor.address());
    if (its_level > 0) {
      TRY(read_tree_1(chunk.address, its_level - 1));
    } else {
      TRY(visit_inside(std::move(chunk)));
    }
  }
  return {};
}

Result<void> Finder::read_tree_2() {
  const bool is_filtered = !dataset_.filters.empty();
  return for_each_record(file_, layout_.address, is_filtered ? 11 : 10, [&](Cursor record) -> Result<void> {
    Chunk chunk;
    const int64_t width = record.left() - file_.offset_size - 4 - 8 * static_cast<int64_t>(layout_.chunk.size());
    const int64_t offset = record.offset();
    chunk.address = TRY(record.address());
    chunk.size = chunk_bytes_;
    if (is_filtered) {
      if (width < 1 || width > 8) return fail_at(ErrorCode::kMalformed, "the size of a chunk has " + std::to_string(width) + " bytes", offset);
      chunk.size = TRY(record.number(width));
      chunk.filter_mask = TRY(record.number(4));
    }
    for (const int64_t extent : layout_.chunk) {
      const auto start = checked_mul(TRY(record.number(8)), extent);
      if (!start) return fail_at(ErrorCode::kMalformed, "a chunk lies outside of every dataset", offset);
      chunk.start.push_back(*start);
    }
    return visit_inside(std::move(chunk));
  });
}

Result<void> Finder::read_implicit() {
  if (!dataset_.filters.empty()) return fail_at(ErrorCode::kMalformed, "chunks without an index are filtered", layout_.offset);
  const int64_t there = (file_.bytes.size() - std::min(layout_.address, file_.bytes.size())) / chunk_bytes_;
  for (int64_t i = 0; i < there; ++i) {
    Chunk chunk;
    auto start = grid_.start_of(i);
    if (!start) continue;
    chunk.start = std::move(*start);
    chunk.address = layout_.address + i * chunk_bytes_;
    chunk.size = chunk_bytes_;
    TRY(visit_(chunk));
  }
  return {};
}

Result<void> Finder::read_entries(Cursor& cursor, int64_t count) {
  for (int64_t i = 0; i < count; ++i, ++next_) {
    Chunk chunk;
    const Bytes bytes = TRY(cursor.take(entry_size_));
    if (next_ >= end_) continue;
    Cursor entry = file_.cursor(bytes, cursor.offset() - entry_size_);
    chunk.address = TRY(entry.address());
    chunk.size = chunk_bytes_;
    if (client_ == 1) {
      chunk.size = TRY(entry.number(entry_size_ - file_.offset_size - 4));
      chunk.filter_mask = TRY(entry.number(4));
    }
    auto start = chunk.address == kNowhere ? std::nullopt : grid_.start_of(next_);
    if (!start) continue;
    chunk.start = std::move(*start);
    TRY(visit_(chunk));
  }
  return {};
}

// Bits of a map begin at the top of each byte.
bool bit(const Bytes& map, int64_t i) { return i / 8 < map.size() && static_cast<int>(map.data()[i / 8]) >> (7 - i % 8) & 1; }

// The client (0: addresses alone, 1: with sizes and filter masks) and the size of an entry.
Result<void> Finder::read_array_header(Cursor& cursor) {
  client_ = TRY(cursor.number(1));
  entry_size_ = TRY(cursor.number(1));
  const int64_t width = entry_size_ - file_.offset_size - 4;
  const bool fits = client_ == 0 ? entry_size_ == file_.offset_size : client_ == 1 && width >= 1 && width <= 8;
  if (!fits || (client_ == 1) == dataset_.filters.empty())
    return fail_at(ErrorCode::kMalformed, "an array of chunks has entries of an unknown form", cursor.offset());
  return {};
}

Result<void> Finder::read_fixed_array() {
  Cursor cursor = TRY(file_.at(layout_.address, "a fixed array"));
  TRY(cursor.signature("FAHD", 0));
  TRY(read_array_header(cursor));
  const int64_t page_bits = TRY(cursor.number(1));
  const int64_t entries = end_ = TRY(cursor.length());
  const int64_t data = TRY(cursor.address());
  TRY(cursor.checksum("a fixed array"));
  if (data == kNowhere) return {};
  if (page_bits > 30) return fail_at(ErrorCode::kMalformed, "a fixed array has pages of 2^" + std::to_string(page_bits) + " entries", cursor.offset());
  Cursor block = TRY(file_.at(data, "the data of a fixed array"));
  TRY(block.signature("FADB", 0));
  TRY(block.number(1));
  TRY(block.address());
  const int64_t page = int64_t{1} << page_bits;
  if (entries <= page) {
    TRY(read_entries(block, entries));
    return block.checksum("a fixed array");
  }
  const int64_t pages = entries / page + (entries % page != 0);
  const Bytes used = TRY(block.take(pages / 8 + (pages % 8 != 0)));
  TRY(block.checksum("a fixed array"));
  for (int64_t i = 0; i < pages; ++i) {
    const int64_t count = std::min(page, entries - i * page);
    const int64_t offset = block.offset();
    const Bytes bytes = TRY(block.take(count * entry_size_ + 4));
    next_ = i * page;
    if (!bit(used, i)) continue;
    Cursor content = file_.cursor(bytes, offset);
    TRY(read_entries(content, count));
    TRY(content.checksum("a page of a fixed array"));
  }
  return {};
}

Result<void> Finder::read_data_block(int64_t address, int64_t entries, const Bytes& used, int64_t first_page) {
  if (address == kNowhere) {
    next_ += entries;
    return {};
  }
  TRY(seen_.enter(address));
  Cursor block = TRY(file_.at(address, "a block of an extensible array"));
  TRY(block.signature("EADB", 0));
  TRY(block.number(1));
  TRY(block.address());
  TRY(block.skip(block_offset_width_));
  if (entries <= page_entries_) {
    TRY(read_entries(block, entries));
    return block.checksum("a block of an extensible array");
  }
  TRY(block.checksum("a block of an extensible array"));
  for (int64_t i = 0; i < entries / page_entries_; ++i) {
    const int64_t offset = block.offset();
    Cursor page = file_.cursor(TRY(block.take(page_entries_ * entry_size_ + 4)), offset);
    if (!bit(used, first_page + i)) {
      next_ += page_entries_;
      continue;
    }
    TRY(read_entries(page, page_entries_));
    TRY(page.checksum("a page of an extensible array"));
  }
  return {};
}

Result<void> Finder::read_super_block(int64_t address, int64_t blocks, int64_t block_entries) {
  if (address == kNowhere) {
    next_ += blocks * block_entries;
    return {};
  }
  TRY(seen_.enter(address));
  Cursor cursor = TRY(file_.at(address, "a super block of an extensible array"));
  TRY(cursor.signature("EASB", 0));
  TRY(cursor.number(1));
  TRY(cursor.address());
  TRY(cursor.skip(block_offset_width_));
  const int64_t pages = block_entries > page_entries_ ? block_entries / page_entries_ : 0;  // of each block
  const Bytes used = TRY(cursor.take(blocks * ((pages + 7) / 8)));
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t block = TRY(cursor.address());
    if (next_ < end_) TRY(read_data_block(block, block_entries, used, i * pages));
  }
  return cursor.checksum("a super block of an extensible array");
}

Result<void> Finder::read_extensible_array() {
  Cursor cursor = TRY(file_.at(layout_.address, "an extensible array"));
  TRY(cursor.signature("EAHD", 0));
  TRY(read_array_header(cursor));
  const int64_t max_bits = TRY(cursor.number(1)), own_entries = TRY(cursor.number(1)), least = TRY(cursor.number(1)), least_pointers = TRY(cursor.number(1)),
                page_bits = TRY(cursor.number(1));
  for (int i = 0; i < 4; ++i) TRY(cursor.length());  // what there is, for statistics
  end_ = TRY(cursor.length());
  TRY(cursor.length());
  const int64_t index = TRY(cursor.address());
  TRY(cursor.checksum("an extensible array"));
  const auto is_power = [](int64_t value) { return value > 0 && (value & (value - 1)) == 0; };
  const int64_t super_blocks = 1 + max_bits - log2_floor(static_cast<uint64_t>(least));
  const int64_t in_index = 2 * log2_floor(static_cast<uint64_t>(least_pointers));  // super blocks whose data blocks the index block names
  if (!is_power(least) || !is_power(least_pointers) || max_bits > 60 || page_bits > 30 || super_blocks < in_index) {
    return fail_at(ErrorCode::kMalformed, "an extensible array has impossible sizes", cursor.offset());
  }
  if (index == kNowhere) return {};
  page_entries_ = int64_t{1} << page_bits;
  block_offset_width_ = (max_bits + 7) / 8;
  Cursor block = TRY(file_.at(index, "the index of an extensible array"));
  TRY(block.signature("EAIB", 0));
  TRY(block.number(1));
  TRY(block.address());
  TRY(read_entries(block, own_entries));
  for (int64_t u = 0; u < super_blocks; ++u) {
    const int64_t blocks = int64_t{1} << (u / 2), entries = (int64_t{1} << ((u + 1) / 2)) * least;
    for (int64_t i = 0; u < in_index && i < blocks; ++i) {
      const int64_t data = TRY(block.address());
      if (next_ < end_) TRY(read_data_block(data, entries, {}, 0));
    }
    if (u < in_index) continue;
    const int64_t super_block = TRY(block.address());
    if (next_ < end_) TRY(read_super_block(super_block, blocks, entries));
  }
  return block.checksum("the index of an extensible array");
}

Result<void> Finder::find() {
  if (layout_.address == kNowhere) return {};
  switch (layout_.index) {
    case Layout::Index::kTree1: return read_tree_1(layout_.address, -1);
    case Layout::Index::kSingle: {
      Chunk chunk{std::vector<int64_t>(layout_.chunk.size()), layout_.address, layout_.size, layout_.filter_mask};
      if (chunk.size == 0) chunk.size = chunk_bytes_;
      return visit_(chunk);
    }
    case Layout::Index::kImplicit: return read_implicit();
    case Layout::Index::kFixedArray: return read_fixed_array();
    case Layout::Index::kExtensibleArray: return read_extensible_array();
    case Layout::Index::kTree2: return read_tree_2();
  }
  return fail(ErrorCode::kInternal, "an index was not checked");
}

}  // namespace

Result<void> for_each_chunk(const File& file, const Dataset& dataset, int64_t chunk_bytes, const Visit& visit) {
  return Finder(file, dataset, chunk_bytes, visit).find();
}

}  // namespace isomer::hdf5
