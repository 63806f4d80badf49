// A header names the root. Every node has the same size: letters, version, type, its records, for inner nodes one child more than records, and a
// checksum. A child pointer is an address, the number of records in the child and, above the lowest inner nodes, the number in its whole subtree; how
// wide these counts are follows from the most that a node of that depth can hold.
#include "wire/hdf5_btree2.h"

#include <vector>

namespace isomer::hdf5 {
namespace {

constexpr int64_t kNodeOverhead = 10;  // letters, version, type, checksum

class Tree {
 public:
  Tree(const File& file, int64_t type, const std::function<Result<void>(Cursor)>& visit) : file_(file), type_(type), visit_(visit), seen_(file, "a B-tree") {}
  Result<void> read(int64_t address);

 private:
  Result<void> compute_widths(int64_t depth, int64_t offset);
  Result<void> read_node(int64_t address, int64_t records, int64_t depth);

  const File& file_;
  const int64_t type_;
  const std::function<Result<void>(Cursor)>& visit_;
  Visited seen_;
  int64_t node_size_ = 0, record_size_ = 0, count_width_ = 0;
  std::vector<int64_t> most_records_, total_widths_;  // by depth, 0 for leaves
};

Result<void> Tree::compute_widths(int64_t depth, int64_t offset) {
  if (record_size_ == 0 || node_size_ < kNodeOverhead + record_size_) return fail_at(ErrorCode::kMalformed, "a B-tree has nodes without records", offset);
  uint64_t total = static_cast<uint64_t>((node_size_ - kNodeOverhead) / record_size_);
  most_records_ = {static_cast<int64_t>(total)};
  total_widths_ = {0};
  count_width_ = bytes_for(total);
  for (int64_t level = 1; level <= depth; ++level) {
    const int64_t pointer = file_.offset_size + count_width_ + total_widths_.back();
    const int64_t most = (node_size_ - kNodeOverhead - pointer) / (record_size_ + pointer);
    if (most < 1) return fail_at(ErrorCode::kMalformed, "a B-tree has nodes without children", offset);
    if (__builtin_mul_overflow(total, static_cast<uint64_t>(most) + 1, &total) || total > UINT64_MAX / 2) {
      return fail_at(ErrorCode::kMalformed, "a B-tree is deeper than any file", offset);
    }
    total += static_cast<uint64_t>(most);
    most_records_.push_back(most);
    total_widths_.push_back(bytes_for(total));
  }
  return {};
}

Result<void> Tree::read_node(int64_t address, int64_t records, int64_t depth) {
  TRY(seen_.enter(address));
  Cursor cursor = TRY(file_.at(address, node_size_, "a node of a B-tree"));
  TRY(cursor.signature(depth == 0 ? "BTLF" : "BTIN", 0));
  if (TRY(cursor.number(1)) != type_) return fail_at(ErrorCode::kMalformed, "a node of a B-tree has another type than its tree", cursor.offset() - 1);
  if (records > most_records_[static_cast<size_t>(depth)]) {
    return fail_at(ErrorCode::kMalformed, "a node of a B-tree claims " + std::to_string(records) + " records", file_.offset_of(address));
  }
  std::vector<Cursor> own;
  for (int64_t i = 0; i < records; ++i) {
    const int64_t offset = cursor.offset();
    own.push_back(file_.cursor(TRY(cursor.take(record_size_)), offset));
  }
  struct Child {
    int64_t address, records;
  };
  std::vector<Child> children;
  for (int64_t i = 0; depth > 0 && i <= records; ++i) {
    const int64_t child = TRY(cursor.address());
    const int64_t its_records = TRY(cursor.number(count_width_));
    TRY(cursor.skip(total_widths_[static_cast<size_t>(depth) - 1]));
    children.push_back({child, its_records});
  }
  TRY(cursor.checksum("a node of a B-tree"));
  for (size_t i = 0; i <= own.size(); ++i) {
    if (depth > 0) TRY(read_node(children[i].address, children[i].records, depth - 1));
    if (i < own.size()) TRY(visit_(own[i]));
  }
  return {};
}

Result<void> Tree::read(int64_t address) {
  Cursor cursor = TRY(file_.at(address, "a B-tree"));
  const int64_t start = cursor.offset();
  TRY(cursor.signature("BTHD", 0));
  const int64_t type = TRY(cursor.number(1));
  node_size_ = TRY(cursor.number(4));
  record_size_ = TRY(cursor.number(2));
  const int64_t depth = TRY(cursor.number(2));
  TRY(cursor.skip(2));
  const int64_t root = TRY(cursor.address());
  const int64_t records = TRY(cursor.number(2));
  TRY(cursor.length());
  TRY(cursor.checksum("a B-tree"));
  if (type != type_) {
    return fail_at(ErrorCode::kMalformed, "expected a B-tree with records of type " + std::to_string(type_) + ", found type " + std::to_string(type), start);
  }
  if (root == kNowhere) return {};
  TRY(compute_widths(depth, start));
  return read_node(root, records, depth);
}

}  // namespace

Result<void> for_each_record(const File& file, int64_t address, int64_t type, const std::function<Result<void>(Cursor)>& visit) {
  return Tree(file, type, visit).read(address);
}

}  // namespace isomer::hdf5
