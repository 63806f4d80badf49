// How small may each weight be stored, so that the model's error stays within a bound? The search knows weights by their sizes and noise only; whoever calls it
// runs the model.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "tensor/dtype.h"

namespace isomer {

// One way to store a weight.
struct StorageOption {
  DType storage = DType::kInvalid;
  int64_t saved = 0;  // bytes, against the weight as it is
  double noise = 0;   // |stored - value| / |value|, lengths of vectors
};

struct SearchedWeight {
  std::vector<StorageOption> options;  // each saves more than the one before; at least one
};

// For each weight the index of its option, or kAsItIs.
using Storages = std::vector<int>;
inline constexpr int kAsItIs = -1;

// The error that a weight alone causes when it is stored as its last option.
struct Sensitivity {
  double error = 0;
  bool measured = false;  // else estimated
};

struct StorageSearch {
  Storages chosen;
  double error = 0;  // measured with `chosen`; 0 where nothing changed
  std::vector<Sensitivity> sensitivities;
  int64_t runs = 0;
};

// 2 log2(weights) + 8: how many runs of the model a search may take.
int64_t allowed_runs(int64_t weights);

// The model's error with these storages; infinite where it does not run at all.
using MeasureError = std::function<Result<double>(const Storages&)>;

// Takes at most `max_runs` measurements, at least one. What it chooses was measured to err by `max_error` at most, or is kAsItIs throughout.
Result<StorageSearch> search_storages(std::span<const SearchedWeight> weights, double max_error, int64_t max_runs, const MeasureError& measure);

}  // namespace isomer
