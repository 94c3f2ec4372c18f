#include "daemon/canary/creations.h"

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::canary {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kLines = "application/x-ndjson";

http::ClientRequest post(const std::string& url, const Probe& probe, const Planted& asker,
                         const char* media, std::string body) {
  auto request = as(asker, "POST", url + probe.pattern);
  request.headers.emplace_back("Content-Type", media);
  request.body = std::move(body);
  return request;
}

bool makes_users(const Probe& probe) {
  return probe.operation == "createUser" || probe.operation == "createUsers";
}

// Neither data has a marker: it may come to be of either tenant, and must not look like a leak of
// what was planted.
Json data_of(const Probe& probe) {
  if (probe.operation == "publishChemicalEvent") {
    return {{"molecule_id", "canary"}, {"researcher", "canary"}, {"data", Json::object()}};
  }
  return {{"user_id", "canary"}, {"event_type", "canary"}};
}

Json user_of(const Planted& planted, const std::string& name) {
  return {{"name", name}, {"email", address_of(planted)}};
}

Json event_of(const Probe& probe) {
  return {{"specversion", "1.0"},
          {"id", random_hex(16)},
          {"source", "/mesh-canary"},
          {"type", "analytics.recorded"},
          {"data", data_of(probe)}};
}

// CloudEvents can say their tenant in four ways.
std::vector<Naming> events_of(const std::string& url, const Probe& probe, const Planted& owner,
                              const Planted& asker) {
  Json event = event_of(probe);
  event["tenantid"] = owner.tenant.str();
  // The first line is well, and the request is refused for the second one.
  const std::string lines = dump(event_of(probe)) + "\n" + dump(event) + "\n";
  auto binary = post(url, probe, asker, kJson, dump(data_of(probe)));
  for (const char* name : {"specversion", "id", "source", "type", "tenantid"}) {
    binary.headers.emplace_back(std::string("ce-") + name, event[name].get<std::string>());
  }
  return {{"body", post(url, probe, asker, "application/cloudevents+json", dump(event))},
          {"body, in a batch", post(url, probe, asker, "application/cloudevents-batch+json",
                                    dump(Json::array({event_of(probe), event})))},
          {"body, in lines", post(url, probe, asker, kLines, lines)},
          {"ce-tenantid", std::move(binary)}};
}

}  // namespace

bool can_create(std::string_view operation) {
  for (const char* known : {"createUser", "createUsers", "publishAnalyticsEvent",
                            "publishChemicalEvent", "publishEvents"}) {
    if (operation == known) return true;
  }
  return false;
}

std::vector<Naming> naming(const http::ClientRequest& request, const TenantId& owner) {
  auto by_header = request, by_parameter = request;
  by_header.headers.emplace_back("X-Tenant-Id", owner.str());
  by_parameter.url +=
      (request.url.find('?') == std::string::npos ? "?" : "&") + ("tenant_id=" + owner.str());
  return {{"X-Tenant-Id", std::move(by_header)}, {"tenant_id", std::move(by_parameter)}};
}

std::vector<Naming> creations_of(const std::string& url, const Probe& probe, const Planted& owner,
                                 const Planted& asker) {
  if (probe.operation == "publishEvents") {
    auto all = naming(post(url, probe, asker, kLines, dump(event_of(probe)) + "\n"), owner.tenant);
    for (auto& one : events_of(url, probe, owner, asker)) all.push_back(std::move(one));
    return all;
  }
  Json body = makes_users(probe) ? user_of(owner, std::string(kChangedByAnother)) : data_of(probe);
  const char* media = probe.operation == "createUsers" ? kLines : kJson;
  auto all = naming(post(url, probe, asker, media, dump(body)), owner.tenant);
  for (const char* name : {"tenantId", "tenant_id"}) {
    Json saying = body;
    saying[name] = owner.tenant.str();
    all.push_back({"body", post(url, probe, asker, media, dump(saying))});
  }
  return all;
}

bool has_key(const Probe& probe) { return !makes_users(probe); }

http::ClientRequest own_creation(const std::string& url, const Probe& probe, const Planted& planted,
                                 const std::string& key) {
  if (makes_users(probe)) {
    const char* media = probe.operation == "createUsers" ? kLines : kJson;
    return post(url, probe, planted, media, dump(user_of(planted, planted.marker)));
  }
  const bool lines = probe.operation == "publishEvents";
  // Without an id of its own, which would be the same of both.
  const Json body =
      lines ? Json{{"type", "analytics.recorded"}, {"data", data_of(probe)}} : data_of(probe);
  auto request = post(url, probe, planted, lines ? kLines : kJson, dump(body));
  request.headers.emplace_back("Idempotency-Key", key + "-" + probe.operation);
  return request;
}

http::ClientRequest find_misplaced(const std::string& url, const Planted& planted,
                                   const Planted& other) {
  return as(planted, "GET", url + "/users?email=" + percent_encode(address_of(other)));
}

}  // namespace mesh::canary
