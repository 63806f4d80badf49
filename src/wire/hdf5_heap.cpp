#include "wire/hdf5_heap.h"

namespace isomer::hdf5 {

Result<LocalHeap> LocalHeap::open(const File& file, int64_t address) {
  Cursor cursor = TRY(file.at(address, "a local heap"));
  TRY(cursor.signature("HEAP", 0));
  TRY(cursor.skip(3));
  const int64_t size = TRY(cursor.length());
  TRY(cursor.length());  // the free list
  const int64_t data = TRY(cursor.address());
  LocalHeap heap;
  heap.data_ = TRY(file.range(data, size, "a local heap"));
  heap.offset_ = file.offset_of(data);
  return heap;
}

Result<std::string> LocalHeap::text(int64_t at) const {
  if (at >= data_.size()) {
    return fail_at(ErrorCode::kMalformed, "a name lies at byte " + std::to_string(at) + " of a local heap of " + std::to_string(data_.size()), offset_);
  }
  const std::string_view rest = data_.text().substr(static_cast<size_t>(at));
  const size_t end = rest.find('\0');
  if (end == rest.npos) return fail_at(ErrorCode::kMalformed, "a name passes the end of its local heap", offset_ + at);
  return std::string(rest.substr(0, end));
}

// A collection is a row of objects, each padded to 8 bytes; index 0 is the free space at the end.
Result<GlobalHeap::Collection> GlobalHeap::read(int64_t address) const {
  Cursor start = TRY(file_.at(address, "a global heap"));
  TRY(start.signature("GCOL", 1));
  TRY(start.skip(3));
  const int64_t size = TRY(start.length());
  Cursor cursor = TRY(file_.at(address, size, "a global heap"));
  TRY(cursor.skip(start.at()));
  Collection objects;
  while (cursor.left() >= 8 + cursor.length_size()) {
    const int64_t index = TRY(cursor.number(2));
    TRY(cursor.skip(2 + 4));
    const int64_t bytes = TRY(cursor.length());
    if (index == 0) break;
    objects[index] = TRY(cursor.take(bytes));
    TRY(cursor.skip(std::min((8 - bytes % 8) % 8, cursor.left())));
  }
  return objects;
}

Result<Bytes> GlobalHeap::string(Cursor element) {
  const int64_t start = element.offset();
  const int64_t size = TRY(element.number(4));
  const int64_t address = TRY(element.address());
  const int64_t index = TRY(element.number(4));
  if (size == 0 || address == kNowhere) return Bytes();
  auto found = collections_.find(address);
  if (found == collections_.end()) {
    if (static_cast<int64_t>(collections_.size()) >= 256) collections_.clear();  // a file is free to spread its strings over any number
    found = collections_.emplace(address, TRY(read(address))).first;
  }
  const auto object = found->second.find(index);
  if (object == found->second.end() || size > object->second.size()) {
    return fail_at(ErrorCode::kMalformed, "a string of " + std::to_string(size) + " bytes is not in its global heap (index " + std::to_string(index) + ")",
                   start);
  }
  return object->second.slice(0, size);
}

}  // namespace isomer::hdf5
