#include "common/base/error.h"

namespace mesh {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::unauthenticated:
      return "unauthenticated";
    case ErrorKind::forbidden:
      return "forbidden";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::too_large:
      return "too_large";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::unprocessable:
      return "unprocessable";
    case ErrorKind::rate_limited:
      return "rate_limited";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::uncertain:
      return "uncertain";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::internal:
      return "internal";
  }
  return "unknown";
}

std::optional<ErrorKind> error_kind(std::string_view name) {
  for (auto kind = ErrorKind::invalid; kind <= ErrorKind::internal;
       kind = static_cast<ErrorKind>(static_cast<int>(kind) + 1)) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

bool Error::retryable() const {
  return kind == ErrorKind::unavailable || kind == ErrorKind::uncertain ||
         kind == ErrorKind::timeout || kind == ErrorKind::rate_limited;
}

std::string Error::to_string() const {
  std::string text{mesh::to_string(kind)};
  text += ": ";
  text += message;
  for (const auto& field : fields) text += "; " + field.pointer + ": " + field.detail;
  if (!cause.empty()) text += " (cause: " + cause + ")";
  return text;
}

tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string cause) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  error.cause = std::move(cause);
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> fail_uncertain(std::string what, std::string cause) {
  return fail(
      ErrorKind::uncertain,
      std::move(what) +
          ": it may have arrived, as a whole or in part; to repeat the request with the same "
          "Idempotency-Key is safe",
      std::move(cause));
}

tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace mesh
