#include "formats/tf/detach.h"

#include <gtest/gtest.h>

#include "formats/tf/schema/tensorflow.pb.h"

namespace isomer::tf {
namespace {

const std::string kSmall(1024, 's'), kLarge(1025, 'l'), kLarger(5000, 'L');

void set_content(AttrEntry* entry, const std::string& content) {
  entry->set_key("value");
  entry->mutable_value()->mutable_tensor()->set_dtype(DT_UINT8);
  entry->mutable_value()->mutable_tensor()->set_tensor_content(content);
}

// A graph with contents in every place where one can be.
GraphDef sample_graph() {
  GraphDef graph;
  graph.mutable_versions()->set_producer(1087);
  NodeDef* node = graph.add_node();
  node->set_name("small");
  node->set_op("Const");
  set_content(node->add_attr(), kSmall);
  node = graph.add_node();
  node->set_name("large");
  node->set_op("Const");
  node->add_input("^small");
  set_content(node->add_attr(), kLarge);
  AttrEntry* list = node->add_attr();
  list->set_key("list");
  list->mutable_value()->mutable_list()->add_tensor()->set_tensor_content(kLarger);
  list->mutable_value()->mutable_list()->add_tensor()->set_tensor_content("x");
  AttrEntry* function = node->add_attr();
  function->set_key("f");
  function->mutable_value()->mutable_func()->set_name("f");
  set_content(function->mutable_value()->mutable_func()->add_attr(), kLarge + "2");
  FunctionDef* definition = graph.mutable_library()->add_function();
  definition->mutable_signature()->set_name("f");
  set_content(definition->add_attr(), kLarge + "3");
  set_content(definition->add_node_def()->add_attr(), kLarge + "4");
  return graph;
}

// Puts the contents back; what detaching must be the inverse of.
void restore(TensorProto& tensor, const Detached& detached) {
  if (tensor.detached() == 0) return;
  tensor.set_tensor_content(std::string(detached.contents.at(static_cast<size_t>(tensor.detached() - 1)).text()));
  tensor.clear_detached();
}
void restore(AttrEntry& entry, const Detached& detached) {
  AttrValue& value = *entry.mutable_value();
  if (value.has_tensor()) restore(*value.mutable_tensor(), detached);
  if (value.has_list()) {
    for (TensorProto& tensor : *value.mutable_list()->mutable_tensor()) restore(tensor, detached);
  }
  if (value.has_func()) {
    for (AttrEntry& inner : *value.mutable_func()->mutable_attr()) restore(inner, detached);
  }
}
void restore(GraphDef& graph, const Detached& detached) {
  for (NodeDef& node : *graph.mutable_node()) {
    for (AttrEntry& entry : *node.mutable_attr()) restore(entry, detached);
  }
  for (FunctionDef& function : *graph.mutable_library()->mutable_function()) {
    for (AttrEntry& entry : *function.mutable_attr()) restore(entry, detached);
    for (NodeDef& node : *function.mutable_node_def()) {
      for (AttrEntry& entry : *node.mutable_attr()) restore(entry, detached);
    }
  }
}

TEST(Detach, CutsLargeContentsOutAndNothingElse) {
  const GraphDef graph = sample_graph();
  const auto detached = detach_graph_def(Bytes::from_string(graph.SerializeAsString()), Limits{});
  ASSERT_TRUE(detached) << detached.error().describe();
  EXPECT_EQ(detached->contents.size(), 5U);
  EXPECT_LT(detached->message.size(), 1500U);
  GraphDef reduced;
  ASSERT_TRUE(reduced.ParseFromString(detached->message));
  EXPECT_EQ(reduced.node(0).attr(0).value().tensor().tensor_content(), kSmall);
  EXPECT_EQ(reduced.node(1).attr(0).value().tensor().detached(), 1);
  EXPECT_EQ(detached->contents[0].text(), kLarge);
  restore(reduced, *detached);
  EXPECT_EQ(reduced.SerializeAsString(), graph.SerializeAsString());
}

TEST(Detach, ReachesIntoSavedModels) {
  SavedModel model;
  model.set_saved_model_schema_version(1);
  MetaGraphDef* meta = model.add_meta_graphs();
  *meta->mutable_graph_def() = sample_graph();
  (*meta->add_signature_def()).set_key("serving_default");
  model.add_meta_graphs()->mutable_graph_def();
  const auto detached = detach_saved_model(Bytes::from_string(model.SerializeAsString()), Limits{});
  ASSERT_TRUE(detached) << detached.error().describe();
  SavedModel reduced;
  ASSERT_TRUE(reduced.ParseFromString(detached->message));
  restore(*reduced.mutable_meta_graphs(0)->mutable_graph_def(), *detached);
  EXPECT_EQ(reduced.SerializeAsString(), model.SerializeAsString());
}

TEST(Detach, TrustsNoReferenceOfTheFile) {
  GraphDef graph = sample_graph();
  graph.mutable_node(0)->mutable_attr(0)->mutable_value()->mutable_tensor()->set_detached(3);
  const auto detached = detach_graph_def(Bytes::from_string(graph.SerializeAsString()), Limits{});
  ASSERT_TRUE(detached);
  GraphDef reduced;
  ASSERT_TRUE(reduced.ParseFromString(detached->message));
  EXPECT_EQ(reduced.node(0).attr(0).value().tensor().detached(), 0);
}

TEST(Detach, TheLastOfSeveralContentsCounts) {
  TensorProto large, small;
  large.set_tensor_content(kLarge);
  small.set_tensor_content("small");
  for (const bool large_last : {false, true}) {
    const std::string tensor = large_last ? small.SerializeAsString() + large.SerializeAsString() : large.SerializeAsString() + small.SerializeAsString();
    // GraphDef.node, NodeDef.attr, AttrEntry.value, AttrValue.tensor
    std::string message = tensor;
    for (const int field : {8, 2, 5, 1}) {
      std::string outer(1, static_cast<char>(field << 3 | 2));
      size_t size = message.size();
      for (; size >= 128; size >>= 7) outer.push_back(static_cast<char>(size | 128));
      outer.push_back(static_cast<char>(size));
      message = outer + message;
    }
    const auto detached = detach_graph_def(Bytes::from_string(message), Limits{});
    ASSERT_TRUE(detached) << detached.error().describe();
    GraphDef reduced;
    ASSERT_TRUE(reduced.ParseFromString(detached->message));
    EXPECT_EQ(reduced.node(0).attr(0).value().tensor().detached(), large_last ? 1 : 0);
    EXPECT_EQ(reduced.node(0).attr(0).value().tensor().tensor_content(), large_last ? "" : "small");
  }
}

TEST(Detach, EveryTruncationIsAnErrorWithAPlace) {
  const std::string message = sample_graph().SerializeAsString();
  int errors = 0;
  for (size_t size = 1; size < message.size(); ++size) {
    const auto detached = detach_graph_def(Bytes::from_string(message.substr(0, size)), Limits{});
    if (detached) continue;  // cut between two fields of the graph
    ++errors;
    ASSERT_NE(detached.error().place, "") << size;
  }
  EXPECT_GT(errors, static_cast<int>(message.size()) - 6);
}

std::string describe(const std::string& message, const Limits& limits = {}) {
  const auto detached = detach_graph_def(Bytes::from_string(message), limits);
  return detached ? "no error" : detached.error().describe();
}

TEST(Detach, ExplainsWhatIsWrong) {
  EXPECT_EQ(describe(std::string("\x0a\x02\x2a\x05", 4)), "truncated: field 5 passes the end of the message it is in (2 bytes are left)\n  at byte 2");
  EXPECT_EQ(describe(std::string("\x22\x00\x00\x00", 4)), "malformed: a protobuf field has the impossible number 0\n  at byte 2");
  EXPECT_EQ(describe("\x0b"), "malformed: a protobuf field has wire type 3, which TensorFlow's messages do not use\n  at byte 0");
  EXPECT_EQ(describe("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "malformed: expected the tag of a protobuf field\n  at byte 0");
}

TEST(Detach, ObeysItsLimits) {
  Limits limits;
  limits.nodes = 2;
  EXPECT_EQ(describe(sample_graph().SerializeAsString(), limits).substr(0, 39), "limit exceeded: the graph has more than");
  limits = {};
  limits.document_bytes = 1000;
  EXPECT_EQ(describe(sample_graph().SerializeAsString(), limits).substr(0, 43), "limit exceeded: the graph without its weigh");
  GraphDef graph;
  AttrEntry* entry = graph.add_node()->add_attr();
  for (int i = 0; i < 60; ++i) entry = entry->mutable_value()->mutable_func()->add_attr();
  EXPECT_EQ(describe(graph.SerializeAsString()).substr(0, 45), "limit exceeded: messages are nested more than");
}

TEST(LooksLike, TellsMessagesApart) {
  GraphDef graph = sample_graph();
  graph.mutable_library()->Clear();
  SavedModel model;
  model.set_saved_model_schema_version(1);
  *model.add_meta_graphs()->mutable_graph_def() = graph;
  const Bytes graph_bytes = Bytes::from_string(graph.SerializeAsString()), model_bytes = Bytes::from_string(model.SerializeAsString());
  EXPECT_TRUE(looks_like_graph_def(graph_bytes));
  EXPECT_FALSE(looks_like_saved_model(graph_bytes));
  EXPECT_TRUE(looks_like_saved_model(model_bytes));
  EXPECT_FALSE(looks_like_graph_def(model_bytes));
  for (const std::string text : {"", "{\"node\": []}", "node { name: \"a\" }", "\x89HDF\r\n\x1a\n", "PK\x03\x04", "\x1f\x8b\x08"}) {
    EXPECT_FALSE(looks_like_graph_def(Bytes::from_string(text))) << text;
    EXPECT_FALSE(looks_like_saved_model(Bytes::from_string(text))) << text;
  }
}

}  // namespace
}  // namespace isomer::tf
