// Einsum in the plain form: small labels, no ellipsis, no label twice in one operand, nothing that broadcasts.
//
//   ellipses      become labels; dimensions of size 1 that broadcast against others are squeezed away, and come back where the result has them
//   a label twice becomes one: x is masked where the two indices differ and summed over the second ("ii->i" is the diagonal)
//   labels        are renamed to a, b, c ... by first use
#include <algorithm>
#include <map>

#include "passes/build.h"

namespace isomer::passes {
namespace {

// Labels as numbers: characters are themselves, the dimensions of the ellipsis are 1000 (last), 1001, ...
constexpr int kEllipsis = 1000;
using Labels = std::vector<int>;

struct Operand {
  Labels labels;
  Term value;
};

// `dims` is how many dimensions the ellipsis stands for.
Labels read_labels(std::string_view text, int64_t dims) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      for (int64_t d = dims; d-- > 0;) labels.push_back(kEllipsis + static_cast<int>(d));
      i += 2;
    } else {
      labels.push_back(static_cast<unsigned char>(text[i]));
    }
  }
  return labels;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Makes labels that occur twice one.
void take_diagonals(Operand& operand) {
  for (size_t i = 0; i < operand.labels.size(); ++i) {
    for (size_t j = operand.labels.size(); j-- > i + 1;) {
      if (operand.labels[i] != operand.labels[j]) continue;
      Builder& b = operand.value.builder();
      const auto rank = static_cast<int64_t>(operand.labels.size());
      const auto along = [&](size_t axis) {
        std::vector<Size> sizes(static_cast<size_t>(rank), int64_t{1});
        sizes[axis] = int64_t{-1};
        return reshape(range(b, b.size_of(operand.value, static_cast<int64_t>(axis))), sizes);
      };
      const Term masked = select(equal(along(i), along(j)), operand.value, b.number(operand.value.dtype(), 0));
      operand.value = sum(masked, static_cast<int64_t>(j));
      operand.labels.erase(operand.labels.begin() + static_cast<int64_t>(j));
    }
  }
}

// "ab,bc->ac" with labels named by first use; empty where there are more than 26.
std::string equation_of(std::span<const Labels> operands, const Labels& result) {
  std::map<int, char> names;
  std::string text;
  const auto append = [&](const Labels& labels) {
    for (const int label : labels) text += names.try_emplace(label, static_cast<char>('a' + names.size())).first->second;
  };
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i > 0) text += ',';
    append(operands[i]);
  }
  text += "->";
  append(result);
  return names.size() > 26 ? std::string() : text;
}

}  // namespace

// Before: Einsum(...) {equation = "...ij,jK->...iK"}   After: Einsum in the plain form, as the head of this file says
Result<bool> lower_einsum(RuleContext& context, ir::NodeId node, std::string& reason) {
  Builder b(context, node);
  std::string equation = b.attribute<std::string>("equation", "");
  std::erase(equation, ' ');
  const size_t arrow = equation.find("->");
  if (arrow == std::string::npos) return refuse(reason, "the equation must name the labels of the result");
  const auto texts = split(std::string_view(equation).substr(0, arrow), ',');
  const std::string result_text = equation.substr(arrow + 2);
  if (static_cast<int64_t>(texts.size()) != b.input_count()) return refuse(reason, "the equation has another number of operands");

  std::vector<Operand> operands;
  int64_t ellipsis = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Term value = b.input(static_cast<int64_t>(i));
    int64_t dims = 0;
    if (texts[i].find('.') != std::string::npos) {
      if (!value.shape().has_rank()) return refuse(reason, "the rank of an operand with an ellipsis must be known");
      dims = value.shape().rank() - (static_cast<int64_t>(texts[i].size()) - 3);
      if (dims < 0) return refuse(reason, "an operand has fewer dimensions than the equation says");
    }
    ellipsis = std::max(ellipsis, dims);
    operands.push_back({read_labels(texts[i], dims), value});
  }
  const Labels result = read_labels(result_text, ellipsis);
  for (size_t i = 0; i < result.size(); ++i)
    if (std::count(result.begin(), result.end(), result[i]) > 1) return refuse(reason, "a label occurs twice in the result");
  for (const Operand& operand : operands)
    if (operand.value.shape().has_rank() && operand.value.shape().rank() != static_cast<int64_t>(operand.labels.size()))
      return refuse(reason, "an operand has another rank than the equation says");

  // A dimension of size 1 broadcasts where another operand has more.
  const auto size_of = [](const Operand& operand, size_t axis) {
    return operand.value.shape().has_rank() ? operand.value.shape()[static_cast<int64_t>(axis)] : kUnknownDim;
  };
  std::map<int, bool> broadcasts;  // label -> some operand has a size other than 1
  for (const Operand& operand : operands)
    for (size_t axis = 0; axis < operand.labels.size(); ++axis) broadcasts[operand.labels[axis]] |= size_of(operand, axis) != 1;
  for (Operand& operand : operands) {
    take_diagonals(operand);
    for (size_t axis = operand.labels.size(); axis-- > 0;) {
      if (size_of(operand, axis) != 1 || !broadcasts[operand.labels[axis]]) continue;
      operand.value = squeeze(operand.value, static_cast<int64_t>(axis));
      operand.labels.erase(operand.labels.begin() + static_cast<int64_t>(axis));
    }
  }

  std::vector<Labels> labels;
  std::vector<Term> values;
  for (const Operand& operand : operands) {
    labels.push_back(operand.labels);
    values.push_back(operand.value);
  }
  const std::string text = equation_of(labels, result);
  if (text.empty()) return refuse(reason, "the equation has more than 26 labels");
  return b.replace(b.make("Einsum", values, {{"equation", text}}));
}

}  // namespace isomer::passes
