// Cutting weights out of GraphDefs and SavedModels: the reduced message has nothing left to cut, and protobuf takes it if it takes the whole.
#include <cstdlib>

#include "formats/tf/detach.h"
#include "formats/tf/schema/tensorflow.pb.h"

using namespace isomer;

namespace {

template <class Message>
void check(const Bytes& input, Result<tf::Detached> (*detach)(const Bytes&, const Limits&)) {
  const auto detached = detach(input, Limits::tiny());
  if (!detached) return;
  for (const Bytes& content : detached->contents) {
    if (content.size() <= tf::kDetachAbove || content.data() < input.data() || content.size() > input.size()) std::abort();
  }
  const auto again = detach(Bytes::from_string(detached->message), Limits::tiny());
  if (!again || !again->contents.empty()) std::abort();
  Message whole, reduced;
  if (whole.ParseFromArray(input.data(), static_cast<int>(input.size())) && !reduced.ParseFromString(detached->message)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes input = Bytes::copy_of(std::as_bytes(std::span(data, size)));
  (void)tf::looks_like_graph_def(input);
  (void)tf::looks_like_saved_model(input);
  check<tf::GraphDef>(input, tf::detach_graph_def);
  check<tf::SavedModel>(input, tf::detach_saved_model);
  return 0;
}
