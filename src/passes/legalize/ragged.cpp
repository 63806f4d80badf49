// Ragged tensors, for runtimes without them: rows are spread out by counting and gathering.
#include "passes/build.h"

namespace isomer::passes {
namespace {

Term cumsum(Term x) { return x.builder().make("Cumsum", {x, x.builder().integer(0)}, {{"exclusive", false}, {"reverse", false}}); }

// Rows of these lengths, one after the other. All int32 vectors.
struct Spread {
  Term splits;   // where each row begins, and the end of the last one
  Term owners;   // for each element: its row ...
  Term offsets;  // ... and its place in it
};

Spread spread(Term lengths) {
  Builder& b = lengths.builder();
  const Term ends = cumsum(lengths);
  const Term splits = concat({b.integers({0}), ends}, 0);
  const Term total = b.scalar(b.size_at(splits, -1));
  // An element belongs to the row whose number is the count of rows that end before it.
  const Term marks = b.make("ScatterNd", {expand(ends, 1), b.make("OnesLike", {ends}), b.sizes({total + 1})});
  const Term owners = slice_axis(cumsum(marks), 0, int64_t{0}, total);
  return {splits, owners, range(b, total) - gather(splits, owners, 0)};
}

Term vector_of(Term x) { return x.shape().rank() == 0 ? expand(x, 0) : x; }

// The rows of one ragged level: row r holds the elements [begins[r], ends[r]) of the level below.
struct Rows {
  Term begins, ends;
  Size count;
};

Rows rows_of_splits(Term splits) {
  Builder& b = splits.builder();
  const Size size = b.size_of(splits, 0);
  const auto* known = std::get_if<int64_t>(&size);
  const Size count = known ? Size(*known - 1) : Size(b.scalar(size) - 1);
  return {slice_axis(splits, 0, int64_t{0}, count), slice_axis(splits, 0, int64_t{1}, count), count};
}

Rows rows_of_owners(Term owners, const Size& count) {
  Builder& b = owners.builder();
  // One row more, so that the result of ScatterNd is never empty.
  const Term counts = b.make("ScatterNd", {expand(owners, 1), b.make("OnesLike", {owners}), b.sizes({b.scalar(count) + 1})});
  const Term lengths = slice_axis(counts, 0, int64_t{0}, count), ends = cumsum(lengths);
  return {ends - lengths, ends, count};
}

// Dimension `i` of the result: what `shape` asks for, or `own` where it asks for -1 or is a scalar.
Size wanted_size(Term shape, int64_t i, const Size& own) {
  Builder& b = shape.builder();
  if (shape.shape().rank() == 0) return own;
  const Size size = b.size_at(shape, i);
  if (const auto* known = std::get_if<int64_t>(&size)) return *known < 0 ? own : size;
  const Term asked = cast(std::get<Term>(size), DType::kInt32);
  return select(less(asked, 0), b.scalar(own), asked);
}

bool all_ranks_known(Builder& b) {
  for (const Term& input : b.inputs())
    if (!input.shape().has_rank()) return false;
  return true;
}

}  // namespace

// Before: RaggedRange(starts, limits, deltas)
// After:  lengths = Maximum(0, ceiling of (limits - starts) / deltas), splits = [0, Cumsum(lengths)]; the row of each element is the number of rows that
//         end before it: Cumsum of ScatterNd of ones at the ends; starts[row] + (i - splits[row]) * deltas[row]
Result<bool> lower_ragged_range(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const DType dtype = b.input(0).dtype();
  if (!all_ranks_known(b) || (!is_float(dtype) && !is_integer(dtype))) return refuse(reason, "the ranks must be known, the numbers real");
  const Term start = b.input(0), limit = b.input(1), delta = b.input(2);
  const Term count = is_float(dtype) ? b.make("Ceil", {(limit - start) / delta}) : -floor_div(start - limit, delta);
  const Spread rows = spread(vector_of(maximum(cast(count, DType::kInt32), b.integer(0))));
  const auto of_row = [&](Term x) { return x.shape().rank() == 0 ? x : gather(x, rows.owners, 0); };
  const Term values = of_row(start) + cast(rows.offsets, dtype) * of_row(delta);
  return b.replace({cast(rows.splits, b.result_dtype(0)), values});
}

// Before: RaggedGather(splits..., values, indices)
// After:  for each level: begins = GatherV2(splits, rows), lengths = GatherV2(splits, rows + 1) - begins, spread out as in RaggedRange to the rows of the
//         next level, begins[owner] + offset; GatherV2(values, rows). All but the last dimension of the indices give splits of equal steps.
Result<bool> lower_ragged_gather(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const int64_t levels = b.input_count() - 2;
  if (levels < 1 || !all_ranks_known(b)) return refuse(reason, "the ranks must be known");
  const Term values = b.input(levels), indices = cast(b.input(levels + 1), DType::kInt32);
  const int64_t rank = indices.shape().rank();
  std::vector<Term> results;
  Size outer = int64_t{1};
  for (int64_t d = 0; d + 1 < rank; ++d) {
    outer = b.multiply(outer, b.size_of(indices, d));
    results.push_back(range(b, b.scalar(outer) + 1) * b.scalar(b.size_of(indices, d + 1)));
  }
  Term rows = rank == 1 ? indices : flatten(indices);
  for (int64_t level = 0; level < levels; ++level) {
    const Term splits = cast(b.input(level), DType::kInt32), begins = gather(splits, rows, 0);
    const Spread below = spread(gather(splits, rows + 1, 0) - begins);
    if (rank > 0 || level > 0) results.push_back(below.splits);
    rows = gather(begins, below.owners, 0) + below.offsets;
  }
  for (Term& splits : results) splits = cast(splits, b.input(0).dtype());
  results.push_back(gather(values, rows, 0));
  return b.replace(results);
}

// Before: RaggedTensorToTensor(shape, values, default, partitions...)
// After:  for each level: place = SelectV2(begins[place] + Range(width) < ends[place], that sum, one behind the last row); GatherV2 of the values with a
//         row of the default behind them. Row numbers become begins and ends by ScatterNd of ones and Cumsum. Each level and the values have one more,
//         empty row, for all that lies outside.
Result<bool> lower_ragged_to_tensor(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  const auto types = b.attribute("row_partition_types", std::vector<std::string>{});
  const int64_t partitions = b.input_count() - 3;
  if (partitions < 1 || static_cast<int64_t>(types.size()) != partitions || !all_ranks_known(b)) return refuse(reason, "the ranks must be known");
  const Term shape = b.input(0), values = b.input(1), background = b.input(2);
  std::vector<Rows> levels;
  Size rows = int64_t{0};
  for (int64_t i = 0; i < partitions; ++i) {
    const Term partition = cast(b.input(3 + i), DType::kInt32);
    const std::string& type = types[static_cast<size_t>(i)];
    if (type == "FIRST_DIM_SIZE") {
      rows = Size(partition.shape().rank() == 0 ? partition : reshape(partition, {}));
    } else if (type == "VALUE_ROWIDS") {
      levels.push_back(rows_of_owners(partition, rows));
      rows = b.size_of(partition, 0);
    } else {
      levels.push_back(rows_of_splits(partition));
    }
  }
  if (levels.empty()) return refuse(reason, "there is no ragged dimension");
  const int64_t first[] = {0};
  Term place = minimum(range(b, wanted_size(shape, 0, levels[0].count)), b.scalar(levels[0].count));
  for (size_t level = 0; level < levels.size(); ++level) {
    const auto& [begins, ends, count] = levels[level];
    const Term longest = reduce("Max", concat({b.integers({0}), ends - begins}, 0), first);
    const Size width = wanted_size(shape, static_cast<int64_t>(level) + 1, longest);
    const auto of_place = [&](Term x) { return expand(gather(concat({x, b.integers({0})}, 0), place, 0), -1); };
    const Term element = of_place(begins) + range(b, width);
    const Size outside = level + 1 < levels.size() ? levels[level + 1].count : b.size_of(values, 0);
    place = select(less(element, of_place(ends)), element, b.scalar(outside));
  }
  std::vector<Size> row{int64_t{1}};
  for (int64_t d = 1; d < values.shape().rank(); ++d) row.push_back(b.size_of(values, d));
  const Term filling = b.make(background.shape().rank() == 0 ? "Fill" : "BroadcastTo",
                              background.shape().rank() == 0 ? std::vector<Term>{b.sizes(row), background} : std::vector<Term>{background, b.sizes(row)});
  return b.replace(gather(concat({values, filling}, 0), place, 0));
}

}  // namespace isomer::passes
