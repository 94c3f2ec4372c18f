// Every row of every route table says what a client has to know.
#include "daemon/services/api_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/replay/bounds.h"
#include "daemon/services/admin.h"
#include "daemon/services/admin_overview.h"
#include "daemon/services/admin_search.h"
#include "daemon/services/analytics.h"
#include "daemon/services/api_page.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/api_patterns.h"
#include "daemon/services/event_search.h"
#include "daemon/services/event_status.h"
#include "daemon/services/health.h"
#include "daemon/services/publish.h"
#include "daemon/services/search.h"
#include "daemon/services/usage.h"
#include "daemon/services/users.h"
#include "tests/support/described.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/hooked_event_index.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Offences = std::vector<std::string>;

void for_each_operation(const Json& description, const auto& use) {
  for (const auto& [path, operations] : description.at("paths").items()) {
    for (const auto& [method, operation] : operations.items()) use(method, path, operation);
  }
}

std::set<std::string> parts_of(const std::string& path) {
  std::set<std::string> names;
  for (const auto& segment : split(path, '/')) {
    if (segment.starts_with('{')) names.insert(segment.substr(1, segment.size() - 2));
  }
  return names;
}

void check_references(const Json& json, const Json& description, Offences& offences) {
  if (json.is_object() && json.contains("$ref")) {
    const std::string ref = json["$ref"];
    if (!description.contains(Json::json_pointer(ref.substr(1)))) {
      offences.push_back(ref + " is not there");
    }
  }
  if (!json.is_structured()) return;
  for (const auto& value : json) check_references(value, description, offences);
}

void check_examples(const Json& schema, const Json& description, const std::string& name,
                    Offences& offences) {
  for (const auto& example : schema.value("examples", Json::array())) {
    const auto why = test::misfit(description, schema, example);
    if (!why.empty()) offences.push_back(name + ": " + why);
  }
}

void check_parameters(const Json& operation, const std::string& path, const Json& description,
                      const auto& offend) {
  std::set<std::string> described;
  for (const auto& given : operation.at("parameters")) {
    const Json& parameter = test::resolved(description, given);
    const std::string name = parameter["name"];
    if (parameter.value("description", "").empty()) offend("says nothing of " + name);
    if (parameter["schema"].empty()) offend("has no schema of " + name);
    if (parameter["in"] != "path") continue;
    described.insert(name);
    if (!parameter.value("required", false)) offend("does not require " + name);
  }
  if (described != parts_of(path)) offend("describes other parts than its path has");
}

void check_answers(const Json& operation, const Json& description, const auto& offend) {
  bool good = false;
  for (const auto& [status, given] : operation.at("responses").items()) {
    const Json& answer = test::resolved(description, given);
    const int number = static_cast<int>(parse_int(status).value_or(0));
    if (number < 200 || number > 599) offend("has the status " + status);
    if (answer.value("description", "").empty()) offend("says nothing of " + status);
    const Json content = answer.value("content", Json::object());
    if (content.empty() != (number == 204 || number == 304)) offend("has no content of " + status);
    for (const auto& [media, body] : content.items()) {
      if (body.value("schema", Json::object()).empty()) offend("has no schema of " + status);
    }
    if (number >= 400 && !content.contains("application/problem+json")) {
      offend("has no problem of " + status);
    }
    good = good || (number >= 200 && number < 300);
  }
  if (!good) offend("has no good answer");
}

// What is missing or wrong in a description, and which operations it names.
Offences offences_of(const Json& description, std::set<std::string>& operations) {
  static const std::regex id_form("[a-z]+([A-Z][a-z]+)*");
  Offences offences;
  std::set<std::string> tags, own;
  for (const auto& tag : description.at("tags")) tags.insert(tag["name"]);
  for_each_operation(description, [&](const auto& method, const auto& path, const Json& operation) {
    const std::string name = method + " " + path;
    const auto offend = [&](const std::string& what) { offences.push_back(name + " " + what); };
    const std::string id = operation["operationId"];
    if (!std::regex_match(id, id_form)) offend("has the operationId \"" + id + "\"");
    if (!own.insert(id).second) offend("has the operationId of another: " + id);
    const std::string summary = operation["summary"];
    if (summary.empty() || summary.ends_with('.')) offend("has the summary \"" + summary + "\"");
    if (!tags.contains(operation["tags"].at(0).template get<std::string>())) {
      offend("is in no known group");
    }
    check_parameters(operation, path, description, offend);
    check_answers(operation, description, offend);
    if (operation.contains("requestBody")) {
      for (const auto& [media, body] : operation["requestBody"]["content"].items()) {
        if (body["schema"].empty()) offend("has no schema of its body");
        check_examples(body["schema"], description, name, offences);
      }
    }
    for (const auto& [status, given] : operation["responses"].items()) {
      const Json links = given.value("links", Json::object());
      for (const auto& [link, to] : links.items()) {
        bool known = false;
        for_each_operation(description, [&](const auto&, const auto& target, const Json& other) {
          if (other["operationId"] != to["operationId"]) return;
          known = true;
          for (const auto& [part, value] : to.at("parameters").items()) {
            if (!parts_of(target).contains(part)) offend("links to no " + part + " of " + target);
          }
        });
        if (!known) offend("links to nothing: " + link);
      }
    }
  });
  for (const auto& [name, schema] : description["components"]["schemas"].items()) {
    check_examples(schema, description, name, offences);
  }
  check_references(description, description, offences);
  operations.merge(own);
  return offences;
}

Offences offences_of(const http::RouteTable& routes) {
  std::set<std::string> operations;
  return offences_of(api_description({.title = "t", .version = "1", .server = ""}, routes),
                     operations);
}

class ApiDescription : public testing::Test {
 protected:
  http::RouteTable admin_routes() {
    auto all = log_routes({log_, log_, clock_, retries_, polls_, waits_, runner_,
                           [] { return std::vector<pipeline::PipelineStatus>{}; }});
    for (const auto& table :
         {tenant_routes({store_->tenants(), directory_, *limiter_, waits_, quotas_, true}),
          type_routes({store_->tenants(), directory_, *limiter_, waits_, quotas_}),
          usage_routes({usage_}), usage_totals_routes(store_->usage(), directory_, clock_),
          member_routes({store_->members(), store_->leases()}),
          overview_routes({sampler_, "1", "one"}),
          work_routes({log_, log_, clock_, store_->tasks(), runner_, replayer_, letters_, polls_,
                       [](const auto&) { return Status(); }, directory_, waits_}),
          index_routes({generations_, runner_, index_, embedders_, directory_, recent_, clock_}),
          event_index_routes({event_indexing_, runner_}),
          client_task_routes({client_tasks_, clock_}),
          trace_routes({{store_->users(), trace_ports_}, directory_}),
          search_admin_routes({index_,
                               directory_,
                               {events_, embedders_, log_, searchable_, clock_, metrics_, usage_,
                                tail_, watches_, &admission_}}),
          process_routes({[] { return Json(); }, [] { return Json(); },
                          [] { return std::vector<Check>(); }})}) {
      all.insert(all.end(), table.begin(), table.end());
    }
    return all;
  }
  http::RouteTable subscriber_routes() {
    auto all = analytics_routes(store_->analytics(), store_->chemical());
    for (auto& row : own_usage_routes(store_->usage(), clock_)) all.push_back(std::move(row));
    for (auto& route : event_status_routes(trace_ports_)) all.push_back(std::move(route));
    return all;
  }
  http::RouteTable gateway_routes() {
    auto all = search_routes(serving_, index_, clock_, metrics_, usage_, waits_);
    for (auto& route : event_search_routes({events_, embedders_, log_, searchable_, clock_,
                                            metrics_, usage_, tail_, watches_, &admission_})) {
      all.push_back(std::move(route));
    }
    return all;
  }
  std::map<std::string, http::RouteTable> tables() {
    return {
        {"users", users_routes(store_->users(), store_->idempotency(), admission_, usage_, waits_)},
        {"gateway", gateway_routes()},
        {"publisher", publish_routes({log_,
                                      log_,
                                      store_->idempotency(),
                                      directory_,
                                      admission_,
                                      clock_,
                                      metrics_,
                                      usage_,
                                      waits_,
                                      {}})},
        {"subscriber", subscriber_routes()},
        {"admin", admin_routes()}};
  }
  http::RouteTable health(const http::RouteTable& routes, bool anonymous_tenant = false) {
    return health_routes(
        {"t", "1", [] { return std::string(); }, [] { return std::vector<Check>(); }, metrics_,
         [](const auto&) { return false; }, "127.0.0.1:8081", anonymous_tenant},
        routes);
  }
  static std::string ask(const http::RouteTable& routes, const std::string& path) {
    std::string body;
    std::ranges::find(routes, path, &http::Route::pattern)
        ->handler(std::make_shared<http::Request>(),
                  http::Responder([&](http::Response response) { body = response.body; }));
    return body;
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
  std::unique_ptr<sqlite::SqliteStore> store_ =
      sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
  TenantDirectory directory_{store_->tenants(), {}, clock_};
  QuotaKeeper quotas_{directory_,
                      [](const auto&, const auto&, auto) -> Result<QuotaUse> { return QuotaUse{}; },
                      usage_, clock_, metrics_};
  Admission admission_{*limiter_, directory_, true, clock_, metrics_};
  test::FakeEventLog log_{clock_};
  test::FakeRetryStore retries_;
  test::FakeEmbedder embedder_;
  test::FakeVectorIndex index_;
  test::FakeEmbedders embedders_{embedder_};
  pipeline::ServingEmbedder serving_{index_, embedders_, clock_};
  RecentSearches recent_{10};
  const pipeline::TracePorts trace_ports_{
      log_,   log_,       store_->outbox(),    store_->retries(),
      index_, embedders_, store_->analytics(), store_->chemical(),
      clock_};
  pipeline::Progress progress_{{store_->outbox(), log_, log_, retries_, index_}, clock_};
  LongPolls polls_{clock_, metrics_, 10};
  WriteWaits waits_{progress_, polls_, clock_, Duration{25'000}, "a key"};
  pipeline::TaskRunner runner_{store_->tasks(), log_, "one", clock_, metrics_};
  pipeline::ClientTasks client_tasks_{store_->tasks(), log_, "one", clock_, metrics_};
  pipeline::Replayer replayer_{log_, log_, clock_, {}};
  pipeline::DeadLetters letters_{{log_, log_, retries_, store_->leases(), index_, clock_, "one"}};
  pipeline::Generations generations_{{index_,
                                      embedders_,
                                      store_->leases(),
                                      store_->tasks(),
                                      "one",
                                      {},
                                      {log_, log_, retries_, clock_, metrics_}}};
  test::HookedEventIndex events_;
  const pipeline::SearchableOf searchable_ =
      [](const auto&, auto) -> Result<std::shared_ptr<const Searchable>> { return nullptr; };
  Watches watches_{metrics_, {}};
  overview::Sampler sampler_{{log_, log_, retries_, store_->outbox(), store_->tasks(),
                              store_->members(), metrics_, clock_,
                              [] { return std::vector<pipeline::PipelineStatus>{}; },
                              [] { return std::vector<Check>{}; }, "one"}};
  EventTail tail_{{log_, log_, searchable_, watches_, clock_}};
  pipeline::EventIndexing event_indexing_{{events_,
                                           embedders_,
                                           searchable_,
                                           [] { return Result<pipeline::SearchableTypes>(); },
                                           store_->leases(),
                                           store_->tenants(),
                                           store_->tasks(),
                                           [](const Json&) { return Status(); },
                                           "one",
                                           {},
                                           {log_, log_, retries_, clock_, metrics_}}};
};

// A new route of tenants fails this until somebody has said whose tokens it takes.
TEST_F(ApiDescription, EveryRouteOfTenantsTakesTheRolesThatItShould) {
  const std::vector<TokenRole> readers{TokenRole::reader, TokenRole::writer};
  const std::vector<TokenRole> publishers{TokenRole::publisher, TokenRole::writer};
  const std::vector<TokenRole> writers{TokenRole::writer};
  const std::map<std::string, std::vector<TokenRole>> wanted{
      {"listUsers", readers},
      {"getUser", readers},
      {"createUser", writers},
      {"createUsers", writers},
      {"updateUser", writers},
      {"deleteUser", writers},
      {"searchUsers", readers},
      {"searchEvents", readers},
      {"watchEvents", readers},
      {"publishAnalyticsEvent", publishers},
      {"publishChemicalEvent", publishers},
      {"publishEvents", publishers},
      {"getUserAnalytics", readers},
      {"getResearcherAnalytics", readers},
      {"listUserEvents", readers},
      {"listResearcherEvents", readers},
      {"getOwnUsage", readers},
      {"getEventStatus", {TokenRole::reader, TokenRole::publisher, TokenRole::writer}}};
  std::map<std::string, std::vector<TokenRole>> found;
  for (const auto& [role, table] : tables()) {
    for (const auto& route : table) {
      if (route.access == http::Access::tenant ||
          route.access == http::Access::tenant_or_anonymous) {
        found[route.operation] = roles_of(route);
      }
    }
  }
  EXPECT_EQ(found, wanted);
}

// Who operates the mesh and is shown no payloads: a new route that answers with what events and
// users hold belongs here, and everything else that an operator reads is looked through for it.
TEST_F(ApiDescription, WhatShowsPayloadsSaysSo) {
  const std::set<std::string> omitted{
      "getEvent",        "listRecords", "listTopicRecords", "listDeadLetterCauses",
      "listDeadLetters", "traceEvent",  "listTasks",        "getTask"};
  const std::set<std::string> shown{"mendDeadLetter", "explainSearch", "explainUsers",
                                    "compareIndexes", "findUsers",     "findEvents",
                                    "listLogLines"};
  const std::set<std::string> without{
      "listTopics",         "getTopic",         "listGroups",
      "getGroup",           "listTenants",      "getTenant",
      "listQuotas",         "listRateLimits",   "getRateLimit",
      "listTypes",          "getType",          "getUsage",
      "getUsageTotals",     "listMembers",      "listDeadLetterTopics",
      "listIndexes",        "listEventIndexes", "getConfig",
      "listServerFindings", "getOverview",      "watchOverview",
      "listSettings"};
  std::map<http::Payloads, std::set<std::string>> found;
  for (const auto& route : admin_routes()) {
    // What changes something answers with what was sent, or with a task.
    if (route.method == "GET" || route.payloads != http::Payloads::none) {
      found[route.payloads].insert(route.operation);
    }
  }
  EXPECT_EQ(found[http::Payloads::omitted], omitted);
  EXPECT_EQ(found[http::Payloads::shown], shown);
  EXPECT_EQ(found[http::Payloads::none], without);
}

TEST_F(ApiDescription, EveryRowOfEveryTableSaysWhatAClientHasToKnow) {
  std::set<std::string> operations;
  std::size_t routes = 0;
  for (auto& [role, table] : tables()) {
    const auto description = api_description({.title = role, .version = "1", .server = ""}, table);
    EXPECT_THAT(offences_of(description, operations), IsEmpty()) << role;
    routes += table.size();
  }
  EXPECT_EQ(operations.size(), routes) << "two roles have an operationId in common";
  EXPECT_GT(routes, 50u);
  const auto description = Json::parse(ask(health({}), "/openapi.json"));
  EXPECT_THAT(offences_of(description, operations), IsEmpty());
  EXPECT_EQ(operations.size(), routes + description["paths"].size());
}

TEST_F(ApiDescription, WhatTakesABodyDescribesIt) {
  for (const auto& [role, table] : tables()) {
    for (const auto& route : table) {
      EXPECT_EQ(route.request.empty(), route.body == http::Body::none)
          << route.method << " " << route.pattern;
    }
  }
}

TEST_F(ApiDescription, EachFaultOfARowIsFound) {
  const http::Route good{
      .method = "GET",
      .pattern = "/users/{id}",
      .operation = "getUser",
      .tag = "users",
      .summary = "Gives a user",
      .parameters = {{"id", "path", "the id"}},
      .answers = {{200, "a user", {{"application/json", {{"type", "object"}}}}}}};
  EXPECT_THAT(offences_of(http::RouteTable{good}), IsEmpty());
  const auto faults = [&](auto spoil) {
    http::Route bad = good;
    spoil(bad);
    return offences_of(http::RouteTable{bad}).size();
  };
  EXPECT_GT(faults([](auto& route) { route.operation = ""; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.operation = "get_user"; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.summary = ""; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.tag = "others"; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.parameters.clear(); }), 0u);
  EXPECT_GT(faults([](auto& route) { route.parameters[0].name = "ID"; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.parameters[0].description = ""; }), 0u);
  EXPECT_GT(faults([](auto& route) { route.answers.clear(); }), 0u);
  EXPECT_GT(faults([](auto& route) { route.answers[0].content.clear(); }), 0u);
  EXPECT_GT(faults([](auto& route) { route.answers[0].content[0].schema = Json::object(); }), 0u);
  EXPECT_GT(faults([](auto& route) {
              route.answers[0].links = {{"next", {{"operationId", "x"}}}};
            }),
            0u);
  EXPECT_GT(faults([](auto& route) { route.answers[0].status = 204; }), 0u);
  http::Route twice = good;
  twice.method = "HEAD";
  EXPECT_THAT(offences_of(http::RouteTable{good, twice}), testing::SizeIs(1));
}

TEST_F(ApiDescription, WhatTheChainRefusesFollowsFromTheRoute) {
  const http::RouteTable routes{{.method = "POST",
                                 .pattern = "/a",
                                 .access = http::Access::tenant,
                                 .scope = "users",
                                 .body = http::Body::json,
                                 .problems = {409}},
                                {.method = "GET", .pattern = "/b", .access = http::Access::open}};
  const Json paths = api_description({.title = "t", .version = "1", .server = ""}, routes)["paths"];
  const auto statuses = [](const Json& operation) {
    std::vector<std::string> all;
    for (const auto& [status, answer] : operation["responses"].items()) all.push_back(status);
    return all;
  };
  EXPECT_THAT(statuses(paths["/a"]["post"]),
              UnorderedElementsAre("400", "401", "403", "408", "409", "413", "415", "421", "429",
                                   "431", "500", "503"));
  EXPECT_THAT(statuses(paths["/b"]["get"]),
              UnorderedElementsAre("400", "408", "413", "421", "431", "503"));
}

TEST_F(ApiDescription, NoCredentialIsOfferedOnlyWhereThereIsAnAnonymousTenant) {
  const auto security = [&](bool anonymous, const char* role, const char* path,
                            const char* method) {
    const auto description =
        Json::parse(ask(health(tables().at(role), anonymous), "/openapi.json"));
    return dump(description["paths"][path][method]["security"]);
  };
  constexpr const char* kPublish = "/api/v1/events/analytics";
  EXPECT_EQ(security(true, "publisher", kPublish, "post"), R"([{"tenant":[]},{"operator":[]},{}])");
  EXPECT_EQ(security(false, "publisher", kPublish, "post"), R"([{"tenant":[]},{"operator":[]}])");
  EXPECT_EQ(security(true, "users", "/users", "get"), R"([{"tenant":[]},{"operator":[]}])");
  EXPECT_EQ(security(true, "admin", "/admin/v1/tasks", "get"), R"([{"operator":[]}])");
}

TEST_F(ApiDescription, ACertificateIsOfferedWhereItMayBeACredential) {
  const auto described = [&](bool users, bool operators, const char* role) {
    return api_description({.title = "t",
                            .version = "1",
                            .server = "",
                            .user_certificates = users,
                            .operator_certificates = operators},
                           tables().at(role));
  };
  const auto offered = [](const Json& description, const char* path, const char* method) {
    return description["paths"][path][method]["security"].dump().find("certificate") !=
           std::string::npos;
  };
  const auto schemes = [](const Json& d) { return d["components"]["securitySchemes"]; };
  for (const auto& [users, operators] : {std::pair{true, false}, {false, true}}) {
    const auto of_tenants = described(users, operators, "users");
    const auto of_operators = described(users, operators, "admin");
    EXPECT_EQ(schemes(of_tenants)["certificate"]["type"], "mutualTLS");
    EXPECT_TRUE(offered(of_tenants, "/users", "get"));
    EXPECT_EQ(offered(of_operators, "/admin/v1/tasks", "get"), operators);
  }
  const auto without = described(false, false, "users");
  EXPECT_FALSE(schemes(without).contains("certificate"));
  EXPECT_FALSE(offered(without, "/users", "get"));
}

TEST_F(ApiDescription, AListenerDescribesItsOwnSchemasAndNoOthers) {
  const auto description = Json::parse(ask(health(tables().at("users")), "/openapi.json"));
  const Json& schemas = description["components"]["schemas"];
  EXPECT_TRUE(schemas.contains("User"));
  EXPECT_FALSE(schemas.contains("Task"));
  EXPECT_EQ(description["servers"][1]["url"], "http://127.0.0.1:8081");
  for (const char* nobody : {"", "0.0.0.0:8081", "[::]:8081"}) {
    EXPECT_EQ(
        api_description({.title = "t", .version = "1", .server = nobody}, {})["servers"].size(),
        1u);
  }
}

// Their regular expressions are not those of C++; what they admit is taken, so the parts that can
// be tried here are.
TEST_F(ApiDescription, PatternsAdmitWhatIsMeant) {
  const auto fits = [](const std::string& pattern, const std::string& text) {
    return std::regex_search(text, std::regex(pattern));
  };
  for (const char* bound : {"start", "end", "0", "123", "-1h", "@-1h30m", "@-7d",
                            "@2026-11-21T08:00:00Z", "@2028-02-29T23:59:59.123+05:30"}) {
    EXPECT_TRUE(fits(bound_pattern(), bound)) << bound;
    test::FakeEventLog log(clock_);
    log.ensure("a.events", TopicKind::activity, 1);
    EXPECT_TRUE(pipeline::resolve_bound(log, {"a.events", 0}, bound, clock_.now())) << bound;
  }
  for (const char* bound : {"", "-", "@", "@-", "middle", "@2026-02-30T08:00:00Z", "@2026-11-21"}) {
    EXPECT_FALSE(fits(bound_pattern(), bound)) << bound;
  }
  for (const char* duration : {"1ms", "1s", "90s", "1h30m", "366d", "0m1s"}) {
    EXPECT_TRUE(fits(duration_pattern(), duration)) << duration;
    EXPECT_TRUE(rate_policy_from_json({{"rate", 1}, {"per", duration}})) << duration;
  }
  for (const char* duration : {"", "0", "0ms", "367d", "1y", "30m1h"}) {
    EXPECT_FALSE(fits(duration_pattern(), duration)) << duration;
  }
  for (const char* text : {"", "YQ==", "YWI=", "YWJj"}) {
    EXPECT_TRUE(fits(base64_pattern(), text) && base64_decode(text)) << text;
  }
  for (const char* age : {"1h", "10h", "1h30m", "7d", "365d", "1w2d", "0d5h"}) {
    EXPECT_TRUE(fits(retention_pattern(), age) && retention_from_json(age, "")) << age;
  }
  for (const char* age : {"59m", "0h", "1m30s", "10ms", "h", "1 h"}) {
    EXPECT_FALSE(fits(retention_pattern(), age) || retention_from_json(age, "")) << age;
  }
  for (const char* text : {"Y", "YQ=", "YR==", "a b="}) EXPECT_FALSE(fits(base64_pattern(), text));
  for (const char* type : {"order.placed", "analytics.other", "a.b.c"}) {
    EXPECT_TRUE(fits(other_type_pattern(), type) && topic_of_unknown_type(type)) << type;
  }
  for (const char* type : {"user.created", "user.other", "analytics.recorded", "A.b", "a"}) {
    EXPECT_FALSE(fits(other_type_pattern(), type)) << type;
  }
}

TEST_F(ApiDescription, AStreamSaysWhatItsEventsHold) {
  http::Route route;
  route.method = "GET";
  route.pattern = "/watch";
  route.operation = "watchThings";
  route.tag = "search";
  route.summary = "Things as they come";
  route.answers = {api::gives_events("Hits as they come.", {{"hit", {{"type", "object"}}}})};
  route.problems = {429, 503};
  const Json description = api_description({}, {route});
  const Json& schema = description.at(
      Json::json_pointer("/paths/~1watch/get/responses/200/content/text~1event-stream/schema"));
  EXPECT_EQ(schema.at("type"), "string");
  EXPECT_EQ(schema.at("x-events").at("hit"), (Json{{"type", "object"}}));
  EXPECT_TRUE(schema.at("x-events").at(http::kLostEvent).at("properties").contains("dropped"));
  std::set<std::string> operations;
  EXPECT_THAT(offences_of(description, operations), IsEmpty());
}

TEST_F(ApiDescription, ThePageShowsEveryOperationAndNoMarkupOfItsTexts) {
  for (const auto& [role, table] : tables()) {
    const auto routes = health(table);
    const std::string page = ask(routes, "/docs");
    for_each_operation(Json::parse(ask(routes, "/openapi.json")),
                       [&](const auto&, const auto&, const Json& operation) {
                         const std::string id = operation["operationId"];
                         EXPECT_NE(page.find("<section id=\"" + id + "\">"), page.npos) << id;
                       });
    EXPECT_EQ(page.find("<partition>"), page.npos);
    EXPECT_EQ(page.find("<script"), page.npos);
  }
}

}  // namespace
}  // namespace mesh::services
