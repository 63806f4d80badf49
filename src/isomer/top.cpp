#include "isomer/top.h"

#include <algorithm>
#include <cmath>

#include "base/mapped_file.h"
#include "wire/json.h"

namespace isomer {
namespace {

constexpr int64_t kMostLabels = 10'000'000;

Result<std::vector<std::string>> labels_from_json(const JsonValue& json) {
  std::vector<std::string> labels;
  if (json.is_array()) {
    for (const JsonValue& label : json.items()) {
      if (!label.is_string()) return fail(ErrorCode::kMalformed, "label " + std::to_string(labels.size()) + " is " + describe(label));
      labels.push_back(label.text());
    }
    return labels;
  }
  if (!json.is_object()) return fail(ErrorCode::kMalformed, "expected a list of labels or an object of index and label, found " + describe(json));
  for (const JsonMember& member : json.members()) {
    const auto index = JsonValue(member.key).as_int64();
    if (!index || *index < 0 || *index >= kMostLabels || !member.value.is_string())
      return fail(ErrorCode::kMalformed, "expected an index and a label, found \"" + member.key + "\": " + describe(member.value));
    if (*index >= static_cast<int64_t>(labels.size())) labels.resize(static_cast<size_t>(*index) + 1);
    labels[static_cast<size_t>(*index)] = member.value.text();
  }
  return labels;
}

std::vector<std::string> labels_from_lines(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    labels.emplace_back(line);
  }
  return labels;
}

}  // namespace

std::vector<std::vector<RankedClass>> top_classes(const Tensor& output, int64_t count) {
  const TypeClass kind = type_class(output.dtype());
  if (output.rank() == 0 || output.shape().back() < 1 || (kind != TypeClass::kFloat && kind != TypeClass::kInteger)) return {};
  const int64_t classes = output.shape().back();
  std::vector<std::vector<RankedClass>> rows;
  for (int64_t first = 0; first < output.elements(); first += classes) {
    std::vector<RankedClass> row;
    for (int64_t i = 0; i < classes; ++i) row.push_back({i, output.as_double(first + i)});
    const auto middle = row.begin() + std::min(count, classes);
    std::partial_sort(row.begin(), middle, row.end(), [](const RankedClass& a, const RankedClass& b) {
      if (std::isnan(a.score) != std::isnan(b.score)) return std::isnan(b.score);
      return a.score != b.score && !std::isnan(a.score) ? a.score > b.score : a.index < b.index;
    });
    row.erase(middle, row.end());
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<std::string>> read_labels(const std::string& path, const Limits& limits) {
  const std::string context = "reading the labels from " + path;
  const std::string text = TRY(in_context(read_small_file(path, 64 << 20), context));
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (path.ends_with(".json") || (first != std::string::npos && (text[first] == '[' || text[first] == '{')))
    return in_context(labels_from_json(TRY(in_context(read_json(text, limits), context))), context);
  return labels_from_lines(text);
}

}  // namespace isomer
