// A header is a row of messages, in one or more blocks: a continuation message names the next block. Version 1 has no signatures and no checksums and
// pads messages to 8 bytes; version 2 has both and pads nothing.
#include "wire/hdf5_header.h"

#include <deque>

namespace isomer::hdf5 {
namespace {

struct Block {
  int64_t address = 0, size = 0;
};

// The messages that are left in `cursor`, which ends where they do.
class Reader {
 public:
  Reader(const File& file, Header& header) : file_(file), header_(header), blocks_seen_(file, "an object header") {}

  Result<void> read_version_1(int64_t address);
  Result<void> read_version_2(int64_t address);

 private:
  Result<void> read_messages(Cursor cursor, int64_t version, bool has_order);
  Result<void> read_continuations(int64_t version, bool has_order);

  const File& file_;
  Header& header_;
  std::deque<Block> waiting_;
  Visited blocks_seen_;
};

Result<void> Reader::read_messages(Cursor cursor, int64_t version, bool has_order) {
  const int64_t prefix = version == 1 ? 8 : has_order ? 6 : 4;
  while (cursor.left() >= prefix) {
    Message message;
    message.type = TRY(cursor.number(version == 1 ? 2 : 1));
    const int64_t size = TRY(cursor.number(2));
    const int64_t flags = TRY(cursor.number(1));
    if (version == 1) TRY(cursor.skip(3));
    if (has_order) message.creation_order = TRY(cursor.number(2));
    message.is_shared = flags & 2;
    message.offset = cursor.offset();
    message.data = TRY(cursor.take(size));
    if (message.type == kContinuation) {
      Cursor place = file_.cursor(message.data, message.offset);
      Block next;
      next.address = TRY(place.address());
      next.size = TRY(place.length());
      waiting_.push_back(next);
    } else if (message.type != 0) {
      if (static_cast<int64_t>(header_.messages.size()) >= file_.limits.nodes) {
        return fail_at(ErrorCode::kLimitExceeded, "an object header has too many messages", message.offset);
      }
      header_.messages.push_back(std::move(message));
    }
  }
  return {};
}

Result<void> Reader::read_continuations(int64_t version, bool has_order) {
  while (!waiting_.empty()) {
    const Block block = waiting_.front();
    waiting_.pop_front();
    TRY(blocks_seen_.enter(block.address));
    Cursor cursor = TRY(file_.at(block.address, block.size, "a continuation of an object header"));
    if (version == 2) {
      if (block.size < 8) return fail_at(ErrorCode::kMalformed, "a continuation of an object header has no room for its checksum", cursor.offset());
      Cursor all = cursor;
      TRY(all.skip(block.size - 4));
      TRY(all.checksum("an object header"));
      TRY(cursor.letters("OCHK"));
      const int64_t offset = cursor.offset();
      cursor = file_.cursor(TRY(cursor.take(block.size - 8)), offset);
    }
    TRY(read_messages(std::move(cursor), version, has_order));
  }
  return {};
}

Result<void> Reader::read_version_1(int64_t address) {
  Cursor cursor = TRY(file_.at(address, "an object header"));
  TRY(cursor.skip(1 + 1 + 2 + 4));
  const int64_t size = TRY(cursor.number(4));
  TRY(cursor.align_to_8());
  const int64_t offset = cursor.offset();
  TRY(blocks_seen_.enter(address));
  TRY(read_messages(file_.cursor(TRY(cursor.take(size)), offset), 1, false));
  return read_continuations(1, false);
}

Result<void> Reader::read_version_2(int64_t address) {
  Cursor cursor = TRY(file_.at(address, "an object header"));
  TRY(cursor.signature("OHDR", 2));
  const int64_t flags = TRY(cursor.number(1));
  if (flags & 0x20) TRY(cursor.skip(16));  // times
  if (flags & 0x10) TRY(cursor.skip(4));   // when attributes move to a heap
  const int64_t size = TRY(cursor.number(int64_t{1} << (flags & 3)));
  const int64_t offset = cursor.offset();
  TRY(blocks_seen_.enter(address));
  const Bytes messages = TRY(cursor.take(size));
  TRY(cursor.checksum("an object header"));
  const bool has_order = flags & 4;
  TRY(read_messages(file_.cursor(messages, offset), 2, has_order));
  return read_continuations(2, has_order);
}

}  // namespace

Result<Header> read_header(const File& file, int64_t address) {
  Header header;
  Reader reader(file, header);
  Cursor cursor = TRY(file.at(address, "an object header"));
  const int64_t version = TRY(cursor.number(1));
  if (version == 1) {
    TRY(reader.read_version_1(address));
  } else if (version == 'O') {
    TRY(reader.read_version_2(address));
  } else {
    return fail_at(ErrorCode::kMalformed, "expected an object header of version 1 or one that begins with OHDR, found byte " + std::to_string(version),
                   file.offset_of(address));
  }
  return header;
}

Result<Message> fetch_shared(const File& file, int64_t type, Cursor place) {
  const int64_t start = place.offset();
  const int64_t version = TRY(place.number(1));
  const int64_t kind = TRY(place.number(1));
  if (version < 1 || version > 3) return fail_at(ErrorCode::kUnsupported, "a shared message has version " + std::to_string(version), start);
  if (version == 3 && kind == 1) {
    return fail(Error{ErrorCode::kUnsupported,
                      "a message lies in the file's heap of shared messages",
                      "byte " + std::to_string(start),
                      {},
                      "h5repack writes the file without one"});
  }
  if (version == 1) {
    TRY(place.skip(6));
    if (place.left() >= place.length_size() + place.offset_size()) TRY(place.skip(place.length_size()));  // the oldest form holds a symbol's name here
  }
  const Header owner = TRY(read_header(file, TRY(place.address())));
  for (const Message& message : owner.messages) {
    if (message.type != type) continue;
    if (message.is_shared) return fail_at(ErrorCode::kMalformed, "a shared message is shared itself", message.offset);
    return message;
  }
  return fail_at(ErrorCode::kMalformed, "the object that a message is shared with has no such message", start);
}

Result<std::optional<Message>> find_message(const File& file, const Header& header, int64_t type) {
  for (const Message& message : header.messages) {
    if (message.type != type) continue;
    if (message.is_shared) return TRY(fetch_shared(file, type, file.cursor(message.data, message.offset)));
    return message;
  }
  return std::optional<Message>();
}

}  // namespace isomer::hdf5
