// Cuts the weights out of a SavedModel or GraphDef before protobuf parses it.
//
// Protobuf copies every byte of a message it parses, and takes none above 2 GiB. A frozen graph is almost all tensor_content, so the contents are
// cut out on the level of the wire format: what is parsed is small, and the tensors stay slices of the mapped file.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

namespace isomer::tf {

struct Detached {
  // The message, where each TensorProto inside an attribute of a node (or function) has no tensor_content longer than kDetachAbove but
  // `detached` (field 500000): one more than the content's place in `contents`. All else is as it was, in the order it had.
  std::string message;
  std::vector<Bytes> contents;  // slices of the input
};

inline constexpr int64_t kDetachAbove = 1024;

// Errors name the byte of the input: Truncated where a field passes the end of what holds it, Malformed for what is no protobuf, LimitExceeded past
// limits.nodes, limits.nesting or limits.document_bytes.
Result<Detached> detach_saved_model(const Bytes& file, const Limits& limits);
Result<Detached> detach_graph_def(const Bytes& file, const Limits& limits);

// Do the first bytes read as such a message? Cheap, for telling formats apart: a yes is no promise that the whole is well-formed.
bool looks_like_saved_model(const Bytes& file);
bool looks_like_graph_def(const Bytes& file);

}  // namespace isomer::tf
