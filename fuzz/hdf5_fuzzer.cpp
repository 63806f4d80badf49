// The HDF5 reader: every group, dataset and attribute that can be reached.
#include "wire/hdf5.h"

#include <cstdlib>

using namespace isomer;

namespace {

// Hard links may form cycles and meet again, so objects are counted.
struct Walk {
  int left = 500;

  void visit(const Hdf5Object& object, int depth) {
    if (depth > 20 || left-- <= 0) return;
    const auto space = object.space();
    const auto type = object.type();
    const auto data = object.read();
    if (data && (!space || !type || data->size() != space->elements * type->size)) std::abort();
    static_cast<void>(object.read_strings());
    if (const auto attributes = object.attributes()) {
      for (const Hdf5Attribute& attribute : *attributes) {
        static_cast<void>(attribute.read());
        static_cast<void>(attribute.read_strings());
      }
    }
    const auto children = object.children();
    if (!children) return;
    for (const Hdf5Link& link : *children) {
      if (const auto child = object.open(link)) visit(*child, depth + 1);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = Hdf5File::open(Bytes::copy_of(std::as_bytes(std::span(data, size))), Limits::tiny());
  if (!file) return 0;
  if (const auto root = file->root()) Walk().visit(*root, 0);
  return 0;
}
