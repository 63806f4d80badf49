// Lookup tables: maps from keys to values, filled by an initialiser (HashTable) or at any time (MutableHashTable).
#include "ops/tables.h"

#include "ir/module.h"
#include "ops/kernel.h"
#include "ops/number_text.h"
#include "ops/resources.h"

namespace isomer::ops {
namespace {

using namespace ir;

// --- inference

Result<void> infer_table(InferContext& c) {
  TensorType& type = c.result(0);
  type.shape = PartialShape::scalar();
  type.element_dtype = c.as<HashTableAttributes>().value_dtype;
  type.element_shape = PartialShape::scalar();
  return {};
}

Result<void> infer_find(InferContext& c) {
  const PartialShape& keys = c.shape(1);
  const TensorType& table = c.input_type(0);
  if (!keys.has_rank() || !table.element_shape.has_rank()) return {};
  std::vector<int64_t> dims = keys.dims();
  dims.insert(dims.end(), table.element_shape.dims().begin(), table.element_shape.dims().end());
  c.set_shape(0, PartialShape(std::move(dims)));
  return {};
}

Result<void> infer_export(InferContext& c) {
  c.set_shape(0, PartialShape::of_rank(1));
  return {};
}

Result<void> infer_from_text(InferContext& c) {
  const auto& a = c.as<InitializeTableFromTextFileAttributes>();
  if (a.key_index < -2 || a.value_index < -2) return input_error("a column must be at least -2");
  if (a.delimiter.size() != 1) return input_error("the delimiter must be one byte, found " + std::to_string(a.delimiter.size()));
  return {};
}

// --- kernels

Result<LookupTable*> make_table(EvalContext& c, std::string& handle) {
  const auto& a = c.as<HashTableAttributes>();
  handle = table_handle(a.shared_name.empty() ? c.node().name : a.shared_name);
  return table_resource(c.state(), handle, a.key_dtype, a.value_dtype);
}

Result<Outputs> reference_hash_table(EvalContext& c, Inputs) {
  ResourceHandle handle;
  TRY(make_table(c, handle.name));
  return Outputs{std::move(handle)};
}

Result<Outputs> reference_mutable_hash_table(EvalContext& c, Inputs) {
  ResourceHandle handle;
  TRY(make_table(c, handle.name))->set_changeable();
  return Outputs{std::move(handle)};
}

Result<LookupTable*> table_input(EvalContext& c, Inputs inputs) { return find_table(c.state(), *TRY(handle_input(inputs, 0))); }

Result<LookupTable*> readable_table(EvalContext& c, Inputs inputs) {
  LookupTable* table = TRY(table_input(c, inputs));
  if (table->readable()) return table;
  const auto* handle = std::get_if<ResourceHandle>(&inputs[0]);
  return fail(Error{ErrorCode::kInvalidModel, "'" + handle->name + "' was never filled", {}, {}, "does the model come with the initialiser of its tables?"});
}

Result<LookupTable*> changeable_table(EvalContext& c, Inputs inputs) {
  LookupTable* table = TRY(table_input(c, inputs));
  if (!table->changeable()) return input_error("a HashTable does not change after it is filled");
  return table;
}

// Import replaces the contents of a table that may change, and fills one that is filled once; Initialize always fills.
Result<Outputs> reference_import(EvalContext& c, Inputs inputs) {
  LookupTable& table = *TRY(table_input(c, inputs));
  const Tensor &keys = *TRY(tensor_input(c, inputs, 1)), &values = *TRY(tensor_input(c, inputs, 2));
  if (table.changeable()) {
    table.clear();
    TRY(table.insert(keys, values, c.limits()));
  } else {
    TRY(table.fill(keys, values, c.limits()));
  }
  return Outputs{};
}

Result<Outputs> reference_insert(EvalContext& c, Inputs inputs) {
  LookupTable& table = *TRY(changeable_table(c, inputs));
  TRY(table.insert(*TRY(tensor_input(c, inputs, 1)), *TRY(tensor_input(c, inputs, 2)), c.limits()));
  return Outputs{};
}

Result<Outputs> reference_remove(EvalContext& c, Inputs inputs) {
  TRY(TRY(changeable_table(c, inputs))->remove(*TRY(tensor_input(c, inputs, 1))));
  return Outputs{};
}

Result<Outputs> reference_find(EvalContext& c, Inputs inputs) {
  const LookupTable& table = *TRY(readable_table(c, inputs));
  return one(TRY(table.find(*TRY(tensor_input(c, inputs, 1)), *TRY(tensor_input(c, inputs, 2)), memory_of(c))));
}

Result<Outputs> reference_size(EvalContext& c, Inputs inputs) { return one(Tensor::scalar(TRY(readable_table(c, inputs))->size())); }

Result<Outputs> reference_export(EvalContext& c, Inputs inputs) {
  const LookupTable& table = *TRY(readable_table(c, inputs));
  Tensor keys = TRY(table.keys(memory_of(c)));
  Tensor values = TRY(table.values(memory_of(c)));
  return Outputs{std::move(keys), std::move(values)};
}

// --- vocabulary files

// Lines without their ends; carriage returns vanish wherever they stand. At most `count` lines; -1: all.
Result<std::vector<std::string>> read_lines(std::string_view text, int64_t count) {
  std::vector<std::string> lines;
  while (!text.empty() && (count < 0 || static_cast<int64_t>(lines.size()) < count)) {
    const size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::erase(line, '\r');
    if (line.empty()) return input_error("line " + std::to_string(lines.size() + 1) + " of the vocabulary file is empty");
    lines.push_back(std::move(line));
  }
  if (count >= 0 && static_cast<int64_t>(lines.size()) < count) {
    return input_error("the vocabulary file should have " + std::to_string(count) + " lines, found " + std::to_string(lines.size()));
  }
  return lines;
}

// One column of the lines as a tensor.
Result<Tensor> read_column(EvalContext& c, std::span<const std::string> lines, int64_t column, DType dtype) {
  const auto& a = c.as<InitializeTableFromTextFileAttributes>();
  const auto count = static_cast<int64_t>(lines.size());
  if (column == -1) {
    if (dtype != DType::kInt64) return input_error("line numbers are int64, the table has " + std::string(to_string(dtype)));
    MutableTensor numbers = TRY(c.allocate(dtype, {count}));
    for (int64_t i = 0; i < count; ++i) numbers.as<int64_t>()[i] = static_cast<int64_t>(static_cast<uint64_t>(i) + static_cast<uint64_t>(a.offset));
    return std::move(numbers).finish();
  }
  std::vector<std::string> cells;
  for (int64_t i = 0; i < count; ++i) {
    std::string_view cell = lines[static_cast<size_t>(i)];
    for (int64_t skipped = 0; skipped < column; ++skipped) {
      const size_t end = cell.find(a.delimiter);
      if (end == std::string_view::npos) {
        return input_error("line " + std::to_string(i + 1) + " of the vocabulary file has no column " + std::to_string(column));
      }
      cell.remove_prefix(end + 1);
    }
    cells.emplace_back(column == -2 ? cell : cell.substr(0, cell.find(a.delimiter)));
  }
  if (dtype == DType::kString) return make_strings(memory_of(c), {count}, cells);
  MutableTensor numbers = TRY(c.allocate(dtype, {count}));
  for (int64_t i = 0; i < count; ++i) TRY(parse_number(cells[static_cast<size_t>(i)], numbers, i));
  return std::move(numbers).finish();
}

Result<Outputs> reference_from_text(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<InitializeTableFromTextFileAttributes>();
  LookupTable& table = *TRY(table_input(c, inputs));
  const Tensor& filename = *TRY(tensor_input(c, inputs, 1));
  if (filename.elements() != 1) return input_error("the file name must be one string, found " + type_text(filename));
  const Asset* asset = c.module().find_asset(filename.string_at(0));
  if (!asset) return fail(ErrorCode::kNotFound, "the module has no file '" + std::string(filename.string_at(0)) + "'");
  const std::vector<std::string> lines = TRY(in_context(read_lines(asset->content.text(), a.vocab_size), "reading the vocabulary file '" + asset->name + "'"));
  const Tensor keys = TRY(in_context(read_column(c, lines, a.key_index, table.key_dtype()), "reading keys from '" + asset->name + "'"));
  const Tensor values = TRY(in_context(read_column(c, lines, a.value_index, table.value_dtype()), "reading values from '" + asset->name + "'"));
  TRY(table.fill(keys, values, c.limits()));
  return Outputs{};
}

constexpr std::string_view kFillSignature = "table_handle: resource, keys: Tin, values: Tout ->";

}  // namespace

constinit const OpDef kOp_HashTable = {
    .name = "HashTable",
    .signature = "-> table_handle: resource",
    .make_attributes = &make_attributes<HashTableAttributes>,
    .infer = infer_table,
    .reference = reference_hash_table,
    .doc = "HashTableV2 as graphs of TensorFlow 1 spell it; its handle is a resource here as well.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_HashTableV2 = {
    .name = "HashTableV2",
    .signature = "-> table_handle: resource",
    .make_attributes = &make_attributes<HashTableAttributes>,
    .infer = infer_table,
    .reference = reference_hash_table,
    .doc = "A handle of the table named shared_name (or like the node, where that is empty). The table is filled once.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_MutableHashTableV2 = {
    .name = "MutableHashTableV2",
    .signature = "-> table_handle: resource",
    .make_attributes = &make_attributes<HashTableAttributes>,
    .infer = infer_table,
    .reference = reference_mutable_hash_table,
    .doc = "A handle of the table named shared_name (or like the node, where that is empty). The table may change at any time.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_InitializeTableV2 = {
    .name = "InitializeTableV2",
    .signature = "table_handle: resource, keys: Tkey, values: Tval ->",
    .reference = reference_import,
    .doc = "Fills a table with keys and their values.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_InitializeTableFromTextFileV2 = {
    .name = "InitializeTableFromTextFileV2",
    .signature = "table_handle: resource, filename: string ->",
    .make_attributes = &make_attributes<InitializeTableFromTextFileAttributes>,
    .infer = infer_from_text,
    .reference = reference_from_text,
    .doc =
        "Fills a table from a file of the model with one entry a line: columns key_index and value_index, split at the delimiter; -2 is the whole line, "
        "-1 the number of the line plus offset. Only the first vocab_size lines count, unless it is -1.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableImportV2 = {
    .name = "LookupTableImportV2",
    .signature = kFillSignature,
    .reference = reference_import,
    .doc = "Replaces the contents of a table by keys and their values.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableInsertV2 = {
    .name = "LookupTableInsertV2",
    .signature = kFillSignature,
    .reference = reference_insert,
    .doc = "Adds keys with their values to a table that may change; keys that are there get the new values.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableRemoveV2 = {
    .name = "LookupTableRemoveV2",
    .signature = "table_handle: resource, keys: Tin ->",
    .reference = reference_remove,
    .doc = "Removes keys from a table that may change; keys that are not there are ignored.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableFindV2 = {
    .name = "LookupTableFindV2",
    .signature = "table_handle: resource, keys: Tin, default_value: Tout -> values: Tout",
    .infer = infer_find,
    .reference = reference_find,
    .doc = "The values of keys; default_value for keys that the table lacks.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_LookupTableSizeV2 = {
    .name = "LookupTableSizeV2",
    .signature = "table_handle: resource -> size: int64",
    .infer = infer_scalar,
    .reference = reference_size,
    .doc = "The number of keys of a table.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_LookupTableExportV2 = {
    .name = "LookupTableExportV2",
    .signature = "table_handle: resource -> keys: Tkeys, values: Tvalues",
    .make_attributes = &make_attributes<LookupTableExportAttributes>,
    .infer = infer_export,
    .reference = reference_export,
    .doc = "All keys and values of a table, in the order in which the keys came (TensorFlow promises no order).",
    .effect = Effect::kReads,
};

// --- tables with rows as values, and tables without a name

namespace {

Result<void> infer_tensor_table(InferContext& c, DType value_dtype, PartialShape value_shape) {
  TensorType& type = c.result(0);
  type.shape = PartialShape::scalar();
  type.element_dtype = value_dtype;
  type.element_shape = std::move(value_shape);
  return {};
}

template <class Struct>
Result<void> infer_table_of(InferContext& c) {
  const auto& a = c.as<Struct>();
  if constexpr (requires { a.value_shape; })
    return infer_tensor_table(c, a.value_dtype, a.value_shape);
  else
    return infer_tensor_table(c, a.value_dtype, PartialShape::scalar());
}

// A table that may change, under the name that it shares or under its node's.
template <class Struct>
Result<Outputs> reference_named_table(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<Struct>();
  DType key_dtype = DType::kInvalid;
  if constexpr (requires { a.key_dtype; })
    key_dtype = a.key_dtype;
  else
    key_dtype = TRY(tensor_input(c, inputs, 0))->dtype();
  ResourceHandle handle{table_handle(a.shared_name.empty() ? c.node().name : a.shared_name)};
  TRY(table_resource(c.state(), handle.name, key_dtype, a.value_dtype))->set_changeable();
  return Outputs{std::move(handle)};
}

// A new table each time the node runs.
template <class Struct, bool changeable>
Result<Outputs> reference_anonymous_table(EvalContext& c, Inputs) {
  const auto& a = c.as<Struct>();
  ResourceHandle handle{table_handle(c.state().fresh_name("anonymous"))};
  LookupTable* table = TRY(table_resource(c.state(), handle.name, a.key_dtype, a.value_dtype));
  if (changeable) table->set_changeable();
  return Outputs{std::move(handle)};
}

template <class Struct, bool changeable>
constexpr OpDef anonymous_table(std::string_view name, std::string_view doc) {
  return {.name = name,
          .signature = "-> table_handle: resource",
          .make_attributes = &make_attributes<Struct>,
          .infer = infer_table_of<Struct>,
          .reference = reference_anonymous_table<Struct, changeable>,
          .doc = doc,
          .effect = Effect::kReads};
}

}  // namespace

constinit const OpDef kOp_MutableHashTableOfTensorsV2 = {
    .name = "MutableHashTableOfTensorsV2",
    .signature = "-> table_handle: resource",
    .make_attributes = &make_attributes<MutableHashTableOfTensorsAttributes>,
    .infer = infer_table_of<MutableHashTableOfTensorsAttributes>,
    .reference = reference_named_table<MutableHashTableOfTensorsAttributes>,
    .doc = "MutableHashTableV2 whose values are tensors of one shape.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_MutableDenseHashTableV2 = {
    .name = "MutableDenseHashTableV2",
    .signature = "empty_key: key_dtype, deleted_key: key_dtype -> table_handle: resource",
    .make_attributes = &make_attributes<MutableDenseHashTableAttributes>,
    .infer = infer_table_of<MutableDenseHashTableAttributes>,
    .reference = reference_named_table<MutableDenseHashTableAttributes>,
    .doc = "MutableHashTableOfTensorsV2 by another method, which TensorFlow needs two keys for that never occur.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_AnonymousHashTable =
    anonymous_table<AnonymousHashTableAttributes, false>("AnonymousHashTable", "A new table without a name, which is filled once.");
constinit const OpDef kOp_AnonymousMutableHashTable =
    anonymous_table<AnonymousHashTableAttributes, true>("AnonymousMutableHashTable", "A new table without a name, which may change at any time.");
constinit const OpDef kOp_AnonymousMutableHashTableOfTensors = anonymous_table<AnonymousMutableHashTableOfTensorsAttributes, true>(
    "AnonymousMutableHashTableOfTensors", "A new table without a name whose values are tensors of one shape, which may change at any time.");

// --- the names of TensorFlow 1, whose handles are resources here as well

constinit const OpDef kOp_MutableHashTable = {
    .name = "MutableHashTable",
    .signature = "-> table_handle: resource",
    .make_attributes = &make_attributes<HashTableAttributes>,
    .infer = infer_table,
    .reference = reference_mutable_hash_table,
    .doc = "MutableHashTableV2 as graphs of TensorFlow 1 spell it.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_InitializeTable = {
    .name = "InitializeTable",
    .signature = "table_handle: resource, keys: Tkey, values: Tval ->",
    .reference = reference_import,
    .doc = "InitializeTableV2 as graphs of TensorFlow 1 spell it.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableImport = {
    .name = "LookupTableImport",
    .signature = kFillSignature,
    .reference = reference_import,
    .doc = "LookupTableImportV2 as graphs of TensorFlow 1 spell it.",
    .effect = Effect::kWrites,
};

constinit const OpDef kOp_LookupTableFind = {
    .name = "LookupTableFind",
    .signature = "table_handle: resource, keys: Tin, default_value: Tout -> values: Tout",
    .infer = infer_find,
    .reference = reference_find,
    .doc = "LookupTableFindV2 as graphs of TensorFlow 1 spell it.",
    .effect = Effect::kReads,
};

constinit const OpDef kOp_LookupTableSize = {
    .name = "LookupTableSize",
    .signature = "table_handle: resource -> size: int64",
    .infer = infer_scalar,
    .reference = reference_size,
    .doc = "LookupTableSizeV2 as graphs of TensorFlow 1 spell it.",
    .effect = Effect::kReads,
};

}  // namespace isomer::ops
