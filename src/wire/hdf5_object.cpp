// Objects as the callers see them: paths, links, attributes.
#include <algorithm>

#include "wire/hdf5_btree2.h"
#include "wire/hdf5_dataset.h"
#include "wire/hdf5_heap.h"
#include "wire/hdf5_links.h"

namespace isomer {

using hdf5::Cursor;
using hdf5::fail_at;
using hdf5::Message;

namespace {

bool has(const hdf5::Header& header, int64_t type) {
  return std::any_of(header.messages.begin(), header.messages.end(), [&](const Message& message) { return message.type == type; });
}

std::unexpected<Error> no_dataset() { return fail(ErrorCode::kInvalidArgument, "the object is no dataset"); }

}  // namespace

Result<Hdf5Object> Hdf5Object::at(std::shared_ptr<hdf5::File> file, int64_t address) {
  Hdf5Object object;
  object.header_ = std::make_shared<const hdf5::Header>(TRY(hdf5::read_header(*file, address)));
  object.file_ = std::move(file);
  object.address_ = address;
  return object;
}

bool Hdf5Object::is_group() const { return has(*header_, hdf5::kSymbolTable) || has(*header_, hdf5::kLinkInfo) || has(*header_, hdf5::kLink); }
bool Hdf5Object::is_dataset() const { return has(*header_, hdf5::kLayout); }

Result<std::shared_ptr<const hdf5::Links>> Hdf5Object::links() const {
  auto& known = file_->links[address_];
  if (!known) known = std::make_shared<const hdf5::Links>(TRY(hdf5::read_links(*file_, *header_)));
  return known;
}

Result<std::vector<Hdf5Link>> Hdf5Object::children() const { return TRY(links())->in_order; }

Result<Hdf5Object> Hdf5Object::open(const Hdf5Link& link) const { return open(link, file_->limits.nesting); }

Result<Hdf5Object> Hdf5Object::open(const Hdf5Link& link, int64_t depth) const {
  switch (link.kind) {
    case Hdf5Link::Kind::kHard: return in_context(at(file_, link.address), "reading \"" + link.name + "\"");
    case Hdf5Link::Kind::kSoft:
      if (depth <= 0) return fail(ErrorCode::kLimitExceeded, "soft links lead to soft links without end, at \"" + link.name + "\"");
      return in_context(follow(link.target, depth - 1), "following the soft link \"" + link.name + "\"");
    case Hdf5Link::Kind::kExternal:
      return fail(Error{ErrorCode::kUnsupported, "\"" + link.name + "\" is a link to another file, " + link.target, {}, {}, "copy the object into this file"});
    case Hdf5Link::Kind::kOther: break;
  }
  return fail(ErrorCode::kUnsupported, "\"" + link.name + "\" is a link of a kind that its writer defined");
}

Result<Hdf5Object> Hdf5Object::find(std::string_view path) const { return follow(path, file_->limits.nesting); }

Result<Hdf5Object> Hdf5Object::follow(std::string_view path, int64_t depth) const {
  Hdf5Object object = path.starts_with('/') ? TRY(at(file_, file_->root)) : *this;
  const std::string_view whole = path;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    const auto links = TRY(object.links());
    const auto place = links->places.find(name);
    if (place == links->places.end()) {
      return fail(ErrorCode::kNotFound, "the file has no \"" + std::string(whole) + "\": there is no \"" + std::string(name) + "\"");
    }
    object = TRY(object.open(links->in_order[place->second], depth));
  }
  return object;
}

// Version 1 pads name, type and space to 8 bytes each; version 3 tells the encoding of the name.
Result<Hdf5Attribute> Hdf5Object::decode_attribute(const Bytes& message, int64_t offset) const {
  Cursor cursor = file_->cursor(message, offset);
  const int64_t version = TRY(cursor.number(1));
  if (version < 1 || version > 3) return fail_at(ErrorCode::kUnsupported, "an attribute has version " + std::to_string(version) + ", known are 1 to 3", offset);
  const int64_t flags = TRY(cursor.number(1));
  const int64_t name_size = TRY(cursor.number(2)), type_size = TRY(cursor.number(2)), space_size = TRY(cursor.number(2));
  if (version == 3) TRY(cursor.skip(1));
  const auto part = [&](int64_t size) -> Result<Cursor> {
    const int64_t start = cursor.offset();
    const Bytes bytes = TRY(cursor.take(size));
    if (version == 1) TRY(cursor.align_to_8());
    return file_->cursor(bytes, start);
  };
  const auto shared = [&](Cursor place, bool is_shared, int64_t type) -> Result<Cursor> {
    if (version == 1 || !is_shared) return place;
    const Message owner = TRY(hdf5::fetch_shared(*file_, type, std::move(place)));
    return file_->cursor(owner.data, owner.offset);
  };
  Hdf5Attribute attribute;
  Cursor name = TRY(part(name_size));
  attribute.name_ = TRY(name.text());
  const Cursor type = TRY(shared(TRY(part(type_size)), flags & 1, hdf5::kDatatype));
  const Cursor space = TRY(shared(TRY(part(space_size)), flags & 2, hdf5::kDataspace));
  attribute.type_ = TRY(hdf5::decode_type(type, file_->limits.nesting));
  attribute.space_ = TRY(hdf5::decode_space(*file_, space));
  attribute.offset_ = cursor.offset();
  const auto read_data = [&]() -> Result<Bytes> { return cursor.take(TRY(hdf5::stored_bytes(*file_, attribute.type_, attribute.space_))); };
  attribute.data_ = TRY(in_context(read_data(), "reading the attribute \"" + attribute.name_ + "\""));
  attribute.file_ = file_;
  return attribute;
}

Result<std::vector<Hdf5Attribute>> Hdf5Object::attributes() const {
  struct Entry {
    int64_t order;
    size_t place;
    Hdf5Attribute attribute;
  };
  std::vector<Entry> entries;
  const auto add = [&](const Bytes& data, int64_t offset, int64_t order) -> Result<void> {
    if (static_cast<int64_t>(entries.size()) >= file_->limits.nodes) return fail_at(ErrorCode::kLimitExceeded, "an object has too many attributes", offset);
    entries.push_back(Entry{order, entries.size(), {}});
    entries.back().attribute = TRY(decode_attribute(data, offset));
    return {};
  };
  for (const Message& message : header_->messages) {
    if (message.type != hdf5::kAttribute) continue;
    const Message own = message.is_shared ? TRY(hdf5::fetch_shared(*file_, message.type, file_->cursor(message.data, message.offset))) : message;
    TRY(add(own.data, own.offset, message.creation_order));
  }
  const auto info = TRY(hdf5::find_message(*file_, *header_, hdf5::kAttributeInfo));
  if (info) {
    Cursor cursor = file_->cursor(info->data, info->offset);
    TRY(cursor.skip(1));
    if (TRY(cursor.number(1)) & 1) TRY(cursor.skip(2));  // the largest order so far
    const int64_t heap_address = TRY(cursor.address()), by_name = TRY(cursor.address());
    if (heap_address != hdf5::kNowhere) {
      const hdf5::FractalHeap heap = TRY(hdf5::FractalHeap::open(*file_, heap_address));
      TRY(hdf5::for_each_record(*file_, by_name, 8, [&](Cursor record) -> Result<void> {
        const int64_t offset = record.offset();
        const Bytes id = TRY(record.take(8));
        if (TRY(record.number(1)) & 2) return fail_at(ErrorCode::kUnsupported, "an attribute lies in the file's heap of shared messages", offset);
        const int64_t order = TRY(record.number(4));
        const auto object = TRY(heap.object(id, offset));
        return add(object.data, object.offset, order);
      }));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return std::pair(a.order, a.place) < std::pair(b.order, b.place); });
  std::vector<Hdf5Attribute> attributes;
  for (Entry& entry : entries) attributes.push_back(std::move(entry.attribute));
  return attributes;
}

Result<std::optional<Hdf5Attribute>> Hdf5Object::attribute(std::string_view name) const {
  for (Hdf5Attribute& attribute : TRY(attributes())) {
    if (attribute.name() == name) return std::move(attribute);
  }
  return std::optional<Hdf5Attribute>();
}

Result<Bytes> Hdf5Attribute::read() const { return hdf5::little_endian(type_, data_, offset_); }
Result<std::vector<std::string>> Hdf5Attribute::read_strings() const { return hdf5::decode_strings(*file_, type_, space_.elements, data_, offset_); }

Result<Hdf5Type> Hdf5Object::type() const {
  if (!is_dataset()) return no_dataset();
  return TRY(hdf5::read_dataset(*file_, *header_)).type;
}

Result<Hdf5Space> Hdf5Object::space() const {
  if (!is_dataset()) return no_dataset();
  return TRY(hdf5::read_dataset(*file_, *header_)).space;
}

Result<Bytes> Hdf5Object::read() const {
  if (!is_dataset()) return no_dataset();
  const hdf5::Dataset dataset = TRY(hdf5::read_dataset(*file_, *header_));
  if (dataset.type.kind == Hdf5Type::Kind::kOther || dataset.type.kind == Hdf5Type::Kind::kVariableString) {
    return hdf5::little_endian(dataset.type, {}, dataset.layout.offset);  // which says why not, before anything is unpacked
  }
  return hdf5::little_endian(dataset.type, TRY(hdf5::read_elements(*file_, dataset)), dataset.layout.offset);
}

Result<std::vector<std::string>> Hdf5Object::read_strings() const {
  if (!is_dataset()) return no_dataset();
  const hdf5::Dataset dataset = TRY(hdf5::read_dataset(*file_, *header_));
  if (!dataset.type.is_string()) return fail(ErrorCode::kInvalidArgument, "the type is not a string: " + dataset.type.name);
  return hdf5::decode_strings(*file_, dataset.type, dataset.space.elements, TRY(hdf5::read_elements(*file_, dataset)), dataset.layout.offset);
}

}  // namespace isomer
