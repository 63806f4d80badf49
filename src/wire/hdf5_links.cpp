// Old groups name a B-tree (version 1) whose leaves are tables of symbols; the names lie in a local heap. New groups hold link messages in their
// header or, once these are many, in a fractal heap with a B-tree (version 2) over the names.
#include "wire/hdf5_links.h"

#include <algorithm>

#include "wire/hdf5_btree2.h"
#include "wire/hdf5_heap.h"

namespace isomer::hdf5 {
namespace {

class Collector {
 public:
  explicit Collector(const File& file) : file_(file), nodes_seen_(file, "the B-tree of a group") {}

  Result<void> add_symbol_table(Cursor message);
  Result<void> add_dense(Cursor link_info);
  Result<void> add_link(Cursor message);
  Result<Links> finish() &&;

 private:
  Result<void> add(Hdf5Link link, int64_t offset);
  // `level` of a node, -1 where any may be found (the root).
  Result<void> add_tree(int64_t address, int64_t level, const LocalHeap& names);
  Result<void> add_symbols(int64_t address, const LocalHeap& names);

  const File& file_;
  Visited nodes_seen_;
  Links links_;
  bool has_order_ = false;
};

Result<void> Collector::add(Hdf5Link link, int64_t offset) {
  if (static_cast<int64_t>(links_.in_order.size()) >= file_.limits.nodes) return fail_at(ErrorCode::kLimitExceeded, "a group has too many members", offset);
  if (link.kind == Hdf5Link::Kind::kHard && link.address < 0) return fail_at(ErrorCode::kMalformed, "the link \"" + link.name + "\" leads nowhere", offset);
  links_.in_order.push_back(std::move(link));
  return {};
}

Result<void> Collector::add_symbol_table(Cursor message) {
  const int64_t tree = TRY(message.address());
  const LocalHeap names = TRY(LocalHeap::open(file_, TRY(message.address())));
  return add_tree(tree, -1, names);
}

Result<void> Collector::add_tree(int64_t address, int64_t level, const LocalHeap& names) {
  TRY(nodes_seen_.enter(address));
  Cursor cursor = TRY(file_.at(address, "the B-tree of a group"));
  TRY(cursor.letters("TREE"));
  if (TRY(cursor.number(1)) != 0) return fail_at(ErrorCode::kMalformed, "expected the B-tree of a group, found that of a dataset", cursor.offset() - 1);
  const int64_t its_level = TRY(cursor.number(1));
  if (level >= 0 && its_level != level) {
    return fail_at(ErrorCode::kMalformed, "a node of a group's B-tree has level " + std::to_string(its_level) + " in place of " + std::to_string(level),
                   cursor.offset());
  }
  const int64_t children = TRY(cursor.number(2));
  TRY(cursor.address());
  TRY(cursor.address());
  for (int64_t i = 0; i < children; ++i) {
    TRY(cursor.length());  // a key: no name of the child is below it
    const int64_t child = TRY(cursor.address());
    if (its_level > 0) {
      TRY(add_tree(child, its_level - 1, names));
    } else {
      TRY(nodes_seen_.enter(child));
      TRY(add_symbols(child, names));
    }
  }
  return {};
}

Result<void> Collector::add_symbols(int64_t address, const LocalHeap& names) {
  Cursor cursor = TRY(file_.at(address, "a table of symbols"));
  TRY(cursor.signature("SNOD", 1));
  TRY(cursor.skip(1));
  const int64_t symbols = TRY(cursor.number(2));
  for (int64_t i = 0; i < symbols; ++i) {
    Hdf5Link link;
    const int64_t offset = cursor.offset();
    link.name = TRY(names.text(TRY(cursor.number(file_.offset_size))));
    link.address = TRY(cursor.address());
    const int64_t cached = TRY(cursor.number(4));
    TRY(cursor.skip(4));
    Cursor scratch = file_.cursor(TRY(cursor.take(16)), cursor.offset());
    if (cached == 2) {
      link.kind = Hdf5Link::Kind::kSoft;
      link.target = TRY(names.text(TRY(scratch.number(4))));
    }
    TRY(add(std::move(link), offset));
  }
  return {};
}

Result<void> Collector::add_dense(Cursor link_info) {
  const int64_t start = link_info.offset();
  const int64_t version = TRY(link_info.number(1));
  if (version != 0) return fail_at(ErrorCode::kUnsupported, "link information has version " + std::to_string(version), start);
  const int64_t flags = TRY(link_info.number(1));
  if (flags & 1) TRY(link_info.skip(8));  // the largest order so far
  const int64_t heap_address = TRY(link_info.address());
  const int64_t by_name = TRY(link_info.address());
  if (heap_address == kNowhere) return {};
  const FractalHeap heap = TRY(FractalHeap::open(file_, heap_address));
  return for_each_record(file_, by_name, 5, [&](Cursor record) -> Result<void> {
    TRY(record.skip(4));  // hash of the name
    const int64_t offset = record.offset();
    const FractalHeap::Object object = TRY(heap.object(TRY(record.take(std::min(heap.id_size(), record.left()))), offset));
    return add_link(file_.cursor(object.data, object.offset));
  });
}

Result<void> Collector::add_link(Cursor message) {
  const int64_t start = message.offset();
  const int64_t version = TRY(message.number(1));
  if (version != 1) return fail_at(ErrorCode::kUnsupported, "a link has version " + std::to_string(version) + ", only 1 is known", start);
  const int64_t flags = TRY(message.number(1));
  const int64_t kind = flags & 8 ? TRY(message.number(1)) : 0;
  Hdf5Link link;
  if (flags & 4) {
    link.creation_order = TRY(message.number(8));
    has_order_ = true;
  }
  if (flags & 16) TRY(message.skip(1));  // ASCII or UTF-8
  const int64_t name_size = TRY(message.number(int64_t{1} << (flags & 3)));
  link.name = std::string(TRY(message.take(name_size)).text());
  if (kind == 0) {
    link.address = TRY(message.address());
  } else {
    const int64_t size = TRY(message.number(2));
    link.target = std::string(TRY(message.take(size)).text());
    link.kind = kind == 1 ? Hdf5Link::Kind::kSoft : kind == 64 ? Hdf5Link::Kind::kExternal : Hdf5Link::Kind::kOther;
  }
  if (link.kind == Hdf5Link::Kind::kExternal) {  // a byte of flags, file, NUL, path, NUL
    std::string_view parts = link.target;
    if (!parts.empty()) parts.remove_prefix(1);
    const size_t end = parts.find('\0');
    std::string target(parts.substr(0, end));
    if (end != parts.npos) target += ":" + std::string(parts.substr(end + 1, parts.find('\0', end + 1) - end - 1));
    link.target = std::move(target);
  }
  return add(std::move(link), start);
}

Result<Links> Collector::finish() && {
  auto& links = links_.in_order;
  std::sort(links.begin(), links.end(), [&](const Hdf5Link& a, const Hdf5Link& b) {
    if (has_order_ && a.creation_order != b.creation_order) return a.creation_order < b.creation_order;
    return a.name < b.name;
  });
  for (size_t i = 0; i < links.size(); ++i) {
    if (!links_.places.emplace(links[i].name, i).second) return fail(ErrorCode::kMalformed, "a group has two members of the name \"" + links[i].name + "\"");
  }
  return std::move(links_);
}

}  // namespace

Result<Links> read_links(const File& file, const Header& header) {
  Collector collector(file);
  for (const Message& message : header.messages) {
    Cursor cursor = file.cursor(message.data, message.offset);
    if (message.type == kSymbolTable) TRY(collector.add_symbol_table(std::move(cursor)));
    if (message.type == kLinkInfo) TRY(collector.add_dense(std::move(cursor)));
    if (message.type == kLink) TRY(collector.add_link(std::move(cursor)));
  }
  return std::move(collector).finish();
}

}  // namespace isomer::hdf5
