// Cross-origin requests of browsers (the Fetch standard's CORS protocol).
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"

namespace mesh::http {

struct Request;
struct Response;

struct CorsOptions {
  std::vector<std::string> origins;  // "https://app.example.com"; none: no cross-origin requests
  Duration max_age{600'000};         // how long a browser may remember a preflight
};

// Adds what lets a page of a configured origin read `response`, and to a preflight's what the page
// may send. Credentials go in Authorization, so browsers are never allowed to add cookies.
void add_cors_headers(const CorsOptions& options, const Request& request, Response& response);

}  // namespace mesh::http
