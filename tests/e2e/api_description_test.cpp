// What the real binary answers is as /openapi.json says: status, media type, header fields, body.
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/document_signature.h"
#include "common/base/strings.h"
#include "tests/e2e/daemon.h"
#include "tests/support/described.h"
#include "tests/support/eventually.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

const std::vector<std::string> kRoles{"users", "gateway", "publisher", "subscriber", "admin"};
constexpr const char* kAda = "acme:ada";

class Described {
 public:
  explicit Described(Daemon& daemon) : daemon_(daemon) {
    for (const auto& role : kRoles) {
      api_[role] = daemon.call(role, "GET", "/openapi.json", "").json();
      for (const auto& [path, operations] : api_[role].at("paths").items()) {
        for (const auto& [method, operation] : operations.items()) {
          unanswered_.insert(operation["operationId"]);
        }
      }
    }
  }

  // Sends the request and expects this status, and all else as the description says.
  Answer ask(const std::string& role, const std::string& method, const std::string& target,
             int status, const std::string& token, const Json& body = nullptr,
             http::HeaderList headers = {}) {
    const std::string text = body.is_null()     ? ""
                             : body.is_string() ? body.get<std::string>()
                                                : dump(body);
    auto answer = daemon_.call(role, method, target, token, text, headers);
    SCOPED_TRACE(method + " " + target + "\n" + std::to_string(answer.status) + " " + answer.body);
    EXPECT_EQ(answer.status, status);
    check(role, method, target, answer);
    return answer;
  }
  Answer operate(const std::string& method, const std::string& target, int status,
                 const Json& body = nullptr, const http::HeaderList& headers = {}) {
    return ask("admin", method, "/admin/v1" + target, status, daemon_.operator_token(), body,
               headers);
  }
  const Json& of(const std::string& role) const { return api_.at(role); }
  // Operations that gave no good answer yet.
  const std::set<std::string>& unanswered() const { return unanswered_; }

 private:
  const Json& operation_of(const Json& api, const std::string& method, const std::string& target) {
    const auto wanted = split(target.substr(0, target.find('?')), '/');
    const Json* found = nullptr;
    std::size_t literals = 0;
    for (const auto& [path, operations] : api.at("paths").items()) {
      const auto parts = split(path, '/');
      if (parts.size() != wanted.size() || !operations.contains(to_lower(method))) continue;
      std::size_t same = 0;
      bool fits = true;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        same += parts[i] == wanted[i];
        fits = fits && (parts[i] == wanted[i] || parts[i].starts_with('{'));
      }
      if (!fits || same <= literals) continue;
      literals = same;
      found = &operations[to_lower(method)];
    }
    if (found == nullptr) throw std::runtime_error(method + " " + target + " is not described");
    return *found;
  }

  void check(const std::string& role, const std::string& method, const std::string& target,
             const Answer& answer) {
    const Json& api = api_.at(role);
    const Json& operation = operation_of(api, method, target);
    const auto status = std::to_string(answer.status);
    ASSERT_TRUE(operation["responses"].contains(status)) << "the status is not described";
    const Json& described = test::resolved(api, operation["responses"][status]);
    const Json headers = described.value("headers", Json::object());
    for (const auto& [name, given] : headers.items()) {
      const Json& header = test::resolved(api, given);
      if (header.value("required", false)) {
        EXPECT_NE(answer.header(name), "") << name;
      }
    }
    // What it sends of those that are worth a word is described.
    for (const char* name : {"ETag", "Location", "Link", "Retry-After", "RateLimit",
                             "RateLimit-Policy", "WWW-Authenticate", "Idempotent-Replayed"}) {
      EXPECT_TRUE(answer.header(name).empty() || headers.contains(name)) << name;
    }
    const Json content = described.value("content", Json::object());
    const auto type = answer.header("Content-Type");
    const std::string media = type.substr(0, type.find(';'));
    if (content.empty()) {
      EXPECT_EQ(answer.body, "");
    } else {
      ASSERT_TRUE(content.contains(media)) << media;
      const bool json = media.ends_with("json");
      EXPECT_EQ(
          test::misfit(api, content[media]["schema"], json ? answer.json() : Json(answer.body)),
          "");
    }
    if (answer.status < 300) unanswered_.erase(operation["operationId"].get<std::string>());
  }

  Daemon& daemon_;
  std::map<std::string, Json> api_;
  std::set<std::string> unanswered_;
};

class ApiDescription : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    api_.emplace(daemon_);
  }
  Answer users(const std::string& method, const std::string& target, int status,
               const Json& body = nullptr, const http::HeaderList& headers = {}) {
    return api_->ask("users", method, target, status, kAda, body, headers);
  }
  Answer operate(const std::string& method, const std::string& target, int status,
                 const Json& body = nullptr, const http::HeaderList& headers = {}) {
    return api_->operate(method, target, status, body, headers);
  }
  // Starts a task and gives it as it is at its end.
  Json task(const std::string& target, const Json& body) {
    const auto started = operate("POST", target, 202, body);
    EXPECT_EQ(started.header("Location"),
              "/admin/v1/tasks/" + started.json()["id"].get<std::string>());
    return operate("GET", "/tasks/" + started.json()["id"].get<std::string>() + "?wait=25", 200)
        .json();
  }

  std::string key_file() {
    std::ofstream(dir_.file("key.pem")) << test::kReceiptKey;
    return dir_.file("key.pem");
  }

  void ask_of_users();
  void ask_of_events();
  void ask_of_the_log();
  void ask_of_letters();
  void ask_of_tenants();
  void ask_of_work();
  void ask_of_the_process();
  bool ask_of_the_console();

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "auth: {anonymous_tenant: acme}\ntenants: {receipt_key_file: " +
                                        key_file() + "}\n"};
  std::optional<Described> api_;
};

void ApiDescription::ask_of_users() {
  const Json ada{{"email", "ada@acme.dev"}, {"name", "Ada"}};
  const http::HeaderList key{{"Idempotency-Key", "k-1"}};
  users("POST", "/users/create", 201, ada, key);
  EXPECT_EQ(users("POST", "/users/create", 201, ada, key).header("Idempotent-Replayed"), "true");
  users("POST", "/users/create", 409, ada);
  users("POST", "/users/create", 422, Json{{"email", "ada"}});
  users("POST", "/users/create", 403,
        Json{{"email", "b@acme.dev"}, {"name", "B"}, {"tenantId", "x"}});
  users("POST", "/users/create", 400, "{");
  users("POST", "/users/create", 415, ada, {{"Content-Type", "text/plain"}});
  api_->ask("users", "POST", "/users/create", 401, "", ada);
  users("POST", "/users/batch?existing=update", 200,
        "{\"email\":\"b@acme.dev\",\"name\":\"B\"}\n{\"email\":\"b\"}\n{\"email\":\"ada@acme.dev\","
        "\"name\":\"Ada King\"}",
        {{"Content-Type", "application/x-ndjson"}});
  users("POST", "/users/batch", 415, Json::object());
  EXPECT_NE(users("GET", "/users?limit=1", 200).header("Link"), "");
  users("GET", "/users?limit=0", 400);
  users("GET", "/users/1", 304, nullptr, {{"If-None-Match", "*"}});
  users("GET", "/users/1", 200);
  users("GET", "/users/99", 404);
  users("GET", "/users/x", 400);
  users("PATCH", "/users/1", 412, Json{{"name", "A"}}, {{"If-Match", "\"99\""}});
  users("PATCH", "/users/1", 200, Json{{"name", "Ada Lovelace"}});
  daemon_.await_idle();
  api_->ask("gateway", "GET", "/ai/users/search?query=ada", 200, kAda);
  api_->ask("gateway", "GET", "/ai/users/search", 400, kAda);
  users("DELETE", "/users/2", 412, nullptr, {{"If-Match", "\"99\""}});
  users("DELETE", "/users/2", 204);
}

void ApiDescription::ask_of_events() {
  const auto publish = [&](const std::string& target, int status, const Json& body,
                           const http::HeaderList& headers = {}) {
    return api_->ask("publisher", "POST", "/api/v1/events" + target, status, "", body, headers);
  };
  const Json login{{"user_id", "7"}, {"event_type", "login"}, {"metadata", {{"ip", "192.0.2.7"}}}};
  const Json caffeine{
      {"molecule_id", "caffeine"}, {"researcher", "curie"}, {"data", {{"formula", "C8H10N4O2"}}}};
  publish("/analytics", 202, login);
  publish("/analytics", 422, Json{{"user_id", 7}});
  publish("/chemical", 202, caffeine);
  const Json event{{"specversion", "1.0"},
                   {"id", "e-1"},
                   {"source", "/shop"},
                   {"type", "analytics.recorded"},
                   {"data", login}};
  const http::HeaderList one{{"Content-Type", "application/cloudevents+json"}};
  publish("", 202, event, one);
  publish("", 202, Json::array({event, event}),
          {{"Content-Type", "application/cloudevents-batch+json"}});
  publish("", 422, Json{{"type", "other.happened"}}, one);
  publish("", 415, event);
  daemon_.await_idle();
  const std::string typed = "?type=analytics.recorded&query=login";
  api_->ask("gateway", "GET", "/ai/search" + typed + "&filter=ip=192.0.2.7&from=1h", 200, kAda);
  api_->ask("gateway", "GET", "/ai/search?query=login", 400, kAda);
  api_->ask("gateway", "GET", "/ai/watch?type=none.happened&query=login", 400, kAda);
  for (const char* path :
       {"/api/v1/analytics/user/7", "/api/v1/events/user/7?limit=2",
        "/api/v1/analytics/researcher/curie", "/api/v1/events/researcher/curie"}) {
    api_->ask("subscriber", "GET", path, 200, "");
  }
  api_->ask("subscriber", "GET", "/api/v1/events/e-1", 200, "");
  api_->ask("subscriber", "GET", "/api/v1/events/e-none", 404, kAda);
  api_->ask("subscriber", "GET", "/api/v1/usage?since=1h", 200, kAda);
  api_->ask("subscriber", "GET", "/api/v1/analytics/user/nobody", 404, kAda);
  api_->ask("subscriber", "GET", "/api/v1/events/user/7?limit=0", 400, "");
}

void ApiDescription::ask_of_the_log() {
  operate("GET", "/topics", 200);
  operate("GET", "/topics/user.events", 200);
  operate("GET", "/topics/none", 404);
  EXPECT_FALSE(
      operate("GET", "/topics/user.events/records?from=start", 200).json()["items"].empty());
  operate("GET", "/topics/user.events/records?from=nowhere", 400);
  operate("GET", "/records?from=start&limit=1000", 200);
  operate("GET", "/events/e-1", 200);
  operate("GET", "/events/none", 404);
  operate("GET", "/traces/e-1", 200);
  operate("GET", "/traces/none", 404);
  operate("GET", "/traces/none?from=nowhere", 400);
  operate("POST", "/events", 422, Json::object());
  // One that is no event.
  operate("POST", "/events", 202,
          {{"topic", "billing.events"}, {"records", {{{"key", "k"}, {"value", "text"}}}}});
  operate("GET", "/topics/billing.events/records?from=start", 200);
  operate("GET", "/groups", 200);
  operate("GET", "/groups/analytics", 200);
  operate("GET", "/groups/none", 404);
  operate("POST", "/groups/analytics/seek", 200, {{"to", "@-1h"}, {"dry_run", true}});
  operate("POST", "/groups/analytics/seek", 422, Json::object());
  operate("DELETE", "/groups/analytics", 409);
}

void ApiDescription::ask_of_letters() {
  for (const char* id : {"d-1", "d-2"}) {
    daemon_.append_broken_experiment("acme", id);
  }
  daemon_.await_idle();
  operate("GET", "/dlq", 200);
  operate("GET", "/dlq/causes", 200);
  const auto letters = operate("GET", "/dlq/chemical.events/letters", 200).json()["items"];
  ASSERT_EQ(letters.size(), 2u);
  operate("GET", "/dlq/chemical.events/letters?cause=none", 404);
  operate("POST", "/dlq/chemical.events/redrive", 200, {{"dry_run", true}});
  operate("POST", "/dlq/chemical.events/redrive", 422, {{"dry_run", nullptr}});
  const Json letter = letters[0];
  Json event = letter["event"];
  const std::string place = "/dlq/chemical.events/letters/" + dump(letter["partition"]) + ":" +
                            dump(letter["offset"]) + "/mend";
  operate("POST", place, 422, event);
  event["data"] = {
      {"molecule_id", "water"}, {"researcher", "curie"}, {"data", {{"formula", "H2O"}}}};
  event.erase("subject");
  operate("POST", place, 202, event);
  operate("POST", place, 409, event);
  EXPECT_EQ(task("/dlq/chemical.events/redrive", Json::object())["state"], "done");
  operate("POST", "/dlq/chemical.events/purge", 200, {{"dry_run", true}});
  EXPECT_EQ(task("/dlq/chemical.events/purge", Json::object())["state"], "done");
}

void ApiDescription::ask_of_tenants() {
  const Json policy{{"rate", 1}, {"per", "1h"}, {"burst", 0}};
  operate("POST", "/tenants", 201,
          {{"id", "globex"}, {"rate_limits", {{"search", policy}, {"users", nullptr}}}});
  operate("POST", "/tenants", 409, {{"id", "globex"}});
  operate("POST", "/tenants", 422, {{"id", "Globex"}});
  operate("GET", "/tenants?limit=1", 200);
  operate("GET", "/tenants/globex", 200);
  operate("GET", "/tenants/globex", 304, nullptr, {{"If-None-Match", "\"1\""}});
  operate("GET", "/tenants/none", 404);
  operate("PATCH", "/tenants/globex", 200, {{"name", "Globex"}});
  operate("PATCH", "/tenants/globex", 412, {{"name", "G"}}, {{"If-Match", "\"1\""}});
  operate("PUT", "/tenants/globex", 200, {{"name", "Globex"}});
  operate("GET", "/tenants/globex/quotas", 200);
  operate("PUT", "/tenants/globex/types/order.placed", 200, {{"type", "object"}});
  operate(
      "PATCH", "/tenants/globex", 200,
      {{"search", {{"order.placed", {{"text", "{title}"}, {"fields", {{"total", "number"}}}}}}}});
  operate("PATCH", "/tenants/globex", 422, {{"search", {{"order.sent", {{"text", "{title}"}}}}}});
  operate("PUT", "/tenants/globex/types/order.placed", 422, {{"type", "text"}});
  operate("GET", "/tenants/globex/types", 200);
  operate("GET", "/tenants/globex/types/order.placed", 200);
  operate("DELETE", "/tenants/globex/types/order.placed", 204);
  operate("GET", "/usage/totals?since=1h&by=hour", 200);
  operate("GET", "/ratelimits/globex", 200);
  operate("GET", "/ratelimits/globex/search", 200);
  operate("GET", "/ratelimits/globex/none", 404);
  operate("PUT", "/ratelimits/globex/users", 200, policy);
  operate("PUT", "/ratelimits/globex/users", 422, Json::object());
  api_->ask("users", "GET", "/users", 200, "globex:g");
  api_->ask("users", "GET", "/users", 429, "globex:g");
  operate("POST", "/ratelimits/globex/users/reset", 200, Json::object());
  operate("DELETE", "/ratelimits/globex/users", 200);
  operate("GET", "/usage?window=1m", 200);
  operate("GET", "/usage?sort=none", 400);
  EXPECT_EQ(task("/tenants/globex/purge", {{"dry_run", true}})["state"], "done");
  operate("POST", "/tenants/nobody/purge", 404, Json::object());
  operate("POST", "/tenants/globex/purge", 422, {{"subject", ""}});
  const Json receipt{{"target", {{"tenant", "globex"}}}};
  const auto key = SigningKey::from_pem(test::kReceiptKey);
  const Json signed_one{{"receipt", receipt}, {"signature", key->sign(receipt)}};
  EXPECT_EQ(task("/receipts/verify", signed_one)["state"], "done");
  operate("POST", "/receipts/verify", 422, {{"receipt", receipt}, {"signature", "x"}});
  operate("DELETE", "/tenants/globex", 204);
  api_->ask("admin", "GET", "/admin/v1/tenants", 403, kAda);
}

void ApiDescription::ask_of_work() {
  operate("POST", "/replays", 200, {{"topic", "user.events"}, {"dry_run", true}});
  operate("POST", "/replays", 422, Json::object());
  operate("POST", "/replays", 404, {{"topic", "none.events"}, {"pipeline", "analytics"}});
  EXPECT_EQ(task("/replays", {{"topic", "user.events"}})["state"], "done");
  operate("POST", "/backups", 422, {{"path", "relative"}});
  EXPECT_EQ(task("/backups", {{"path", dir_.file("backup")}})["state"], "done");
  operate("GET", "/indexes", 200);
  operate("GET", "/users?email=ada@acme.dev", 200);
  operate("GET", "/users", 400);
  operate("GET", "/search/users?tenant=acme&query=ada", 200);
  operate("GET", "/search/users?tenant=acme&query=ada&generation=9", 404);
  operate("GET", "/search/users?query=ada", 400);
  operate("GET", "/search/events?tenant=acme&type=analytics.recorded&query=ada", 200);
  operate("GET", "/search/events?tenant=acme&query=ada", 400);
  operate("GET", "/search/why-not?tenant=acme&query=ada&who=ada@acme.dev", 200);
  operate("GET", "/search/why-not?tenant=acme&query=ada", 400);
  operate("GET", "/search/why-not?tenant=nobody&query=ada&who=1", 404);
  operate("POST", "/indexes/rollback", 409);
  EXPECT_EQ(task("/indexes/rebuild", Json::object())["state"], "done");
  operate("POST", "/indexes/verify", 200);
  operate("POST", "/indexes/rollback", 200);
  operate("POST", "/indexes/rebuild", 200, {{"dry_run", true}});
  operate("POST", "/indexes/rebuild", 422, {{"embedder", "static"}, {"model", "relative"}});
  EXPECT_EQ(task("/indexes/rebuild", {{"shadow", true}})["state"], "done");
  operate("POST", "/indexes/rebuild", 409, {{"shadow", true}});
  operate("POST", "/indexes/compare", 200, {{"tenant", "acme"}, {"queries", {"ada"}}});
  operate("POST", "/indexes/compare", 404, {{"generation", 99}});
  operate("POST", "/indexes/compare", 422, {{"queries", {"ada"}}});
  operate("POST", "/indexes/serve", 200, {{"generation", 3}});
  operate("POST", "/indexes/serve", 404, {{"generation", 99}});
  operate("POST", "/indexes/drop", 409, {{"generation", 3}});
  operate("POST", "/indexes/drop", 200, {{"generation", 1}});
  operate("POST", "/indexes/drop", 404, {{"generation", 99}});
  const Json recorded{{"type", "analytics.recorded"}};
  EXPECT_FALSE(operate("GET", "/indexes/events", 200).json()["items"].empty());
  operate("POST", "/indexes/events/rollback", 409, recorded);
  EXPECT_EQ(task("/indexes/events/rebuild", recorded)["state"], "done");
  operate("POST", "/indexes/events/rebuild", 404, {{"type", "none.happened"}});
  operate("POST", "/indexes/events/rebuild", 422, Json::object());
  operate("POST", "/indexes/events/rollback", 200, recorded);
  const auto tasks = operate("GET", "/tasks?limit=1", 200).json()["items"];
  operate("POST", "/tasks/" + tasks.at(0)["id"].get<std::string>() + "/cancel", 409);
  operate("GET", "/tasks/none", 404);

  const auto begun = operate("POST", "/tasks", 202, {{"kind", "import"}}).json();
  const auto path = "/tasks/" + begun["id"].get<std::string>();
  operate("POST", "/tasks", 422, {{"kind", "rebuild"}});
  operate("PUT", path + "/progress", 200, {{"done", 1}, {"result", {{"created", 1}}}});
  operate("PUT", path + "/progress", 422, {{"done", -1}});
  operate("PUT", "/tasks/none/progress", 404, Json::object());
  operate("POST", path + "/end", 422, {{"state", "failed"}});
  operate("POST", path + "/end", 200, {{"state", "done"}, {"done", 1}});
  operate("POST", path + "/end", 409, {{"state", "cancelled"}});
}

void ApiDescription::ask_of_the_process() {
  operate("GET", "/config", 200);
  operate("GET", "/config/settings", 200);
  operate("GET", "/members", 200);
  operate("GET", "/overview", 200);
  operate("GET", "/servers", 200);
  operate("GET", "/logs", 200);
  operate("POST", "/check", 200);
  operate("POST", "/check", 422, {{"dry_run", true}});
  for (const auto& role : kRoles) {
    for (const char* path :
         {"/health", "/livez", "/readyz", "/healthz", "/metrics", "/openapi.json", "/docs"}) {
      api_->ask(role, "GET", path, 200, "");
    }
    api_->ask(role, "GET", "/health?a=1&a=2", 400, "");
  }
}

TEST_F(ApiDescription, EveryOperationAnswersAsItIsDescribed) {
  ask_of_users();
  ask_of_events();
  ask_of_the_log();
  ask_of_letters();
  ask_of_tenants();
  ask_of_work();
  ask_of_the_process();
  const bool has_console = ask_of_the_console();

  // A group can go where nothing reads with it; a task may end before it is cancelled.
  ASSERT_EQ(daemon_.stop(), 0);
  Daemon idle(daemon_.data_dir(), "roles: [users, gateway, publisher, subscriber, admin]\n");
  ASSERT_TRUE(idle.start()) << idle.errors();
  Described(idle).operate("DELETE", "/groups/analytics", 204);
  // A stream does not end by itself.
  std::set<std::string> unanswered{"cancelTask", "deleteGroup", "watchEvents", "watchOverview"};
  if (!has_console) {
    unanswered.insert({"getConsole", "getFrontPage", "getConsoleFile", "makeConsoleCode"});
  }
  EXPECT_EQ(api_->unanswered(), unanswered);
}

// Whether this build has one.
bool ApiDescription::ask_of_the_console() {
  const auto ask = [&](const std::string& method, const std::string& target, int status,
                       const Json& body = nullptr, const http::HeaderList& headers = {}) {
    return api_->ask("admin", method, target, status, "", body, headers);
  };
  const auto session = [&](int status, const Json& body) {
    return ask("POST", "/console/session", status, body);
  };
  EXPECT_EQ(ask("GET", "/console/session", 200).json()["signed_in"], false);
  session(200, {{"token", daemon_.operator_token()}, {"read_only", true}});
  session(401, {{"token", "acme:ada"}});
  session(422, Json::object());
  ask("DELETE", "/console/session", 204);
  ask("GET", "/", 404);
  ask("GET", "/console/none.js", 404);
  if (daemon_.call("admin", "GET", "/console", "").status == 404) return false;
  const auto page = ask("GET", "/console", 200);
  ask("GET", "/console", 304, nullptr, {{"If-None-Match", page.header("ETag")}});
  ask("GET", "/", 200, nullptr, {{"Accept", "text/html"}});
  // All that the page loads.
  int files = 0;
  for (const auto& part : split(page.body, '"')) {
    if (!part.starts_with("/console/")) continue;
    ask("GET", part, 200);
    ++files;
  }
  EXPECT_EQ(files, 3) << page.body;
  const auto code = operate("POST", "/console/codes", 201, Json::object()).json()["code"];
  session(200, {{"code", code}});
  session(401, {{"code", code}});
  return true;
}

// The ranges and words of the description are those that the handlers hold to.
TEST_F(ApiDescription, EveryRangeThatIsDescribedIsTheRangeThatHolds) {
  int tried = 0;
  for (const auto& role : kRoles) {
    for (const auto& [path, operations] : api_->of(role).at("paths").items()) {
      if (!operations.contains("get")) continue;
      std::string target;
      for (const auto& part : split(path.substr(1), '/')) {
        target += "/" + (part == "{topic}" ? "user.events" : part[0] == '{' ? "1" : part);
      }
      if (path == "/ai/watch") continue;  // what is good begins a stream
      target += path == "/ai/users/search"         ? "?query=ada&"
                : path == "/ai/search"             ? "?type=analytics.recorded&query=ada&"
                : path == "/admin/v1/search/users" ? "?query=ada&tenant=acme&"
                : path == "/admin/v1/search/events"
                    ? "?type=analytics.recorded&query=ada&tenant=acme&"
                : path == "/admin/v1/search/why-not" ? "?query=ada&tenant=acme&who=1&"
                                                     : "?";
      const auto status = [&](const std::string& name, const std::string& value) {
        ++tried;
        return daemon_
            .call(role, "GET", target + name + "=" + value,
                  role == "admin" ? daemon_.operator_token() : kAda)
            .status;
      };
      for (const auto& given : operations["get"]["parameters"]) {
        const Json& parameter = test::resolved(api_->of(role), given);
        const Json& schema = parameter["schema"];
        const std::string name = parameter["name"];
        SCOPED_TRACE(path + " " + name);
        if (parameter["in"] == "query" && schema.contains("minimum")) {
          const double low = schema["minimum"], high = schema["maximum"];
          EXPECT_EQ(status(name, dump(Json(low - 1))), 400);
          EXPECT_EQ(status(name, dump(Json(high + 1))), 400);
          // This daemon's embedder has letters only, so that it takes none.
          if (name == "semantic_ratio") continue;
          EXPECT_NE(status(name, dump(schema["minimum"])), 400);
          if (name != "wait") {
            EXPECT_NE(status(name, dump(schema["maximum"])), 400);
          }
        }
        if (parameter["in"] == "query" && schema.contains("enum")) {
          EXPECT_EQ(status(name, "none"), 400);
          for (const auto& word : schema["enum"]) EXPECT_NE(status(name, word), 400);
        }
      }
    }
  }
  EXPECT_GT(tried, 40);
}

TEST_F(ApiDescription, AnIdempotencyKeyMayBeAsLongAsDescribedAndNoLonger) {
  int tried = 0;
  for (const auto& role : {"users", "publisher"}) {
    const Json& api = api_->of(role);
    for (const auto& [path, operations] : api.at("paths").items()) {
      if (!operations.contains("post")) continue;
      for (const auto& parameter : operations["post"]["parameters"]) {
        if (parameter.value("name", "") != "Idempotency-Key") continue;
        const Json& content = operations["post"]["requestBody"]["content"];
        const std::string media = content.items().begin().key();
        const Json* schema = &test::resolved(api, content[media]["schema"]);
        if (schema->contains("anyOf")) schema = &test::resolved(api, (*schema)["anyOf"][0]);
        const Json example = (*schema)["examples"][0];
        const auto status = [&](std::size_t length) {
          const std::string body = example.is_string() ? example.get<std::string>() : dump(example);
          return daemon_
              .call(role, "POST", path, kAda, body,
                    {{"Content-Type", media},
                     {"Idempotency-Key", std::string(length - 1, 'k') + std::to_string(tried)}})
              .status;
        };
        const std::size_t longest = parameter["schema"]["maxLength"];
        EXPECT_EQ(status(longest + 1), 400) << path;
        EXPECT_LT(status(longest), 300) << path;
        daemon_.call("users", "DELETE", "/users/1", kAda);  // its address may be taken again
        ++tried;
      }
    }
  }
  EXPECT_EQ(tried, 5);
}

TEST_F(ApiDescription, AnAnswerThatIsNotAsDescribedIsFound) {
  const Json api = daemon_.call("users", "GET", "/openapi.json", "").json();
  const Json user{{"$ref", "#/components/schemas/User"}};
  const Json good{{"id", 1}, {"email", "a@b.c"}, {"name", "A"}, {"tenantId", "acme"}};
  EXPECT_EQ(test::misfit(api, user, good), "");
  for (const char* member : {"id", "email", "name", "tenantId"}) {
    Json bad = good;
    bad[member] = nullptr;
    EXPECT_NE(test::misfit(api, user, bad), "") << member;
    bad.erase(member);
    EXPECT_NE(test::misfit(api, user, bad), "") << member;
  }
}

}  // namespace
}  // namespace mesh::e2e
