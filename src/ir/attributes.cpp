#include "ir/attributes.h"

#include <bit>

namespace isomer::ir {
namespace {

bool same(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}
bool same(const Tensor& a, const Tensor& b) { return a.identical(b); }
template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}

}  // namespace

bool equal(const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&]<class T>(const T& x) { return same(x, std::get<T>(b)); }, a);
}

const AttributeValue* find(const AttributeMap& map, std::string_view name) {
  for (const NamedAttribute& attribute : map)
    if (attribute.name == name) return &attribute.value;
  return nullptr;
}

bool Attributes::equals(const Attributes& other) const {
  const AttributeMap a = to_map(), b = other.to_map();
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].name != b[i].name || !equal(a[i].value, b[i].value)) return false;
  return true;
}

}  // namespace isomer::ir
