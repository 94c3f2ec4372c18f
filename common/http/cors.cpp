#include "common/http/cors.h"

#include <algorithm>

#include "common/http/message.h"

namespace mesh::http {
namespace {

constexpr const char* kReadable =
    "Accept-Encoding, Allow, ETag, Idempotent-Replayed, Link, Location, Mesh-Position, "
    "Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";

}  // namespace

void add_cors_headers(const CorsOptions& options, const Request& request, Response& response) {
  if (options.origins.empty()) return;
  const auto add = [&](const char* name, std::string value) {
    response.headers.emplace_back(name, std::move(value));
  };
  const auto method = request.header("Access-Control-Request-Method");
  const bool preflight = request.method == "OPTIONS" && method.has_value();
  // Caches keep an answer for the origin that asked; also one without the fields below.
  add("Vary", preflight ? "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
                        : "Origin");
  const auto origin = request.header("Origin");
  // No error for another origin: without the fields the browser keeps the answer from the page.
  if (!origin || std::ranges::find(options.origins, *origin) == options.origins.end()) return;
  add("Access-Control-Allow-Origin", std::string(*origin));
  if (!preflight) return add("Access-Control-Expose-Headers", kReadable);
  // find_route answered the preflight with it: the methods are those that the path has.
  const auto allow = std::ranges::find(response.headers, "Allow", &HeaderList::value_type::first);
  if (allow != response.headers.end()) {
    add("Access-Control-Allow-Methods", std::string(allow->second));
  }
  // Any: the attributes of binary CloudEvents are header fields of every name.
  if (const auto headers = request.header("Access-Control-Request-Headers")) {
    add("Access-Control-Allow-Headers", std::string(*headers));
  }
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(options.max_age).count();
  add("Access-Control-Max-Age", std::to_string(age));
}

}  // namespace mesh::http
