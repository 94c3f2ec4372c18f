// Commands end to end, against a fake server.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/records.h"
#include "common/base/strings.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Json kAlice{{"id", 7}, {"email", "alice@acme.dev"}, {"name", "Alice"}, {"tenantId", "acme"}};

class CommandsTest : public CliTest {
 protected:
  // A topic of one partition with records 0 … n-1, paged as the server does.
  void topic(const std::string& name, int n, int start = 0) {
    fake.on("GET", "/admin/v1/topics/" + name, 200,
            Json{{"name", name},
                 {"partition_offsets", {{{"partition", 0}, {"start", start}, {"end", n}}}}});
    fake.on("GET", "/admin/v1/topics/" + name + "/records", [=](const http::Request& request) {
      const auto positions = request.param("positions");
      int at = positions ? std::stoi(std::string(positions->substr(2))) : n / 2;
      const int limit = std::stoi(std::string(*request.param("limit")));
      const auto type = request.param("type");
      Json items = Json::array();
      for (; at < n && static_cast<int>(items.size()) < limit; ++at) {
        const std::string kind = at % 2 == 0 ? "even" : "odd";
        if (type && *type != kind) continue;
        char time[32];
        std::snprintf(time, sizeof time, "2026-01-01T00:00:%02dZ", at % 60);
        items.push_back({{"topic", name},
                         {"partition", 0},
                         {"offset", at},
                         {"time", time},
                         {"key", "acme/" + std::to_string(at)},
                         {"id", "e" + std::to_string(at)},
                         {"type", kind},
                         {"value", {{"n", at}}}});
      }
      return http::Response::json(200, Json{{"items", items}, {"next", "0:" + std::to_string(at)}});
    });
  }
};

TEST_F(CommandsTest, UsersCreatePrintsARow) {
  fake.on("POST", "/users/create", 201, kAlice);
  EXPECT_EQ(at_fake({"users", "create", "--email", "alice@acme.dev", "--name", "Alice"}), 0) << err;
  EXPECT_EQ(out, "ID  EMAIL           NAME\n 7  alice@acme.dev  Alice\n");
  EXPECT_EQ(at_fake({"users", "create", "--email", "a", "--name", "A", "-o", "name"}), 0);
  EXPECT_EQ(out, "7\n");
}

// Answers as a server that saw it in time, or not.
http::Response waited(int status, Json body, bool seen) {
  if (!seen) body["pending"] = {{"ack", "searchable"}, {"reached", "log"}, {"position", "p"}};
  auto response =
      http::Response::json(seen ? status : 202, body).with("Mesh-Position", "outbox~8~7");
  return std::move(response).with("Preference-Applied", "wait=10");
}

TEST_F(CommandsTest, AWriteThatIsNotSeenInTimeIsSevenAndSaysThatItIsDurable) {
  bool seen = false;
  fake.on("POST", "/users/create", [&](const auto&) { return waited(201, kAlice, seen); });
  fake.on("DELETE", "/users/{id}", [&](const auto&) { return waited(200, Json::object(), seen); });
  const std::vector<std::string> create{"users", "create", "--email", "a",   "--name",
                                        "A",     "--wait", "-o",      "json"};
  EXPECT_EQ(at_fake(create), 7);
  EXPECT_EQ(json()["id"], 7);
  EXPECT_EQ(json()["position"], "outbox~8~7");
  EXPECT_THAT(err, HasSubstr("durable, but not searchable after 10s"));
  EXPECT_EQ(fake.last().header("Prefer"), "wait=10");
  EXPECT_EQ(at_fake({"users", "delete", "--yes", "--wait=1m", "7", "-o", "json"}), 7);
  EXPECT_EQ(json(), (Json{{"id", 7}, {"position", "outbox~8~7"}}));
  EXPECT_EQ(fake.last().header("Prefer"), "wait=60");
  seen = true;
  EXPECT_EQ(at_fake(create), 0) << err;
  EXPECT_EQ(at_fake({"users", "delete", "--yes", "7", "--ack", "log"}), 0) << err;
  EXPECT_EQ(out, "");
  EXPECT_EQ(fake.last().param("ack"), "log");
  EXPECT_EQ(fake.last().header("Prefer"), "wait=10");
  EXPECT_EQ(at_fake({"users", "delete", "--yes", "7"}), 0) << err;
  EXPECT_FALSE(fake.last().header("Prefer"));
}

TEST_F(CommandsTest, WhatIsNoTimeToWaitIsRefusedBeforeAnythingIsAsked) {
  EXPECT_EQ(at_fake({"users", "create", "--email", "a", "--name", "A", "--wait=soon"}), 2);
  EXPECT_THAT(err, HasSubstr("--wait: \"soon\" is not a duration such as 10s or 1m"));
  EXPECT_EQ(at_fake({"users", "create", "--email", "a", "--name", "A", "--ack", "counted"}), 2);
  EXPECT_TRUE(fake.requests().empty());
}

TEST_F(CommandsTest, ASearchNamesTheWriteThatItIsToSee) {
  fake.on("GET", "/ai/users/search", 200, Json{{"results", Json::array()}});
  EXPECT_EQ(at_fake({"search", "ann", "--min-position", "outbox~8~7", "--wait=2s"}), 0) << err;
  EXPECT_EQ(fake.last().param("min_position"), "outbox~8~7");
  EXPECT_EQ(fake.last().header("Prefer"), "wait=2");
}

TEST_F(CommandsTest, GlobalOptionsStandBeforeOrBehindTheVerb) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  EXPECT_EQ(mesh({"-o", "json", "--server", fake.url(), "users", "--tenant", "acme", "get", "7",
                  "--token", "acme:a"}),
            0)
      << err;
  EXPECT_EQ(json(), kAlice);
}

TEST_F(CommandsTest, UsersListFollowsThePages) {
  fake.on("GET", "/users", [](const http::Request& request) {
    if (request.param("cursor")) return http::Response::json(200, Json::array({kAlice}));
    return http::Response::json(200, Json::array({kAlice, kAlice}))
        .with("Link", "</users?cursor=2>; rel=\"next\"");
  });
  EXPECT_EQ(at_fake({"users", "list", "--all", "-o", "json"}), 0) << err;
  EXPECT_EQ(json().size(), 3u);
  EXPECT_EQ(at_fake({"users", "list", "--limit", "2", "-o", "json"}), 0);
  EXPECT_EQ(json().size(), 2u);
  EXPECT_THAT(err, HasSubstr("--all"));
}

TEST_F(CommandsTest, UsersListSaysThatThereAreMoreWhereItsLastPageIsNotWhole) {
  fake.on("GET", "/users", [](const http::Request& request) {
    const auto from = parse_int(request.param("cursor").value_or("0")).value();
    const auto to =
        std::min<std::int64_t>(from + parse_int(*request.param("limit")).value(), 1'800);
    Json users = Json::array();
    for (auto i = from; i < to; ++i) users.push_back(kAlice);
    auto page = http::Response::json(200, users);
    if (to == 1'800) return page;
    return std::move(page).with(
        "Link", "</users?limit=1000&cursor=" + std::to_string(to) + ">; rel=\"next\"");
  });
  EXPECT_EQ(at_fake({"users", "list", "--limit", "1500", "-o", "json"}), 0) << err;
  EXPECT_EQ(json().size(), 1'500u);
  EXPECT_THAT(err, HasSubstr("there are more: --all"));
  EXPECT_EQ(at_fake({"users", "list", "--all", "-o", "json"}), 0) << err;
  EXPECT_EQ(json().size(), 1'800u);
  EXPECT_EQ(err, "");
}

TEST_F(CommandsTest, AnEmptyListIsAnEmptyArray) {
  fake.on("GET", "/users", 200, Json::array());
  EXPECT_EQ(at_fake({"users", "list", "-o", "json"}), 0);
  EXPECT_EQ(json(), Json::array());
  EXPECT_EQ(at_fake({"users", "list"}), 0);
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "none\n");
}

TEST_F(CommandsTest, ErrorsSetTheExitCodeAndGoToStderr) {
  fake.on("GET", "/users/{id}", [](const http::Request& request) {
    const std::string id = request.path_params.at("id");
    return http::Response::problem({id == "1"   ? ErrorKind::not_found
                                    : id == "2" ? ErrorKind::forbidden
                                                : ErrorKind::rate_limited,
                                    "no",
                                    {},
                                    {},
                                    {}});
  });
  EXPECT_EQ(at_fake({"users", "get", "1"}), 3);
  EXPECT_THAT(err, StartsWith("mesh: no (request id "));
  EXPECT_EQ(out, "");
  EXPECT_EQ(at_fake({"users", "get", "2"}), 4);
  EXPECT_EQ(at_fake({"users", "get", "3"}), 5);
  EXPECT_EQ(mesh({"users", "get", "1", "--server", "http://127.0.0.1:1", "--tenant", "acme"}), 1);
  EXPECT_EQ(mesh({"users", "get", "1", "--server", fake.url()}), 2) << "without a tenant";
}

TEST_F(CommandsTest, ANamedPositionalThatIsAlsoACommandIsTakenAsTheArgument) {
  fake.on("GET", "/ai/users/search", 200, Json{{"results", Json::array()}});
  EXPECT_EQ(at_fake({"search", "users"}), 0) << err;
  EXPECT_EQ(fake.last().param("query"), "users");
}

TEST_F(CommandsTest, PublishSendsOneEvent) {
  fake.on("POST", "/api/v1/events", 202, Json{{"id", "e1"}, {"message", "Event published"}});
  EXPECT_EQ(at_fake({"events", "publish", "--type", "analytics.recorded", "--data",
                     "{\"user_id\":\"1\"}", "-o", "json"}),
            0)
      << err;
  EXPECT_EQ(json()["id"], "e1");
  const Json sent = Json::parse(fake.last().body);
  EXPECT_EQ(sent["specversion"], "1.0");
  EXPECT_EQ(sent["data"]["user_id"], "1");
  EXPECT_EQ(fake.last().content_type(), "application/cloudevents+json");
}

TEST_F(CommandsTest, PublishThatIsNotCountedInTimeIsSeven) {
  fake.on("POST", "/api/v1/events", [](const http::Request&) {
    return waited(202, {{"id", "e1"}, {"ids", {"e1"}}}, false);
  });
  EXPECT_EQ(at_fake({"events", "publish", "--type", "analytics.recorded", "--data",
                     "{\"user_id\":\"1\"}", "--ack", "counted"}),
            7);
  EXPECT_EQ(fake.last().param("ack"), "counted");
  const auto lines = file("lines.ndjson", "{\"user_id\":\"1\"}\n");
  EXPECT_EQ(at_fake({"events", "publish", lines, "--type", "analytics.recorded", "--wait"}), 7);
  EXPECT_THAT(out, HasSubstr("ACCEPTED"));
  EXPECT_THAT(err, HasSubstr("durable, but not"));
}

TEST_F(CommandsTest, PublishSendsLinesInBatchesAndDropsRefusedOnes) {
  fake.on("POST", "/api/v1/events", [](const http::Request& request) {
    std::istringstream lines(request.body);
    std::vector<FieldError> errors;
    Json ids = Json::array();
    int number = 1;
    for (std::string line; std::getline(lines, line); ++number) {
      const Json event = Json::parse(line);
      if (event["data"]["n"] == 2)
        errors.push_back({"/" + std::to_string(number) + "/data/n", "must not be 2"});
      ids.push_back(event["id"]);
    }
    if (!errors.empty())
      return http::Response::problem({ErrorKind::unprocessable, "refused", {}, errors, {}});
    return http::Response::json(202, Json{{"accepted", ids.size()}, {"ids", ids}});
  });
  const std::string lines = file("events.ndjson", "{\"n\":1}\n\n{\"n\":2}\nbroken\n{\"n\":3}\n");
  EXPECT_EQ(at_fake({"events", "publish", lines, "--type", "a.b", "-o", "json"}), 6) << err;
  EXPECT_EQ(json(), (Json{{"accepted", 2}, {"failed", 2}}));
  EXPECT_THAT(err, HasSubstr("line 3: /data/n: must not be 2"));
  EXPECT_THAT(err, HasSubstr("line 4: "));
}

TEST_F(CommandsTest, TailPrintsTheLastOnes) {
  topic("user.events", 100);
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "user.events", "-n", "3", "-f", "%o %k %v\\n"}),
            0)
      << err;
  EXPECT_EQ(out, "97 acme/97 {\"n\":97}\n98 acme/98 {\"n\":98}\n99 acme/99 {\"n\":99}\n");
}

TEST_F(CommandsTest, TailLooksBackAsFarAsTheFilterNeeds) {
  topic("user.events", 50);
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "user.events", "-n", "3", "--filter", "type=even",
                     "-f", "%o\\n"}),
            0)
      << err;
  EXPECT_EQ(out, "44\n46\n48\n");
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "user.events", "-n", "100", "--filter",
                     "type=odd", "-f", "%o "}),
            0);
  EXPECT_THAT(out, StartsWith("1 3 5 "));
}

TEST_F(CommandsTest, TailFromABoundWithoutFollowingEndsAtTheEnd) {
  topic("user.events", 10);
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "user.events", "--from", "8", "--no-follow", "-o",
                     "json"}),
            0)
      << err;
  std::istringstream lines(out);
  std::vector<int> offsets;
  for (std::string line; std::getline(lines, line);) offsets.push_back(Json::parse(line)["offset"]);
  EXPECT_EQ(offsets, (std::vector<int>{8, 9}));
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "user.events", "--from", "@-1h", "--no-follow",
                     "-o", "name"}),
            0);
  EXPECT_EQ(out, "e5\ne6\ne7\ne8\ne9\n") << "the server said where the time lies";
}

TEST_F(CommandsTest, TailMergesTopicsByTime) {
  topic("a.events", 3);
  topic("b.events", 3);
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "a.events", "--topic", "b.events", "--from",
                     "start", "--no-follow", "-f", "%t%o "}),
            0)
      << err;
  EXPECT_EQ(out, "a.events0 b.events0 a.events1 b.events1 a.events2 b.events2 ");
}

TEST_F(CommandsTest, TailFollowsAllTopicsWithOneRequestAfterTheOther) {
  fake.on("GET", "/admin/v1/records", [](const http::Request& request) {
    if (request.param("cursor")) {
      return http::Response::problem({ErrorKind::forbidden, "enough", {}, {}, {}});
    }
    Json items = Json::array();
    for (const char* topic : {"a.events", "b.events"}) {
      items.push_back({{"topic", topic}, {"partition", 0}, {"offset", 7}, {"key", "k"}});
    }
    return http::Response::json(200, Json{{"items", items}, {"next", "a.events~8~~b.events~8"}});
  });
  EXPECT_EQ(at_fake({"events", "tail", "--filter", "type=user.created", "-f", "%t@%o\\n"}), 4);
  EXPECT_EQ(out, "a.events@7\nb.events@7\n");
  const auto requests = fake.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].param("from"), "end");
  EXPECT_EQ(requests[0].param("wait"), "25");
  EXPECT_EQ(requests[0].param("type"), "user.created");
  EXPECT_FALSE(requests[0].param("topics"));
  EXPECT_EQ(requests[1].param("cursor"), "a.events~8~~b.events~8");
}

TEST_F(CommandsTest, TailFollowsFromWhereItsHistoryEnds) {
  topic("a.events", 3);
  topic("b.events", 2);
  fake.on("GET", "/admin/v1/records", Error{ErrorKind::forbidden, "enough", {}, {}, {}});
  EXPECT_EQ(at_fake({"events", "tail", "--topic", "a.events", "--topic", "b.events", "--from",
                     "start", "-f", "%t@%o\\n"}),
            4);
  EXPECT_EQ(out, "a.events@0\nb.events@0\na.events@1\nb.events@1\na.events@2\n");
  EXPECT_EQ(fake.last().param("topics"), "a.events,b.events");
  EXPECT_EQ(fake.last().param("cursor"), "a.events~3~~b.events~2");
}

TEST_F(CommandsTest, TailRefusesABadFormatAndABadFilterBeforeItAsks) {
  EXPECT_EQ(at_fake({"events", "tail", "-f", "%q"}), 2);
  EXPECT_EQ(at_fake({"events", "tail", "--filter", "colour=red"}), 2);
  EXPECT_TRUE(fake.requests().empty());
}

TEST_F(CommandsTest, ExportWritesAWholeFileOrNone) {
  topic("user.events", 2500);
  EXPECT_EQ(at_fake({"events", "export", "--topic", "user.events", "--to", "2400", "-O",
                     dir.file("out.ndjson")}),
            0)
      << err;
  const std::string text = contents("out.ndjson");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2400);
  EXPECT_EQ(at_fake({"events", "export", "--topic", "none.events", "-O", dir.file("none.ndjson")}),
            3);
  EXPECT_FALSE(std::filesystem::exists(dir.file("none.ndjson")));
}

TEST_F(CommandsTest, ReplayIsNotStartedWithoutAYes) {
  fake.on("POST", "/admin/v1/replays", 200,
          Json{{"matching", 12}, {"scanned", 20}, {"seconds", 1.5}});
  EXPECT_EQ(at_fake({"events", "replay", "--topic", "user.events"}), 2);
  EXPECT_THAT(err,
              HasSubstr("Replay 12 events of user.events through user-index, tenant acme only"));
  EXPECT_THAT(err, HasSubstr("--yes"));
  for (const auto& request : fake.requests()) EXPECT_EQ(Json::parse(request.body)["dry_run"], true);
  terminal.in = terminal.err = true;
  EXPECT_EQ(at_fake({"events", "replay", "--topic", "user.events", "--no-progress"}, "n\n"), 1);
  for (const auto& request : fake.requests()) EXPECT_EQ(Json::parse(request.body)["dry_run"], true);
}

TEST_F(CommandsTest, ReplayIsFollowedUntilItEnds) {
  fake.on("POST", "/admin/v1/replays", 202, Json{{"id", "t1"}, {"state", "queued"}});
  auto asked = std::make_shared<std::atomic<int>>(0);
  fake.on("GET", "/admin/v1/tasks/{id}", [asked](const http::Request&) {
    const bool done = ++*asked == 3;
    return http::Response::json(200, Json{{"id", "t1"},
                                          {"kind", "replay"},
                                          {"state", done ? "done" : "running"},
                                          {"progress", {{"done", *asked * 10}, {"total", 30}}},
                                          {"result", {{"done", 29}, {"dead", done ? 1 : 0}}}});
  });
  EXPECT_EQ(at_fake({"events", "replay", "--topic", "analytics.events", "--yes", "-o", "json"}), 6)
      << "some died: " << err;
  EXPECT_EQ(json()["state"], "done");
  EXPECT_EQ(*asked, 3);
  const Json sent = Json::parse(fake.requests().front().body);
  EXPECT_EQ(sent["pipeline"], "analytics");
  EXPECT_EQ(sent["dry_run"], false);
}

TEST_F(CommandsTest, AFailedTaskIsAFailure) {
  fake.on("GET", "/admin/v1/tasks/{id}", 200,
          Json{{"id", "t1"}, {"state", "failed"}, {"error", "disk full"}});
  EXPECT_EQ(at_fake({"tasks", "wait", "t1"}), 1);
  EXPECT_THAT(err, HasSubstr("disk full"));
}

TEST_F(CommandsTest, WaitingEndsAtItsTimeOut) {
  fake.on("GET", "/admin/v1/tasks/{id}", 200, Json{{"id", "t1"}, {"state", "running"}});
  EXPECT_EQ(at_fake({"tasks", "wait", "t1", "--timeout", "1ms"}), 7);
  EXPECT_THAT(err, HasSubstr("mesh tasks cancel t1"));
}

TEST_F(CommandsTest, DeadLettersAreCountedBeforeTheyArePurged) {
  fake.on("POST", "/admin/v1/dlq/{topic}/purge", 200, Json{{"matching", 3}});
  EXPECT_EQ(
      at_fake({"dlq", "purge", "user.events", "--cause", "schema", "--dry-run", "-o", "json"}), 0)
      << err;
  EXPECT_EQ(json()["matching"], 3);
  EXPECT_EQ(fake.last().path_params.at("topic"), "user.events.dlq");
  EXPECT_EQ(Json::parse(fake.last().body),
            (Json{{"tenant", "acme"}, {"cause", "schema"}, {"dry_run", true}}));
  EXPECT_EQ(at_fake({"dlq", "purge", "user.events"}), 2);
  EXPECT_THAT(err, HasSubstr("Purge 3 letters of user.events.dlq, tenant acme?"));
}

TEST_F(CommandsTest, AStreamThatIsCutShortByCtrlCEndsWith130) {
  fake.on("POST", "/api/v1/events", [](const http::Request&) {
    ::raise(SIGINT);
    return http::Response::json(202, Json{{"accepted", 1}, {"ids", {"e1"}}});
  });
  std::string lines;
  for (int n = 0; n < 1500; ++n) lines += "{\"n\":1}\n";
  EXPECT_EQ(at_fake({"events", "publish", file("e.ndjson", lines), "--type", "a.b"}), 130) << err;
}

TEST_F(CommandsTest, ASeekThatIsATaskIsFollowed) {
  const auto moves = [](const http::Request& request) {
    if (Json::parse(request.body)["dry_run"] == true) {
      return http::Response::json(200, {{"group", "analytics"}, {"partitions", Json::array()}});
    }
    return http::Response::json(202, {{"id", "t1"}, {"kind", "seek"}, {"state", "queued"}});
  };
  fake.on("POST", "/admin/v1/groups/{group}/seek", moves);
  auto task = std::make_shared<Json>(Json{{"id", "t1"},
                                          {"kind", "seek"},
                                          {"state", "done"},
                                          {"progress", {{"done", 8}, {"total", 8}}},
                                          {"summary", "moved partitions 8"},
                                          {"error", ""}});
  fake.on("GET", "/admin/v1/tasks/{id}",
          [task](const http::Request&) { return http::Response::json(200, *task); });
  const std::vector<std::string> seek{"groups", "seek", "analytics", "--to", "start", "--yes"};
  EXPECT_EQ(at_fake(seek), 0) << err;
  EXPECT_THAT(out, HasSubstr("moved partitions 8"));
  (*task)["state"] = "failed";
  (*task)["error"] = "group analytics still has the members x";
  EXPECT_EQ(at_fake(seek), 1);
  EXPECT_THAT(err, HasSubstr("still has the members x"));
  (*task)["state"] = "running";
  (*task)["progress"]["done"] = 0;
  auto no_wait = seek;
  no_wait.push_back("--no-wait");
  EXPECT_EQ(at_fake(no_wait), 0);
  EXPECT_THAT(err, HasSubstr("mesh tasks wait t1"));
}

TEST_F(CommandsTest, WhatCannotBeUndoneIsAskedWithAllThatIsTouched) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  const auto gone = [](const http::Request&) { return http::Response::no_content(); };
  fake.on("DELETE", "/users/{id}", gone);
  fake.on("GET", "/admin/v1/tenants/{id}", 200,
          Json{{"id", "acme"},
               {"rate_limits", {{"search", {{"rate", 30}, {"per", "1m"}, {"burst", 5}}}}}});
  fake.on("DELETE", "/admin/v1/tenants/{id}", gone);
  fake.on("POST", "/admin/v1/groups/{group}/seek", 200,
          Json{{"group", "analytics"},
               {"partitions",
                {{{"topic", "a.events"}, {"partition", 0}, {"from", 12'000}, {"to", 0}},
                 {{"topic", "a.events"}, {"partition", 1}, {"from", 5}, {"to", 12}}}}});
  fake.on("POST", "/admin/v1/dlq/{topic}/purge", 200, Json{{"matching", 3}});
  struct Case {
    std::vector<std::string> command;
    std::string said;
  };
  const std::vector<Case> cases{
      {{"users", "delete", "7"}, "Delete user 7, Alice <alice@acme.dev>, of tenant acme?"},
      {{"tenants", "delete", "acme"}, "whose rate limits are search 30"},
      {{"groups", "seek", "analytics", "--to", "start"},
       "At most 12,000 events are read again, and at most 7 are left out"},
      {{"dlq", "purge", "user.events"}, "Purge 3 letters of user.events.dlq"}};
  const auto changes = [&] {
    int changed = 0;
    for (const auto& request : fake.requests()) {
      changed += request.method == "DELETE" ||
                 (request.method == "POST" && Json::parse(request.body)["dry_run"] == false);
    }
    return changed;
  };
  for (const auto& [command, said] : cases) {
    terminal.in = terminal.err = false;
    EXPECT_EQ(at_fake(command), 2) << command[0];
    EXPECT_THAT(err, HasSubstr(said));
    EXPECT_THAT(err, HasSubstr("--yes"));
    terminal.in = terminal.err = true;
    EXPECT_EQ(at_fake(command, "n\n"), 1) << command[0];
    EXPECT_EQ(changes(), 0) << command[0];
  }
  EXPECT_EQ(at_fake({"users", "delete", "7"}, "y\n"), 0) << err;
  EXPECT_EQ(changes(), 1);
}

TEST_F(CommandsTest, WhatCanBeUndoneIsNotAsked) {
  fake.on("POST", "/admin/v1/indexes/rollback", 200, Json{{"items", Json::array()}});
  fake.on("GET", "/admin/v1/indexes", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  EXPECT_EQ(at_fake({"index", "rollback"}), 0) << err;
}

TEST_F(CommandsTest, DescribeShowsARecordAndItsParts) {
  topic("user.events", 5);
  EXPECT_EQ(at_fake({"topics", "describe", "user.events"}), 0);
  EXPECT_THAT(out, HasSubstr("TOPIC:"));
  EXPECT_THAT(out, HasSubstr("PARTITION  START  END\n"));
}

TEST_F(CommandsTest, RateLimitsAreSetInEitherForm) {
  fake.on("PUT", "/admin/v1/ratelimits/{tenant}/{scope}", 200, Json{{"scope", "search"}});
  const Json expected{{"rate", 30}, {"per", "1m"}, {"burst", 10}};
  EXPECT_EQ(at_fake({"ratelimit", "set", "acme", "search", "--rate", "30", "--per", "1m", "--burst",
                     "10"}),
            0)
      << err;
  EXPECT_EQ(Json::parse(fake.last().body), expected);
  EXPECT_EQ(at_fake({"ratelimit", "set", "acme", "search", "30/1m+10"}), 0);
  EXPECT_EQ(Json::parse(fake.last().body), expected);
  EXPECT_EQ(at_fake({"ratelimit", "set", "acme", "search"}), 2);
  EXPECT_EQ(at_fake({"ratelimit", "set", "acme", "search", "30/1m", "--per", "5s"}), 2);
  EXPECT_THAT(err, HasSubstr("says the period, and so does --per 5s"));
}

TEST_F(CommandsTest, AScopeWithoutALimitIsUnlimited) {
  const Json unlimited{{"tenant", "acme"},        {"scope", "users"}, {"policy", nullptr},
                       {"source", "default"},     {"limit", nullptr}, {"remaining", nullptr},
                       {"reset_seconds", nullptr}};
  fake.on("DELETE", "/admin/v1/ratelimits/{tenant}/{scope}", 200, unlimited);
  fake.on("POST", "/admin/v1/ratelimits/{tenant}/{scope}/reset", 200, unlimited);
  EXPECT_EQ(at_fake({"ratelimit", "reset", "acme", "users", "--policy"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("unlimited"));
}

TEST_F(CommandsTest, NumbersOutOfRangeAreRefusedInTheWordsOfTheServer) {
  fake.on("GET", "/ai/users/search", 200, Json{{"results", Json::array()}});
  for (const char* number : {"0", "101", "ten"}) {
    EXPECT_EQ(at_fake({"search", "x", "-n", number}), 2);
    EXPECT_THAT(err,
                HasSubstr("\"" + std::string(number) + "\" is not a whole number from 1 to 100\n"));
  }
  EXPECT_EQ(at_fake({"search", "x", "-n", "100"}), 0) << err;
}

TEST_F(CommandsTest, IndexVerifyFailsWhereTheIndexDiffers) {
  auto missing = std::make_shared<int>(0);
  fake.on("POST", "/admin/v1/indexes/verify", [missing](const http::Request&) {
    return http::Response::json(200, Json{{"expected", 2},
                                          {"found", 2 - *missing},
                                          {"missing", *missing},
                                          {"extra", 0},
                                          {"stale", 0}});
  });
  EXPECT_EQ(at_fake({"index", "verify"}), 0) << err;
  *missing = 1;
  EXPECT_EQ(at_fake({"index", "verify"}), 1);
  EXPECT_THAT(err, HasSubstr("`mesh index rebuild`"));
}

TEST_F(CommandsTest, IndexRebuildSendsWhatItIsAskedForWithAFolderFromTheRoot) {
  fake.on("POST", "/admin/v1/indexes/rebuild", 200,
          Json{{"embedder", "static:1/8"}, {"dimension", 8}, {"model", "/m"}, {"shadow", true}});
  topic("user.events", 5);
  EXPECT_EQ(at_fake({"index", "rebuild", "--embedder", "static", "--model", "models/./a",
                     "--shadow", "--dry-run"}),
            0)
      << err;
  EXPECT_THAT(out, HasSubstr("static:1/8"));
  const auto requests = fake.requests();
  const auto asked = std::ranges::find(requests, "POST", &http::Request::method);
  ASSERT_NE(asked, requests.end());
  const Json body = Json::parse(asked->body);
  EXPECT_EQ(body["model"], (std::filesystem::current_path() / "models/a").string());
  EXPECT_EQ(body["embedder"], "static");
  EXPECT_EQ(body["shadow"], true);
  EXPECT_EQ(body["dry_run"], true);
}

TEST_F(CommandsTest, IndexCompareShowsFiguresAndWhatDiffersMost) {
  auto queries = std::make_shared<int>(2);
  fake.on("POST", "/admin/v1/indexes/compare", [queries](const http::Request&) {
    const Json hit{{"user_id", 1}, {"score", 0.5}, {"email", ""}, {"name", "Ann"}};
    return http::Response::json(200, Json{{"serving", {{"generation", "user_embeddings-1"}}},
                                          {"other", {{"generation", "user_embeddings-2"}}},
                                          {"queries", *queries},
                                          {"overlap", 0.75},
                                          {"tau", nullptr},
                                          {"most_different",
                                           {{{"tenant", "acme"},
                                             {"query", "ann"},
                                             {"overlap", 0},
                                             {"serving", {hit}},
                                             {"other", Json::array()}}}}});
  });
  std::ofstream(dir.file("queries")) << "ann\n\n  bob \n";
  EXPECT_EQ(
      at_fake({"index", "compare", "2", "--queries", dir.file("queries"), "--tenant", "acme"}), 0)
      << err;
  EXPECT_EQ(
      Json::parse(fake.last().body),
      (Json{{"limit", 10}, {"generation", 2}, {"tenant", "acme"}, {"queries", {"ann", "bob"}}}));
  EXPECT_THAT(out, HasSubstr("0.75"));
  EXPECT_THAT(err, HasSubstr("acme: \"ann\" finds Ann; the other (nobody)"));
  *queries = 0;
  EXPECT_EQ(at_fake({"index", "compare"}), 1);
  EXPECT_THAT(err, HasSubstr("vectors.recent_searches"));
}

// A log that was lost: a rebuild would empty the index, and searches with it.
TEST_F(CommandsTest, IndexVerifyAdvisesNoRebuildFromALogThatHoldsNothing) {
  auto extra = std::make_shared<int>(2);
  auto log_events = std::make_shared<int>(0);
  fake.on("POST", "/admin/v1/indexes/verify", [extra, log_events](const http::Request&) {
    return http::Response::json(200, Json{{"log_events", *log_events},
                                          {"expected", 0},
                                          {"found", *extra},
                                          {"missing", 0},
                                          {"extra", *extra},
                                          {"stale", 0}});
  });
  EXPECT_EQ(at_fake({"index", "verify"}), 1);
  EXPECT_THAT(err, HasSubstr("nothing to compare the index with"));
  EXPECT_THAT(err, Not(HasSubstr("`mesh index rebuild`")));
  *extra = 0;
  EXPECT_EQ(at_fake({"index", "verify"}), 0) << "a fresh mesh";
  EXPECT_THAT(err, HasSubstr("nothing was compared"));
  // One that was lost in part: what a rebuild would drop is said.
  *log_events = 5;
  *extra = 2;
  EXPECT_EQ(at_fake({"index", "verify"}), 1);
  EXPECT_THAT(err, HasSubstr("without the users that the log does not hold"));
}

TEST_F(CommandsTest, CheckSpeaksAsMonitoringPlugInsDo) {
  fake.on("GET", "/readyz", 200, Json::object());
  auto ok = std::make_shared<bool>(true), warning = std::make_shared<bool>(false);
  fake.on("POST", "/admin/v1/check", [ok, warning](const http::Request&) {
    return http::Response::json(
        200,
        Json{{"checks",
              {{{"name", "log"}, {"ok", *ok}, {"warning", *warning}, {"detail", "disk full"}}}}});
  });
  auto lost = std::make_shared<bool>(false);
  fake.on("GET", "/admin/v1/groups", [lost](const http::Request&) {
    if (*lost) return http::Response::problem({ErrorKind::unavailable, "the groups are away"});
    return http::Response::json(
        200, Json{{"items", {{{"group", "g"}, {"lag", 42}}}}, {"next", nullptr}});
  });
  fake.on("GET", "/admin/v1/dlq", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  EXPECT_EQ(at_fake({"check"}), 0);
  EXPECT_EQ(out,
            "OK - every listener is ready, every check passed|listeners=5;;;0 lag=42;;;0 "
            "letters=0;;;0\n");
  EXPECT_EQ(at_fake({"check", "--lag-warning", "10"}), 1);
  EXPECT_THAT(out, StartsWith("WARNING - lag is 42|"));
  *warning = true;
  EXPECT_EQ(at_fake({"check"}), 1);
  EXPECT_THAT(out, StartsWith("WARNING - log: disk full|"));
  *ok = false;
  EXPECT_EQ(at_fake({"check"}), 2);
  EXPECT_THAT(out, StartsWith("CRITICAL - log: disk full|"));
  *ok = true, *warning = false;
  *lost = true;
  EXPECT_EQ(at_fake({"check", "--lag-critical", "100"}), 2) << "what was not measured is not OK";
  EXPECT_THAT(out, StartsWith("CRITICAL - the groups are away|"));
  EXPECT_EQ(mesh({"check", "--server", "http://127.0.0.1:1"}), 2);
  EXPECT_EQ(mesh({"check", "--context", "none"}), 3);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
}

TEST_F(CommandsTest, ARepairThatCannotBeginIsUnknownNotCritical) {
  EXPECT_EQ(mesh({"check", "--repair"}), 3);
  EXPECT_THAT(out, StartsWith("UNKNOWN - --repair needs --data-dir DIR"));
  EXPECT_EQ(mesh({"check", "--repair", "--data-dir", dir.path(), "--server", fake.url()}), 3);
  const int held = ::open(file("LOCK", "4711\n").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(mesh({"check", "--repair", "--yes", "--data-dir", dir.path()}), 3);
  EXPECT_THAT(out,
              StartsWith("UNKNOWN - data folder " + dir.path() + " is in use by process 4711"));
  file("LOCK", "");
  EXPECT_EQ(mesh({"check", "--repair", "--yes", "--data-dir", dir.path()}), 3);
  EXPECT_THAT(out, HasSubstr("in use by another process"));
  ::close(held);
}

TEST_F(CommandsTest, DoctorTellsAFullServerFromAnotherProgram) {
  fake.on("GET", "/health", 503,
          Json{{"title", "Service Unavailable"},
               {"detail", "The server has too many connections; try again later."}});
  EXPECT_EQ(at_fake({"doctor"}), 1);
  EXPECT_THAT(out, HasSubstr("too many connections"));
  EXPECT_THAT(out, HasSubstr("http.max_connections"));
  EXPECT_THAT(out, testing::Not(HasSubstr("another program")));
}

TEST_F(CommandsTest, DoctorNamesWhatIsWrong) {
  fake.on("GET", "/health", 200,
          Json{{"status", "ok"}, {"service", "meshd"}, {"version", "0.0.0-other"}});
  fake.on("GET", "/readyz", 200, Json::object());
  fake.on("GET", "/users", Error{ErrorKind::unauthenticated, "no", {}, {}, {}});
  EXPECT_EQ(at_fake({"doctor"}), 1);
  EXPECT_THAT(out, HasSubstr("✓ users listener"));
  EXPECT_THAT(out, HasSubstr("✗ version"));
  EXPECT_THAT(out, HasSubstr("✗ tenant token"));
  EXPECT_THAT(out, Not(HasSubstr("acme:alice")));
  EXPECT_EQ(mesh({"doctor", "--server", "http://127.0.0.1:1", "-o", "json"}), 1);
  EXPECT_FALSE(json().empty());
}

struct DoctorTest : CommandsTest {
  // Of this version, with all listeners, and every token accepted.
  void answer_as_meshd() {
    ASSERT_EQ(mesh({"version", "--client", "-o", "json"}), 0);
    const Json version = json()["client"];
    fake.on("GET", "/health", 200,
            Json{{"status", "ok"}, {"service", "meshd"}, {"version", version}});
    fake.on("GET", "/readyz", 200, Json::object());
    fake.on("GET", "/users", 200, Json::array());
  }
};

TEST_F(DoctorTest, SaysWhatTheServersNeed) {
  answer_as_meshd();
  fake.on("GET", "/admin/v1/topics", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  fake.on("POST", "/admin/v1/check", 200, Json{{"checks", Json::array()}});
  const Json found{{"server", "postgres"},
                   {"about", "settings"},
                   {"ok", false},
                   {"detail", "fsync is off"},
                   {"advice", "set fsync = on"}};
  fake.on("GET", "/admin/v1/servers", 200,
          Json{{"items", Json::array({found})}, {"next", nullptr}});
  EXPECT_EQ(at_fake({"doctor"}), 1);
  EXPECT_THAT(out, HasSubstr("✗ postgres settings: fsync is off\n    set fsync = on\n"));
  EXPECT_EQ(at_fake({"doctor", "-o", "json"}), 1);
  EXPECT_EQ(json().back(), (Json{{"name", "postgres settings"},
                                 {"ok", false},
                                 {"detail", "fsync is off"},
                                 {"advice", "set fsync = on"}}));
}

TEST_F(DoctorTest, DoesNotTryATenantsTokenAsTheOperators) {
  answer_as_meshd();
  fake.on("GET", "/admin/v1/topics", Error{ErrorKind::unauthenticated, "no", {}, {}, {}});
  EXPECT_EQ(mesh({"doctor", "--server", fake.url(), "--token", "acme:alice"}), 0) << out;
  EXPECT_THAT(out, HasSubstr("✓ operator token: none known"));
  EXPECT_THAT(out, HasSubstr("✓ tenant token: accepted"));
}

TEST_F(CommandsTest, VersionNamesTheServersWhereOneAnswers) {
  fake.on("GET", "/health", 200, Json{{"status", "ok"}, {"service", "meshd"}, {"version", "9.9"}});
  EXPECT_EQ(at_fake({"version", "-o", "json"}), 0);
  EXPECT_EQ(json()["server"], "9.9");
  EXPECT_EQ(mesh({"version", "--client", "-o", "json"}), 0);
  EXPECT_EQ(json()["server"], nullptr);
}

TEST_F(CommandsTest, VersionChecksEveryListener) {
  ASSERT_EQ(mesh({"version", "--client", "-o", "json"}), 0);
  Json ours = json()["client"];
  Json theirs = ours;
  fake.on("GET", "/health", [&](const http::Request&) {
    return http::Response::json(200, {{"service", "meshd"}, {"version", theirs}});
  });
  EXPECT_EQ(at_fake({"version", "--check", "-o", "json"}), 0) << out;
  ASSERT_EQ(json().size(), 5u);
  EXPECT_EQ(json()[0]["verdict"], "compatible");
  theirs = "99.0.0";
  EXPECT_EQ(at_fake({"version", "--check"}), 1);
  EXPECT_THAT(out, HasSubstr("client older"));
  theirs = 7;
  EXPECT_EQ(at_fake({"version", "--check"}), 1);
  EXPECT_THAT(out, HasSubstr("no answer"));
  EXPECT_EQ(at_fake({"version", "--check", "--client"}), 2);
}

TEST_F(CommandsTest, VerboseShowsRequestsWithoutCredentials) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  EXPECT_EQ(at_fake({"users", "get", "7", "-v"}), 0);
  EXPECT_THAT(err, HasSubstr("> GET " + fake.url() + "/users/7  200"));
  EXPECT_THAT(err, Not(HasSubstr("acme:alice")));
}

TEST_F(CommandsTest, DataThatMovesTheCursorIsMadeHarmless) {
  Json user = kAlice;
  user["name"] = "\x1b[2Jevil";
  fake.on("GET", "/users/{id}", 200, user);
  EXPECT_EQ(at_fake({"users", "get", "7"}), 0);
  EXPECT_THAT(out, HasSubstr("\\x1b[2Jevil"));
}

TEST_F(CommandsTest, WordsBehindTheQueryAreSearchedToo) {
  fake.on("GET", "/ai/users/search", 200, Json{{"results", Json::array()}});
  EXPECT_EQ(at_fake({"search", "alice", "--limit", "3", "smith"}), 0) << err;
  EXPECT_EQ(fake.last().param("query"), "alice smith");
}

TEST_F(CommandsTest, CheckPrintsJsonToo) {
  EXPECT_EQ(mesh({"check", "--server", "http://127.0.0.1:1", "-o", "json"}), 2) << err;
  EXPECT_EQ(json()["state"], "CRITICAL");
  EXPECT_FALSE(json()["problems"].empty());
  EXPECT_EQ(json()["measured"]["listeners"], 0);
  EXPECT_EQ(mesh({"check", "--repair", "--server", "http://127.0.0.1:1", "-o", "json"}), 3);
  EXPECT_EQ(json()["state"], "UNKNOWN");
}

TEST_F(CommandsTest, NumbersAreRefusedInOneSetOfWords) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused{
      {{"users", "get", "x1"}, "ID: \"x1\" is not a whole number from 1 to 9223372036854775807"},
      {{"users", "delete", "0"}, "ID: \"0\" is not a whole number from 1 to 9223372036854775807"},
      {{"users", "update", "1.5"},
       "ID: \"1.5\" is not a whole number from 1 to 9223372036854775807"},
      {{"search", "x", "--limit", "0"}, "--limit: \"0\" is not a whole number from 1 to 100"},
      {{"search", "x", "--semantic-ratio", "2"},
       "--semantic-ratio: \"2\" is not a number from 0.0 to 1.0"},
      {{"search", "x", "--min-score", "high"},
       "--min-score: \"high\" is not a number from -1.0 to 1.0"},
      {{"tenants", "update", "a", "--unknown-types", "maybe"},
       "--unknown-types: \"maybe\" is neither true nor false"}};
  for (const auto& [arguments, words] : refused) {
    EXPECT_EQ(at_fake(arguments), 2) << words;
    EXPECT_THAT(err, HasSubstr(words));
  }
}

TEST_F(CommandsTest, TenantsTopShowsWhatTheServerCounted) {
  fake.on("GET", "/admin/v1/usage", 200,
          Json{{"window_seconds", 60},
               {"sort", "events"},
               {"tenants",
                {{{"tenant", "acme"},
                  {"requests", 12345},
                  {"rejected", 2},
                  {"events", 500},
                  {"bytes", 2048},
                  {"searches", 3},
                  {"search_ms", 1.6},
                  {"queued_ms", 0.0},
                  {"processed", 7},
                  {"stage_ms", 2.0},
                  {"tokens", 0}}}}});
  EXPECT_EQ(at_fake({"tenants", "top", "--window", "1m", "--limit", "5", "--sort", "bytes"}), 0)
      << err;
  EXPECT_EQ(out,
            "TENANT  REQUESTS/S  REJECTED/S  EVENTS/S  BYTES/S  SEARCHES/S  PROCESSED/S\n"
            "acme           206        <0.1       8.3     34 B        <0.1          0.1\n");
  EXPECT_EQ(err, "the last 1m, by bytes\n");
  EXPECT_EQ(fake.last().param("window"), "1m");
  EXPECT_EQ(fake.last().param("limit"), "5");
  EXPECT_EQ(fake.last().param("sort"), "bytes");
  EXPECT_EQ(fake.last().param("tenant"), "acme");
  EXPECT_EQ(at_fake({"tenants", "top", "-o", "json"}), 0);
  EXPECT_EQ(json().at(0)["search_ms"], 1.6);
  EXPECT_EQ(json().at(0)["requests"], 12345);
  EXPECT_EQ(json().at(0)["per_second"]["requests"], 205.75);
  EXPECT_EQ(json().at(0)["window_seconds"], 60);
  EXPECT_EQ(at_fake({"tenants", "top", "--watch", "-n", "1", "-o", "yaml"}), 0);
  EXPECT_THAT(out, StartsWith("---\n- tenant: acme\n"));
  EXPECT_EQ(at_fake({"tenants", "top", "--watch", "-n", "1"}), 0);
  EXPECT_THAT(out, HasSubstr("the last 10s, by events\nTENANT"));
  EXPECT_EQ(at_fake({"tenants", "top", "--sort", "hats"}), 2);
  EXPECT_EQ(at_fake({"tenants", "top", "-n", "2"}), 2) << "a count needs --watch";
}

}  // namespace
}  // namespace mesh::cli
