// Object headers: the messages that make up a group, a dataset or a named type, and the messages that several parts need.
#pragma once

#include <optional>
#include <vector>

#include "wire/hdf5.h"
#include "wire/hdf5_file.h"

namespace isomer::hdf5 {

enum MessageType : int64_t {
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kOldFillValue = 0x04,
  kFillValue = 0x05,
  kLink = 0x06,
  kExternalFiles = 0x07,
  kLayout = 0x08,
  kGroupInfo = 0x0a,
  kFilters = 0x0b,
  kAttribute = 0x0c,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
  kAttributeInfo = 0x15,
};

struct Message {
  int64_t type = 0;
  bool is_shared = false;  // `data` says where the true message is
  int64_t creation_order = 0;
  Bytes data;
  int64_t offset = 0;  // of `data` in the file
};

struct Header {
  std::vector<Message> messages;  // without fillers and continuations
};

Result<Header> read_header(const File& file, int64_t address);

// The first message of a type, fetched from where it is shared; nothing where there is none.
Result<std::optional<Message>> find_message(const File& file, const Header& header, int64_t type);
// What the bytes of a shared message of `type` stand for.
Result<Message> fetch_shared(const File& file, int64_t type, Cursor place);

Result<Hdf5Type> decode_type(Cursor cursor, int64_t depth);
Result<Hdf5Space> decode_space(const File& file, Cursor cursor);

// Elements in the file's form turned into little endian; the same bytes where they already are.
Result<Bytes> little_endian(const Hdf5Type& type, Bytes data, int64_t offset);
// The strings of `elements` elements that lie in `data`.
Result<std::vector<std::string>> decode_strings(const File& file, const Hdf5Type& type, int64_t elements, const Bytes& data, int64_t offset);
// Bytes of all elements in the file; LimitExceeded past limits.tensor_bytes.
Result<int64_t> stored_bytes(const File& file, const Hdf5Type& type, const Hdf5Space& space);

}  // namespace isomer::hdf5
