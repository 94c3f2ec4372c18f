// Request targets: path, query, route, cursors.
#include "common/base/strings.h"
#include "common/http/chain.h"
#include "daemon/services/common.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

const http::Router& router() {
  static http::RouteTable table;
  static const auto made = [] {
    for (const char* pattern :
         {"/", "/users", "/users/create", "/users/{id}", "/users/{id}/events", "/{any}/create",
          "/api/v1/events/user/{user_id}", "/api/v1/events/{kind}/{name}", "/a//b/"}) {
      for (const char* method : {"GET", "POST"}) {
        table.push_back({.method = method, .pattern = pattern, .handler = [](auto, auto) {}});
      }
    }
    http::Router routes;
    for (const auto& route : table) holds(routes.add(route).has_value(), "the table is valid");
    return routes;
  }();
  return made;
}

std::string encode_segments(std::string_view path) {
  std::string encoded;
  for (const auto& segment : split(path.substr(1), '/')) {
    encoded += "/" + percent_encode(*percent_decode(segment));
  }
  return encoded;
}

void check_route(std::string_view path) {
  const auto match = router().find("GET", path);
  if (match.route == nullptr) {
    holds(match.allow.empty(), "every path here has a GET");
    return;
  }
  holds(match.params.size() ==
            static_cast<std::size_t>(std::ranges::count(match.route->pattern, '{')),
        "each parameter of the pattern has a value");
  for (const auto& [name, value] : match.params) {
    holds(!name.empty() && !value.empty(), "a parameter is not empty");
  }
  // The same segments in another spelling.
  const auto spelled = router().find("GET", encode_segments(path));
  holds(spelled.route == match.route && spelled.params == match.params,
        "a path has one route, however it is spelled");
  // The pattern with the values put in.
  std::string made;
  std::size_t value = 0;
  for (const auto& segment : split(std::string_view(match.route->pattern).substr(1), '/')) {
    made +=
        "/" + (segment.starts_with('{') ? percent_encode(match.params[value++].second) : segment);
  }
  const auto again = router().find("GET", made);
  holds(again.route == match.route && again.params == match.params, "values fill their pattern");
  holds(router().find("POST", path).route != match.route, "a route has one method");
}

void check_target(std::string_view target) {
  http::Exchange exchange;
  if (const auto refusal = http::read_target(target, exchange)) {
    holds(refusal->status == 400, "a bad target is malformed");
    return;
  }
  const auto& request = exchange.request;
  holds(is_valid_utf8(request.path) && request.path.find('\0') == std::string::npos,
        "a path is text");
  std::string again = percent_encode(request.path) + "?";
  for (const auto& [name, value] : request.query) {
    holds(is_valid_utf8(name + value) && (name + value).find('\0') == std::string::npos,
          "a query is text");
    holds(request.param(name) == value, "a parameter has one value");
    again += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  http::Exchange second;
  holds(!http::read_target(again, second), "a target can be written again");
  holds(second.request.path == request.path && second.request.query == request.query,
        "a target reads back as it was written");
  const auto path = target.substr(0, target.find('?'));
  if (path.starts_with('/')) check_route(path);
}

void check_cursor(std::string_view text) {
  const auto value = services::read_cursor("users", text);
  holds(!value || services::make_cursor("users", *value) == text, "a cursor has one form");
  holds(!services::read_cursor("events", text) || !value, "a cursor is for one list");
  holds(services::read_cursor("users", services::make_cursor("users", text)) == text,
        "a cursor gives back what went in");
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  // The reader lets nothing else through.
  const bool clean = std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
  if (clean) check_target(text);
  check_cursor(text);
  return 0;
}
