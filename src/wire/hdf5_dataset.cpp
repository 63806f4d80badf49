// The messages of a dataset, and its elements put together.
#include "wire/hdf5_dataset.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/checked.h"
#include "base/temporary_file.h"

namespace isomer::hdf5 {
namespace {

constexpr int64_t kOnHeap = 1 << 20;  // a larger result goes to a temporary file

// Versions 1 and 2 have one form for all layouts.
Result<void> decode_old_layout(Cursor& cursor, Layout& layout) {
  const int64_t dimensions = TRY(cursor.number(1)), kind = TRY(cursor.number(1));
  TRY(cursor.skip(5));
  if (kind > 2) return fail_at(ErrorCode::kMalformed, "a dataset has a layout of the unknown kind " + std::to_string(kind), layout.offset);
  layout.kind = static_cast<Layout::Kind>(kind);
  if (layout.kind != Layout::Kind::kCompact) layout.address = TRY(cursor.address());
  for (int64_t i = 0; i < dimensions; ++i) layout.chunk.push_back(TRY(cursor.number(4)));
  if (layout.kind == Layout::Kind::kCompact) layout.compact = TRY(cursor.take(TRY(cursor.number(4))));
  layout.size = INT64_MAX;  // not told
  return {};
}

Result<void> decode_chunks(Cursor& cursor, int64_t version, Layout& layout) {
  if (version == 3) {
    const int64_t dimensions = TRY(cursor.number(1));
    layout.address = TRY(cursor.address());
    for (int64_t i = 0; i < dimensions; ++i) layout.chunk.push_back(TRY(cursor.number(4)));
    return {};
  }
  const int64_t flags = TRY(cursor.number(1)), dimensions = TRY(cursor.number(1)), width = TRY(cursor.number(1));
  if (width < 1 || width > 8) return fail_at(ErrorCode::kMalformed, "the sizes of chunks have " + std::to_string(width) + " bytes", layout.offset);
  for (int64_t i = 0; i < dimensions; ++i) layout.chunk.push_back(TRY(cursor.number(width)));
  const int64_t index = TRY(cursor.number(1));
  if (index < 1 || index > 5) return fail_at(ErrorCode::kUnsupported, "chunks are found by an unknown index (" + std::to_string(index) + ")", layout.offset);
  layout.index = static_cast<Layout::Index>(index);
  layout.has_plain_edges = flags & 1;
  switch (layout.index) {
    case Layout::Index::kSingle:
      if (flags & 2) {
        layout.size = TRY(cursor.length());
        layout.filter_mask = TRY(cursor.number(4));
      }
      break;
    case Layout::Index::kFixedArray: TRY(cursor.skip(1)); break;
    case Layout::Index::kExtensibleArray: TRY(cursor.skip(5)); break;
    case Layout::Index::kTree2: TRY(cursor.skip(4 + 1 + 1)); break;
    default: break;
  }
  layout.address = TRY(cursor.address());
  return {};
}

Result<Layout> decode_layout(Cursor cursor) {
  Layout layout;
  layout.offset = cursor.offset();
  const int64_t version = TRY(cursor.number(1));
  if (version < 1 || version > 5)
    return fail_at(ErrorCode::kUnsupported, "a layout has version " + std::to_string(version) + ", known are 1 to 5", layout.offset);
  if (version < 3) {
    TRY(decode_old_layout(cursor, layout));
    return layout;
  }
  const int64_t kind = TRY(cursor.number(1));
  if (kind > 3) return fail_at(ErrorCode::kUnsupported, "a dataset has a layout of the unknown kind " + std::to_string(kind), layout.offset);
  layout.kind = static_cast<Layout::Kind>(kind);
  switch (layout.kind) {
    case Layout::Kind::kCompact: layout.compact = TRY(cursor.take(TRY(cursor.number(2)))); break;
    case Layout::Kind::kContiguous:
      layout.address = TRY(cursor.address());
      layout.size = TRY(cursor.length());
      break;
    case Layout::Kind::kChunked: TRY(decode_chunks(cursor, version, layout)); break;
    case Layout::Kind::kVirtual: break;
  }
  return layout;
}

Result<std::vector<Filter>> decode_filters(Cursor cursor) {
  const int64_t start = cursor.offset();
  const int64_t version = TRY(cursor.number(1)), count = TRY(cursor.number(1));
  if (version != 1 && version != 2) return fail_at(ErrorCode::kUnsupported, "a list of filters has version " + std::to_string(version), start);
  if (version == 1) TRY(cursor.skip(6));
  std::vector<Filter> filters;
  for (int64_t i = 0; i < count; ++i) {
    Filter filter;
    filter.id = TRY(cursor.number(2));
    const int64_t name_size = version == 1 || filter.id >= 256 ? TRY(cursor.number(2)) : 0;
    TRY(cursor.skip(2));  // whether the filter may be left out
    const int64_t values = TRY(cursor.number(2));
    const std::string_view name = TRY(cursor.take(version == 1 ? (name_size + 7) / 8 * 8 : name_size)).text();
    filter.name = std::string(name.substr(0, name.find('\0')));
    for (int64_t k = 0; k < values; ++k) filter.values.push_back(TRY(cursor.number(4)));
    if (version == 1 && values % 2 == 1) TRY(cursor.skip(4));
    filters.push_back(std::move(filter));
  }
  return filters;
}

// Empty where the fill value is zero.
Result<Bytes> decode_fill(Cursor cursor, int64_t message_type) {
  if (message_type == kOldFillValue) return cursor.take(TRY(cursor.number(4)));
  const int64_t start = cursor.offset();
  const int64_t version = TRY(cursor.number(1));
  if (version < 1 || version > 3) return fail_at(ErrorCode::kUnsupported, "a fill value has version " + std::to_string(version), start);
  if (version == 3) {
    if (!(TRY(cursor.number(1)) & 0x20)) return Bytes();
  } else {
    TRY(cursor.skip(2));
    if (TRY(cursor.number(1)) == 0 && version == 2) return Bytes();
  }
  return cursor.take(TRY(cursor.number(4)));
}

}  // namespace

Result<Dataset> read_dataset(const File& file, const Header& header) {
  const auto message = [&](int64_t type, const char* what) -> Result<Cursor> {
    const auto found = TRY(find_message(file, header, type));
    if (!found) return fail(ErrorCode::kMalformed, std::string("a dataset has no ") + what);
    return file.cursor(found->data, found->offset);
  };
  Dataset dataset;
  dataset.type = TRY(decode_type(TRY(message(kDatatype, "datatype")), file.limits.nesting));
  dataset.space = TRY(decode_space(file, TRY(message(kDataspace, "dataspace"))));
  dataset.layout = TRY(decode_layout(TRY(message(kLayout, "layout"))));
  if (const auto filters = TRY(find_message(file, header, kFilters))) dataset.filters = TRY(decode_filters(file.cursor(filters->data, filters->offset)));
  for (const int64_t type : {int64_t{kOldFillValue}, int64_t{kFillValue}}) {
    const auto fill = TRY(find_message(file, header, type));
    if (!fill) continue;
    const Bytes value = TRY(decode_fill(file.cursor(fill->data, fill->offset), type));
    if (value.size() == dataset.type.size) dataset.fill = value;
  }
  if (dataset.layout.kind == Layout::Kind::kVirtual) dataset.elsewhere = "a virtual dataset takes its data from other datasets";
  if (TRY(find_message(file, header, kExternalFiles))) dataset.elsewhere = "a dataset has its data in another file";
  return dataset;
}

namespace {

// Memory that a result is built in: on the heap, or in a temporary file when it is large.
struct Storage {
  std::shared_ptr<void> owner;
  std::byte* data = nullptr;

  static Result<Storage> allocate(int64_t size) {
    Storage storage;
    if (size > kOnHeap) {
      TemporaryFile temporary = TRY(TemporaryFile::create());
      TemporaryFile::Block block = TRY(temporary.allocate(size));
      storage.owner = std::move(block.owner);
      storage.data = block.data;
    } else {
      auto text = std::make_shared<std::string>(static_cast<size_t>(size), '\0');
      storage.data = reinterpret_cast<std::byte*>(text->data());
      storage.owner = std::move(text);
    }
    return storage;
  }
};

// Is it believable that a file of this size holds `bytes` of data that is not stored as it is?
Result<void> check_claim(const File& file, int64_t bytes, int64_t offset) {
  const int64_t most = std::max(kOnHeap, checked_mul(file.bytes.size(), file.limits.inflate_ratio).value_or(INT64_MAX));
  if (bytes <= std::min(most, file.limits.tensor_bytes)) return {};
  return fail_at(ErrorCode::kLimitExceeded,
                 "a dataset claims " + std::to_string(bytes) + " bytes, the file has " + std::to_string(file.bytes.size()) + " (more than 1 to " +
                     std::to_string(file.limits.inflate_ratio) + ")",
                 offset);
}

// A result of `bytes` bytes that holds the fill value everywhere.
Result<Storage> allocate_filled(const File& file, const Dataset& dataset, int64_t bytes) {
  TRY(check_claim(file, bytes, dataset.layout.offset));
  Storage storage = TRY(Storage::allocate(bytes));
  const std::string_view fill = dataset.fill.text();
  if (fill.find_first_not_of('\0') == fill.npos) return storage;
  for (int64_t at = 0; at < bytes; at += dataset.fill.size()) std::memcpy(storage.data + at, fill.data(), fill.size());
  return storage;
}

// Copies the part of a chunk that lies in the dataset. Rows along the last dimension are contiguous in both.
class ChunkCopy {
 public:
  ChunkCopy(const Dataset& dataset, std::byte* to) : shape_(dataset.space.shape), chunk_(dataset.layout.chunk), size_(dataset.type.size), to_(to) {}

  void copy(const std::vector<int64_t>& start, const std::byte* from) { copy_dimension(0, start, 0, 0, from); }

 private:
  // `to` and `from` count elements: where the rows of this dimension begin.
  void copy_dimension(size_t dimension, const std::vector<int64_t>& start, int64_t to, int64_t from_element, const std::byte* from) {
    const int64_t count = std::min(chunk_[dimension], shape_[dimension] - start[dimension]);
    const int64_t to_start = to * shape_[dimension] + start[dimension], from_start = from_element * chunk_[dimension];
    if (dimension + 1 == shape_.size()) {
      std::memcpy(to_ + to_start * size_, from + from_start * size_, static_cast<size_t>(count * size_));
      return;
    }
    for (int64_t i = 0; i < count; ++i) copy_dimension(dimension + 1, start, to_start + i, from_start + i, from);
  }

  const std::vector<int64_t>& shape_;
  const std::vector<int64_t>& chunk_;
  const int64_t size_;
  std::byte* to_;
};

Result<int64_t> bytes_of_chunk(const File& file, const Dataset& dataset) {
  const Layout& layout = dataset.layout;
  std::optional<int64_t> bytes = dataset.type.size;
  for (const int64_t extent : layout.chunk) {
    if (extent == 0) return fail_at(ErrorCode::kMalformed, "the chunks of a dataset are empty", layout.offset);
    bytes = bytes ? checked_mul(*bytes, extent) : bytes;
  }
  if (!bytes || *bytes > file.limits.tensor_bytes) return fail_at(ErrorCode::kLimitExceeded, "the chunks of a dataset are too large", layout.offset);
  return *bytes;
}

bool passes_edge(const Dataset& dataset, const Chunk& chunk) {
  for (size_t i = 0; i < chunk.start.size(); ++i) {
    if (dataset.layout.chunk[i] > dataset.space.shape[i] - chunk.start[i]) return true;
  }
  return false;
}

Result<Bytes> read_chunks(const File& file, Dataset dataset, int64_t bytes) {
  Layout& layout = dataset.layout;
  if (dataset.space.shape.empty() || layout.chunk.size() != dataset.space.shape.size() + 1 || layout.chunk.back() != dataset.type.size) {
    return fail_at(ErrorCode::kMalformed, "the chunks of a dataset do not fit its shape and type", layout.offset);
  }
  layout.chunk.pop_back();
  TRY(check_filters(dataset.filters, layout.offset));
  const int64_t chunk_bytes = TRY(bytes_of_chunk(file, dataset));
  const Storage storage = TRY(allocate_filled(file, dataset, bytes));
  ChunkCopy copy(dataset, storage.data);
  std::set<std::vector<int64_t>> seen;
  int64_t unpacked = 0;
  TRY(for_each_chunk(file, dataset, chunk_bytes, [&](const Chunk& chunk) -> Result<void> {
    if (!seen.insert(chunk.start).second) return fail_at(ErrorCode::kMalformed, "a chunk is stored twice", file.offset_of(chunk.address));
    if (static_cast<int64_t>(seen.size()) > file.limits.nodes) return fail_at(ErrorCode::kLimitExceeded, "a dataset has too many chunks", layout.offset);
    const Bytes stored = TRY(file.range(chunk.address, chunk.size, "a chunk"));
    const bool is_plain = dataset.filters.empty() || (layout.has_plain_edges && passes_edge(dataset, chunk));
    if (is_plain && stored.size() < chunk_bytes) {
      return fail_at(ErrorCode::kMalformed, "a chunk has " + std::to_string(stored.size()) + " bytes in place of " + std::to_string(chunk_bytes),
                     file.offset_of(chunk.address));
    }
    unpacked += is_plain ? 0 : chunk_bytes;
    if (unpacked > file.limits.inflated_bytes) return fail_at(ErrorCode::kLimitExceeded, "the chunks of a dataset unpack to too many bytes", layout.offset);
    const Bytes content =
        is_plain ? stored : TRY(unfilter(dataset.filters, stored, chunk.filter_mask, chunk_bytes, file.offset_of(chunk.address), file.limits));
    copy.copy(chunk.start, content.data());
    stored.release_pages();
    return {};
  }));
  return Bytes(storage.owner, storage.data, bytes);
}

}  // namespace

Result<Bytes> read_elements(const File& file, const Dataset& dataset) {
  const Layout& layout = dataset.layout;
  const int64_t bytes = TRY(stored_bytes(file, dataset.type, dataset.space));
  if (dataset.elsewhere) {
    return fail(Error{ErrorCode::kUnsupported, dataset.elsewhere, "byte " + std::to_string(layout.offset), {}, "h5repack copies the data into the file"});
  }
  if (bytes == 0) return Bytes();
  if (layout.kind == Layout::Kind::kChunked) return read_chunks(file, dataset, bytes);
  if (layout.kind == Layout::Kind::kContiguous && layout.address == kNowhere) {
    const Storage storage = TRY(allocate_filled(file, dataset, bytes));
    return Bytes(storage.owner, storage.data, bytes);
  }
  const int64_t there = layout.kind == Layout::Kind::kCompact ? layout.compact.size() : layout.size;
  if (bytes > there) {
    return fail_at(ErrorCode::kMalformed, "a dataset of " + std::to_string(bytes) + " bytes has room for " + std::to_string(there), layout.offset);
  }
  if (layout.kind == Layout::Kind::kCompact) return layout.compact.slice(0, bytes);
  return file.range(layout.address, bytes, "the data of a dataset");
}

}  // namespace isomer::hdf5
