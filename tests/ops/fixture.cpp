#include "ops/fixture.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ir/text.h"
#include "ops/registry.h"
#include "wire/gzip.h"

namespace isomer {
namespace {

class FixtureReader {
 public:
  explicit FixtureReader(const std::string& path) : path_(path) {}
  Result<OpFixture> read();

 private:
  Result<void> read_line(std::string_view line);
  Result<void> add_attribute(std::string_view text);
  Result<void> add_output(std::string_view text);
  Result<void> set_tolerance(std::string_view text);
  std::unexpected<Error> wrong(std::string message) const {
    return fail(Error{ErrorCode::kMalformed, std::move(message), path_ + ":" + std::to_string(line_), {}, {}});
  }
  // The result, with this line as the place of its error.
  template <class T>
  Result<T> here(Result<T> result) const {
    if (!result) return wrong(result.error().message + " (" + result.error().place + ")");
    return result;
  }

  std::string path_;
  int64_t line_ = 0;
  bool random_ = false;
  OpFixture fixture_;
};

Result<void> FixtureReader::add_attribute(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals < 2) return wrong("expected 'attr name = value'");
  std::string_view name = text.substr(0, equals);
  while (name.ends_with(' ')) name.remove_suffix(1);
  auto value = TRY(here(ir::parse_attribute(text.substr(equals + 1))));
  fixture_.cases.back().attributes.push_back({std::string(name), std::move(value)});
  return {};
}

Result<void> FixtureReader::add_output(std::string_view text) {
  ExpectedTensor output;
  if (text.starts_with("any ")) {
    // The type of an unchecked tensor is spelled as that of a placeholder's shape: dtype[sizes].
    const std::string_view type = text.substr(4);
    const size_t bracket = type.find('[');
    const auto dtype = dtype_from_string(type.substr(0, bracket));
    if (!dtype || bracket == std::string_view::npos) return wrong("expected 'out any dtype[sizes]'");
    const auto shape = TRY(here(ir::parse_attribute("shape" + std::string(type.substr(bracket)))));
    const auto known = std::get<PartialShape>(shape).known();
    if (!known) return wrong("expected a fully known shape");
    output = {*dtype, *known, {}};
  } else {
    output.value = TRY(here(ir::parse_tensor(text)));
    output.dtype = output.value.dtype();
    output.shape = output.value.shape();
  }
  fixture_.cases.back().outputs.push_back(std::move(output));
  return {};
}

Result<void> FixtureReader::set_tolerance(std::string_view text) {
  Tolerance& tolerance = fixture_.cases.back().tolerance;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, tolerance.absolute);
  if (first.ec != std::errc() || first.ptr == end) return wrong("expected 'tolerance absolute relative'");
  const auto second = std::from_chars(first.ptr + 1, end, tolerance.relative);
  if (second.ec != std::errc() || second.ptr != end) return wrong("expected 'tolerance absolute relative'");
  return {};
}

Result<void> FixtureReader::read_line(std::string_view line) {
  const auto take = [&](std::string_view word) {
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  };
  if (line.empty() || line.starts_with('#')) return {};
  if (take("op ")) {
    if (line != fixture_.op) return wrong("this file must be named " + std::string(line) + ".txt");
    return {};
  }
  if (take("case ")) {
    OpCase& c = fixture_.cases.emplace_back();
    c.label = line;
    c.line = line_;
    if (random_) c.tolerance = random_tolerance(fixture_.op);
    return {};
  }
  if (fixture_.cases.empty()) return wrong("expected 'case LABEL'");
  if (take("attr ")) return add_attribute(line);
  if (take("in ")) {
    fixture_.cases.back().inputs.push_back(TRY(here(ir::parse_tensor(line))));
    return {};
  }
  if (take("out ")) return add_output(line);
  if (take("tolerance ")) return set_tolerance(line);
  return wrong("expected op, case, attr, in, out or tolerance");
}

Result<OpFixture> FixtureReader::read() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return fail(ErrorCode::kIo, "cannot read " + path_);
  Bytes content = Bytes::from_string(std::string(std::istreambuf_iterator<char>(file), {}));
  fixture_.op = std::filesystem::path(path_).stem().string();
  random_ = fixture_.op.ends_with(".txt");
  if (random_) {
    fixture_.op.resize(fixture_.op.size() - 4);
    content = TRY(in_context(gunzip(content, {}), "reading " + path_));
  }
  std::string_view rest = content.text();
  const auto next_line = [&] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    ++line_;
    return line;
  };
  while (!rest.empty()) {
    const std::string_view line = next_line();
    if (line != "module") {
      TRY(read_line(line));
      continue;
    }
    // Empty lines in front keep the line numbers of errors those of the file.
    std::string text(static_cast<size_t>(line_), '\n');
    bool closed = false;
    while (!rest.empty() && !closed) {
      const std::string_view body = next_line();
      closed = body == "---";
      if (!closed) text += std::string(body) + "\n";
    }
    if (!closed) return wrong("expected a line '---' after the module");
    fixture_.module = TRY(ir::parse(text, {.find_op = ops::find_op, .source = path_}));
  }
  if (fixture_.cases.empty()) return wrong("this file has no cases");
  return std::move(fixture_);
}

}  // namespace

Result<OpFixture> read_op_fixture(const std::string& path) { return FixtureReader(path).read(); }

std::string difference(const Tensor& found, const ExpectedTensor& expected, const Tolerance& tolerance) {
  if (found.dtype() != expected.dtype || found.shape() != expected.shape) {
    return "expected " + std::string(to_string(expected.dtype)) + to_string(expected.shape) + ", found " + type_text(found);
  }
  const int64_t i = expected.value.valid() ? first_difference(found, expected.value, tolerance) : -1;
  if (i < 0) return "";
  return "element " + std::to_string(i) + " differs: expected " + ir::print_tensor(expected.value) + ", found " + ir::print_tensor(found);
}

}  // namespace isomer
