// result.h: how every fallible call of Whittle answers.
//
//   Result<T>  a value or an Error; Status is Result<void>.
//   Error      code, one sentence for people, and the place: innermost first, for example
//              {"node conv1/BiasAdd", "function __inference_f_12", "saved_model.pb"}.
//
// What a file, a user or a browser can cause is an Error; what only our own mistake can cause is an
// assert. Nothing throws. Errors are rare, so an Error lives behind a pointer and a Result<T> is as
// large as its value plus one word.
#ifndef WHITTLE_RESULT_H_
#define WHITTLE_RESULT_H_

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whittle {

enum class Code {
  kInvalidArgument,  // the request does not fit the model: unknown signature, bad parameter
  kCorrupt,          // bytes that break their own format
  kUnsupported,      // well formed, but outside of what Whittle does
  kNotFound,         // a file, tag, signature or node that does not exist
  kLimit,            // above a documented limit or the memory budget
  kIo,               // reading or writing failed
  kBoundMissed,      // a size or quality bound was missed
  kCancelled,        // the caller asked to stop
  kInternal,         // our own mistake, reported instead of crashing
  kNeedBytes,        // inside the core only: ranges are missing, see Context::missing()
};

// The name used on every surface: "invalid_argument", "corrupt", …
std::string_view code_name(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;              // one sentence, no trailing period
  std::vector<std::string> where;   // innermost place first

  // Adds the next outer place.
  Error&& in(std::string place) && {
    where.push_back(std::move(place));
    return std::move(*this);
  }
  // "corrupt: footer too short (12 of 48 bytes), in variables.index"
  std::string to_string() const;
};

// Frees an Error; out of line, for it happens at every return of every fallible function.
struct ErrorDelete {
  void operator()(Error* error) const noexcept;
};

// An error on its way out: what the makers below give and what the macros pass on. Becomes a Result of
// any type, or an Error.
class [[nodiscard]] Failure {
 public:
  Failure(Error error);  // NOLINT
  explicit Failure(std::unique_ptr<Error, ErrorDelete> box) : box_(std::move(box)) {}
  // Adds the next outer place.
  Failure&& in(std::string place) &&;
  operator Error() && { return std::move(*box_); }  // NOLINT

 private:
  template <class T>
  friend class Result;
  std::unique_ptr<Error, ErrorDelete> box_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                    // NOLINT
  Result(Failure failure) : error_(std::move(failure.box_)) {}     // NOLINT
  Result(Error error) : Result(Failure(std::move(error))) {}       // NOLINT
  Result(Result&&) noexcept = default;
  Result& operator=(Result&&) noexcept = default;

  bool ok() const { return error_ == nullptr; }
  T& value() & { assert(ok()); return *value_; }
  const T& value() const& { assert(ok()); return *value_; }
  T&& value() && { assert(ok()); return std::move(*value_); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  const Error& error() const { assert(!ok()); return *error_; }
  Error&& take_error() { assert(!ok()); return std::move(*error_); }
  Failure failure() && { assert(!ok()); return Failure(std::move(error_)); }

 private:
  std::optional<T> value_;
  std::unique_ptr<Error, ErrorDelete> error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Failure failure) : error_(std::move(failure.box_)) {}     // NOLINT
  Result(Error error) : Result(Failure(std::move(error))) {}       // NOLINT
  bool ok() const { return error_ == nullptr; }
  const Error& error() const { assert(!ok()); return *error_; }
  Error&& take_error() { assert(!ok()); return std::move(*error_); }
  Failure failure() && { assert(!ok()); return Failure(std::move(error_)); }

 private:
  std::unique_ptr<Error, ErrorDelete> error_;
};

using Status = Result<void>;

// Error makers: `return corrupt(cat("footer too short (", n, " of 48 bytes)"));`
Failure invalid_argument(std::string message);
Failure corrupt(std::string message);
Failure unsupported(std::string message);
Failure not_found(std::string message);
Failure over_limit(std::string message);
Failure io_error(std::string message);
Failure internal_error(std::string message);

#define WHITTLE_CONCAT_INNER_(a, b) a##b
#define WHITTLE_CONCAT_(a, b) WHITTLE_CONCAT_INNER_(a, b)

// Returns the error of `expr` (a Result of any type) from the enclosing function.
#define WHITTLE_CHECK(expr)                                              \
  do {                                                                      \
    auto whittle_status_ = (expr);                                          \
    if (!whittle_status_.ok()) return std::move(whittle_status_).failure(); \
  } while (false)

// The same, naming the place the error passed through.
#define WHITTLE_CHECK_IN(expr, place)                                                   \
  do {                                                                                \
    auto whittle_status_ = (expr);                                                    \
    if (!whittle_status_.ok()) return std::move(whittle_status_).failure().in(place); \
  } while (false)

// WHITTLE_ASSIGN(auto block, read_block(handle)); declares or assigns, or returns the error.
#define WHITTLE_ASSIGN(decl, expr) \
  WHITTLE_ASSIGN_INNER_(WHITTLE_CONCAT_(whittle_result_, __LINE__), decl, expr)
#define WHITTLE_ASSIGN_INNER_(temp, decl, expr) \
  auto temp = (expr);                               \
  if (!temp.ok()) return std::move(temp).failure(); \
  decl = std::move(temp).value()
#define WHITTLE_ASSIGN_IN(decl, expr, place) \
  WHITTLE_ASSIGN_IN_INNER_(WHITTLE_CONCAT_(whittle_result_, __LINE__), decl, expr, place)
#define WHITTLE_ASSIGN_IN_INNER_(temp, decl, expr, place)       \
  auto temp = (expr);                                         \
  if (!temp.ok()) return std::move(temp).failure().in(place); \
  decl = std::move(temp).value()

}  // namespace whittle

#endif  // WHITTLE_RESULT_H_
