#include "common/client/problem.h"

#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::client {
namespace {

std::string text_member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::vector<FieldError> field_errors(const Json& problem) {
  std::vector<FieldError> fields;
  const auto errors = problem.find("errors");
  if (errors == problem.end() || !errors->is_array()) return fields;
  for (const Json& one : *errors) {
    if (one.is_object())
      fields.push_back({text_member(one, "pointer"), text_member(one, "detail")});
  }
  return fields;
}

}  // namespace

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
      return ErrorKind::unauthenticated;
    case 403:
      return ErrorKind::forbidden;
    case 404:
      return ErrorKind::not_found;
    // 415 is the kind's own; the others say as well that something is not understood, and may be
    // those of a proxy.
    case 405:
    case 406:
    case 415:
    case 501:
      return ErrorKind::unsupported;
    case 408:
    case 504:
      return ErrorKind::timeout;
    case 409:
    case 412:
      return ErrorKind::conflict;
    case 413:
    case 414:
    case 431:
      return ErrorKind::too_large;
    case 422:
      return ErrorKind::unprocessable;
    case 429:
      return ErrorKind::rate_limited;
    case 502:
    case 503:
      return ErrorKind::unavailable;
    default:
      // A redirect is internal as well: none is followed.
      return status >= 400 && status < 500 ? ErrorKind::invalid : ErrorKind::internal;
  }
}

std::optional<std::string> header_of(const http::Response& response, std::string_view name) {
  // HTTP/1.1 field names have no case, and a proxy may write them anew.
  const std::string wanted = to_lower(name);
  for (const auto& [key, value] : response.headers) {
    if (to_lower(key) == wanted) return value;
  }
  return std::nullopt;
}

Error error_of(const http::Response& response) {
  Error error;
  error.kind = kind_of_status(response.status);
  // The header first: it is there even where the body is not meshd's, or no JSON.
  std::string request_id = header_of(response, "x-request-id").value_or("");
  // A problem of a batch has a pointer for each line, so more than the default 1 MiB.
  const auto body = parse_json(response.body, {64, 4 << 20});
  if (body && body->is_object()) {
    error.message = text_member(*body, "detail");
    if (error.message.empty()) error.message = text_member(*body, "title");
    error.fields = field_errors(*body);
    // The one kind that its status, 503, does not tell.
    if (text_member(*body, "type") == http::kUncertainProblem) error.kind = ErrorKind::uncertain;
    if (request_id.empty()) request_id = text_member(*body, "request_id");
  }
  // As of a proxy that answers in HTML.
  if (error.message.empty()) {
    error.message = "the server answered with status " + std::to_string(response.status);
  }
  // It is printed on a terminal and goes into logs.
  if (!request_id.empty() && is_printable(request_id)) {
    error.request_id = std::move(request_id);
  }
  if (const auto after = header_of(response, "retry-after")) {
    // Seconds only, as meshd writes them; a date of a proxy, and more than a day, are passed over.
    if (const auto seconds = parse_int(*after); seconds && *seconds >= 0 && *seconds <= 86'400) {
      error.retry_after = std::chrono::seconds{*seconds};
    }
  }
  return error;
}

std::optional<std::string> next_page(const http::Response& response) {
  const auto link = header_of(response, "link");
  if (!link) return std::nullopt;
  for (std::string_view rest = *link; !rest.empty();) {
    const auto open = rest.find('<');
    const auto close = rest.find('>', open == rest.npos ? 0 : open);
    if (open == rest.npos || close == rest.npos) return std::nullopt;
    std::string_view target = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    // Up to the next link. A comma alone does not end one: parameters may have commas in quotes.
    const std::string_view parameters =
        rest.substr(0, rest.find(",<") == rest.npos ? rest.find(", <") : rest.find(",<"));
    const std::string lower = to_lower(parameters);
    if (lower.find("rel=\"next\"") != lower.npos || lower.find("rel=next") != lower.npos) {
      // What an absolute link says of the host is not believed: the request carries a credential.
      if (const auto scheme = target.find("://"); scheme != target.npos) {
        const auto path = target.find('/', scheme + 3);
        target = path == target.npos ? std::string_view{"/"} : target.substr(path);
      }
      if (target.starts_with('/')) return std::string(target);
      return std::nullopt;
    }
    rest.remove_prefix(parameters.size());
  }
  return std::nullopt;
}

}  // namespace mesh::client
