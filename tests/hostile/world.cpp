#include "tests/hostile/world.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "common/base/strings.h"
#include "tests/hostile/tokens.h"
#include "tests/support/described.h"

namespace mesh::hostile {
namespace {

constexpr int kUsers = 20;
constexpr int kSubjects = 4;

// Limits that no run reaches: what a limit answers is another test.
constexpr const char* kLimits =
    "rate_limits:\n"
    "  search: {rate: 1000000, per: 1s, burst: 1000000}\n"
    "  publish: {rate: 1000000, per: 1s, burst: 1000000}\n"
    "  users: {rate: 1000000, per: 1s, burst: 1000000}\n";

std::string secret(const std::string& what) { return std::string(kSecret) + what; }

void expect(const e2e::Answer& answer, int status, const std::string& what) {
  if (answer.status == status) return;
  throw std::runtime_error(what + " answered " + std::to_string(answer.status) + ": " +
                           answer.body);
}

// Three runs of base64 cover the three ways in which a text can lie in it.
std::vector<std::string> disguises() {
  std::vector<std::string> all{std::string(kSecret)};
  for (std::size_t skip = 0; skip < 3; ++skip) {
    const auto text = base64url_encode(std::string(skip, 'x') + std::string(kSecret));
    const std::size_t front = skip == 0 ? 0 : skip + 1;  // characters that also hold bits before it
    all.push_back(text.substr(front, text.size() - front - 2));
  }
  return all;
}

}  // namespace

std::string find_secret(std::string_view bytes) {
  static const auto all = disguises();
  for (const auto& disguise : all) {
    const auto at = bytes.find(disguise);
    if (at != std::string_view::npos) return std::string(bytes.substr(at, 60));
  }
  return {};
}

std::vector<DescribedRoute> described_routes(e2e::Daemon& daemon) {
  std::vector<DescribedRoute> routes;
  for (const auto& role : kRoles) {
    const Json api = daemon.call(role, "GET", "/openapi.json", "").json();
    for (const auto& [pattern, operations] : api.at("paths").items()) {
      for (const auto& [method, operation] : operations.items()) {
        DescribedRoute route{role, method, pattern, "", operation.contains("requestBody"), {}};
        std::ranges::transform(route.method, route.method.begin(),
                               [](unsigned char c) { return std::toupper(c); });
        if (operation.contains("security"))
          route.credential = operation["security"][0].items().begin().key();
        for (const auto& given : operation["parameters"]) {
          const Json& parameter = test::resolved(api, given);
          if (parameter["in"] == "query") route.query.push_back(parameter["name"]);
        }
        routes.push_back(std::move(route));
      }
    }
  }
  return routes;
}

World::World(const std::string& extra_config)
    : daemon(dir.file("data"), TrustedIssuer::get().config(dir.path()) + kLimits + extra_config),
      victim_token_(TrustedIssuer::get().token(kVictim)),
      attacker_token_(TrustedIssuer::get().token(kAttacker, "mallory")) {}

bool World::start() { return daemon.start(); }

e2e::Answer World::as_victim(const std::string& role, const std::string& method,
                             const std::string& target, const std::string& body,
                             const http::HeaderList& headers) {
  return daemon.call(role, method, target, victim_token_, body, headers);
}

e2e::Answer World::as_operator(const std::string& method, const std::string& target,
                               const std::string& body) {
  return daemon.call("admin", method, target, daemon.operator_token(), body);
}

void World::plant() {
  // Records first: what a tenant may publish is remembered for a while.
  expect(as_operator(
             "POST", "/admin/v1/tenants",
             Json{{"id", kVictim}, {"name", secret("tenantname")}, {"allow_unknown_types", true}}
                 .dump()),
         201, "tenant");
  expect(as_operator("POST", "/admin/v1/tenants",
                     Json{{"id", kAttacker}, {"allow_unknown_types", true}}.dump()),
         201, "tenant");

  for (int i = 1; i <= kUsers; ++i) {
    const auto n = std::to_string(i);
    const bool known_mail = i % 2 == 0;  // then the name is the secret
    const std::string mail =
        known_mail ? "known" + n + "@acme.dev" : secret("mail" + n) + "@acme.dev";
    const std::string name = known_mail ? "Known " + secret("name" + n) : "Knownname" + n;
    known_.push_back(known_mail ? mail : name);
    const std::string key = "known-create-" + n;
    known_.push_back(key);
    expect(as_victim("users", "POST", "/users/create", Json{{"email", mail}, {"name", name}}.dump(),
                     {{"Idempotency-Key", key}}),
           201, "user");
  }
  for (int i = 1; i <= kSubjects; ++i) {
    const auto n = std::to_string(i);
    const std::string subject = "known-subject-" + n, researcher = "Dr. Known " + n;
    known_.insert(known_.end(), {subject, researcher});
    for (int k = 0; k < 3; ++k) {
      const std::string event_id = "known-event-" + n + "-" + std::to_string(k);
      known_.push_back(event_id);
      const Json event{{"specversion", "1.0"},
                       {"id", event_id},
                       {"source", "/known"},
                       {"type", "analytics.recorded"},
                       {"note", secret("extension")},
                       {"data",
                        {{"user_id", subject},
                         {"event_type", secret("type")},
                         {"metadata", {{"note", secret("note" + n)}}}}}};
      expect(as_victim("publisher", "POST", "/api/v1/events", event.dump(),
                       {{"Content-Type", "application/cloudevents+json"},
                        {"Idempotency-Key", "known-publish-" + event_id}}),
             202, "event");
      known_.push_back("known-publish-" + event_id);
    }
    expect(as_victim("publisher", "POST", "/api/v1/events/chemical",
                     Json{{"molecule_id", secret("molecule" + n)},
                          {"researcher", researcher},
                          {"data", {{"formula", "C9H8O4"}, {"note", secret("data" + n)}}}}
                         .dump()),
           202, "chemical");
    // One that dies in its pipeline.
    daemon.append_broken_experiment("acme", "known-dead-" + n, {{"note", secret("dead" + n)}});
  }
  expect(as_victim("publisher", "POST", "/api/v1/events",
                   Json{{"specversion", "1.0"},
                        {"id", "known-unknown"},
                        {"source", "s"},
                        {"type", secret("topic") + ".happened"},
                        {"data", {{"note", secret("unknown")}}}}
                       .dump(),
                   {{"Content-Type", "application/cloudevents+json"}}),
         202, "own type");
  // The attacker has some of the same names.
  for (int i = 1; i <= 5; ++i) {
    const auto n = std::to_string(i);
    expect(daemon.call("users", "POST", "/users/create", attacker_token_,
                       Json{{"email", "own" + n + "@evil.dev"}, {"name", "Own " + n}}.dump()),
           201, "own user");
  }
  expect(daemon.call("publisher", "POST", "/api/v1/events/analytics", attacker_token_,
                     R"({"user_id":"own","event_type":"own"})"),
         202, "own event");
  daemon.await_idle();

  for (const char* topic : {"analytics.events", "user.events"}) {
    const Json spec{
        {"topic", topic},
        {"pipeline", std::string(topic).starts_with("user") ? "user-index" : "analytics"},
        {"from", "start"},
        {"tenant", kVictim}};
    const auto task = as_operator("POST", "/admin/v1/replays", spec.dump());
    expect(task, 202, "replay");
    tasks_.push_back(task.json()["id"]);
    expect(as_operator("GET", "/admin/v1/tasks/" + tasks_.back() + "?wait=20"), 200, "task");
  }
  daemon.await_idle();
}

World::State World::victim_state() {
  daemon.await_idle();
  State state;
  const auto keep = [&](const std::string& role, const std::string& target,
                        const e2e::Answer& answer) {
    state[role + " " + target] =
        std::to_string(answer.status) + " " + answer.header("Link") + " " + answer.body;
  };
  const auto read = [&](const std::string& role, const std::string& target) {
    keep(role, target, as_victim(role, "GET", target));
  };
  read("users", "/users?limit=1000");
  for (int i = 1; i <= kUsers; ++i) read("users", "/users/" + std::to_string(i));
  for (const char* query : {"known", "knownname3", "known4@acme.dev", "qzsecret", "own", "evil"}) {
    read("gateway", std::string("/ai/users/search?limit=100&min_score=-1&query=") + query);
  }
  for (int i = 1; i <= kSubjects; ++i) {
    const auto n = std::to_string(i);
    for (const char* kind : {"analytics", "events"}) {
      read("subscriber", std::string("/api/v1/") + kind + "/user/known-subject-" + n);
      read("subscriber", std::string("/api/v1/") + kind + "/researcher/Dr.%20Known%20" + n);
    }
  }
  const auto topics = as_operator("GET", "/admin/v1/topics").json();
  for (const auto& topic : topics.at("items")) {
    const std::string name = topic["name"];
    if (name == "billing.events") continue;  // what the victim uses is written there each minute
    const std::string path = "/admin/v1/topics/" + name + "/records?limit=1000&tenant=" + kVictim;
    std::string from = "&from=start";
    std::set<std::string> all;  // how many of which one page holds depends on the attacker's
    while (true) {
      const auto page = as_operator("GET", path + from).json();
      for (const auto& record : page["items"]) all.insert(record.dump());
      const bool more =
          page["next"].is_string() && "&positions=" + page["next"].get<std::string>() != from;
      if (!more) break;
      from = "&positions=" + page["next"].get<std::string>();
    }
    if (!all.empty()) state["records " + name] = Json(all).dump();
    if (name.ends_with(".dlq")) {
      const auto letters =
          as_operator("GET", "/admin/v1/dlq/" + name + "/letters?limit=1000&tenant=" + kVictim)
              .json();
      if (!letters["items"].empty()) state["letters " + name] = letters.dump();
    }
  }
  for (const char* target :
       {"/admin/v1/tenants/acme", "/admin/v1/tenants", "/admin/v1/tasks", "/admin/v1/config"}) {
    keep("operator", target, as_operator("GET", target));
  }
  Json limits = as_operator("GET", "/admin/v1/ratelimits/acme").json();
  for (auto& limit : limits["items"]) {
    limit.erase("reset_seconds");
    limit.erase("remaining");
  }
  state["limits"] = limits.dump();
  return state;
}

std::vector<World::Read> World::victim_reads() {
  std::vector<Read> all;
  const std::vector<std::pair<std::string, std::string>> targets{
      {"users", "/users?limit=1000"},
      {"users", "/users/3"},
      {"users", "/users?limit=7"},
      {"gateway", "/ai/users/search?query=known4%40acme.dev"},
      {"gateway", "/ai/users/search?query=qzsecret&limit=100&min_score=-1"},
      {"subscriber", "/api/v1/analytics/user/known-subject-1"},
      {"subscriber", "/api/v1/events/researcher/Dr.%20Known%202"}};
  for (const auto& [role, target] : targets) {
    all.push_back({role,
                   "GET " + target + " HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer " +
                       victim_token_ + "\r\n\r\n",
                   as_victim(role, "GET", target).body});
  }
  return all;
}

}  // namespace mesh::hostile
