// What --tenant does to each verb: of all verbs that there are.
#include "cli/help.h"
#include "cli/interrupt.h"
#include "tests/cli/cli_fixture.h"
#include "tests/cli/example_words.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers what commands ask before they get to what they are for, and notes in whose name.
class TenantUseTest : public CliTest {
 protected:
  TenantUseTest() {
    const InterruptGuard fresh;  // another test's Ctrl-C ends no command of these
    const Json none{{"items", Json::array()}, {"next", nullptr}};
    for (const char* list :
         {"/admin/v1/dlq/causes", "/admin/v1/tenants", "/admin/v1/dlq/{topic}/letters"}) {
      fake.on("GET", list, 200, none);
    }
    fake.on(
        "GET", "/admin/v1/topics/{topic}", 200,
        Json{{"name", "t"}, {"partition_offsets", {{{"partition", 0}, {"start", 0}, {"end", 1}}}}});
    fake.on("GET", "/admin/v1/topics/{topic}/records", 200,
            Json{{"items", Json::array()}, {"next", "0:1"}});
    // Who watches gets one list.
    fake.on("GET", "/admin/v1/tasks", [](const http::Request& request) {
      if (request.param("wait")) {
        return http::Response::problem({ErrorKind::forbidden, "enough", {}, {}, {}});
      }
      return http::Response::json(200,
                                  {{"items", Json::array()}, {"next", nullptr}, {"version", "v1"}});
    });
    fake.on("GET", "/admin/v1/records", Error{ErrorKind::forbidden, "enough", {}, {}, {}});
    fake.on("GET", "/admin/v1/events/{id}", 200, Json{{"id", "e1"}});
    fake.on("GET", "/admin/v1/usage", 200,
            Json{{"window_seconds", 10}, {"sort", "events"}, {"tenants", Json::array()}});
    fake.on("GET", "/admin/v1/usage/totals", 200, Json{{"by", "day"}, {"items", Json::array()}});
    fake.on("GET", "/admin/v1/traces/{id}", 200, Json{{"id", "e1"}, {"pipelines", Json::array()}});
    for (const char* change :
         {"/admin/v1/replays", "/admin/v1/dlq/{topic}/redrive", "/admin/v1/dlq/{topic}/purge"}) {
      fake.on("POST", change, 200, Json{{"matching", 0}});
    }
    const Json user{{"id", 1}, {"email", "a@b.dev"}, {"name", "A"}, {"tenantId", "ghost"}};
    fake.on("POST", "/users/create", 201, user);
    fake.on("GET", "/users", 200, Json::array());
    fake.on("GET", "/users/{id}", 200, user);
    fake.on("PATCH", "/users/{id}", 200, user);
    fake.on("POST", "/users/batch", 200, Json{{"results", Json::array()}});
    fake.on("GET", "/ai/users/search", 200, Json{{"results", Json::array()}});
    fake.on("GET", "/ai/watch", Error{ErrorKind::forbidden, "enough", {}, {}, {}});
    fake.on("POST", "/admin/v1/indexes/compare", 200, Json{{"queries", 0}});
    for (const char* events : {"/api/v1/events", "/api/v1/events/analytics"}) {
      fake.on("POST", events, 202, Json{{"id", "e1"}, {"message", "Event published"}});
    }
  }

  // Its first example, without the tenant and the file that it names.
  static std::vector<std::string> example(const CLI::App& app, const Verb& verb) {
    std::istringstream lines(verb.examples);
    for (std::string line; std::getline(lines, line);) {
      for (auto words : commands_of(line)) {
        if (words.empty() || words[0] != "mesh") continue;
        words.erase(words.begin());
        std::erase_if(words, [](const auto& word) { return word == "--watch"; });
        for (const char* flag : {"--tenant", "-t", "-O"}) {
          const auto at = std::ranges::find(words, flag);
          if (at != words.end()) words.erase(at, at + 2);
        }
        Globals globals;
        CommandTree tree(globals);
        if (!tree.parse(words) && command_path(tree.selected()) == command_path(app)) return words;
      }
    }
    ADD_FAILURE() << command_path(app) << " has no example of its own";
    return {};
  }
  int as_operator(std::vector<std::string> words) {
    const std::string token(64, 'f');
    words.insert(words.end(), {"--server", fake.url(), "--token", token});
    return mesh(std::move(words), "{}");
  }
  // Some request behind the first `before` was about this tenant, by a parameter, a member or the
  // header.
  bool asked_of_ghost_since(std::size_t before, TenantUse use) {
    auto requests = fake.requests();
    requests.erase(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(before));
    return std::ranges::any_of(requests, [&](const http::Request& request) {
      if (use == TenantUse::acts) return request.header("X-Tenant-Id") == "ghost";
      if (request.param("tenant") == "ghost") return true;
      const auto body = parse_json(request.body);
      return body && body->is_object() && body->value("tenant", Json()) == "ghost";
    });
  }
};

TEST_F(TenantUseTest, EveryVerbActsInItIsRestrictedToItOrRefusesIt) {
  Globals first;
  CommandTree tree(first);
  EXPECT_GT(tree.commands.all().size(), 40u);
  std::size_t asked = 0;
  for (const auto& [app, verb] : tree.commands.all()) {
    const std::string path = command_path(*app);
    ASSERT_NE(verb.tenant, TenantUse::unsaid) << path << " does not say what --tenant does to it";
    auto words = example(*app, verb);
    words.insert(words.end(), {"--tenant", "ghost"});
    const std::size_t before = fake.requests().size();
    if (verb.tenant == TenantUse::argument || verb.tenant == TenantUse::none) {
      EXPECT_EQ(as_operator(words), 2) << path;
      EXPECT_THAT(err, HasSubstr("`" + path + "`")) << path;
      EXPECT_THAT(err, HasSubstr("leave --tenant out")) << path;
      EXPECT_EQ(fake.requests().size(), before) << path << " asked a server all the same";
    } else if (verb.needs == Needs::server && path != "mesh users import") {
      (void)as_operator(words);
      EXPECT_THAT(err, Not(HasSubstr("leave --tenant out"))) << path;
      EXPECT_TRUE(asked_of_ghost_since(before, verb.tenant)) << path << "\n" << err;
      ++asked;
    }
  }
  EXPECT_GT(asked, 15u);
}

TEST_F(TenantUseTest, ATenantOfTheEnvironmentOrNoneIsRefusedNowhere) {
  fake.on("GET", "/admin/v1/topics", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  env["MESH_TENANT"] = "ghost";
  EXPECT_EQ(as_operator({"topics", "list"}), 0) << err;
  EXPECT_EQ(as_operator({"topics", "list", "--tenant="}), 0) << err;
  EXPECT_EQ(as_operator({"topics", "list", "--tenant", "acme"}), 2);
  EXPECT_EQ(as_operator({"tenants", "list"}), 0) << err;
  EXPECT_EQ(fake.last().param("tenant"), "ghost");
  EXPECT_EQ(as_operator({"tenants", "list", "--tenant="}), 0) << err;
  EXPECT_FALSE(fake.last().param("tenant"));
}

TEST_F(TenantUseTest, AMisspeltRateNamesTheWordNone) {
  EXPECT_EQ(as_operator({"tenants", "update", "acme", "--rate-limit", "search=NONE"}), 2);
  EXPECT_THAT(err, HasSubstr("search=none"));
}

}  // namespace
}  // namespace mesh::cli
