#include "common/engines/qdrant/answers.h"

#include <algorithm>

#include "common/base/strings.h"

namespace mesh::qdrant {
namespace {

constexpr int kOldestMinor = 16;
constexpr std::size_t kMaxWords = 500;       // of a server, in a cause
constexpr std::size_t kMaxBytes = 64 << 20;  // as the client bounds them
constexpr const char* kMayBeDone = ": a change may have been done, or some of it; it is repeated";

// What the server says: {"status":{"error":"…"}}, or, of what checks credentials, plain text.
std::string words_of(const http::Response& response) {
  std::string words(trim(response.body));
  const auto answer = parse_json(response.body, {.max_bytes = kMaxBytes});
  if (answer && answer->is_object() && answer->contains("status")) {
    const auto& status = (*answer)["status"];
    if (status.is_object() && status.contains("error") && status["error"].is_string()) {
      words = status["error"].get<std::string>();
    }
  }
  if (!is_valid_utf8(words) || !is_printable(words)) words = "(no text)";
  return words.substr(0, kMaxWords);
}

std::string what(const Call& call, const http::Response& response) {
  return "qdrant answered " + call.method + " " + call.path + " with " +
         std::to_string(response.status) + ": " + words_of(response);
}

tl::unexpected<Error> refused(const Call& call, const http::Response& response) {
  const std::string cause = what(call, response);
  const auto unavailable = [&](std::string message) {
    return fail(ErrorKind::unavailable, std::move(message), cause);
  };
  switch (response.status) {
    case 401:
    case 403:
      return unavailable(
          "the Qdrant server of the index refuses the key of the mesh: look at "
          "qdrant.api_key_file, which needs one that may write");
    case 404:
      return fail(ErrorKind::not_found, "the Qdrant server of the index has no such collection",
                  cause);
    case 409:
      return fail(ErrorKind::conflict, "the Qdrant server of the index has such a collection",
                  cause);
    case 429:
      return unavailable(
          "the Qdrant server of the index limits its requests: raise read_rate_limit and "
          "write_rate_limit of its strict mode, or send it less");
    case 507:
      return unavailable(
          "the Qdrant server of the index (qdrant.url) has no room left: give it more disk");
    default:
      break;
  }
  if (response.status >= 500 || response.status == 408) {
    return unavailable("the Qdrant server of the index (qdrant.url) cannot answer now");
  }
  return unavailable(
      "the Qdrant server of the index (qdrant.url) refuses a request that it should take: look at "
      "its log, and at the strict mode of its collections");
}

}  // namespace

const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  return object.is_object() && object.contains(name) ? object[name] : kNone;
}

std::optional<std::string_view> header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (to_lower(key) == name) return value;
  }
  return std::nullopt;
}

bool may_pass(const http::Response& response) {
  const int status = response.status;
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 507) ||
         status < 300;
}

bool cannot_answer(const http::Response& response) {
  const int status = response.status;
  // A full disk (507) still answers searches.
  return status == 401 || status == 403 || (status >= 500 && status != 507);
}

tl::unexpected<Error> no_answer(const Call& call, const Error& error) {
  std::string message = "the Qdrant server of the index (qdrant.url) gives no answer";
  std::string cause = call.method + " " + call.path + ": " + error.message + " " + error.cause;
  if (call.change) return fail(ErrorKind::uncertain, message + kMayBeDone, std::move(cause));
  return fail(ErrorKind::unavailable, std::move(message), std::move(cause));
}

Result<Json> result_of(const Call& call, const http::Response& response) {
  if (response.status < 200 || response.status >= 300) {
    return refused(call, response);
  }
  auto answer = parse_json(response.body, {.max_bytes = kMaxBytes});
  if (!answer || !answer->is_object() || !answer->contains("result")) {
    return fail(ErrorKind::unavailable,
                "what answers at qdrant.url is no Qdrant server, or its answer was cut off",
                what(call, response));
  }
  Json result = std::move((*answer)["result"]);
  if (call.completes) {
    // "acknowledged" and "wait_timeout" say that it waits to be done.
    const bool completed = result.is_object() && result.value("status", Json()) == "completed";
    if (!completed) {
      return fail(ErrorKind::uncertain,
                  std::string("the Qdrant server of the index (qdrant.url) is slow") + kMayBeDone,
                  "it said " + dump(result).substr(0, kMaxWords));
    }
  }
  return result;
}

Result<Version> version_of(const http::Response& response) {
  const auto answer = parse_json(response.body);
  std::string version;
  // Of something else that answers there it may be anything: Elasticsearch has an object.
  if (response.status == 200 && answer && answer->is_object() && answer->contains("version") &&
      (*answer)["version"].is_string()) {
    version = (*answer)["version"].get<std::string>();
  }
  const auto parts = split(version, '.');
  const auto major = parse_int(parts[0]);
  const auto minor = parts.size() > 1 ? parse_int(parts[1]) : std::nullopt;
  if (!major || !minor) {
    return fail(ErrorKind::unavailable, "what answers at qdrant.url is no Qdrant server",
                "GET / answered " + std::to_string(response.status) + ": " + words_of(response));
  }
  if (*major != 1 || *minor < kOldestMinor) {
    return fail(ErrorKind::unavailable, "the Qdrant server at qdrant.url is version " + version +
                                            ": the index needs 1.16 or a newer 1.x");
  }
  return Version{version, static_cast<int>(*minor)};
}

}  // namespace mesh::qdrant
