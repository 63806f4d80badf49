#include <algorithm>
#include <cstdio>

#include "cli/command.h"

namespace isomer::cli {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

// Cells side by side, two blanks apart: the first column to the left, the others to the right, the last as it is.
std::string lines(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - row[i].size(), ' ');
      if (i > 0) line += "  ";
      line += i == 0 ? row[i] + blanks : i + 1 == widths.size() ? row[i] : blanks + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += "  " + line + "\n";
  }
  return text;
}

std::string_view dtype_of(const AutoQuantizedWeight& weight) { return weight.storage == DType::kHalf ? "float16" : to_string(weight.storage); }

std::pair<int64_t, int64_t> totals(const AutoQuantizeReport& report) {
  std::pair<int64_t, int64_t> bytes;
  for (const AutoQuantizedWeight& weight : report.weights) {
    bytes.first += weight.bytes_before;
    bytes.second += weight.bytes_after;
  }
  return bytes;
}

}  // namespace

std::string describe_quantization(const AutoQuantizeReport& report) {
  std::vector<std::vector<std::string>> rows = {{"weight", "dtype", "bytes", "before", "error alone", ""}};
  for (const AutoQuantizedWeight& weight : report.weights) {
    const bool tried = weight.kept.empty();
    rows.push_back({weight.name, std::string(dtype_of(weight)), human_count(weight.bytes_after), human_count(weight.bytes_before),
                    tried ? (weight.measured ? "" : "~") + number(weight.error) : "", tried ? "" : "not tried: " + weight.kept});
  }
  const auto [before, after] = totals(report);
  rows.push_back({"all", "", human_count(after), human_count(before), number(report.error), ""});
  return "weights, each as small as an error of " + number(report.max_error) +
         " allows (error alone: this weight alone stored in the fewest bytes; ~ estimated)\n" + lines(rows) + "  " + plural(report.runs, "run") +
         " of the model (" + std::to_string(report.allowed_runs) + " at most) in " + number(report.seconds) + " s\n";
}

JsonValue quantization_json(const AutoQuantizeReport& report) {
  JsonValue::Array weights;
  for (const AutoQuantizedWeight& weight : report.weights) {
    JsonValue row = JsonValue::object();
    row["name"] = JsonValue(weight.name);
    row["dtype"] = JsonValue(dtype_of(weight));
    row["bytes_before"] = weight.bytes_before;
    row["bytes_after"] = weight.bytes_after;
    if (weight.kept.empty()) {
      row["error_alone"] = weight.error;
      row["measured"] = weight.measured;
    } else {
      row["kept"] = JsonValue(weight.kept);
    }
    weights.push_back(std::move(row));
  }
  const auto [before, after] = totals(report);
  JsonValue object = JsonValue::object();
  object["max_error"] = report.max_error;
  object["error"] = report.error;
  object["bytes_before"] = before;
  object["bytes_after"] = after;
  object["runs"] = report.runs;
  object["allowed_runs"] = report.allowed_runs;
  object["seconds"] = report.seconds;
  object["weights"] = JsonValue(std::move(weights));
  return object;
}

}  // namespace isomer::cli
