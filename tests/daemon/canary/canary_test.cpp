#include "daemon/canary/canary.h"

#include <gmock/gmock.h>

#include <future>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/support/manual_clock.h"

namespace mesh::canary {
namespace {

using http::Access;
using http::Response;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

http::RouteTable routes() {
  return {
      {.method = "GET",
       .pattern = "/users",
       .operation = "listUsers",
       .parameters = {{"email", "query", ""}, {"limit", "query", ""}}},
      {.method = "POST", .pattern = "/users/create", .operation = "createUser"},
      {.method = "POST", .pattern = "/users/batch", .operation = "createUsers"},
      {.method = "GET", .pattern = "/users/{id}", .operation = "getUser"},
      {.method = "PATCH", .pattern = "/users/{id}", .operation = "updateUser"},
      {.method = "DELETE", .pattern = "/users/{id}", .operation = "deleteUser"},
      {.method = "GET",
       .pattern = "/ai/users/search",
       .operation = "searchUsers",
       .parameters = {{.name = "query", .in = "query", .description = "", .required = true}}},
      {.method = "GET",
       .pattern = "/ai/search",
       .operation = "searchEvents",
       .parameters = {{.name = "type", .in = "query", .description = "", .required = true},
                      {.name = "query", .in = "query", .description = "", .required = true}}},
      {.method = "GET",
       .pattern = "/ai/watch",
       .operation = "watchEvents",
       .parameters = {{.name = "type", .in = "query", .description = "", .required = true}},
       .answers = {{200, "", {{"text/event-stream", Json::object()}}}}},
      {.method = "POST", .pattern = "/api/v1/events", .operation = "publishEvents"},
      {.method = "POST",
       .pattern = "/api/v1/events/analytics",
       .operation = "publishAnalyticsEvent"},
      {.method = "POST", .pattern = "/api/v1/events/chemical", .operation = "publishChemicalEvent"},
      {.method = "GET",
       .pattern = "/api/v1/analytics/user/{user_id}",
       .access = Access::tenant_or_anonymous,
       .operation = "getUserAnalytics"},
      {.method = "GET",
       .pattern = "/api/v1/events/user/{user_id}",
       .access = Access::tenant_or_anonymous,
       .operation = "listUserEvents"},
      {.method = "GET", .pattern = "/api/v1/events/{id}", .operation = "getEventStatus"},
      {.method = "GET", .pattern = "/api/v1/usage", .operation = "getOwnUsage"},
      {.method = "GET",
       .pattern = "/admin/v1/topics/{topic}",
       .access = Access::operator_,
       .operation = "getTopic"}};
}

// A mesh of maps, with the faults that a test asks for.
class FakeMesh {
 public:
  explicit FakeMesh(std::array<Planted, 2> pair) : pair_(std::move(pair)) {}

  bool searches_all = false, searches_all_events = false, lists_all = false,
       believes_header = false, believes_parameter = false, deletes_any = false,
       changes_any = false, tells_status = false, tells_in_header = false, believes_body = false,
       ignores_body = false, shares_keys = false;
  bool indexed = true;
  int status = 0;  // of every answer; 0: as it is
  bool away = false;
  std::vector<std::string> seen;  // "GET /users/2 by mesh-canary-a"
  std::map<std::string, std::map<std::int64_t, Json>> users;
  std::map<std::string, int> published;  // events of a tenant, by whatever request
  std::map<std::string, int> plantings;  // requests of events that have their tenant's marker

  Result<Response> send(const http::ClientRequest& request) {
    const auto target = request.url.substr(std::string("http://here").size());
    auto tenant = tenant_of(request);
    seen.push_back(request.method + " " + target + " by " + tenant);
    if (away) return fail(ErrorKind::unavailable, "nobody answers");
    if (status != 0) return Response::text(status, "");
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(path.size());
    for (const auto& [name, value] : request.headers) {
      if (name != "X-Tenant-Id" || value == tenant) continue;
      if (!believes_header) return Response::text(403, "another tenant");
      tenant = value;
    }
    if (const auto at = query.find("tenant_id="); at != query.npos) {
      if (!believes_parameter) return Response::text(403, "another tenant");
      tenant = query.substr(at + std::string("tenant_id=").size());
    }
    if (const auto named = named_in_body(request); named && *named != tenant && !ignores_body) {
      if (!believes_body) return Response::text(403, "another tenant");
      tenant = *named;
    }
    return answer(request, tenant, path, query);
  }

 private:
  static std::optional<std::string> named_in_body(const http::ClientRequest& request) {
    for (const auto& [name, value] : request.headers) {
      if (name == "ce-tenantid") return value;
    }
    for (const char* tenant : {"mesh-canary-a", "mesh-canary-b"}) {
      if (request.body.find(tenant) != std::string::npos) return tenant;
    }
    return std::nullopt;
  }
  static std::string key_of(const http::ClientRequest& request) {
    for (const auto& [name, value] : request.headers) {
      if (name == "Idempotency-Key") return value;
    }
    return {};
  }
  std::string tenant_of(const http::ClientRequest& request) const {
    for (const auto& planted : pair_) {
      if (request.headers.at(0).second == "Bearer " + planted.token) return planted.tenant.str();
    }
    ADD_FAILURE() << "an unknown token";
    return {};
  }
  std::string all_markers() const { return pair_[0].marker + " " + pair_[1].marker; }

  Response answer(const http::ClientRequest& request, const std::string& tenant,
                  const std::string& path, const std::string& query) {
    if (path == "/users/create") return create(tenant, Json::parse(request.body));
    if (path == "/users/batch") return create_all(tenant, request.body);
    if (path == "/users") return list(tenant, query);
    if (path.starts_with("/users/")) return one(request, tenant, *parse_int(path.substr(7)));
    if (path == "/ai/users/search") return search(tenant, query);
    if (path == "/ai/search") return search_events(tenant, query);
    if (path == "/ai/watch") ADD_FAILURE() << "a stream does not end";
    if (path == "/api/v1/usage") return Response::json(200, {{"items", {{{"tenant", tenant}}}}});
    const Planted& planted = pair_[tenant == "mesh-canary-a" ? 0 : 1];
    if (request.method == "POST" && path.starts_with("/api/v1/events")) {
      return publish(request, planted);
    }
    const bool there = events_.contains(tenant);
    const auto name = path.substr(path.rfind('/') + 1);
    if (path.starts_with("/api/v1/events/user/")) {
      Json events = Json::array();
      if (there && name == planted.name) {
        events.push_back({{"id", events_[tenant]}, {"event_type", planted.marker}});
      }
      return Response::json(200, {{"user_id", name}, {"events", events}});
    }
    if (path.starts_with("/api/v1/events/")) {
      return (there && name == events_[tenant]) || tells_status
                 ? Response::json(200, {{"status", "done"}})
                 : Response::text(404, "");
    }
    return there && name == planted.name
               ? Response::json(200, {{"event_types", {{planted.marker, 1}}}})
               : Response::text(404, "");
  }

  Response publish(const http::ClientRequest& request, const Planted& planted) {
    const auto& tenant = planted.tenant.str();
    const auto key = key_of(request);
    const auto stored = (shares_keys ? "" : tenant + "/") + key;
    if (!key.empty() && answers_.contains(stored)) return answers_.at(stored);
    ++published[tenant];
    const bool plants = request.body.find(planted.marker) != std::string::npos;
    if (plants) {
      ++plantings[tenant];
      events_[tenant] = "event-" + std::to_string(++published_);
    }
    auto answer = Response::json(202, {{"id", "answer-" + std::to_string(++answered_)}});
    if (!key.empty()) answers_.emplace(stored, answer);
    return answer;
  }

  bool has(const std::string& tenant, const Json& email) const {
    const auto all = users.find(tenant);
    return all != users.end() && std::ranges::any_of(all->second, [&](const auto& one) {
             return one.second.at("email") == email;
           });
  }

  Response create_all(const std::string& tenant, const std::string& lines) {
    const Json user = Json::parse(lines);
    if (!has(tenant, user["email"])) create(tenant, user);
    return Response::json(200, {{"results", Json::array({{{"line", 1}}})}});
  }

  Response create(const std::string& tenant, Json user) {
    if (has(tenant, user["email"])) return Response::text(409, "taken");
    const auto id = ++ids_[tenant];
    user["id"] = id;
    user["tenantId"] = tenant;
    users[tenant][id] = user;
    return Response::json(201, user);
  }

  Response list(const std::string& tenant, const std::string& query) {
    Json found = Json::array();
    for (const auto& [owner, all] : users) {
      if (owner != tenant && !(lists_all && query.empty())) continue;
      for (const auto& [id, user] : all) {
        const auto email = percent_encode(user["email"].get<std::string>());
        if (!query.starts_with("?email=") || query.find(email) != query.npos) found.push_back(user);
      }
    }
    return Response::json(200, found);
  }

  Response one(const http::ClientRequest& request, const std::string& tenant, std::int64_t id) {
    auto& own = users[tenant];
    if (request.method == "DELETE") {
      return own.erase(id) > 0 || deletes_any ? Response::no_content() : Response::text(404, "");
    }
    auto* user = own.contains(id) ? &own[id] : nullptr;
    if (request.method == "PATCH") {
      for (auto& [owner, all] : users) {
        if (!user && changes_any && all.contains(id)) user = &all[id];
      }
      if (user) (*user)["name"] = Json::parse(request.body)["name"];
    }
    if (user) return Response::json(200, *user);
    auto missing = Response::text(404, "no such user");
    if (tells_in_header) missing.headers.emplace_back("X-Cache-Key", all_markers());
    return missing;
  }

  Response search(const std::string& tenant, const std::string& query) {
    Json results = Json::array();
    for (const auto& [owner, all] : users) {
      if (!indexed || (owner != tenant && !searches_all)) continue;
      for (const auto& [id, user] : all) results.push_back(user);
    }
    return Response::json(200, {{"tenant_id", tenant}, {"query", query}, {"results", results}});
  }

  Response search_events(const std::string& tenant, const std::string& query) {
    if (query.find("type=analytics.recorded") == query.npos) return Response::text(400, "no type");
    Json results = Json::array();
    for (const auto& planted : pair_) {
      const bool own = planted.tenant.str() == tenant;
      if (!events_.contains(planted.tenant.str()) || !(own || searches_all_events)) continue;
      results.push_back({{"title", planted.marker}});
    }
    return Response::json(200, {{"tenant_id", tenant}, {"query", query}, {"results", results}});
  }

  const std::array<Planted, 2> pair_;
  std::map<std::string, std::int64_t> ids_;
  std::map<std::string, std::string> events_;  // the newest of a tenant
  std::map<std::string, Response> answers_;    // kept under a key
  int published_ = 0, answered_ = 0;
};

class CanaryTest : public testing::Test {
 protected:
  CanaryTest() {
    auto listener = Canary::listener(routes()).value();
    listener.url = "http://here";
    canary_.emplace(
        std::vector{listener}, pair_,
        [this](const auto& request) {
          auto answer = mesh_.send(request);
          if (hold_) hold_();
          return answer;
        },
        clock_, metrics_);
    clock_.await_waiters(1);
  }
  void round() {
    clock_.advance(Canary::kPeriod);
    clock_.await_woken();
    clock_.await_waiters(1);
  }
  double counted(const std::string& route, const std::string& outcome) {
    const auto text = metrics_.expose();
    const auto series =
        "mesh_canary_probes_total{outcome=\"" + outcome + "\",route=\"" + route + "\"} ";
    const auto at = text.find(series);
    return at == text.npos ? -1 : std::stod(text.substr(at + series.size()));
  }
  // Routes and outcomes that were counted, as "searchUsers kept".
  std::set<std::string> outcomes() {
    std::set<std::string> found;
    for (const auto& route : kWatched) {
      for (const char* outcome : {"kept", "leaked", "blind", "failed"}) {
        if (counted(route, outcome) > 0) found.insert(route + " " + outcome);
      }
    }
    return found;
  }
  static auto all(const std::string& outcome) {
    std::set<std::string> found;
    for (const auto& route : kWatched) found.insert(route + " " + outcome);
    return testing::ElementsAreArray(found);
  }

  const inline static std::vector<std::string> kWatched{
      "listUsers",           "getUser",
      "updateUser",          "deleteUser",
      "searchUsers",         "searchEvents",
      "getOwnUsage",         "getUserAnalytics",
      "listUserEvents",      "getEventStatus",
      "createUser",          "createUsers",
      "publishEvents",       "publishAnalyticsEvent",
      "publishChemicalEvent"};
  std::function<void()> hold_;  // called with each request
  ManualClock clock_;
  Metrics metrics_;
  const std::array<Planted, 2> pair_ = make_pair();
  FakeMesh mesh_{pair_};
  std::optional<Canary> canary_;  // last: it uses all of the above
};

TEST_F(CanaryTest, AMeshThatKeepsTenantsApartIsCountedSo) {
  EXPECT_EQ(counted("searchUsers", "leaked"), 0) << "there before anything happened";
  EXPECT_TRUE(mesh_.seen.empty()) << "it does not keep the start waiting";
  round();
  EXPECT_THAT(outcomes(), all("kept"));
  EXPECT_EQ(counted("searchUsers", "kept"), 2) << "of each about the other";
  EXPECT_EQ(counted("listUsers", "kept"), 4) << "by address, and all";
  EXPECT_EQ(counted("getTopic", "kept"), -1) << "which is an operator's";
  EXPECT_THAT(mesh_.seen, Contains("DELETE /users/2 by mesh-canary-b"));
  EXPECT_THAT(mesh_.seen, Contains("DELETE /users/1 by mesh-canary-b").Times(0)) << "its own";
  round();
  EXPECT_EQ(counted("getUser", "kept"), 4);
  EXPECT_EQ(mesh_.plantings["mesh-canary-a"], 1);
  EXPECT_EQ(mesh_.users["mesh-canary-b"].size(), 1u);
}

TEST_F(CanaryTest, WhatIsAskedToBeMadeIsMadeOnceAnHour) {
  round();
  EXPECT_EQ(counted("publishEvents", "kept"), 2);
  // What was planted, and one event under the key of each of three routes.
  EXPECT_EQ(mesh_.published["mesh-canary-a"], 4);
  EXPECT_EQ(mesh_.published["mesh-canary-b"], 4);
  const auto users = mesh_.users;
  round();
  EXPECT_EQ(mesh_.published["mesh-canary-a"], 4);
  EXPECT_EQ(mesh_.users, users);
  clock_.advance(Canary::kEventsPlanted - Canary::kPeriod);
  clock_.await_woken();
  clock_.await_waiters(1);
  EXPECT_EQ(mesh_.published["mesh-canary-a"], 8);
}

TEST_F(CanaryTest, WhoMayMakeSomethingInAnothersNameLeaks) {
  mesh_.believes_body = true;
  round();
  EXPECT_THAT(outcomes(), IsSupersetOf({"createUser leaked", "createUsers leaked",
                                        "publishEvents leaked", "publishAnalyticsEvent leaked",
                                        "publishChemicalEvent leaked", "updateUser leaked"}));
  for (const auto& [tenant, all] : mesh_.users) EXPECT_EQ(all.size(), 1u) << tenant;
  mesh_.believes_body = false;
  const auto kept = counted("createUser", "kept");
  round();
  EXPECT_EQ(counted("createUser", "kept"), kept + 2);
}

TEST_F(CanaryTest, WhatAMeshMakesThatDoesNotLookWhoIsNamedIsDeletedAgain) {
  mesh_.ignores_body = true;
  round();
  EXPECT_THAT(outcomes(), IsSupersetOf({"createUser leaked", "createUsers leaked",
                                        "publishEvents leaked", "publishAnalyticsEvent leaked"}));
  for (const auto& [tenant, all] : mesh_.users) EXPECT_EQ(all.size(), 1u) << tenant;
}

TEST_F(CanaryTest, WhatAProcessBeforeDidNotDeleteIsDeleted) {
  mesh_.users["mesh-canary-b"][7] = {
      {"id", 7}, {"email", pair_[0].name + "@canary.invalid"}, {"name", "changed by another"}};
  round();
  EXPECT_FALSE(mesh_.users["mesh-canary-b"].contains(7));
}

TEST_F(CanaryTest, TheAnswerUnderAnothersKeyIsALeak) {
  mesh_.shares_keys = true;
  round();
  EXPECT_THAT(outcomes(), IsSupersetOf({"publishEvents leaked", "publishAnalyticsEvent leaked",
                                        "publishChemicalEvent leaked"}));
  EXPECT_EQ(counted("publishEvents", "kept"), 0);
}

TEST_F(CanaryTest, EventsArePlantedAnewBeforeTheyAreForgotten) {
  round();
  clock_.advance(Canary::kEventsPlanted - Canary::kPeriod);
  clock_.await_woken();
  clock_.await_waiters(1);
  round();
  EXPECT_EQ(mesh_.plantings["mesh-canary-a"], 2);
  EXPECT_THAT(mesh_.seen, Contains("GET /api/v1/events/event-4 by mesh-canary-a"));
}

TEST_F(CanaryTest, WhatIsLostIsPlantedAgainUnderAnotherId) {
  round();
  mesh_.users["mesh-canary-b"].clear();
  round();  // b has 2 now, as a has, which then takes the next
  EXPECT_THAT(outcomes(), all("kept"));
  EXPECT_TRUE(mesh_.users["mesh-canary-a"].contains(3));
}

TEST_F(CanaryTest, AUserOfTheAskersOwnIsLeftAlone) {
  round();
  const Json own{{"id", 1}, {"email", "other@canary.invalid"}, {"name", "other"}};
  mesh_.users["mesh-canary-a"][1] = own;
  round();
  EXPECT_EQ(mesh_.users["mesh-canary-a"][1], own);
  EXPECT_THAT(outcomes(), IsSupersetOf({"updateUser blind", "deleteUser blind"}));
  EXPECT_THAT(outcomes(), Not(Contains(HasSubstr("leaked"))));
}

TEST_F(CanaryTest, ASearchOverAllTenantsLeaks) {
  mesh_.searches_all = true;
  round();
  EXPECT_THAT(outcomes(), Contains("searchUsers leaked"));
  EXPECT_EQ(counted("searchUsers", "kept"), 0);
}

TEST_F(CanaryTest, ASearchOverTheEventsOfAllTenantsLeaks) {
  mesh_.searches_all_events = true;
  round();
  EXPECT_THAT(outcomes(), Contains("searchEvents leaked"));
  EXPECT_EQ(counted("watchEvents", "kept"), -1) << "nobody opens a stream";
}

TEST_F(CanaryTest, AListOfAllTenantsLeaks) {
  mesh_.lists_all = true;
  round();
  EXPECT_EQ(counted("listUsers", "leaked"), 2);
  EXPECT_EQ(counted("listUsers", "kept"), 2) << "by address";
}

TEST_F(CanaryTest, ATenantThatTheRequestNamesIsNotItsOwn) {
  mesh_.believes_header = true;
  round();
  EXPECT_THAT(outcomes(),
              IsSupersetOf({"listUsers leaked", "searchUsers leaked", "getUserAnalytics leaked",
                            "getOwnUsage leaked", "createUser leaked", "publishEvents leaked"}));
  mesh_.believes_header = false, mesh_.believes_parameter = true;
  const auto before = counted("searchUsers", "leaked");
  round();
  EXPECT_EQ(counted("searchUsers", "leaked"), before + 2);
}

TEST_F(CanaryTest, SuccessIsALeakWhereOnlyTheOwnerHasSomething) {
  mesh_.tells_status = mesh_.deletes_any = true;
  round();
  EXPECT_THAT(outcomes(), IsSupersetOf({"getEventStatus leaked", "deleteUser leaked"}));
}

TEST_F(CanaryTest, WhatTheOtherChangedIsMendedSoThatALeakEndsWithItsCause) {
  mesh_.changes_any = true;
  round();
  EXPECT_THAT(outcomes(), Contains("updateUser leaked"));
  mesh_.changes_any = false;
  const auto before = counted("searchUsers", "kept");
  round();
  EXPECT_EQ(counted("updateUser", "kept"), 2);
  EXPECT_EQ(counted("searchUsers", "kept"), before + 2);
  EXPECT_THAT(outcomes(), Not(Contains("searchUsers leaked")));
}

TEST_F(CanaryTest, AHeaderLeaksToo) {
  mesh_.tells_in_header = true;
  round();
  EXPECT_THAT(outcomes(), Contains("getUser leaked"));
}

TEST_F(CanaryTest, WhatTheOwnerDoesNotFindProvesNothing) {
  mesh_.indexed = false;
  round();
  EXPECT_THAT(outcomes(), Contains("searchUsers blind"));
  EXPECT_EQ(counted("searchUsers", "kept"), 0);
}

TEST_F(CanaryTest, NoAnswerIsNoProof) {
  mesh_.away = true;
  round();
  EXPECT_THAT(outcomes(), IsSupersetOf({"getUser blind", "getEventStatus blind", "listUsers failed",
                                        "searchUsers failed"}));
  EXPECT_THAT(outcomes(), Not(Contains(HasSubstr("kept"))));
  mesh_.away = false;
  for (const int status : {429, 503}) {
    mesh_.status = status;
    const auto before = counted("searchUsers", "failed");
    round();
    EXPECT_EQ(counted("searchUsers", "failed"), before + 2) << status;
  }
  mesh_.status = 0;
  round();
  EXPECT_EQ(counted("deleteUser", "kept"), 2) << "what could not be planted is planted later";
}

TEST_F(CanaryTest, AStopAsksNothingMore) {
  mesh_.away = true;
  round();
  const auto asked = mesh_.seen.size();
  canary_->stop();
  canary_->stop();
  clock_.advance(Canary::kPeriod);
  EXPECT_EQ(mesh_.seen.size(), asked);
}

TEST_F(CanaryTest, AStopAmidARoundEndsIt) {
  std::promise<void> asked, answered;
  auto answer = answered.get_future();
  hold_ = [&] {
    if (mesh_.seen.size() > 1) return;
    asked.set_value();
    answer.wait();
  };
  clock_.advance(Canary::kPeriod);
  asked.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { canary_->stop(); });
  // It waits for the answer that is waited for, and nothing else is asked.
  while (!canary_->stopping()) std::this_thread::yield();
  answered.set_value();
  stopped.wait();
  EXPECT_EQ(mesh_.seen.size(), 1u);
  EXPECT_THAT(outcomes(), testing::IsEmpty());
}

TEST_F(CanaryTest, ARouteThatItDoesNotKnowIsAFault) {
  const auto reason = [](http::Route route) {
    const auto made = Canary::listener({std::move(route)});
    return made ? "" : made.error().message;
  };
  EXPECT_EQ(reason({.method = "GET", .pattern = "/api/v1/orders/{order}", .operation = "getOrder"}),
            "/api/v1/orders/{order} names what the canary does not know: plant it");
  EXPECT_EQ(
      reason(
          {.method = "GET",
           .pattern = "/api/v1/orders",
           .operation = "listOrders",
           .parameters = {{.name = "shop", .in = "query", .description = "", .required = true}}}),
      "listOrders needs shop, which the canary does not know");
  EXPECT_EQ(reason({.method = "GET", .pattern = "/api/v1/orders", .operation = "listOrders"}), "");
  EXPECT_EQ(
      reason({.method = "POST", .pattern = "/api/v1/orders", .operation = "createOrder"}),
      "createOrder makes what the canary does not know: creations.cpp has to say what to ask");
}

}  // namespace
}  // namespace mesh::canary
