// Module: functions that share variables, lookup tables and assets, with what a file says about them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace isomer::ir {

struct Function {
  std::string name;
  Graph graph;
  std::string origin;  // name in the source file
};

// A variable: its handle is made by VarHandleOp with this name as shared_name.
struct Variable {
  std::string name;
  DType dtype = DType::kInvalid;
  PartialShape shape;
  Tensor value;  // invalid: the file holds no value for it
};

// A lookup table: its handle is made by HashTableV2 (or MutableHashTableV2) with this name as shared_name.
struct Table {
  std::string name;
  DType key_dtype = DType::kInvalid;
  DType value_dtype = DType::kInvalid;
  Tensor keys;    // rank 1; invalid until the initialiser ran
  Tensor values;  // first dimension as keys
};

// A file that the model brings along (vocabulary). Its path is never written anywhere; ops see the name.
struct Asset {
  std::string name;
  Bytes content;
};

// What a caller can run: a key and the function behind it.
struct Entry {
  std::string key;       // "serving_default"
  std::string function;  // name in the module
  // Keys of nested outputs in the order of the outputs, where the source has them as a structure.
  std::vector<std::string> structured_outputs;
};

class Module {
 public:
  std::vector<Entry> signatures;
  std::vector<Variable> variables;
  std::vector<Table> tables;
  std::vector<Asset> assets;
  std::vector<std::string> initializers;                      // functions to run once before anything else, in order
  std::vector<std::pair<std::string, std::string>> metadata;  // carried through untouched: name, JSON text
  std::string producer;                                       // what wrote the source, e.g. "2.19.0"

  // Adds an empty function; the name is made unique by a suffix.
  Function& add_function(std::string_view name);
  Function* find_function(std::string_view name);
  const Function* find_function(std::string_view name) const;
  void erase_function(std::string_view name);
  // In insertion order.
  const std::vector<std::unique_ptr<Function>>& functions() const { return functions_; }
  const Entry* find_signature(std::string_view key) const;
  const Variable* find_variable(std::string_view name) const;
  Table* find_table(std::string_view name);
  const Table* find_table(std::string_view name) const;
  const Asset* find_asset(std::string_view name) const;

 private:
  std::vector<std::unique_ptr<Function>> functions_;
};

}  // namespace isomer::ir
