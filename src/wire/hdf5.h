// Reader of HDF5 files, as far as Keras and h5py write them: groups, datasets and attributes of every version of the format.
//
// Nothing is read before it is asked for, and what lies in the file as it is wanted stays there: contiguous and compact little-endian data is a
// slice of the mapped file. docs/formats/hdf5.md tells the bytes, docs/decisions/0006-hdf5.md why this is not libhdf5.
//
// Hard links may form cycles, so whoever walks a file bounds the depth (`Hdf5Object::address` tells objects apart). One file is not for several
// threads at once: the lists of links are kept once they are read.
//
// Errors: Truncated and Malformed with the byte offset, Unsupported (external files, virtual datasets, filters and types that no reader here knows),
// LimitExceeded where a file claims more than limits.nodes, nesting, rank, tensor_elements, tensor_bytes, inflated_bytes or inflate_ratio allow,
// NotFound for a path that is not there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer {

namespace hdf5 {
struct File;
struct Header;
struct Links;
}  // namespace hdf5

struct Hdf5Type {
  enum class Kind {
    kInteger,         // 1 to 8 bytes
    kFloat,           // IEEE 754: 2, 4 or 8 bytes
    kBfloat16,        // the upper half of a float32
    kBool,            // h5py's: an enumeration FALSE = 0, TRUE = 1 of one byte
    kEnum,            // another enumeration: the integers are read
    kComplex,         // two floats, the real part first
    kFixedString,     // `size` bytes each
    kVariableString,  // in a heap of the file
    kOpaque,          // `size` bytes each, read as they are (h5py stores bfloat16 of ml_dtypes so)
    kOther,           // can be met but not read
  };
  enum class Padding { kNullTerminated, kNullPadded, kSpacePadded };

  Kind kind = Kind::kOther;
  int64_t size = 0;  // bytes of an element in the file
  bool is_signed = false, is_big_endian = false;
  bool is_utf8 = false;  // of strings: what the file says; else ASCII
  Padding padding = Padding::kNullTerminated;
  std::string name;  // as numpy says it where it does: "int32", "float16", "bool", "complex64"; else in words

  bool is_string() const { return kind == Kind::kFixedString || kind == Kind::kVariableString; }
};

// The extent of a dataset or an attribute. A scalar has no dimensions and one element, a null space no elements.
struct Hdf5Space {
  std::vector<int64_t> shape;
  std::vector<int64_t> max_shape;  // -1: unlimited; the same as `shape` where the file names none
  bool is_null = false;
  int64_t elements = 1;
};

class Hdf5Attribute {
 public:
  const std::string& name() const { return name_; }
  const Hdf5Type& type() const { return type_; }
  const std::vector<int64_t>& shape() const { return space_.shape; }
  const Hdf5Space& space() const { return space_; }
  // The elements, little endian and in C order. Strings of variable length are read by read_strings.
  Result<Bytes> read() const;
  // The elements of a string attribute without their padding; InvalidArgument for other types.
  Result<std::vector<std::string>> read_strings() const;

 private:
  friend class Hdf5Object;
  std::shared_ptr<hdf5::File> file_;
  std::string name_;
  Hdf5Type type_;
  Hdf5Space space_;
  Bytes data_;
  int64_t offset_ = 0;
};

struct Hdf5Link {
  enum class Kind { kHard, kSoft, kExternal, kOther };
  std::string name;
  Kind kind = Kind::kHard;
  int64_t address = -1;        // of a hard link's object
  std::string target;          // path of a soft link; "FILE:PATH" of an external one
  int64_t creation_order = 0;  // where the group keeps it
};

// A group or a dataset (or a named type, which is neither). Cheap to copy.
class Hdf5Object {
 public:
  bool is_group() const;
  bool is_dataset() const;
  int64_t address() const { return address_; }  // the same for the same object

  // A group's links: in creation order where the file keeps it, else by name. No links for other objects.
  Result<std::vector<Hdf5Link>> children() const;
  // The object a link of this group leads to. Soft links are followed within the file, external links are Unsupported.
  Result<Hdf5Object> open(const Hdf5Link& link) const;
  // "a/b" below this object, "/a/b" below the root; "" and "." are the object itself.
  Result<Hdf5Object> find(std::string_view path) const;

  // In creation order where the file keeps it, else as they lie in the file.
  Result<std::vector<Hdf5Attribute>> attributes() const;
  Result<std::optional<Hdf5Attribute>> attribute(std::string_view name) const;

  // Of a dataset (InvalidArgument for other objects).
  Result<Hdf5Type> type() const;
  Result<Hdf5Space> space() const;
  // As the readers of attributes. Data that had to be put together and takes more than 1 MiB lies in an unlinked temporary file.
  Result<Bytes> read() const;
  Result<std::vector<std::string>> read_strings() const;

 private:
  friend class Hdf5File;
  static Result<Hdf5Object> at(std::shared_ptr<hdf5::File> file, int64_t address);
  Result<Hdf5Object> follow(std::string_view path, int64_t depth) const;
  Result<Hdf5Object> open(const Hdf5Link& link, int64_t depth) const;
  Result<std::shared_ptr<const hdf5::Links>> links() const;
  Result<Hdf5Attribute> decode_attribute(const Bytes& message, int64_t offset) const;

  std::shared_ptr<hdf5::File> file_;
  std::shared_ptr<const hdf5::Header> header_;
  int64_t address_ = 0;
};

class Hdf5File {
 public:
  static Result<Hdf5File> open(Bytes file, const Limits& limits);
  Result<Hdf5Object> root() const;

 private:
  std::shared_ptr<hdf5::File> file_;
};

// Does the file begin with the signature (maybe after a user block)?
bool looks_like_hdf5(const Bytes& file);

}  // namespace isomer
