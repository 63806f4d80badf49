// Writer of HDF5 files in the form that every reader opens: what h5py writes unless it is asked for more.
//
// The same tree gives the same bytes: members of groups are sorted by name, and no times are written. Everything but the data is laid out first and
// takes memory; data is handed to the sink piece by piece from where it lies, so gigabytes cost none.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/hdf5.h"

namespace isomer {

// What a dataset or an attribute holds. Written types are those that can be read; all are written in little endian.
struct Hdf5Data {
  Hdf5Type type;
  std::vector<int64_t> shape;        // none: a scalar
  bool is_null = false;              // no elements at all
  std::vector<Bytes> pieces;         // the elements one after the other, little endian and in C order; cut anywhere
  std::vector<std::string> strings;  // the elements of a string type instead
};

struct Hdf5NamedData;
struct Hdf5NamedNode;

// A dataset where there is `data`, else a group.
struct Hdf5Node {
  std::vector<Hdf5NamedData> attributes;  // written in this order
  std::vector<Hdf5NamedNode> children;    // of a group, in any order
  std::optional<Hdf5Data> data;
};

struct Hdf5NamedData {
  std::string name;
  Hdf5Data data;
};

struct Hdf5NamedNode {
  std::string name;
  Hdf5Node node;
};

Hdf5Type hdf5_integer(int64_t bytes, bool is_signed);
Hdf5Type hdf5_float(int64_t bytes);  // 2, 4 or 8
Hdf5Type hdf5_bool();
Hdf5Type hdf5_variable_string(bool is_utf8 = true);
Hdf5Type hdf5_fixed_string(int64_t bytes, bool is_utf8 = false);  // padded with NULs, as numpy does

using Hdf5Sink = std::function<Result<void>(std::span<const std::byte>)>;

// InvalidArgument for what the format cannot hold: an attribute above kHdf5AttributeBytes, more than 65535 messages of one object, two members of one name,
// names with
// '/' or NUL, data whose size is not that of its shape and type. The sink is not called then.
Result<void> write_hdf5(const Hdf5Node& root, const Hdf5Sink& sink);

// What an attribute may take, its name and type included.
constexpr int64_t kHdf5AttributeBytes = 65528;

}  // namespace isomer
