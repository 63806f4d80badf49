// Crosses of features: of several columns, each with some features in every row, all combinations of one feature of each column, row by row; the last
// column runs fastest. A combination is the features joined as text, or their hashes joined to one.
#include "ops/feature_crosses.h"

#include <cstring>
#include <functional>
#include <limits>
#include <optional>

#include "ops/fingerprint.h"
#include "ops/kernel.h"
#include "ops/ragged.h"
#include "ops/sparse.h"
#include "ops/string_tensor.h"

namespace isomer::ops {

using namespace ir;

namespace {

// Features as elements of a tensor of int64 or strings: those of row r are [begins[r], begins[r + 1]).
struct Column {
  const Tensor* values;
  std::vector<int64_t> begins;
  bool dense = false;
  int64_t rows() const { return static_cast<int64_t>(begins.size()) - 1; }
  int64_t count(int64_t row) const { return begins[static_cast<size_t>(row) + 1] - begins[static_cast<size_t>(row)]; }
};

Result<void> check_features(const Tensor& values) {
  if (values.dtype() == DType::kInt64 || values.dtype() == DType::kString) return {};
  return input_error("features are int64 or strings, found " + type_text(values));
}

Result<Column> sparse_column(EvalContext& c, Inputs inputs, int64_t indices, int64_t values, int64_t shape) {
  const SparseInput x = TRY(sparse_input(c, inputs, indices, values, shape));
  TRY(check_features(*x.values));
  if (x.rank() != 2) return input_error("a column of features has two dimensions, found shape " + to_string(x.shape));
  // Rows without features cost no bytes of input.
  TRY(check_elements(c, {add_dims(x.shape[0], 1)}));
  Column column{x.values, {0}};
  int64_t entry = 0;
  for (int64_t row = 0; row < x.shape[0]; ++row) {
    while (entry < x.count() && x.index(entry, 0) == row) ++entry;
    column.begins.push_back(entry);
  }
  if (entry != x.count()) return input_error("the entries of a sparse column must come in the order of their rows (SparseReorder sorts them)");
  return column;
}

Result<Column> dense_column(EvalContext& c, Inputs inputs, int64_t i) {
  const Tensor& values = *TRY(tensor_input(c, inputs, i));
  TRY(check_features(values));
  if (values.rank() != 2) return input_error("a column of features has two dimensions, found " + type_text(values));
  TRY(check_elements(c, {add_dims(values.shape()[0], 1)}));
  Column column{&values, {0}, true};
  for (int64_t row = 0; row < values.shape()[0]; ++row) column.begins.push_back((row + 1) * values.shape()[1]);
  return column;
}

Result<Column> ragged_column(EvalContext& c, Inputs inputs, int64_t values, int64_t splits) {
  const Tensor& features = *TRY(tensor_input(c, inputs, values));
  TRY(check_features(features));
  if (features.rank() != 1) return input_error("a column of features has two dimensions, of which one is ragged; found values " + type_text(features));
  std::vector<int64_t> begins = TRY(row_splits(*TRY(tensor_input(c, inputs, splits)), features.elements()));
  return Column{&features, std::move(begins)};
}

Result<int64_t> common_rows(const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    if (column.rows() != columns[0].rows())
      return input_error("all columns must have as many rows, found " + std::to_string(columns[0].rows()) + " and " + std::to_string(column.rows()));
  }
  return columns.empty() ? 0 : columns[0].rows();
}

// Where the combinations of each row begin, and their number in all.
Result<std::vector<int64_t>> combination_splits(EvalContext& c, const std::vector<Column>& columns) {
  std::vector<int64_t> splits{0};
  for (int64_t row = 0, rows = TRY(common_rows(columns)); row < rows; ++row) {
    int64_t count = 1;
    for (const Column& column : columns) count = column.count(row) == 0 ? 0 : count == kUnknownDim ? count : mul_dims(count, column.count(row));
    const int64_t total = count == kUnknownDim ? count : add_dims(splits.back(), count);
    if (total == kUnknownDim) return fail(ErrorCode::kLimitExceeded, "the features have too many combinations");
    TRY(check_elements(c, {total}));
    splits.push_back(total);
  }
  return splits;
}

// use(elements) for each combination, in order: the element of each column.
Result<void> for_combinations(const std::vector<Column>& columns, const std::vector<int64_t>& splits, auto use) {
  std::vector<int64_t> elements(columns.size());
  for (size_t row = 0; row + 1 < splits.size(); ++row) {
    for (size_t i = 0; i < columns.size(); ++i) elements[i] = columns[i].begins[row];
    for (int64_t n = splits[row]; n < splits[row + 1]; ++n) {
      TRY(use(elements));
      for (size_t i = columns.size(); i-- > 0;) {
        if (++elements[i] < columns[i].begins[row + 1]) break;
        elements[i] = columns[i].begins[row];
      }
    }
  }
  return {};
}

// --- one combination

std::string text_of(const Column& column, int64_t element) {
  return column.values->dtype() == DType::kString ? std::string(column.values->string_at(element)) : std::to_string(column.values->as_int64(element));
}

uint64_t hash_of(const Column& column, int64_t element) {
  if (column.values->dtype() == DType::kString) return fingerprint64(column.values->string_at(element));
  return static_cast<uint64_t>(column.values->as_int64(element));
}

// That of SparseCrossHashed, which takes only the lower four bytes of a number that it hashes, and hashes numbers of dense columns only with a salt.
uint64_t keyed_hash_of(const Column& column, int64_t element, const std::optional<std::pair<uint64_t, uint64_t>>& salt) {
  if (column.values->dtype() == DType::kInt64 && column.dense && !salt) return hash_of(column, element);
  std::string bytes;
  if (column.values->dtype() == DType::kString) {
    bytes = column.values->string_at(element);
  } else {
    const auto number = static_cast<uint64_t>(column.values->as_int64(element));
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(number >> shift & 0xFF);
  }
  return salt ? siphash(bytes, salt->first, salt->second) : fingerprint64(bytes);
}

// Two hashes as one; the multiplier and the shifts of MurmurHash.
uint64_t join_hashes(uint64_t a, uint64_t b) {
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  const auto shifted = [](uint64_t value) { return value ^ (value >> 47); };
  const uint64_t mixed = ((a ^ kMultiplier) ^ (shifted(b * kMultiplier) * kMultiplier)) * kMultiplier;
  return shifted(shifted(mixed) * kMultiplier);
}

int64_t bucket_of(uint64_t hash, int64_t buckets) {
  return static_cast<int64_t>(hash % static_cast<uint64_t>(buckets > 0 ? buckets : std::numeric_limits<int64_t>::max()));
}

// --- all combinations, as a vector

Result<Tensor> joined_texts(EvalContext& c, const std::vector<Column>& columns, const std::vector<int64_t>& splits, const std::string& separator) {
  StringCollector results(memory_of(c));
  TRY(for_combinations(columns, splits, [&](const std::vector<int64_t>& elements) -> Result<void> {
    std::string text;
    for (size_t i = 0; i < columns.size(); ++i) text += (i == 0 ? "" : separator) + text_of(columns[i], elements[i]);
    return results.add(std::move(text));
  }));
  return results.finish({splits.back()});
}

// hash(elements) of each combination.
Result<Tensor> joined_hashes(EvalContext& c, const std::vector<Column>& columns, const std::vector<int64_t>& splits, int64_t buckets, auto hash) {
  MutableTensor results = TRY(c.allocate(DType::kInt64, {splits.back()}));
  int64_t at = 0;
  TRY(for_combinations(columns, splits, [&](const std::vector<int64_t>& elements) -> Result<void> {
    results.as<int64_t>()[at++] = bucket_of(hash(elements), buckets);
    return {};
  }));
  return std::move(results).finish();
}

// As SparseCross and RaggedCross give them.
Result<Tensor> crossed(EvalContext& c, const std::vector<Column>& columns, const std::vector<int64_t>& splits, DType dtype, int64_t buckets, int64_t key) {
  if (dtype == DType::kString) return joined_texts(c, columns, splits, "_X_");
  if (dtype != DType::kInt64) return dtype_error(c, dtype);
  return joined_hashes(c, columns, splits, buckets, [&](const std::vector<int64_t>& elements) {
    auto hash = static_cast<uint64_t>(key);
    for (size_t i = 0; i < columns.size(); ++i) hash = join_hashes(hash, hash_of(columns[i], elements[i]));
    return hash;
  });
}

// --- sparse results

template <class Struct>
Result<void> infer_sparse_cross(InferContext& c) {
  const auto& a = c.as<Struct>();
  const auto sparse = static_cast<int64_t>(a.sparse_types.size()), dense = static_cast<int64_t>(a.dense_types.size());
  if (sparse != a.N) return input_error("SparseCross takes indices, values and shape of each sparse column");
  for (int64_t i = 0; i < sparse; ++i) TRY(sparse_type(c, i, a.N + i, a.N + sparse + i));
  for (int64_t i = 0; i < dense; ++i) TRY(shape_of_rank(c, 3 * sparse + i, 2));
  c.set_shape(0, PartialShape{kUnknownDim, 2});
  c.set_shape(1, PartialShape{kUnknownDim});
  c.set_shape(2, PartialShape{2});
  return {};
}

template <class Struct>
Result<std::vector<Column>> sparse_cross_columns(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<Struct>();
  const auto sparse = static_cast<int64_t>(a.sparse_types.size()), dense = static_cast<int64_t>(a.dense_types.size());
  if (sparse != a.N) return input_error("SparseCross takes indices, values and shape of each sparse column");
  std::vector<Column> columns;
  for (int64_t i = 0; i < sparse; ++i) columns.push_back(TRY(sparse_column(c, inputs, i, sparse + i, 2 * sparse + i)));
  for (int64_t i = 0; i < dense; ++i) columns.push_back(TRY(dense_column(c, inputs, 3 * sparse + i)));
  return columns;
}

// Indices [row, number in the row], the values, and the shape [rows, most in a row].
Result<Outputs> as_sparse(EvalContext& c, const std::vector<int64_t>& splits, Tensor values) {
  MutableTensor indices = TRY(c.allocate(DType::kInt64, {splits.back(), 2}));
  int64_t most = 0, at = 0;
  for (size_t row = 0; row + 1 < splits.size(); ++row) {
    const int64_t count = splits[row + 1] - splits[row];
    most = std::max(most, count);
    for (int64_t i = 0; i < count; ++i) {
      indices.as<int64_t>()[at++] = static_cast<int64_t>(row);
      indices.as<int64_t>()[at++] = i;
    }
  }
  return Outputs{std::move(indices).finish(), std::move(values), Tensor::int64s(std::vector<int64_t>{static_cast<int64_t>(splits.size()) - 1, most})};
}

Result<Outputs> reference_sparse_cross(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<SparseCrossAttributes>();
  const auto columns = TRY(sparse_cross_columns<SparseCrossAttributes>(c, inputs));
  const auto splits = TRY(combination_splits(c, columns));
  return as_sparse(c, splits, TRY(crossed(c, columns, splits, a.out_type, a.num_buckets, a.hash_key)));
}

Result<Outputs> reference_sparse_cross_v2(EvalContext& c, Inputs inputs) {
  const auto columns = TRY(sparse_cross_columns<SparseCrossV2Attributes>(c, inputs));
  const Tensor& separator = *TRY(tensor_input(c, inputs, static_cast<int64_t>(inputs.size()) - 1));
  if (separator.rank() != 0) return input_error("the separator must be a scalar, found " + type_text(separator));
  const auto splits = TRY(combination_splits(c, columns));
  return as_sparse(c, splits, TRY(joined_texts(c, columns, splits, std::string(separator.string_at(0)))));
}

Result<Outputs> reference_sparse_cross_hashed(EvalContext& c, Inputs inputs) {
  const auto columns = TRY(sparse_cross_columns<SparseCrossV2Attributes>(c, inputs));
  const auto last = static_cast<int64_t>(inputs.size()) - 1;
  const int64_t buckets = TRY(scalar_int(*TRY(tensor_input(c, inputs, last - 2)), "num_buckets"));
  const Tensor &strong = *TRY(tensor_input(c, inputs, last - 1)), &salt = *TRY(tensor_input(c, inputs, last));
  if (strong.elements() != 1 || salt.elements() != 2) return input_error("strong_hash must be a scalar, and salt two numbers");
  std::optional<std::pair<uint64_t, uint64_t>> key;
  if (strong.at<uint8_t>(0)) key = {static_cast<uint64_t>(salt.as_int64(0)), static_cast<uint64_t>(salt.as_int64(1))};
  const auto splits = TRY(combination_splits(c, columns));
  return as_sparse(c, splits, TRY(joined_hashes(c, columns, splits, buckets, [&](const std::vector<int64_t>& elements) {
                     uint64_t hash = keyed_hash_of(columns[0], elements[0], key);
                     for (size_t i = 1; i < columns.size(); ++i) hash = join_hashes(hash, keyed_hash_of(columns[i], elements[i], key));
                     return hash;
                   })));
}

// --- ragged results

Result<void> infer_ragged_cross(InferContext& c) {
  const auto& a = c.as<RaggedCrossAttributes>();
  const auto ragged = static_cast<int64_t>(a.ragged_values_types.size());
  if (a.ragged_splits_types.size() != a.ragged_values_types.size() || a.Nsparse != static_cast<int64_t>(a.sparse_values_types.size()))
    return input_error("RaggedCross takes values and splits of each ragged column; indices, values and shape of each sparse one");
  int64_t rows = kUnknownDim;
  for (int64_t i = 0; i < ragged; ++i) {
    TRY(shape_of_rank(c, i, 1));
    rows = TRY(same_dim(rows, add_dims(TRY(shape_of_rank(c, ragged + i, 1))[0], -1), "the rows of the columns"));
  }
  for (size_t i = 0; i < a.dense_types.size(); ++i)
    rows = TRY(same_dim(rows, TRY(shape_of_rank(c, 2 * ragged + 3 * a.Nsparse + static_cast<int64_t>(i), 2))[0], "the rows of the columns"));
  c.set_shape(0, PartialShape{kUnknownDim});
  c.set_shape(1, PartialShape{a.input_order.empty() ? 1 : add_dims(rows, 1)});
  return {};
}

Result<Outputs> reference_ragged_cross(EvalContext& c, Inputs inputs) {
  const auto& a = c.as<RaggedCrossAttributes>();
  const auto ragged = static_cast<int64_t>(a.ragged_values_types.size()), sparse = a.Nsparse, dense = static_cast<int64_t>(a.dense_types.size());
  int64_t next_ragged = 0, next_sparse = 0, next_dense = 0;
  std::vector<Column> columns;
  for (const char kind : a.input_order) {
    if (kind == 'R' && next_ragged < ragged) {
      columns.push_back(TRY(ragged_column(c, inputs, next_ragged, ragged + next_ragged)));
      ++next_ragged;
    } else if (kind == 'S' && next_sparse < sparse) {
      const int64_t first = 2 * ragged + next_sparse++;
      columns.push_back(TRY(sparse_column(c, inputs, first, first + sparse, first + 2 * sparse)));
    } else if (kind == 'D' && next_dense < dense) {
      columns.push_back(TRY(dense_column(c, inputs, 2 * ragged + 3 * sparse + next_dense++)));
    } else {
      return input_error("input_order must have R, S and D as often as there are ragged, sparse and dense columns, found '" + a.input_order + "'");
    }
  }
  if (static_cast<int64_t>(columns.size()) != ragged + sparse + dense) return input_error("input_order '" + a.input_order + "' leaves out columns");
  const auto splits = TRY(combination_splits(c, columns));
  Tensor values = TRY(crossed(c, columns, splits, a.out_values_type, a.num_buckets, a.hash_key));
  MutableTensor result = TRY(c.allocate(a.out_row_splits_type, {static_cast<int64_t>(splits.size())}));
  store_int64s(result, 0, splits);
  return Outputs{std::move(values), std::move(result).finish()};
}

}  // namespace

constinit const OpDef kOp_RaggedCross = {
    .name = "RaggedCross",
    .signature =
        "ragged_values: list(ragged_values_types), ragged_row_splits: list(ragged_splits_types), sparse_indices: Nsparse * int64, "
        "sparse_values: list(sparse_values_types), sparse_shape: Nsparse * int64, dense_inputs: list(dense_types) -> "
        "output_values: out_values_type, output_row_splits: out_row_splits_type",
    .make_attributes = &make_attributes<RaggedCrossAttributes>,
    .infer = infer_ragged_cross,
    .reference = reference_ragged_cross,
    .doc = "All combinations of a feature of each column, row by row, as a ragged tensor of joined texts or of hashes.",
};

constinit const OpDef kOp_SparseCross = {
    .name = "SparseCross",
    .signature =
        "indices: N * int64, values: list(sparse_types), shapes: N * int64, dense_inputs: list(dense_types) -> "
        "output_indices: int64, output_values: out_type, output_shape: int64",
    .make_attributes = &make_attributes<SparseCrossAttributes>,
    .infer = infer_sparse_cross<SparseCrossAttributes>,
    .reference = reference_sparse_cross,
    .doc = "All combinations of a feature of each column, row by row, as a sparse tensor of texts joined by _X_, or of hashes.",
};

constinit const OpDef kOp_SparseCrossHashed = {
    .name = "SparseCrossHashed",
    .signature =
        "indices: N * int64, values: list(sparse_types), shapes: N * int64, dense_inputs: list(dense_types), num_buckets: int64, strong_hash: bool, "
        "salt: int64 -> output_indices: int64, output_values: int64, output_shape: int64",
    .make_attributes = &make_attributes<SparseCrossV2Attributes>,
    .infer = infer_sparse_cross<SparseCrossV2Attributes>,
    .reference = reference_sparse_cross_hashed,
    .doc = "SparseCross with hashes that depend on a salt where strong_hash is true.",
};

constinit const OpDef kOp_SparseCrossV2 = {
    .name = "SparseCrossV2",
    .signature =
        "indices: N * int64, values: list(sparse_types), shapes: N * int64, dense_inputs: list(dense_types), sep: string -> "
        "output_indices: int64, output_values: string, output_shape: int64",
    .make_attributes = &make_attributes<SparseCrossV2Attributes>,
    .infer = infer_sparse_cross<SparseCrossV2Attributes>,
    .reference = reference_sparse_cross_v2,
    .doc = "SparseCross with texts that are joined by any separator.",
};

}  // namespace isomer::ops
