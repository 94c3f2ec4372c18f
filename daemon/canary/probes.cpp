#include "daemon/canary/probes.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "daemon/canary/creations.h"

namespace mesh::canary {
namespace {

constexpr const char* kTenants[] = {"mesh-canary-a", "mesh-canary-b"};
constexpr std::string_view kUserPath = "/users/{id}";
constexpr std::string_view kEventPath = "/api/v1/events/{id}";
constexpr std::string_view kUsagePath = "/api/v1/usage";

// The name of a path's part, "" for a path without one.
std::string_view part_of(std::string_view pattern) {
  const auto begin = pattern.find('{');
  if (begin == pattern.npos) return {};
  return pattern.substr(begin + 1, pattern.find('}') - begin - 1);
}

// What stands in a path in place of its part; nothing where that is not known here.
std::optional<std::string> value_of(std::string_view pattern, const Planted& owner) {
  if (pattern == kEventPath) {
    return owner.event.empty() ? std::nullopt : std::optional(owner.event);
  }
  if (pattern != kUserPath) return owner.name;
  return owner.user ? std::optional(std::to_string(*owner.user)) : std::nullopt;
}

bool is_known(std::string_view pattern) {
  const auto part = part_of(pattern);
  return part.empty() || part == "user_id" || part == "researcher" || pattern == kUserPath ||
         pattern == kEventPath;
}

bool is_stream(const http::Route& route) {
  return std::ranges::any_of(route.answers, [](const http::Answer& answer) {
    return std::ranges::any_of(answer.content, [](const http::Content& content) {
      return content.media == "text/event-stream";
    });
  });
}

bool succeeded(const http::Response& answer) { return answer.status >= 200 && answer.status < 300; }

bool holds(const http::Response& answer, const std::string& text) {
  return answer.body.find(text) != std::string::npos ||
         std::ranges::any_of(answer.headers, [&](const auto& header) {
           return header.second.find(text) != std::string::npos;
         });
}

}  // namespace

// Without the tenant's id, since others ask for it.
std::string address_of(const Planted& planted) { return planted.name + "@canary.invalid"; }

http::ClientRequest as(const Planted& planted, std::string method, std::string url) {
  return {std::move(method),
          std::move(url),
          {{"Authorization", "Bearer " + planted.token}},
          {},
          std::nullopt};
}

std::array<Planted, 2> make_pair() {
  const auto one = [](const char* tenant, const char* name, const char* marker) {
    return Planted{*TenantId::parse(tenant), "mesh-canary-" + random_hex(32), name, marker};
  };
  return {one(kTenants[0], "planted-a", "plume-4c1e97d2"),
          one(kTenants[1], "planted-b", "plume-b80a35f6")};
}

bool is_canary(const TenantId& tenant) {
  return std::ranges::find(kTenants, tenant.str()) != std::end(kTenants);
}

Result<std::vector<Probe>> probes_of(const http::RouteTable& routes) {
  std::vector<Probe> probes;
  for (const auto& route : routes) {
    if (route.access != http::Access::tenant && route.access != http::Access::tenant_or_anonymous) {
      continue;
    }
    const bool changes = route.method == "PATCH" || route.method == "DELETE";
    if (route.method != "GET" && !changes) {
      if (!can_create(route.operation)) {
        return fail(ErrorKind::internal, route.operation +
                                             " makes what the canary does not know: "
                                             "creations.cpp has to say what to ask");
      }
      probes.push_back({.operation = route.operation,
                        .method = route.method,
                        .pattern = route.pattern,
                        .query = {},
                        .creates = true});
      continue;
    }
    // Who opens one is sent what comes, and asks for nothing that is there.
    if (is_stream(route)) continue;
    const bool own_alone = changes || route.pattern == kEventPath;
    const Probe plain{route.operation, route.method, route.pattern, {}, own_alone, changes};
    bool needs_query = false, typed = false;
    std::vector<Probe> found;
    for (const auto& parameter : route.parameters) {
      if (parameter.in != "query") continue;
      if (parameter.name == "query" || parameter.name == "email") {
        found.push_back(plain);
        found.back().query = parameter.name;
        needs_query |= parameter.required;
      } else if (parameter.name == "type") {
        typed = true;
      } else if (parameter.required) {
        return fail(ErrorKind::internal, route.operation + " needs " + parameter.name +
                                             ", which the canary does not know");
      }
    }
    // A list of all is another question to a store than one of what a parameter names.
    if (!needs_query) found.push_back(plain);
    for (Probe& probe : found) probe.typed = typed;
    if (!is_known(route.pattern)) {
      return fail(ErrorKind::internal,
                  route.pattern + " names what the canary does not know: plant it");
    }
    probes.insert(probes.end(), found.begin(), found.end());
  }
  return probes;
}

std::optional<http::ClientRequest> request_of(const std::string& url, const Probe& probe,
                                              const Planted& owner, const Planted& asker) {
  std::string target = probe.pattern;
  if (const auto part = part_of(probe.pattern); !part.empty()) {
    const auto value = value_of(probe.pattern, owner);
    if (!value) return std::nullopt;
    target.replace(target.find('{'), part.size() + 2, percent_encode(*value));
  }
  if (!probe.query.empty()) {
    target += "?" + probe.query + "=" + percent_encode(address_of(owner));
  }
  if (probe.typed) {
    target += (probe.query.empty() ? "?" : "&");
    target += "type=analytics.recorded";
  }
  auto request = as(asker, probe.method, url + target);
  if (probe.method == "PATCH") {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = dump(Json{{"name", kChangedByAnother}});
  }
  return request;
}

http::ClientRequest find_user(const std::string& url, const Planted& planted) {
  return as(planted, "GET", url + "/users?email=" + percent_encode(address_of(planted)));
}

http::ClientRequest create_user(const std::string& url, const Planted& planted) {
  auto request = as(planted, "POST", url + "/users/create");
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = dump(Json{{"name", planted.marker}, {"email", address_of(planted)}});
  return request;
}

http::ClientRequest rename_user(const std::string& url, const Planted& planted, std::int64_t id) {
  auto request = as(planted, "PATCH", url + "/users/" + std::to_string(id));
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = dump(Json{{"name", planted.marker}});
  return request;
}

http::ClientRequest delete_user(const std::string& url, const Planted& planted, std::int64_t id) {
  return as(planted, "DELETE", url + "/users/" + std::to_string(id));
}

http::ClientRequest publish_events(const std::string& url, const Planted& planted) {
  // Without ids, so that the mesh gives them those by which it finds them.
  const Json seen{{"type", "analytics.recorded"},
                  {"data",
                   {{"user_id", planted.name},
                    {"event_type", planted.marker},
                    // By which searches ask for it.
                    {"metadata", {{"address", address_of(planted)}}}}}};
  const Json made{
      {"type", "chemical.recorded"},
      {"data",
       {{"molecule_id", planted.marker}, {"researcher", planted.name}, {"data", Json::object()}}}};
  auto request = as(planted, "POST", url + "/api/v1/events");
  request.headers.emplace_back("Content-Type", "application/x-ndjson");
  request.body = dump(seen) + "\n" + dump(made) + "\n";
  return request;
}

http::ClientRequest find_event(const std::string& url, const Planted& planted) {
  return as(planted, "GET", url + "/api/v1/events/user/" + planted.name + "?limit=1");
}

bool leaks(const Probe& probe, const Planted& owner, const http::Response& answer) {
  return holds(answer, owner.marker) || holds(answer, owner.tenant.str()) ||
         (probe.own_alone && succeeded(answer));
}

bool shows(const Probe& probe, const Planted& owner, const http::Response& answer) {
  if (!succeeded(answer)) return false;
  // The status of an event holds none of its data, and usage is of nothing but the tenant.
  if (probe.pattern == kEventPath) return true;
  return holds(answer, probe.pattern == kUsagePath ? owner.tenant.str() : owner.marker);
}

}  // namespace mesh::canary
