// Keras files: HDF5, archives and architectures are read, turned into ops and given their weights. What comes out has to be a graph that the verifier accepts.
#include <cstdlib>
#include <string>

#include "formats/keras/architecture.h"
#include "formats/keras/archive.h"
#include "formats/keras/h5.h"
#include "ir/verify.h"
#include "layers/stored_model.h"
#include "wire/hdf5.h"

using namespace isomer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Limits limits = Limits::tiny();
  const Bytes file = Bytes::copy_of(std::as_bytes(std::span(data, size)));
  const auto read = [&]() {
    if (looks_like_hdf5(file)) return keras::read_h5(file, limits);
    return file.text().starts_with("PK") ? keras::read_archive(file, limits) : keras::read_architecture(file, limits);
  };
  const auto model = read();
  if (!model) return 0;
  layers::LoweringOptions options;
  options.limits = limits;
  const auto lowered = layers::lower_stored(*model, options, 0);
  if (lowered && !ir::verify(lowered->module)) std::abort();
  return 0;
}
