#include "tests/hostile/generator.h"

#include <algorithm>

#include "common/base/strings.h"
#include "tests/hostile/nasty.h"

namespace mesh::hostile {
namespace {

const std::vector<std::string> kTopics{"user.events",         "analytics.events", "chemical.events",
                                       "tenant.events",       "billing.events",   "task.events",
                                       "chemical.events.dlq", "user.events.dlq",  "none.events"};
const std::vector<std::string> kGroups{"analytics", "chemical", "user-index-1", "none"};
const std::vector<std::string> kMethods{"GET",     "POST", "PUT",   "PATCH",   "DELETE",
                                        "OPTIONS", "HEAD", "TRACE", "CONNECT", "PRI",
                                        "get",     "BREW", "GETS"};
const std::vector<std::string> kTypes{"analytics.recorded",
                                      "chemical.recorded",
                                      "user.created",
                                      "user.deleted",
                                      "tenant.updated",
                                      "billing.usage.incremented",
                                      "task.completed",
                                      "own.happened",
                                      "analytics.other",
                                      "user.other",
                                      "x.dlq",
                                      "chemical.events.dlq",
                                      "..",
                                      "a",
                                      "A.b",
                                      "../user.events",
                                      "analytics.events.dlq.x"};

}  // namespace

void Draft::set(const std::string& name, const std::string& value) {
  for (auto& [key, old] : headers) {
    if (key == name) {
      old = value;
      return;
    }
  }
  headers.emplace_back(name, value);
}

Generator::Generator(std::vector<DescribedRoute> routes, const World& world, std::uint64_t seed)
    : routes_(std::move(routes)),
      known_(world.known()),
      tasks_(world.tasks()),
      attacker_token_(world.attacker_token()),
      forgeries_(TrustedIssuer::get().forgeries(kVictim)),
      seed_(seed) {}

Shot Generator::make(std::uint64_t index) const {
  Random random(seed_, index);
  Draft draft = this->draft(random);
  // Most carry a change or none: two often end at the first, and the second is not seen.
  for (auto changes = random.pick(std::vector<int>{0, 0, 1, 1, 1, 2, 3}); changes > 0; --changes) {
    switch (random.below(4)) {
      case 0:
        change_path(draft, random);
        break;
      case 1:
        change_headers(draft, random);
        break;
      case 2:
        change_body(draft, random);
        break;
      default:
        credential(draft, random);
        break;
    }
  }
  if (random.one_in(20)) {
    draft.method = random.pick(kMethods);
    draft.tell("method");
  }
  std::string bytes = write(draft, random);
  if (random.one_in(10)) change_framing(draft, bytes, random);
  return {draft.role, std::move(bytes), draft.counted, draft.method == "HEAD",
          draft.own,  draft.story};
}

std::string Generator::value_for(const std::string& parameter, Random& random) const {
  if (random.one_in(5)) return random.pick(known_);
  if (random.one_in(8)) return random.pick(kNasty);
  if (parameter == "topic") return random.pick(kTopics);
  if (parameter == "group") return random.pick(kGroups);
  if (parameter == "tenant" || parameter == "tenant_id")
    return random.one_in(3) ? kAttacker : kVictim;
  if (parameter == "scope")
    return random.pick(std::vector<std::string>{"search", "publish", "users", "admin"});
  if (parameter == "cursor") {
    return base64url_encode(random.pick(std::vector<std::string>{"users:", "tenants:", "x:"}) +
                            random.pick(std::vector<std::string>{"0", "3", "19", "-1", "acme",
                                                                 "9223372036854775807", ""}));
  }
  if (parameter == "query")
    return random.pick(
        std::vector<std::string>{"known", "own", "acme.dev", "a", "known4@acme.dev", "%"});
  if (parameter == "limit")
    return random.pick(std::vector<std::string>{"1", "7", "100", "1000", "0", "-1", "x"});
  if (parameter == "min_score")
    return random.pick(std::vector<std::string>{"-1", "0", "0.99", "nan", "inf"});
  if (parameter == "semantic_ratio")
    return random.pick(std::vector<std::string>{"0", "0.5", "1", "-1", "nan"});
  if (parameter == "wait") return "0";
  if (parameter == "id" && random.one_in(3)) return random.pick(tasks_);
  return random.one_in(2) ? std::to_string(1 + random.below(25)) : random.pick(known_);
}

Draft Generator::draft(Random& random) const {
  // Routes of tenants most often: most of the others ends with the credential.
  const DescribedRoute* route = &random.pick(routes_);
  for (int tries = 0; tries < 2 && route->credential != "tenant"; ++tries)
    route = &random.pick(routes_);
  Draft draft;
  draft.role = random.one_in(20) ? random.pick(kRoles) : route->role;
  draft.method = route->method;
  draft.story = route->method + " " + route->pattern;
  for (std::size_t i = 0; i < route->pattern.size(); ++i) {
    if (route->pattern[i] != '{') {
      draft.target += route->pattern[i];
      continue;
    }
    const auto end = route->pattern.find('}', i);
    draft.target += percent_encode(value_for(route->pattern.substr(i + 1, end - i - 1), random));
    i = end;
  }
  std::string separator = "?";
  for (const auto& name : route->query) {
    // Without its query a search is only a 400.
    if (name != "query" && !random.one_in(3)) continue;
    draft.target += separator + name + "=" + percent_encode(value_for(name, random));
    separator = "&";
  }
  draft.headers = {{"Host", "mesh.test"}};
  draft.own = true;
  draft.set("Authorization", "Bearer " + attacker_token_);
  if (route->body) draft.body = body_of(*route, draft, random);
  if (random.one_in(6)) credential(draft, random);
  return draft;
}

void Generator::credential(Draft& draft, Random& random) const {
  std::erase_if(draft.headers, [](const auto& field) { return field.first == "Authorization"; });
  draft.own = false;
  switch (random.below(6)) {
    case 0:
      draft.tell("no credential");
      if (random.one_in(2)) draft.set("X-Tenant-Id", kVictim);
      break;
    case 1:
    case 2:
    case 3: {
      const auto& forgery = random.pick(forgeries_);
      draft.tell("forged token: " + forgery.attack);
      draft.set("Authorization", "Bearer " + forgery.token);
      break;
    }
    case 4:
      draft.tell("another scheme");
      draft.set("Authorization",
                random.pick(std::vector<std::string>{
                    "Basic YWNtZTphbGljZQ==", "Bearer", "Bearer ", "bearer acme:alice",
                    "Bearer operator", "Digest acme", "Bearer " + std::string(64, 'a'),
                    "Bearer " + attacker_token_ + " " + attacker_token_,
                    "Bearer " + attacker_token_ + ",", "Token " + attacker_token_,
                    "Bearer\t" + attacker_token_}));
      break;
    default:
      draft.tell("token cut");
      draft.set("Authorization",
                "Bearer " + attacker_token_.substr(0, random.below(attacker_token_.size() - 1)));
  }
}

// --- bodies ----------------------------------------------------------------------------------

std::string Generator::event(Random& random) const {
  const std::string type = random.one_in(3) ? random.pick(kTypes) : kTypes[random.below(2)];
  Json data{{"user_id", value_for("id", random)}, {"event_type", "e" + random.number(20)}};
  if (type == "chemical.recorded") {
    data = {{"molecule_id", value_for("id", random)},
            {"researcher", random.pick(known_)},
            {"data", {{"formula", random.one_in(40) ? "((" : "C2H6O"}}}};
  }
  if (random.one_in(6)) data["tenantId"] = kVictim;
  Json event{{"specversion", "1.0"},
             {"id", random.one_in(3) ? random.pick(known_) : "own-" + random.number(100'000)},
             {"source", random.one_in(2) ? "/known" : "/evil"},
             {"type", type},
             {"data", data}};
  const auto extra = random.below(14);
  if (extra == 0) event["tenantid"] = kVictim;
  if (extra == 1) event["partitionkey"] = "acme/known-subject-1";
  if (extra == 2) event["subject"] = "acme/1";
  if (extra == 3) event["tenantId"] = kVictim;
  if (extra == 4) event["sequence"] = 9'000'000'000'000'000'000;
  if (extra == 5) event["traceparent"] = "00-00000000000000000000000000000001-0000000000000001-01";
  if (extra == 6) event["mesh_tenant"] = kVictim;
  if (extra == 7) event["dataschema"] = "http://127.0.0.1:1/schema";
  // A broken UTF-8 text would throw on the way out; what is wanted here is valid JSON.
  return mesh::dump(event);
}

std::string Generator::body_of(const DescribedRoute& route, Draft& draft, Random& random) const {
  draft.set("Content-Type", "application/json");
  const auto n = random.number(2000);
  if (random.one_in(10))
    draft.set("Idempotency-Key", random.one_in(2) ? random.pick(known_) : "own-" + n);
  if (route.pattern == "/users/create") {
    if (random.one_in(5)) return mesh::dump({{"email", random.pick(known_)}, {"name", "Known 2"}});
    if (random.one_in(5)) return R"({"email":"known4@acme.dev","name":"Own"})";
    return R"({"email":"mail)" + n + R"(@evil.dev","name":"Own )" + n + "\"}";
  }
  if (route.pattern == "/users/{id}") return R"({"name":"Changed )" + n + "\"}";
  if (route.pattern == "/api/v1/events/analytics" || route.pattern == "/api/v1/events/chemical") {
    return mesh::dump(Json::parse(event(random))["data"]);
  }
  if (route.pattern == "/api/v1/events") {
    switch (random.below(4)) {
      case 0: {
        draft.set("Content-Type", "application/x-ndjson");
        std::string lines;
        for (auto k = 1 + random.below(4); k > 0; --k) lines += event(random) + "\n";
        return lines;
      }
      case 1: {
        draft.set("Content-Type", "application/cloudevents-batch+json");
        std::string list = "[" + event(random);
        for (auto k = random.below(3); k > 0; --k) list += "," + event(random);
        return list + "]";
      }
      case 2:
        draft.set("Content-Type", "application/cloudevents+json");
        return event(random);
      default: {
        const Json json = Json::parse(event(random));
        for (const auto& [name, value] : json.items()) {
          if (name == "data") continue;
          draft.set("ce-" + name,
                    percent_encode(value.is_string() ? value.get<std::string>() : value.dump()));
        }
        return mesh::dump(json["data"]);
      }
    }
  }
  static const std::vector<std::string> kAdmin{
      "{}",
      R"({"tenant":"acme"})",
      R"({"to":"start"})",
      R"({"to":"end","dry_run":true})",
      R"({"id":"acme","name":"mine"})",
      R"({"id":"evil2"})",
      R"({"allow_unknown_types":true})",
      R"({"rate":1,"per":"1h","burst":0})",
      R"({"topic":"user.events","pipeline":"user-index","from":"start","tenant":"acme"})",
      R"({"records":[{"topic":"user.events","key":"acme/1","value":{"id":1,"tenantId":"acme"}}]})"};
  return random.pick(kAdmin);
}

}  // namespace mesh::hostile
