// Errors as values.
//
// Every fallible function of Isomer returns Result<T>. An Error says what was expected and what was found (message), where (place), what was
// being done (context, added on the way up), and, where there is one, what the user can do about it (hint). Isomer throws no exceptions;
// exceptions of third-party libraries are caught where the library is called.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace isomer {

enum class ErrorCode {
  kTruncated,        // the input ends before a structure does
  kMalformed,        // the input breaks the rules of its format
  kUnsupported,      // valid, but not something Isomer (or the target) can express
  kLimitExceeded,    // a limit of base/limits.h was reached
  kNotFound,         // a file, signature, node or tag does not exist
  kInvalidModel,     // well-formed bytes that describe an impossible model
  kInvalidArgument,  // the caller asked for something impossible (exit code 2 in the program)
  kIo,               // the operating system refused
  kInternal,         // a fault of Isomer
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;               // what was expected, what was found
  std::string place;                 // file and byte offset, JSON path, or graph, node and op; may be empty
  std::vector<std::string> context;  // innermost first
  std::string hint;                  // what the user can do; may be empty

  Error&& at(std::string where) && {
    if (place.empty()) place = std::move(where);
    return std::move(*this);
  }
  Error&& with_context(std::string line) && {
    context.push_back(std::move(line));
    return std::move(*this);
  }
  Error&& with_hint(std::string text) && {
    if (hint.empty()) hint = std::move(text);
    return std::move(*this);
  }
  // Message, place, context and hint on separate lines, as the program prints them.
  std::string describe() const;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) { return std::unexpected(Error{code, std::move(message), {}, {}, {}}); }
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

// `Result` of an expression, with a line of context added when it failed.
template <class T>
Result<T> in_context(Result<T> result, std::string line) {
  if (!result) return std::unexpected(std::move(result.error()).with_context(std::move(line)));
  return result;
}

namespace detail {
template <class T>
T take(std::expected<T, Error>&& result) {
  return std::move(*result);
}
inline void take(std::expected<void, Error>&&) {}
}  // namespace detail

// The value of a Result, or return its error from here. Not inside braces after another element (tools/check-try). The counter keeps nested uses apart.
#define TRY(...) ISOMER_TRY_NAMED(ISOMER_TRY_NAME(__COUNTER__), __VA_ARGS__)
#define ISOMER_TRY_NAME(number) ISOMER_TRY_PASTE(try_result_, number)
#define ISOMER_TRY_PASTE(a, b) a##b
#define ISOMER_TRY_NAMED(name, ...)                             \
  ({                                                            \
    auto name = (__VA_ARGS__);                                  \
    if (!name) return std::unexpected(std::move(name).error()); \
    ::isomer::detail::take(std::move(name));                    \
  })

}  // namespace isomer
