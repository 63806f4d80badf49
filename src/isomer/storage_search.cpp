// Errors of weights add up like independent noise: the squares of what each causes alone. A weight causes about its noise times a factor that all weights have
// in common, because a linear op hands on the relative error of its weights; one run with everything as small as it gets tells the factor. Where a weight lies
// in the model makes a difference that only a run can tell, so the weights with the most bytes to gain are measured alone.
//
// A step makes one weight smaller. Steps are sorted by bytes gained for each unit of squared error, which is the order in which the best choice for a growing
// bound takes them, and the longest beginning that keeps the bound is found by bisection. The step that breaks it may have been estimated too low: it is left
// out, and the bisection goes on behind it, as long as runs are left.
#include "isomer/storage_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace isomer {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

struct Step {
  size_t weight = 0;
  int option = 0;
  double gain = 0;  // bytes for each unit of squared error
};

class Search {
 public:
  Search(std::span<const SearchedWeight> weights, double max_error, int64_t max_runs, const MeasureError& measure)
      : weights_(weights), max_error_(max_error), max_runs_(max_runs), measure_(measure) {
    found_.chosen.assign(weights.size(), kAsItIs);
    found_.sensitivities.resize(weights.size());
  }

  Result<StorageSearch> run() {
    if (weights_.empty()) return std::move(found_);
    Storages smallest = found_.chosen;
    for (size_t i = 0; i < weights_.size(); ++i) smallest[i] = last_of(i);
    TRY(try_storages(smallest));
    const double all = last_error_;
    if (weights_.size() == 1) found_.sensitivities[0] = {all, true};
    estimate(all);
    if (all <= max_error_) return std::move(found_);
    TRY(measure_largest());
    estimate(all);
    std::vector<Step> steps = sorted_steps();
    // That all steps are too much is known.
    for (bool all_fail = true; !steps.empty() && runs_left() > 0; all_fail = false) steps = TRY(take_longest(steps, all_fail));
    if (alone_ && saved_by(alone_->first) > saved_by(found_.chosen)) std::tie(found_.chosen, found_.error) = *alone_;
    return std::move(found_);
  }

 private:
  int last_of(size_t weight) const { return static_cast<int>(weights_[weight].options.size()) - 1; }
  int64_t saved_by(const Storages& storages) const {
    int64_t saved = 0;
    for (size_t i = 0; i < storages.size(); ++i)
      if (storages[i] != kAsItIs) saved += weights_[i].options[static_cast<size_t>(storages[i])].saved;
    return saved;
  }
  int64_t runs_left() const { return max_runs_ - found_.runs; }

  // Measures, and keeps what holds the bound. The caller has a run left.
  Result<bool> try_storages(const Storages& storages) {
    ++found_.runs;
    last_error_ = TRY(measure_(storages));
    if (!(last_error_ <= max_error_)) return false;
    found_.chosen = storages;
    found_.error = last_error_;
    return true;
  }

  // Sets the sensitivities that no run has told, from the error of all weights at once.
  void estimate(double all) {
    double measured = 0, noise = 0;
    for (size_t i = 0; i < weights_.size(); ++i) {
      const Sensitivity& own = found_.sensitivities[i];
      if (own.measured) {
        measured += own.error * own.error;
      } else {
        noise += std::pow(weights_[i].options.back().noise, 2);
      }
    }
    if (noise == 0) return;
    // What the measured ones explain is not to be explained again, but never all of it.
    double factor = 1;
    if (std::isfinite(all) && std::isfinite(measured)) factor = std::sqrt(std::max(all * all - measured, 0.01 * all * all) / noise);
    for (size_t i = 0; i < weights_.size(); ++i)
      if (!found_.sensitivities[i].measured) found_.sensitivities[i].error = factor * weights_[i].options.back().noise;
  }

  // Weights by the bytes that there are to gain, as far as runs go beyond those of two bisections.
  Result<void> measure_largest() {
    size_t steps = 0;
    for (const SearchedWeight& weight : weights_) steps += weight.options.size();
    const int64_t reserved = 2 * static_cast<int64_t>(std::bit_width(steps));
    std::vector<size_t> order(weights_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return weights_[a].options.back().saved > weights_[b].options.back().saved; });
    const Storages none = found_.chosen;
    for (const size_t i : order) {
      if (runs_left() <= reserved) break;
      if (found_.sensitivities[i].measured) continue;
      Storages alone = none;
      alone[i] = last_of(i);
      const bool good = TRY(try_storages(alone));
      found_.sensitivities[i] = {last_error_, true};
      if (good && (!alone_ || saved_by(alone) > saved_by(alone_->first))) alone_ = {alone, last_error_};
    }
    // The bisection begins from nothing.
    found_.chosen = none;
    found_.error = 0;
    return {};
  }

  double squared_error(size_t weight, int option) const {
    if (option == kAsItIs) return 0;
    const auto& options = weights_[weight].options;
    const double alone = found_.sensitivities[weight].error, noise = options.back().noise;
    const double own = options[static_cast<size_t>(option)].noise;
    return own == 0 ? 0 : std::pow(alone * own / noise, 2);
  }

  double gain(size_t weight, int from, int to) const {
    const auto& options = weights_[weight].options;
    const int64_t before = from == kAsItIs ? 0 : options[static_cast<size_t>(from)].saved;
    const double error = squared_error(weight, to) - squared_error(weight, from);
    if (!std::isfinite(error)) return 0;
    return error > 0 ? static_cast<double>(options[static_cast<size_t>(to)].saved - before) / error : kUnbounded;
  }

  // Of one weight each step gains less than the one before; an option that would break this is passed over.
  std::vector<Step> sorted_steps() const {
    std::vector<Step> steps;
    for (size_t i = 0; i < weights_.size(); ++i) {
      for (int at = kAsItIs; at < last_of(i);) {
        int best = last_of(i);
        for (int to = last_of(i) - 1; to > at; --to)
          if (gain(i, at, to) >= gain(i, at, best)) best = to;
        steps.push_back({i, best, gain(i, at, best)});
        at = best;
      }
    }
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.gain > b.gain; });
    return steps;
  }

  // Takes the longest beginning of the steps that holds the bound and returns the steps that are worth another try: those behind the first that breaks it,
  // without that weight's.
  Result<std::vector<Step>> take_longest(const std::vector<Step>& steps, bool all_fail) {
    const Storages start = found_.chosen;
    size_t good = 0, bad = steps.size() + (all_fail ? 0 : 1);
    while (bad - good > 1 && runs_left() > 0) {
      const size_t middle = good + (bad - good) / 2;
      Storages storages = start;
      for (size_t i = 0; i < middle; ++i) storages[steps[i].weight] = steps[i].option;
      (TRY(try_storages(storages)) ? good : bad) = middle;
    }
    std::vector<Step> rest;
    for (size_t i = bad; i < steps.size(); ++i)
      if (steps[i].weight != steps[bad - 1].weight) rest.push_back(steps[i]);
    return rest;
  }

  std::span<const SearchedWeight> weights_;
  double max_error_;
  int64_t max_runs_;
  const MeasureError& measure_;
  StorageSearch found_;
  std::optional<std::pair<Storages, double>> alone_;  // the weight that holds the bound alone and saves most
  double last_error_ = 0;
};

}  // namespace

int64_t allowed_runs(int64_t weights) { return static_cast<int64_t>(2 * std::log2(static_cast<double>(std::max<int64_t>(weights, 1)))) + 8; }

Result<StorageSearch> search_storages(std::span<const SearchedWeight> weights, double max_error, int64_t max_runs, const MeasureError& measure) {
  return Search(weights, max_error, max_runs, measure).run();
}

}  // namespace isomer
