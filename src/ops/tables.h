// Attributes of the ops on lookup tables.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

// HashTable, HashTableV2 and MutableHashTableV2. shared_name is the name of an ir::Table of the module; where it is empty, the node's own name is.
struct HashTableAttributes {
  std::string container;
  std::string shared_name;
  bool use_node_name_sharing = false;
  DType key_dtype = DType::kInvalid;
  DType value_dtype = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("container", self.container);
    visit("shared_name", self.shared_name);
    visit("use_node_name_sharing", self.use_node_name_sharing);
    visit("key_dtype", self.key_dtype);
    visit("value_dtype", self.value_dtype);
  }
};

// MutableHashTableOfTensorsV2: the values are rows of this shape.
struct MutableHashTableOfTensorsAttributes {
  std::string container;
  std::string shared_name;
  bool use_node_name_sharing = false;
  DType key_dtype = DType::kInvalid;
  DType value_dtype = DType::kInvalid;
  PartialShape value_shape = PartialShape::scalar();
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("container", self.container);
    visit("shared_name", self.shared_name);
    visit("use_node_name_sharing", self.use_node_name_sharing);
    visit("key_dtype", self.key_dtype);
    visit("value_dtype", self.value_dtype);
    visit("value_shape", self.value_shape);
  }
};

// MutableDenseHashTableV2. How many buckets TensorFlow starts with, and when it makes more, means nothing to the result.
struct MutableDenseHashTableAttributes {
  std::string container;
  std::string shared_name;
  bool use_node_name_sharing = false;
  DType value_dtype = DType::kInvalid;
  PartialShape value_shape = PartialShape::scalar();
  int64_t initial_num_buckets = 131072;
  float max_load_factor = 0.8f;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("container", self.container);
    visit("shared_name", self.shared_name);
    visit("use_node_name_sharing", self.use_node_name_sharing);
    visit("value_dtype", self.value_dtype);
    visit("value_shape", self.value_shape);
    visit("initial_num_buckets", self.initial_num_buckets);
    visit("max_load_factor", self.max_load_factor);
  }
};

// AnonymousHashTable and AnonymousMutableHashTable.
struct AnonymousHashTableAttributes {
  DType key_dtype = DType::kInvalid;
  DType value_dtype = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("key_dtype", self.key_dtype);
    visit("value_dtype", self.value_dtype);
  }
};

struct AnonymousMutableHashTableOfTensorsAttributes {
  DType key_dtype = DType::kInvalid;
  DType value_dtype = DType::kInvalid;
  PartialShape value_shape = PartialShape::scalar();
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("key_dtype", self.key_dtype);
    visit("value_dtype", self.value_dtype);
    visit("value_shape", self.value_shape);
  }
};

// key_index and value_index are numbers of columns, -2 for the whole line, -1 for the number of the line. `offset` lines are skipped.
struct InitializeTableFromTextFileAttributes {
  int64_t key_index = 0;
  int64_t value_index = 0;
  int64_t vocab_size = -1;
  std::string delimiter = "\t";
  int64_t offset = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("key_index", self.key_index);
    visit("value_index", self.value_index);
    visit("vocab_size", self.vocab_size);
    visit("delimiter", self.delimiter);
    visit("offset", self.offset);
  }
};

struct LookupTableExportAttributes {
  DType Tkeys = DType::kInvalid;
  DType Tvalues = DType::kInvalid;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("Tkeys", self.Tkeys);
    visit("Tvalues", self.Tvalues);
  }
};

}  // namespace isomer::ops
