// What is asked of a mesh to see whether it shows a tenant what is another's.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/domain/tenant.h"
#include "common/http/client.h"
#include "common/http/route.h"

namespace mesh::canary {

// One of two tenants of the mesh's own.
struct Planted {
  TenantId tenant;
  std::string token;
  std::string name;    // stands in requests about what it has, whoever sends them
  std::string marker;  // stands in what it has alone: whoever is shown it is shown that
  std::optional<std::int64_t> user{};  // the id of its user; null: not known here
  std::string event{};                 // the id of an event; "": not known here
};

// mesh-canary-a and mesh-canary-b, with new tokens.
std::array<Planted, 2> make_pair();
bool is_canary(const TenantId& tenant);

// A route that is asked in both tenants' names.
struct Probe {
  std::string operation;  // as in the API description
  std::string method;
  std::string pattern;  // "/users/{id}"
  std::string query;    // the parameter that names what is planted; "": none
  // Any success is a leak: what the path names is no other tenant's as well.
  bool own_alone = false;
  bool changes = false;  // what the path names
  bool creates = false;  // something new, of whoever asks (creations.h)
  bool typed = false;    // asks for a type of events: that of those that are planted
};

// The name that a user has whom the other could change or make.
inline constexpr std::string_view kChangedByAnother = "changed by another";

// A request in the name of `planted`.
http::ClientRequest as(const Planted& planted, std::string method, std::string url);
// The e-mail address of its user.
std::string address_of(const Planted& planted);

// Of a listener's routes those that read what is a tenant's, those that change what a path names,
// and those that make something. `internal` for one that asks for what is not planted, or makes
// what is not known: then this room has to learn it.
Result<std::vector<Probe>> probes_of(const http::RouteTable& routes);

// `probe`, which creates nothing, about what `owner` has, in the name of `asker`. Nothing where the
// path names what is not known. `url`: of the listener, "http://127.0.0.1:8081".
std::optional<http::ClientRequest> request_of(const std::string& url, const Probe& probe,
                                              const Planted& owner, const Planted& asker);

// What plants a user, and finds it by its e-mail address.
http::ClientRequest find_user(const std::string& url, const Planted& planted);
http::ClientRequest create_user(const std::string& url, const Planted& planted);
http::ClientRequest rename_user(const std::string& url, const Planted& planted, std::int64_t id);
http::ClientRequest delete_user(const std::string& url, const Planted& planted, std::int64_t id);
// Events, which have new ids each time; the newest tells its own.
http::ClientRequest publish_events(const std::string& url, const Planted& planted);
http::ClientRequest find_event(const std::string& url, const Planted& planted);

// Whether an answer to somebody else has what is `owner`'s.
bool leaks(const Probe& probe, const Planted& owner, const http::Response& answer);
// Whether an answer to the owner has it: without that the answers to others prove nothing.
bool shows(const Probe& probe, const Planted& owner, const http::Response& answer);

}  // namespace mesh::canary
