// The search for storages on made-up models, whose error is the root of the summed squares of what each weight causes alone.
#include "isomer/storage_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace isomer {
namespace {

struct MadeUpModel {
  std::vector<SearchedWeight> weights;
  std::vector<double> factors;  // error of a weight: its factor times its noise
  int64_t runs = 0;
  std::vector<double> measured;

  void add(int64_t bytes, double factor, double noise = 0.01) {
    weights.push_back({{{DType::kHalf, bytes / 2, noise / 100}, {DType::kUint8, bytes * 3 / 4, noise}}});
    factors.push_back(factor);
  }
  double error(const Storages& storages) const {
    double squares = 0;
    for (size_t i = 0; i < storages.size(); ++i)
      if (storages[i] != kAsItIs) squares += std::pow(factors[i] * weights[i].options[static_cast<size_t>(storages[i])].noise, 2);
    return std::sqrt(squares);
  }
  int64_t saved(const Storages& storages) const {
    int64_t bytes = 0;
    for (size_t i = 0; i < storages.size(); ++i)
      if (storages[i] != kAsItIs) bytes += weights[i].options[static_cast<size_t>(storages[i])].saved;
    return bytes;
  }
  StorageSearch search(double max_error) {
    const MeasureError measure = [&](const Storages& storages) -> Result<double> {
      ++runs;
      measured.push_back(error(storages));
      return measured.back();
    };
    auto found = search_storages(weights, max_error, allowed_runs(static_cast<int64_t>(weights.size())) - 1, measure);
    EXPECT_TRUE(found);
    return found ? *found : StorageSearch{};
  }
};

TEST(StorageSearch, AllowedRuns) {
  EXPECT_EQ(allowed_runs(1), 8);
  EXPECT_EQ(allowed_runs(2), 10);
  EXPECT_EQ(allowed_runs(100), 21);
  EXPECT_EQ(allowed_runs(1000), 27);
}

TEST(StorageSearch, TakesAllAtOnceWhereTheBoundIsWide) {
  MadeUpModel model;
  for (int i = 0; i < 50; ++i) model.add(1000, 1);
  const StorageSearch found = model.search(1);
  EXPECT_EQ(found.chosen, Storages(50, 1));
  EXPECT_EQ(found.runs, 1);
  EXPECT_NEAR(found.sensitivities[7].error, 0.01, 1e-12);
}

TEST(StorageSearch, LeavesAllWhereNothingHoldsTheBound) {
  MadeUpModel model;
  for (int i = 0; i < 5; ++i) model.add(1000, 1);
  const StorageSearch found = model.search(1e-9);
  EXPECT_EQ(found.chosen, Storages(5, kAsItIs));
  EXPECT_EQ(found.error, 0);
}

// Weights whose factor nothing tells beforehand are found by the bisection and left out; all others become small.
TEST(StorageSearch, LeavesOutTheSensitiveWeight) {
  for (const size_t sensitive : {size_t{0}, size_t{13}, size_t{63}}) {
    MadeUpModel model;
    for (size_t i = 0; i < 64; ++i) model.add(1000 + static_cast<int64_t>(i), i == sensitive ? 10000 : 1, 0.01 + 0.0001 * static_cast<double>(i));
    const StorageSearch found = model.search(0.5);
    Storages wanted(64, 1);
    wanted[sensitive] = kAsItIs;
    EXPECT_EQ(found.chosen, wanted) << sensitive;
    EXPECT_LE(found.error, 0.5);
  }
}

// Many models: the bound and the number of runs hold, the error is the measured one, and about as much is saved at least as by one dtype for all.
TEST(StorageSearch, HoldsBoundAndRuns) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> unit(0, 1);
  double saved = 0, best = 0;
  for (int round = 0; round < 200; ++round) {
    MadeUpModel model;
    const int count = 1 + static_cast<int>(std::pow(300, unit(random)));
    for (int i = 0; i < count; ++i) model.add(static_cast<int64_t>(std::pow(10, 2 + 4 * unit(random))), std::pow(4, unit(random)), 0.005 + 0.01 * unit(random));
    const double all = model.error(Storages(model.weights.size(), 1)), bound = all * unit(random);
    const StorageSearch found = model.search(bound);
    EXPECT_LE(model.runs, allowed_runs(count) - 1);
    EXPECT_EQ(model.runs, found.runs);
    EXPECT_LE(found.error, bound);
    EXPECT_DOUBLE_EQ(found.error, model.error(found.chosen));
    EXPECT_TRUE(found.error == 0 || std::find(model.measured.begin(), model.measured.end(), found.error) != model.measured.end());
    const Storages halves(model.weights.size(), 0);
    if (model.error(halves) <= bound) {
      EXPECT_GE(static_cast<double>(model.saved(found.chosen)), 0.999 * static_cast<double>(model.saved(halves)));
    }
    saved += static_cast<double>(model.saved(found.chosen));
    best += static_cast<double>(model.saved(Storages(model.weights.size(), 1)));
  }
  EXPECT_GT(saved, 0.8 * best);
}

TEST(StorageSearch, PassesErrorsOn) {
  MadeUpModel model;
  model.add(1000, 1);
  const auto found = search_storages(model.weights, 1, 7, [](const Storages&) -> Result<double> { return fail(ErrorCode::kLimitExceeded, "too long"); });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "too long");
}

// A model that does not run with a weight made smaller errs without bound.
TEST(StorageSearch, LeavesWeightsWithoutWhichNothingRuns) {
  MadeUpModel model;
  for (int i = 0; i < 9; ++i) model.add(1000 + i, 1);
  const auto found = search_storages(model.weights, 10, allowed_runs(9) - 1, [&](const Storages& storages) -> Result<double> {
    return storages[4] == kAsItIs ? model.error(storages) : std::numeric_limits<double>::infinity();
  });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->chosen[4], kAsItIs);
  EXPECT_GE(model.saved(found->chosen), 7 * 750);
}

}  // namespace
}  // namespace isomer
