// The reader of JSON text.
//
// nlohmann-json's event parser does the lexing; this file builds the value, hands out streamed array elements and keeps to the limits.
//
// Python writes NaN, Infinity and -Infinity as bare tokens, which that lexer refuses. A scan before parsing finds such tokens where a value may
// stand; if there are any, they are replaced, in a copy, by a zero padded with spaces to the same length, so that every offset stays true. While
// parsing, the input iterator counts what the lexer has consumed: at the moment a number is reported that is its end and at most one byte more,
// and since a token stands alone between separators, a number belongs to the next replaced token exactly when the count has passed its start.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "wire/json.h"

namespace isomer {
namespace {

struct BareToken {
  int64_t offset = 0;
  double value = 0;
};

std::string position_text(std::string_view text, int64_t offset) {
  const auto before = text.substr(0, static_cast<size_t>(std::clamp<int64_t>(offset, 0, static_cast<int64_t>(text.size()))));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = 1 + before.size() - (newline == std::string_view::npos ? 0 : newline + 1);
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " + std::to_string(before.size()) + ")";
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// NaN, Infinity and -Infinity standing where JSON would have a value, outside of strings.
std::vector<BareToken> find_bare_tokens(std::string_view text) {
  std::vector<BareToken> found;
  if (text.find("NaN") == std::string_view::npos && text.find("Infinity") == std::string_view::npos) return found;
  static constexpr std::pair<std::string_view, double> kTokens[] = {{"NaN", std::numeric_limits<double>::quiet_NaN()},
                                                                    {"Infinity", std::numeric_limits<double>::infinity()},
                                                                    {"-Infinity", -std::numeric_limits<double>::infinity()}};
  char previous = '[';  // the last byte that is not white space; at the start a value may stand
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
    } else if ((c == 'N' || c == 'I' || c == '-') && (previous == '[' || previous == ',' || previous == ':')) {
      for (const auto& [token, value] : kTokens) {
        const std::string_view rest = text.substr(at);
        if (!rest.starts_with(token)) continue;
        const char next = rest.size() > token.size() ? rest[token.size()] : ' ';
        if (next == ',' || next == ']' || next == '}' || is_space(next)) found.push_back({static_cast<int64_t>(at), value});
      }
    }
    if (!is_space(c)) previous = c;
  }
  return found;
}

std::string without_bare_tokens(std::string_view text, const std::vector<BareToken>& tokens) {
  std::string copy(text);
  for (const BareToken& token : tokens) {
    auto at = static_cast<size_t>(token.offset);
    for (copy[at++] = '0'; at < copy.size() && (std::isalpha(static_cast<unsigned char>(copy[at])) != 0); ++at) copy[at] = ' ';
  }
  return copy;
}

// What the lexer reads from: counts the consumed bytes where the event handler can see them.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at = nullptr;
  int64_t* consumed = nullptr;

  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    ++at;
    ++*consumed;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at == other.at; }
};

// The paths of the streams as a tree of member names.
struct PathNode {
  std::map<std::string, std::unique_ptr<PathNode>, std::less<>> children;
  const JsonStream* stream = nullptr;
};

void add_path(PathNode& root, const JsonStream& stream) {
  PathNode* node = &root;
  for (size_t begin = 0; begin <= stream.path.size();) {
    const size_t end = std::min(stream.path.find('.', begin), stream.path.size());
    auto& child = node->children[stream.path.substr(begin, end - begin)];
    if (!child) child = std::make_unique<PathNode>();
    node = child.get();
    begin = end + 1;
  }
  node->stream = &stream;
}

class Builder {
 public:
  Builder(std::string_view text, const Limits& limits, const std::vector<BareToken>& tokens, const PathNode& paths, const int64_t& consumed)
      : text_(text), limits_(limits), tokens_(tokens), paths_(paths), consumed_(consumed) {}

  // The events of nlohmann::json_sax.
  bool null() { return complete({}); }
  bool boolean(bool value) { return complete(JsonValue(value)); }
  bool number_integer(int64_t value) { return complete(JsonValue(value)); }
  bool number_unsigned(uint64_t value) {
    if (next_token_ < tokens_.size() && tokens_[next_token_].offset < consumed_) return complete(JsonValue(tokens_[next_token_++].value));
    return complete(JsonValue::unsigned_integer(value));
  }
  bool number_float(double value, const std::string&) { return complete(JsonValue(value)); }
  bool string(std::string& value) { return count(heap_bytes(value)) && complete(JsonValue(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) { return refuse(ErrorCode::kMalformed, "unexpected binary value"); }
  bool start_object(size_t) { return open(JsonValue::object()); }
  bool start_array(size_t) { return open(JsonValue::array()); }
  bool key(std::string& name) {
    frames_.back().key = name;
    return true;
  }
  bool end_object() { return check_keys(frames_.back().value.members()) && close(); }
  bool end_array() { return close(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& problem) {
    // The library's text reads "[name] parse error at line 1, column 2: syntax error ..."; the position is given anew below.
    std::string_view what = problem.what();
    if (const size_t colon = what.find(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    const bool at_end = what.find("unexpected end of input") != std::string_view::npos;
    return refuse(at_end ? ErrorCode::kTruncated : ErrorCode::kMalformed, "not JSON: " + std::string(what),
                  static_cast<int64_t>(position) - (position > 0 && !at_end ? 1 : 0));
  }

  bool refuse(ErrorCode code, std::string message) { return refuse(code, std::move(message), consumed_); }
  std::optional<Error> error;
  JsonValue root;

 private:
  struct Frame {
    JsonValue value;
    std::string key;           // objects: of the member being read
    const PathNode* path;      // nullptr: no stream lies below
    int64_t bytes_before = 0;  // what was counted when this value began
    int64_t elements = 0;      // arrays: completed ones
  };

  static int64_t heap_bytes(const std::string& text) { return text.size() > 15 ? static_cast<int64_t>(text.size()) : 0; }

  bool refuse(ErrorCode code, std::string message, int64_t offset) {
    error = Error{code, std::move(message), position_text(text_, offset), {}, {}};
    if (code != ErrorCode::kTruncated && !frames_.empty()) error->place += ", in " + path_text();
    return false;
  }

  std::string path_text() const {
    std::string path = "$";
    for (const Frame& frame : frames_) path += frame.value.is_array() ? "[" + std::to_string(frame.elements) + "]" : frame.key.empty() ? "" : "." + frame.key;
    return path;
  }

  bool count(int64_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= limits_.document_bytes) return true;
    return refuse(ErrorCode::kLimitExceeded, "the JSON values take more than the limit of " + std::to_string(limits_.document_bytes) + " bytes of memory");
  }

  bool open(JsonValue container) {
    if (static_cast<int64_t>(frames_.size()) >= limits_.nesting) {
      return refuse(ErrorCode::kLimitExceeded, "JSON nested deeper than the limit of " + std::to_string(limits_.nesting));
    }
    const PathNode* path = frames_.empty() ? &paths_ : nullptr;
    if (!frames_.empty() && frames_.back().path) {
      const Frame& parent = frames_.back();
      if (parent.value.is_object()) {
        const auto child = parent.path->children.find(parent.key);
        if (child != parent.path->children.end()) path = child->second.get();
      } else if (container.is_object()) {
        path = parent.path;  // an array on the way is passed through
      }
    }
    frames_.push_back({std::move(container), {}, path, bytes_, 0});
    return true;
  }

  bool close() {
    JsonValue value = std::move(frames_.back().value);
    closed_bytes_before_ = frames_.back().bytes_before;
    frames_.pop_back();
    return complete(std::move(value));
  }

  bool complete(JsonValue value) {
    const int64_t bytes_before = value.is_array() || value.is_object() ? closed_bytes_before_ : bytes_;
    if (frames_.empty()) {
      root = std::move(value);
      return true;
    }
    Frame& parent = frames_.back();
    if (parent.value.is_array()) {
      if (parent.path && parent.path->stream) {
        if (auto taken = parent.path->stream->take(std::move(value)); !taken) {
          error = std::move(taken.error()).at(path_text());
          return false;
        }
        bytes_ = bytes_before;
        ++parent.elements;
        return true;
      }
      ++parent.elements;
      parent.value.items().push_back(std::move(value));
      return count(sizeof(JsonValue));
    }
    parent.value.members().push_back({parent.key, std::move(value)});
    return count(static_cast<int64_t>(sizeof(JsonMember)) + heap_bytes(parent.key));
  }

  bool check_keys(const JsonValue::Object& members) {
    const auto twice = [&](const std::string& key) { return refuse(ErrorCode::kMalformed, "the key \"" + key + "\" occurs twice in one object"); };
    if (members.size() <= 16) {
      for (size_t i = 1; i < members.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          if (members[i].key == members[j].key) return twice(members[i].key);
        }
      }
      return true;
    }
    std::vector<const std::string*> keys;
    keys.reserve(members.size());
    for (const JsonMember& member : members) keys.push_back(&member.key);
    std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
    const auto same = std::adjacent_find(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a == *b; });
    return same == keys.end() || twice(**same);
  }

  std::string_view text_;
  const Limits& limits_;
  const std::vector<BareToken>& tokens_;
  const PathNode& paths_;
  const int64_t& consumed_;
  size_t next_token_ = 0;
  std::vector<Frame> frames_;
  int64_t bytes_ = 0;
  int64_t closed_bytes_before_ = 0;
};

}  // namespace

Result<JsonValue> read_json(std::string_view text, const Limits& limits, std::span<const JsonStream> streams) {
  try {
    PathNode paths;
    for (const JsonStream& stream : streams) add_path(paths, stream);
    const std::vector<BareToken> tokens = find_bare_tokens(text);
    std::string patched;
    if (!tokens.empty()) {
      patched = without_bare_tokens(text, tokens);
      text = patched;
    }
    int64_t consumed = 0;
    Builder builder(text, limits, tokens, paths, consumed);
    const CountingIterator begin{text.data(), &consumed}, end{text.data() + text.size(), &consumed};
    if (nlohmann::json::sax_parse(begin, end, &builder)) return std::move(builder.root);
    if (builder.error) return fail(std::move(*builder.error));
    return fail(ErrorCode::kMalformed, "not JSON");
  } catch (const std::exception& problem) {
    return fail(ErrorCode::kLimitExceeded, std::string("reading JSON failed: ") + problem.what());
  }
}

}  // namespace isomer
