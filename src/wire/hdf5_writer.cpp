// The file is a row of blocks, each of which names only blocks before it: the data, then the header of a dataset; the members, then their tables of
// symbols, the B-tree over these and the header of the group; the root last. Only the superblock, in front, has to wait for the end: so all blocks are
// made before the first is handed out. Data takes no part in that, only its size does.
//
// Versions are those of the oldest readers: superblock 0, object headers and B-trees of version 1, no checksums.
#include "wire/hdf5_writer.h"

#include <algorithm>
#include <variant>

#include "wire/hdf5_encode.h"
#include "wire/hdf5_header.h"

namespace isomer {
namespace hdf5 {
namespace {

constexpr size_t kSymbolsOfTable = 8, kChildrenOfNode = 32;  // twice the "K" that the superblock names
constexpr int64_t kSuperblockSize = 96;
constexpr int64_t kSmallestCollection = 4096;
constexpr size_t kFullCollection = 1 << 16;
constexpr int64_t kPiece = 4 << 20;  // data is handed out, and its pages given back, in such pieces

class Builder {
 public:
  Result<void> build(const Hdf5Node& root);
  Result<void> write(const Hdf5Sink& sink) const;

 private:
  struct Message {
    int64_t type;
    std::string data;
  };
  struct Symbol {
    std::string name;
    int64_t header;     // address
    int64_t place = 0;  // of the name in the local heap
  };
  struct Node {  // of a B-tree, or a table of symbols
    int64_t address;
    int64_t last;  // place of its last name
  };

  int64_t append(std::string block);
  Result<int64_t> add_object(const Hdf5Node& node);
  Result<std::string> add_group(const Hdf5Node& node);
  Result<std::vector<Message>> add_dataset(const Hdf5Data& data);
  Result<std::string> encode_attribute(const Hdf5NamedData& attribute);
  int64_t add_header(const std::vector<Message>& messages);
  int64_t add_local_heap(std::vector<Symbol>& symbols);
  int64_t add_tree(const std::vector<Symbol>& symbols);
  std::vector<Node> add_tree_level(const std::vector<Node>& children, int level);
  // The elements of strings as they lie in the file; the text of those of variable length goes to the global heap.
  Result<std::string> encode_strings(const Hdf5Data& data);
  void add_collection(const std::string& objects);
  std::string superblock(int64_t root) const;

  std::vector<std::variant<std::string, Bytes>> blocks_;
  int64_t end_ = kSuperblockSize;
};

int64_t Builder::append(std::string block) {
  pad_to_8(block);
  const int64_t address = end_;
  end_ += static_cast<int64_t>(block.size());
  blocks_.emplace_back(std::move(block));
  return address;
}

// A collection begins with 16 bytes, and the space after its objects is an object of its own, number 0.
void Builder::add_collection(const std::string& objects) {
  const int64_t content = 16 + static_cast<int64_t>(objects.size());
  const int64_t size = std::max(content, kSmallestCollection);
  std::string out = "GCOL";
  put(out, 1, 4);
  put(out, static_cast<uint64_t>(size), 8);
  out += objects;
  if (size - content >= 16) {
    put(out, 0, 8);
    put(out, static_cast<uint64_t>(size - content), 8);
  }
  out.resize(static_cast<size_t>(size));
  append(std::move(out));
}

Result<std::string> Builder::encode_strings(const Hdf5Data& data) {
  std::string elements, collection;
  uint64_t index = 0;
  for (const std::string& text : data.strings) {
    if (data.type.kind == Hdf5Type::Kind::kFixedString) {
      elements += TRY(padded_string(data.type, text));
      continue;
    }
    if (text.size() > UINT32_MAX) return fail(ErrorCode::kInvalidArgument, "a string has more than 4 GiB");
    put(elements, text.size(), 4);
    if (text.empty()) {
      put(elements, 0, 8 + 4);
      continue;
    }
    if (!collection.empty() && collection.size() + text.size() > kFullCollection) {
      add_collection(collection);
      collection.clear();
      index = 0;
    }
    ++index;
    put(elements, static_cast<uint64_t>(end_), 8);  // the collection comes next
    put(elements, index, 4);
    put(collection, index, 2);
    put(collection, 0, 2 + 4);
    put(collection, text.size(), 8);
    collection += text;
    pad_to_8(collection);
  }
  if (!collection.empty()) add_collection(collection);
  return elements;
}

Result<std::string> Builder::encode_attribute(const Hdf5NamedData& attribute) {
  const auto& [name, data] = attribute;
  if (name.empty() || name.find('\0') != name.npos) return fail(ErrorCode::kInvalidArgument, "an attribute has no name, or one with a NUL");
  TRY(checked_bytes(data));
  const std::string type = TRY(encode_type(data.type)), space = encode_space(data);
  std::string elements;
  if (data.type.is_string()) {
    elements = TRY(encode_strings(data));
  } else {
    for (const Bytes& piece : data.pieces) {
      if (piece.size() <= kHdf5AttributeBytes - std::min(static_cast<int64_t>(elements.size()), kHdf5AttributeBytes))
        elements += piece.text();
      else
        return fail(ErrorCode::kInvalidArgument, "it is larger than an attribute can be, " + std::to_string(kHdf5AttributeBytes) + " bytes");
    }
  }
  // Version 3 can say that the name is UTF-8, and pads nothing; version 1 is what the oldest readers know.
  const bool is_ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<uint8_t>(c) < 128; });
  std::string out;
  put(out, is_ascii ? 1 : 3, 1);
  put(out, 0, 1);
  for (const size_t size : {name.size() + 1, type.size(), space.size()}) put(out, size, 2);
  if (!is_ascii) put(out, 1, 1);
  for (const std::string& part : {name + '\0', type, space}) {
    out += part;
    if (is_ascii) pad_to_8(out);
  }
  out += elements;
  if (static_cast<int64_t>(out.size()) > kHdf5AttributeBytes || name.size() >= UINT16_MAX) {
    return fail(ErrorCode::kInvalidArgument, "it takes " + std::to_string(out.size()) + " bytes, an attribute at most " + std::to_string(kHdf5AttributeBytes));
  }
  return out;
}

int64_t Builder::add_header(const std::vector<Message>& messages) {
  std::string body;
  for (const Message& message : messages) {
    std::string data = message.data;
    pad_to_8(data);
    put(body, static_cast<uint64_t>(message.type), 2);
    put(body, data.size(), 2);
    put(body, 0, 4);
    body += data;
  }
  std::string out;
  put(out, 1, 2);
  put(out, messages.size(), 2);
  put(out, 1, 4);  // one link leads here
  put(out, body.size(), 4);
  put(out, 0, 4);
  return append(out + body);
}

Result<std::vector<Builder::Message>> Builder::add_dataset(const Hdf5Data& data) {
  const int64_t bytes = TRY(checked_bytes(data));
  const std::string type = TRY(encode_type(data.type));
  std::string strings = data.type.is_string() ? TRY(encode_strings(data)) : std::string();
  const int64_t address = end_;
  if (data.type.is_string()) {
    append(std::move(strings));
  } else {
    for (const Bytes& piece : data.pieces) blocks_.emplace_back(piece);
    end_ += bytes;
    std::string padding(static_cast<size_t>((8 - bytes % 8) % 8), '\0');
    end_ += static_cast<int64_t>(padding.size());
    blocks_.emplace_back(std::move(padding));
  }
  std::vector<Message> messages;
  messages.push_back({kDataspace, encode_space(data)});
  messages.push_back({kDatatype, type});
  messages.push_back({kFillValue, encode_no_fill_value()});
  messages.push_back({kLayout, encode_layout(bytes == 0 ? kUndefined : static_cast<uint64_t>(address), static_cast<uint64_t>(bytes))});
  return messages;
}

// Names, each with a NUL and padded; the empty name is first, and the keys of a B-tree begin with it.
int64_t Builder::add_local_heap(std::vector<Symbol>& symbols) {
  std::string names(8, '\0');
  for (Symbol& symbol : symbols) {
    symbol.place = static_cast<int64_t>(names.size());
    names += symbol.name + '\0';
    pad_to_8(names);
  }
  const uint64_t size = names.size();
  const int64_t data = append(std::move(names));
  std::string out = "HEAP";
  put(out, 0, 4);
  put(out, size, 8);
  put(out, 1, 8);  // no free space
  put(out, static_cast<uint64_t>(data), 8);
  return append(std::move(out));
}

// One level of the tree: its nodes follow each other, so each knows its neighbours.
std::vector<Builder::Node> Builder::add_tree_level(const std::vector<Node>& children, int level) {
  constexpr int64_t kNodeSize = 24 + 8 * static_cast<int64_t>(2 * kChildrenOfNode + 1);
  const size_t count = std::max<size_t>((children.size() + kChildrenOfNode - 1) / kChildrenOfNode, 1);
  std::vector<Node> nodes;
  int64_t before = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t first = i * kChildrenOfNode, used = std::min(kChildrenOfNode, children.size() - first);
    std::string out = "TREE";
    put(out, 0, 1);
    put(out, static_cast<uint64_t>(level), 1);
    put(out, used, 2);
    put(out, i == 0 ? kUndefined : static_cast<uint64_t>(end_ - kNodeSize), 8);
    put(out, i + 1 == count ? kUndefined : static_cast<uint64_t>(end_ + kNodeSize), 8);
    put(out, static_cast<uint64_t>(before), 8);
    for (size_t k = first; k < first + used; ++k) {
      put(out, static_cast<uint64_t>(children[k].address), 8);
      put(out, static_cast<uint64_t>(children[k].last), 8);
      before = children[k].last;
    }
    out.resize(static_cast<size_t>(kNodeSize));
    nodes.push_back({append(std::move(out)), before});
  }
  return nodes;
}

int64_t Builder::add_tree(const std::vector<Symbol>& symbols) {
  std::vector<Node> nodes;
  for (size_t first = 0; first < symbols.size(); first += kSymbolsOfTable) {
    const size_t used = std::min(kSymbolsOfTable, symbols.size() - first);
    std::string out = "SNOD";
    put(out, 1, 2);
    put(out, used, 2);
    for (size_t k = first; k < first + used; ++k) {
      put(out, static_cast<uint64_t>(symbols[k].place), 8);
      put(out, static_cast<uint64_t>(symbols[k].header), 8);
      out.append(4 + 4 + 16, '\0');  // nothing is cached
    }
    out.resize(8 + kSymbolsOfTable * 40);
    nodes.push_back({append(std::move(out)), symbols[first + used - 1].place});
  }
  int level = 0;
  do {
    nodes = add_tree_level(nodes, level++);
  } while (nodes.size() > 1);
  return nodes[0].address;
}

Result<std::string> Builder::add_group(const Hdf5Node& node) {
  std::vector<const Hdf5NamedNode*> members;
  for (const Hdf5NamedNode& child : node.children) members.push_back(&child);
  std::sort(members.begin(), members.end(), [](const Hdf5NamedNode* a, const Hdf5NamedNode* b) { return a->name < b->name; });
  std::vector<Symbol> symbols;
  for (const Hdf5NamedNode* member : members) {
    const auto& [name, child] = *member;
    if (name.empty() || name == "." || name.find('/') != name.npos || name.find('\0') != name.npos) {
      return fail(ErrorCode::kInvalidArgument, "\"" + name + "\" cannot be the name of a group or dataset");
    }
    const int64_t header = TRY(in_context(add_object(child), "writing \"" + name + "\""));
    symbols.push_back({name, header});
  }
  const auto twice = std::adjacent_find(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) { return a.name == b.name; });
  if (twice != symbols.end()) return fail(ErrorCode::kInvalidArgument, "a group would have two members of the name \"" + twice->name + "\"");
  const int64_t heap = add_local_heap(symbols);
  std::string message;
  put(message, static_cast<uint64_t>(add_tree(symbols)), 8);
  put(message, static_cast<uint64_t>(heap), 8);
  return message;
}

Result<int64_t> Builder::add_object(const Hdf5Node& node) {
  std::vector<Message> messages;
  if (node.data) {
    if (!node.children.empty()) return fail(ErrorCode::kInvalidArgument, "a dataset has no members");
    messages = TRY(add_dataset(*node.data));
  } else {
    std::string table = TRY(add_group(node));
    messages.push_back({kSymbolTable, std::move(table)});
  }
  std::vector<std::string> names;
  for (const Hdf5NamedData& attribute : node.attributes) {
    std::string encoded = TRY(in_context(encode_attribute(attribute), "writing the attribute \"" + attribute.name + "\""));
    messages.push_back({kAttribute, std::move(encoded)});
    names.push_back(attribute.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return fail(ErrorCode::kInvalidArgument, "an object would have two attributes of the name \"" + *twice + "\"");
  if (messages.size() > UINT16_MAX) return fail(ErrorCode::kInvalidArgument, "an object has more than 65535 attributes");
  return add_header(messages);
}

std::string Builder::superblock(int64_t root) const {
  std::string out("\x89HDF\r\n\x1a\n\0\0\0\0\0\x8\x8\0", 16);  // versions, all 0; addresses and lengths of 8 bytes
  put(out, kSymbolsOfTable / 2, 2);
  put(out, kChildrenOfNode / 2, 2);
  put(out, 0, 4);
  for (const uint64_t address : {uint64_t{0}, kUndefined, static_cast<uint64_t>(end_), kUndefined}) put(out, address, 8);  // base, free space, end, driver
  put(out, 0, 8);
  put(out, static_cast<uint64_t>(root), 8);
  out.resize(kSuperblockSize);
  return out;
}

Result<void> Builder::build(const Hdf5Node& root) {
  if (root.data) return fail(ErrorCode::kInvalidArgument, "the root of a file is a group");
  blocks_.emplace_back(std::string());
  const int64_t header = TRY(add_object(root));
  blocks_[0] = superblock(header);
  return {};
}

Result<void> Builder::write(const Hdf5Sink& sink) const {
  for (const auto& block : blocks_) {
    if (const auto* text = std::get_if<std::string>(&block)) {
      if (!text->empty()) TRY(sink(std::as_bytes(std::span(*text))));
      continue;
    }
    const Bytes& data = std::get<Bytes>(block);
    for (int64_t at = 0; at < data.size(); at += kPiece) {
      const Bytes piece = data.slice(at, std::min(kPiece, data.size() - at));
      TRY(sink(piece.span()));
      piece.release_pages();
    }
  }
  return {};
}

}  // namespace
}  // namespace hdf5

Result<void> write_hdf5(const Hdf5Node& root, const Hdf5Sink& sink) {
  hdf5::Builder builder;
  TRY(builder.build(root));
  return builder.write(sink);
}

}  // namespace isomer
