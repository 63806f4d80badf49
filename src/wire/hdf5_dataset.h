// Datasets: how their elements are laid out, and the elements put together.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "wire/hdf5_header.h"

namespace isomer::hdf5 {

struct Filter {
  enum Id : int64_t { kDeflate = 1, kShuffle = 2, kFletcher32 = 3 };
  int64_t id = 0;
  std::string name;  // may be empty
  std::vector<int64_t> values;
};

struct Layout {
  enum class Kind { kCompact, kContiguous, kChunked, kVirtual };
  // How chunks are found.
  enum class Index { kTree1 = 0, kSingle = 1, kImplicit = 2, kFixedArray = 3, kExtensibleArray = 4, kTree2 = 5 };

  Kind kind = Kind::kContiguous;
  int64_t offset = 0;  // of the message, for errors
  Bytes compact;
  int64_t address = kNowhere;  // of the data or of the index
  int64_t size = 0;            // of contiguous data; of the only chunk where it is filtered
  Index index = Index::kTree1;
  std::vector<int64_t> chunk;    // elements of a chunk along each dimension
  int64_t filter_mask = 0;       // of the only chunk
  bool has_plain_edges = false;  // chunks that pass the edge of the dataset are not filtered
};

struct Dataset {
  Hdf5Type type;
  Hdf5Space space;
  Layout layout;
  std::vector<Filter> filters;      // in the order in which they were applied
  Bytes fill;                       // one element; empty for zeros
  const char* elsewhere = nullptr;  // why the data is not in this file
};

Result<Dataset> read_dataset(const File& file, const Header& header);

// All elements in the file's form: a slice of the file where they lie in one piece.
Result<Bytes> read_elements(const File& file, const Dataset& dataset);

struct Chunk {
  std::vector<int64_t> start;  // its first element
  int64_t address = kNowhere;
  int64_t size = 0;         // stored bytes
  int64_t filter_mask = 0;  // bit i: filter i was left out
};

// Calls `visit` for each chunk that is stored and lies in the dataset. `chunk_bytes` is the size of an unfiltered chunk.
Result<void> for_each_chunk(const File& file, const Dataset& dataset, int64_t chunk_bytes, const std::function<Result<void>(const Chunk&)>& visit);

// The content of a chunk, `size` bytes, out of what is stored of it at `offset` of the file.
Result<Bytes> unfilter(const std::vector<Filter>& filters, const Bytes& stored, int64_t filter_mask, int64_t size, int64_t offset, const Limits& limits);
// Unsupported, by name, where a filter is not known.
Result<void> check_filters(const std::vector<Filter>& filters, int64_t offset);

}  // namespace isomer::hdf5
