// A fractal heap is one long address space, cut into blocks that double in size: a table of `width` columns whose first two rows have blocks of the
// starting size and each further row blocks twice as large. Rows up to the largest direct size hold data; those after it hold tables of the same
// kind that cover a block's range. The place of an object in this space is its id; blocks count with their own headers.
//
// Objects above the managed size are *huge*, each in a place of its own, which the id names or a B-tree finds; the smallest are *tiny* and lie in the id.
#include "wire/hdf5_btree2.h"
#include "wire/hdf5_heap.h"

namespace isomer::hdf5 {

Result<FractalHeap> FractalHeap::open(const File& file, int64_t address) {
  Cursor cursor = TRY(file.at(address, "a fractal heap"));
  TRY(cursor.signature("FRHP", 0));
  FractalHeap heap;
  heap.file_ = &file;
  heap.id_size_ = TRY(cursor.number(2));
  const int64_t filters = TRY(cursor.number(2));
  heap.has_checksums_ = TRY(cursor.number(1)) & 2;
  heap.max_managed_ = TRY(cursor.number(4));
  TRY(cursor.length());
  heap.huge_tree_ = TRY(cursor.address());
  TRY(cursor.length());
  TRY(cursor.address());
  for (int i = 0; i < 8; ++i) TRY(cursor.length());  // what is used and free
  heap.width_ = TRY(cursor.number(2));
  heap.starting_size_ = TRY(cursor.length());
  heap.max_direct_ = TRY(cursor.length());
  heap.max_bits_ = TRY(cursor.number(2));
  TRY(cursor.number(2));
  heap.root_ = TRY(cursor.address());
  heap.root_rows_ = TRY(cursor.number(2));
  if (filters != 0) {
    return fail(
        Error{ErrorCode::kUnsupported, "a heap of links or attributes is compressed", "byte " + std::to_string(cursor.offset()), {}, "h5repack can undo it"});
  }
  TRY(cursor.checksum("a fractal heap"));
  const auto is_power = [](int64_t size) { return size > 0 && (size & (size - 1)) == 0; };
  const bool fits = is_power(heap.width_) && is_power(heap.starting_size_) && is_power(heap.max_direct_) && heap.starting_size_ <= heap.max_direct_ &&
                    heap.max_direct_ < int64_t{1} << 32 && heap.max_bits_ > 0 && heap.max_bits_ <= 62 && heap.root_rows_ <= 64;
  if (!fits) return fail_at(ErrorCode::kMalformed, "a fractal heap has an impossible table", cursor.offset());
  return heap;
}

int64_t FractalHeap::row_size(int64_t row) const { return row == 0 ? starting_size_ : starting_size_ << (row - 1); }

Result<FractalHeap::Object> FractalHeap::object(const Bytes& id, int64_t id_offset) const {
  Cursor cursor = file_->cursor(id, id_offset);
  const int64_t first = TRY(cursor.number(1));
  if (first >> 6 != 0) return fail_at(ErrorCode::kUnsupported, "an id in a fractal heap has version " + std::to_string(first >> 6), id_offset);
  switch (first >> 4 & 3) {
    case 0: {
      const int64_t at = TRY(cursor.number((max_bits_ + 7) / 8));
      const int64_t width = std::min<int64_t>((log2_floor(static_cast<uint64_t>(max_direct_)) + 7) / 8, bytes_for(static_cast<uint64_t>(max_managed_)));
      const int64_t size = TRY(cursor.number(width));
      return managed(at, size);
    }
    case 1: return huge(std::move(cursor));
    case 2: {
      int64_t size = (first & 15) + 1;
      if (id_size_ > 17) size = ((first & 15) << 8 | TRY(cursor.number(1))) + 1;
      const int64_t offset = cursor.offset();
      Object object{TRY(cursor.take(size)), offset};
      return object;
    }
    default: return fail_at(ErrorCode::kMalformed, "an id in a fractal heap has an unknown kind", id_offset);
  }
}

// Down the tables to the direct block that holds `at`, which then counts from the block's start.
Result<FractalHeap::Object> FractalHeap::managed(int64_t at, int64_t size) const {
  int64_t block = root_, rows = root_rows_, block_size = starting_size_;
  const int64_t direct_rows = log2_floor(static_cast<uint64_t>(max_direct_)) - log2_floor(static_cast<uint64_t>(starting_size_)) + 2;
  const int64_t first_bits = log2_floor(static_cast<uint64_t>(starting_size_)) + log2_floor(static_cast<uint64_t>(width_));
  while (rows > 0) {
    Cursor table = TRY(file_->at(block, "a table of a fractal heap"));
    TRY(table.signature("FHIB", 0));
    TRY(table.address());
    TRY(table.skip((max_bits_ + 7) / 8));
    const int64_t row = at >> first_bits == 0 ? 0 : log2_floor(static_cast<uint64_t>(at)) - first_bits + 1;
    if (row >= rows) return fail_at(ErrorCode::kMalformed, "an object lies outside of its fractal heap", table.offset());
    block_size = row_size(row);
    const int64_t row_start = row == 0 ? 0 : (width_ * starting_size_) << (row - 1);
    const int64_t column = (at - row_start) / block_size;
    Cursor whole = table;
    TRY(whole.skip(rows * width_ * file_->offset_size));
    TRY(whole.checksum("a table of a fractal heap"));
    TRY(table.skip((row * width_ + column) * file_->offset_size));
    block = TRY(table.address());
    at -= row_start + column * block_size;
    if (row < direct_rows) break;
    const int64_t inner_rows = log2_floor(static_cast<uint64_t>(block_size)) - first_bits + 1;
    if (inner_rows < 1 || inner_rows >= rows)
      return fail_at(ErrorCode::kMalformed, "a fractal heap has a table that is not smaller than its parent", table.offset());
    rows = inner_rows;
  }
  TRY(check_block(block, block_size));
  const int64_t start = file_->offset_of(block);
  if (at > block_size || size > block_size - at)
    return fail_at(ErrorCode::kMalformed, "an object of " + std::to_string(size) + " bytes passes the end of its block", start);
  Object object{TRY(file_->range(block + at, size, "an object of a fractal heap")), start + at};
  return object;
}

// The checksum of a block covers all of it, with zeros where the checksum itself lies.
Result<void> FractalHeap::check_block(int64_t address, int64_t size) const {
  Cursor block = TRY(file_->at(address, size, "a block of a fractal heap"));
  if (checked_.contains(address)) return {};
  Cursor cursor = block;
  TRY(cursor.signature("FHDB", 0));
  TRY(cursor.address());
  TRY(cursor.skip((max_bits_ + 7) / 8));
  if (!has_checksums_) return {};
  std::string content(TRY(block.take(size)).text());
  const int64_t place = cursor.at();
  const uint64_t stored = TRY(cursor.bits(4));
  content.replace(static_cast<size_t>(place), 4, 4, '\0');
  if (stored != lookup3(std::as_bytes(std::span(content)))) {
    return fail_at(ErrorCode::kMalformed, "the checksum of a block of a fractal heap is wrong: the file is damaged", cursor.offset() - 4);
  }
  checked_.insert(address);
  return {};
}

Result<FractalHeap::Object> FractalHeap::huge(Cursor id) const {
  int64_t address = kNowhere, size = 0;
  if (id_size_ - 1 >= file_->offset_size + file_->length_size) {
    address = TRY(id.address());
    size = TRY(id.length());
  } else {
    const int64_t key = TRY(id.number(std::min<int64_t>(file_->length_size, id_size_ - 1)));
    bool found = false;
    TRY(for_each_record(*file_, huge_tree_, 1, [&](Cursor record) -> Result<void> {
      const int64_t its_address = TRY(record.address()), its_size = TRY(record.length()), its_key = TRY(record.length());
      if (its_key != key) return {};
      address = its_address, size = its_size, found = true;
      return {};
    }));
    if (!found) return fail_at(ErrorCode::kMalformed, "a huge object is not in its fractal heap", id.offset());
  }
  Object object{TRY(file_->range(address, size, "a huge object of a fractal heap")), file_->offset_of(address)};
  return object;
}

}  // namespace isomer::hdf5
