// A recursive descent over RE2's syntax. Everything that matches one character becomes a set of code points, which is then written as a class of UTF-16
// units, so negation, \W and [[:alpha:]] need no thought of their own. The walk keeps what decides whether both engines agree: can the expression match
// nothing, and does a group lie in a repetition (JavaScript forgets its groups with each turn, RE2 keeps them)?
#include "formats/tfjs/regex_spelling.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "wire/regex.h"

namespace isomer::tfjs {
namespace {

constexpr uint32_t kLast = 0x10FFFF, kFirstPair = 0x10000, kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;
constexpr std::string_view kAnyPair = "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|", kSurrogates = "\\ud800-\\udfff";

struct Interval {
  uint32_t low, high;
};
using CodePoints = std::vector<Interval>;  // sorted, apart from each other

CodePoints normalized(CodePoints set) {
  std::sort(set.begin(), set.end(), [](const Interval& a, const Interval& b) { return a.low < b.low; });
  CodePoints joined;
  for (const Interval& i : set) {
    if (!joined.empty() && i.low <= joined.back().high + 1) {
      joined.back().high = std::max(joined.back().high, i.high);
    } else {
      joined.push_back(i);
    }
  }
  return joined;
}

CodePoints complement(const CodePoints& set) {
  CodePoints rest;
  uint32_t next = 0;
  for (const Interval& i : normalized(set)) {
    if (i.low > next) rest.push_back({next, i.low - 1});
    next = i.high + 1;
  }
  if (next <= kLast) rest.push_back({next, kLast});
  return rest;
}

void add(CodePoints& set, const CodePoints& more) { set.insert(set.end(), more.begin(), more.end()); }

const CodePoints kDigit{{'0', '9'}}, kWord{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, kBlank{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};

struct NamedClass {
  std::string_view name;
  CodePoints set;
};
const std::vector<NamedClass>& named_classes() {
  static const std::vector<NamedClass> kClasses{
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7F}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
      {"digit", kDigit},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", kWord},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return kClasses;
}

// The escape of a number in hexadecimal digits: \x41, \u00e9.
std::string escape(std::string_view prefix, uint32_t value, int digits) {
  std::string text(prefix);
  for (int i = digits; i-- > 0;) text += "0123456789abcdef"[value >> (4 * i) & 15];
  return text;
}

std::string unit_text(uint32_t unit, std::string_view special) {
  if (unit > 0x7F) return escape("\\u", unit, 4);
  const char c = static_cast<char>(unit);
  if (unit < ' ' || unit == 0x7F || (c >= 'A' && c <= 'Z')) return escape("\\x", unit, 2);
  std::string text(special.find(c) == std::string_view::npos ? "" : "\\");
  text += c;
  return text;
}

std::string class_items(const CodePoints& set) {
  std::string text;
  for (const auto& [low, high] : set) {
    text += unit_text(low, "\\]^-[");
    if (high == low) continue;
    if (high > low + 1) text += '-';
    text += unit_text(high, "\\]^-[");
  }
  return text;
}

// What matches one character of the set; nothing where it holds some of the characters above U+FFFF, but not all.
std::optional<std::string> set_text(const CodePoints& set) {
  const CodePoints rest = complement(set);
  const auto has_pairs = [](const CodePoints& s) { return !s.empty() && s.back().high >= kFirstPair; };
  if (has_pairs(set) && has_pairs(rest)) return std::nullopt;
  std::string text;
  if (has_pairs(set)) return text.append(kAnyPair).append("[^").append(class_items(rest)).append(kSurrogates).append("])");
  for (const Interval& i : set)
    if (i.low <= kLastSurrogate && i.high >= kFirstSurrogate) return std::nullopt;
  if (set.size() == 1 && set[0].low == set[0].high) return unit_text(set[0].low, "\\^$.*+?()[]{}|/");
  return text.append("[").append(class_items(set)).append("]");
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  struct Piece {
    std::string text;
    bool empty = true;        // may match nothing
    bool zero_width = false;  // matches nothing but nothing: not to be repeated
    std::vector<int> groups;  // in it
    bool is_group = false;    // a capturing group itself
  };

  std::optional<Piece> run() {
    auto piece = alternatives();
    if (piece && !rest_.empty()) return refuse("a parenthesis that nothing opens");
    return piece;
  }
  const std::string& reason() const { return reason_; }
  int groups() const { return groups_; }
  // Does JavaScript forget what the group matched where RE2 remembers it?
  bool forgotten(int group) const { return std::find(forgotten_.begin(), forgotten_.end(), group) != forgotten_.end(); }

 private:
  std::nullopt_t refuse(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
    return std::nullopt;
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  std::optional<Piece> alternatives() {
    if (++depth_ > 200) return refuse("the pattern is nested too deeply");
    Piece all;
    all.empty = false;
    const char* separator = "";
    do {
      const auto branch = sequence();
      if (!branch) return std::nullopt;
      all.text += separator + branch->text;
      separator = "|";
      all.empty = all.empty || branch->empty;
      all.groups.insert(all.groups.end(), branch->groups.begin(), branch->groups.end());
    } while (take("|"));
    --depth_;
    return all;
  }

  std::optional<Piece> sequence() {
    Piece all;
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      auto piece = atom();
      if (piece) piece = repeated(std::move(*piece));
      if (!piece) return std::nullopt;
      all.text += piece->text;
      all.empty = all.empty && piece->empty;
      all.groups.insert(all.groups.end(), piece->groups.begin(), piece->groups.end());
    }
    return all;
  }

  // The repetition {n}, {n,} or {n,m} at the start of the rest. Anything else in braces is text.
  std::string_view counted() const {
    size_t at = 1;
    const auto digits = [&] {
      const size_t first = at;
      while (at < rest_.size() && rest_[at] >= '0' && rest_[at] <= '9') ++at;
      return at > first;
    };
    if (rest_.empty() || rest_[0] != '{' || !digits()) return {};
    if (at < rest_.size() && rest_[at] == ',') {
      ++at;
      digits();
    }
    return at < rest_.size() && rest_[at] == '}' ? rest_.substr(0, at + 1) : std::string_view();
  }

  std::optional<Piece> repeated(Piece piece) {
    std::string_view times = rest_.empty() || std::string_view("*+?").find(rest_[0]) == std::string_view::npos ? counted() : rest_.substr(0, 1);
    if (times.empty()) return piece;
    rest_.remove_prefix(times.size());
    const bool optional = times == "*" || times == "?" || times.starts_with("{0,") || times.starts_with("{0}");
    if (times != "?") {
      if (piece.empty) return refuse("a repetition of what may match nothing ends elsewhere in JavaScript");
      if (!piece.is_group || piece.groups.size() > 1) forgotten_.insert(forgotten_.end(), piece.groups.begin() + (piece.is_group ? 1 : 0), piece.groups.end());
    } else if (piece.zero_width) {
      return refuse("JavaScript repeats no assertions");
    }
    piece.text += times;
    if (take("?")) piece.text += '?';
    if (!rest_.empty() && (std::string_view("*+?").find(rest_[0]) != std::string_view::npos || !counted().empty()))
      return refuse("JavaScript has no repetition of a repetition");
    piece.empty = piece.empty || optional;
    piece.is_group = false;
    return piece;
  }

  std::optional<Piece> atom() {
    if (take("(")) return group();
    if (take("[")) return one_of(bracketed());
    if (take(".")) return one_of(complement({{'\n', '\n'}}));
    if (take("^") || take("\\A")) return assertion("^");
    if (take("$") || take("\\z")) return assertion("$");
    if (take("\\b")) return assertion("\\b");
    if (take("\\B")) return assertion("(?!\\b)");
    if (rest_[0] == '\\') {
      if (auto set = escaped_class()) return one_of(std::move(set));
      const auto character = escaped();
      return character ? one_of(CodePoints{{*character, *character}}) : std::nullopt;
    }
    const auto character = literal();
    return character ? one_of(CodePoints{{*character, *character}}) : std::nullopt;
  }

  Piece assertion(std::string text) {
    Piece piece;
    piece.text = std::move(text);
    piece.zero_width = true;
    return piece;
  }

  std::optional<Piece> one_of(const std::optional<CodePoints>& set) {
    if (!set) return std::nullopt;
    Piece piece;
    piece.empty = false;
    if (set->size() == 1 && set->front().low == set->front().high && set->front().low >= kFirstPair) {
      const uint32_t offset = set->front().low - kFirstPair;
      piece.text = "(?:" + escape("\\u", 0xD800 + (offset >> 10), 4) + escape("\\u", 0xDC00 + (offset & 0x3FF), 4) + ")";
      return piece;
    }
    auto text = set_text(normalized(*set));
    if (!text || set->empty()) return refuse("some of the characters above U+FFFF are no class in JavaScript");
    piece.text = std::move(*text);
    return piece;
  }

  std::optional<Piece> group() {
    bool captures = true;
    if (take("?:")) {
      captures = false;
    } else if (take("?P<") || take("?<")) {
      const size_t end = rest_.find('>');
      if (end == std::string_view::npos) return refuse("a group's name has no end");
      rest_.remove_prefix(end + 1);
    } else if (rest_.starts_with("?")) {
      return refuse("JavaScript has no flags within a pattern");
    }
    const int number = captures ? ++groups_ : 0;
    auto piece = alternatives();
    if (!piece) return std::nullopt;
    if (!take(")")) return refuse("a group has no end");
    piece->text = (captures ? "(" : "(?:") + piece->text + ")";
    if (captures) piece->groups.insert(piece->groups.begin(), number);
    piece->is_group = captures;
    return piece;
  }

  // \d, \w, \s and their opposites.
  std::optional<CodePoints> escaped_class() {
    if (take("\\d")) return kDigit;
    if (take("\\D")) return complement(kDigit);
    if (take("\\w")) return kWord;
    if (take("\\W")) return complement(kWord);
    if (take("\\s")) return kBlank;
    if (take("\\S")) return complement(kBlank);
    return std::nullopt;
  }

  // An escape that stands for one character.
  std::optional<uint32_t> escaped() {
    rest_.remove_prefix(1);
    if (rest_.empty()) return refuse("the pattern ends with a backslash");
    const char c = rest_[0];
    rest_.remove_prefix(1);
    static constexpr std::pair<char, uint32_t> kNamed[] = {{'a', 7}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};
    for (const auto& [name, character] : kNamed)
      if (c == name) return character;
    if (c == 'x') return hexadecimal_escape();
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || static_cast<unsigned char>(c) > 0x7F) return refuse(std::string("JavaScript has no \\") + c);
    return static_cast<uint32_t>(c);
  }

  std::optional<uint32_t> hexadecimal_escape() {
    const bool braces = take("{");
    uint32_t value = 0;
    for (size_t digits = 0; !rest_.empty() && (braces ? rest_[0] != '}' : digits < 2); ++digits, rest_.remove_prefix(1)) {
      const char c = static_cast<char>(rest_[0] | 0x20);
      value = value * 16 + static_cast<uint32_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
      if (value > kLast) return refuse("there is no such character");
    }
    if (braces && !take("}")) return refuse("a character's number has no end");
    return value;
  }

  // One character of UTF-8; RE2 has checked it.
  std::optional<uint32_t> literal() {
    const auto lead = static_cast<unsigned char>(rest_[0]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (size > rest_.size()) return refuse("the pattern is not UTF-8");
    uint32_t character = size == 1 ? lead : lead & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; ++i) character = character << 6 | (static_cast<unsigned char>(rest_[i]) & 0x3F);
    rest_.remove_prefix(size);
    return character;
  }

  std::optional<CodePoints> bracketed() {
    const bool negated = take("^");
    CodePoints set;
    for (bool first = true; first || !rest_.starts_with("]"); first = false) {
      if (rest_.empty()) return refuse("a class has no end");
      if (take("[:")) {
        if (!named(set)) return std::nullopt;
        continue;
      }
      if (const auto known = escaped_class()) {
        add(set, *known);
        continue;
      }
      const auto low = rest_[0] == '\\' ? escaped() : literal();
      if (!low) return std::nullopt;
      auto high = low;
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        high = rest_[0] == '\\' ? escaped() : literal();
        if (!high || *high < *low) return refuse("a class has an empty range");
      }
      set.push_back({*low, *high});
    }
    rest_.remove_prefix(1);
    return negated ? complement(set) : set;
  }

  bool named(CodePoints& set) {
    const bool negated = take("^");
    for (const NamedClass& known : named_classes()) {
      if (!take(std::string(known.name) + ":]")) continue;
      add(set, negated ? complement(known.set) : known.set);
      return true;
    }
    refuse("JavaScript has no class of this name");
    return false;
  }

  std::string_view rest_;
  std::string reason_;
  std::vector<int> forgotten_;
  int groups_ = 0, depth_ = 0;
};

std::expected<std::string, std::string> rewrite_for_javascript(std::string_view rewrite, const Translator& pattern) {
  std::string text;
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const char c = rewrite[i];
    if (c == '$') {
      text += "$$";
    } else if (c == '\\') {
      const char digit = i + 1 < rewrite.size() ? rewrite[++i] : '\0';
      if (digit == '\\') return std::unexpected("a backslash in the replacement is a group to other readers of graph models");
      if (digit < '0' || digit > '9') return std::unexpected("the replacement has a backslash that means nothing");
      const int group = digit - '0';
      if (group > pattern.groups()) return std::unexpected("the replacement names a group that the pattern lacks");
      if (pattern.forgotten(group)) return std::unexpected("JavaScript forgets what a group matched in an earlier repetition");
      const bool digit_follows = i + 1 < rewrite.size() && rewrite[i + 1] >= '0' && rewrite[i + 1] <= '9';
      text += group == 0 ? "$&" : digit_follows ? "$0" : "$";
      if (group > 0) text += digit;
    } else if (c >= 'A' && c <= 'Z') {
      return std::unexpected("tf.js turns the replacement into lower case");
    } else if (static_cast<unsigned char>(c) > 0x7F) {
      return std::unexpected("tf.js reads the replacement as Latin-1");
    } else {
      text += c;
    }
  }
  return text;
}

bool is_unit(std::string_view text) { return text.starts_with("\\u") && text.size() >= 6; }
uint32_t unit_value(std::string_view text) { return static_cast<uint32_t>(std::stoul(std::string(text.substr(2, 4)), nullptr, 16)); }

bool all_hexadecimal(std::string_view text) { return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos; }

}  // namespace

std::expected<RegexSpelling, std::string> regex_for_javascript(std::string_view pattern, std::string_view rewrite) {
  if (auto compiled = wire::Regex::compile(pattern); !compiled) return std::unexpected(compiled.error().message);
  Translator translator(pattern);
  auto piece = translator.run();
  if (!piece) return std::unexpected(translator.reason());
  if (piece->empty) return std::unexpected("JavaScript finds a match of nothing where RE2 finds another, or none");
  auto replacement = rewrite_for_javascript(rewrite, translator);
  if (!replacement) return std::unexpected(std::move(replacement.error()));
  return RegexSpelling{std::move(piece->text), std::move(*replacement)};
}

RegexSpelling regex_from_javascript(std::string_view pattern, std::string_view rewrite) {
  RegexSpelling spelling;
  // (?:[pair]|[^...surrogates]) is the class [^...]; (?!\b) is \B; \uD83D\uDE00 and \u00E9 are characters.
  bool in_pair_class = false;
  for (size_t i = 0; i < pattern.size();) {
    const std::string_view rest = pattern.substr(i);
    const std::string end_of_class = std::string(kSurrogates) + "])";
    if (rest.starts_with(kAnyPair) && rest.find(end_of_class) != std::string_view::npos) {
      in_pair_class = true;
      i += kAnyPair.size();
    } else if (in_pair_class && rest.starts_with(end_of_class)) {
      in_pair_class = false;
      // Nothing left out: every character.
      if (spelling.pattern.ends_with("[^")) spelling.pattern.replace(spelling.pattern.size() - 1, 1, "\\x{0}-\\x{10ffff}");
      spelling.pattern += "]";
      i += end_of_class.size();
    } else if (rest.starts_with("(?!\\b)")) {
      spelling.pattern += "\\B";
      i += 6;
    } else if (is_unit(rest) && all_hexadecimal(rest.substr(2, 4))) {
      uint32_t character = unit_value(rest);
      i += 6;
      const std::string_view next = pattern.substr(i);
      if (character >= 0xD800 && character < 0xDC00 && is_unit(next) && all_hexadecimal(next.substr(2, 4))) {
        character = kFirstPair + ((character - 0xD800) << 10) + (unit_value(next) & 0x3FF);
        i += 6;
      }
      spelling.pattern += escape("\\x{", character, 6) + "}";
    } else {
      const size_t size = rest[0] == '\\' && rest.size() > 1 ? 2 : 1;
      spelling.pattern += rest.substr(0, size);
      i += size;
    }
  }
  if (rewrite.find('\\') != std::string_view::npos) {
    spelling.rewrite = rewrite;
    return spelling;
  }
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const char next = rewrite[i] == '$' && i + 1 < rewrite.size() ? rewrite[i + 1] : '\0';
    const bool two_digits = next == '0' && i + 2 < rewrite.size() && rewrite[i + 2] >= '1' && rewrite[i + 2] <= '9';
    if (next == '$') {
      spelling.rewrite += '$';
      ++i;
    } else if (next == '&') {
      spelling.rewrite += "\\0";
      ++i;
    } else if (two_digits || (next >= '1' && next <= '9')) {
      spelling.rewrite += '\\';
      spelling.rewrite += two_digits ? rewrite[i + 2] : next;
      i += two_digits ? 2 : 1;
    } else {
      spelling.rewrite += rewrite[i];
    }
  }
  return spelling;
}

}  // namespace isomer::tfjs
