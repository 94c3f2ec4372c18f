// Dead letters from end to end: what becomes of redriven events, and mending them.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class DeadLetters : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    die("e-1", "u-1");
  }
  // An event that its pipeline cannot take: its data has no event_type.
  void die(const std::string& id, const std::string& user) {
    const Json record{{"key", "acme/" + user},
                      {"headers",
                       {{"ce_specversion", "1.0"},
                        {"ce_id", id},
                        {"ce_type", "analytics.recorded"},
                        {"ce_source", "test"},
                        {"ce_time", "2026-01-01T00:00:00Z"},
                        {"ce_subject", user},
                        {"ce_tenantid", "acme"},
                        {"ce_partitionkey", "p7"},
                        {"content-type", "application/json"}}},
                      {"value", {{"user_id", user}}}};
    const auto appended =
        daemon_.call("admin", "POST", "/admin/v1/events", daemon_.operator_token(),
                     Json{{"topic", "analytics.events"}, {"records", {record}}}.dump());
    ASSERT_EQ(appended.status, 202) << appended.body;
    daemon_.await_idle();
  }
  Json letters() {
    const Outcome shown = daemon_.mesh({"dlq", "show", "analytics.events", "-o", "json"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return Json::parse(shown.out, nullptr, false);
  }
  int counted(const std::string& user) {
    daemon_.await_idle();
    const auto answer =
        daemon_.call("subscriber", "GET", "/api/v1/analytics/user/" + user, "acme:me");
    return answer.status == 200 ? answer.json()["total_events"].get<int>() : 0;
  }
  Outcome edit(const std::string& script, const std::string& id) {
    std::ofstream(dir_.file("editor")) << script << "\n";
    return run({MESH_BIN_DIR "/mesh", "dlq", "edit", "analytics.events", "--id", id, "--data-dir",
                daemon_.data_dir()},
               {}, {{"EDITOR", "sh " + dir_.file("editor")}, {"VISUAL", ""}});
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(DeadLetters, ARedriveReportsThatTheyDiedAgainAndTheLetterKeepsItsHistory) {
  const Json first = letters().at(0);
  EXPECT_EQ(first["key"], "acme/u-1");
  for (int n = 1; n <= 2; ++n) {
    const Outcome redriven = daemon_.mesh({"dlq", "redrive", "analytics.events", "--yes"});
    EXPECT_EQ(redriven.exit_code, 6) << redriven.err;
    EXPECT_NE(redriven.out.find("redriven 1, done 0, died again 1, counted 0\n"), std::string::npos)
        << redriven.out;
    const Json now = letters();
    ASSERT_EQ(now.size(), 1u) << now.dump();
    EXPECT_EQ(now[0]["redrives"], n);
    EXPECT_EQ(now[0]["attempts_before"], n * first["attempts"].get<int>());
    EXPECT_EQ(now[0]["first_died_at"], first["died_at"]);
  }
}

TEST_F(DeadLetters, ASlipInAFilterIsAnErrorThatNamesWhatThereIs) {
  for (const char* verb : {"redrive", "purge"}) {
    for (const char* how : {"--yes", "--dry-run"}) {
      const Outcome cause =
          daemon_.mesh({"dlq", verb, "analytics.events", "--cause", "schem", how});
      EXPECT_EQ(cause.exit_code, 3) << verb << how;
      EXPECT_NE(cause.err.find("schema (1)"), std::string::npos) << cause.err;
      EXPECT_EQ(daemon_.mesh({"dlq", verb, "analytics.events", "--id", "e-9", how}).exit_code, 3);
      EXPECT_EQ(daemon_.mesh({"dlq", verb, "nothing.events", how}).exit_code, 3);
    }
  }
  EXPECT_EQ(daemon_.mesh({"dlq", "show", "analytics.events", "--cause", "schem"}).exit_code, 3);
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(DeadLetters, LettersOfOneCauseAreAGroupThatIsShownAndRedrivenByItsFingerprint) {
  die("e-2", "u-2");
  const Outcome listed = daemon_.mesh({"dlq", "list", "-o", "json"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  const Json groups = Json::parse(listed.out, nullptr, false);
  ASSERT_EQ(groups.size(), 1u) << listed.out;
  EXPECT_EQ(groups[0]["letters"], 2);
  EXPECT_EQ(groups[0]["tenant"], "acme");
  EXPECT_EQ(groups[0]["topic"], "analytics.events.dlq");
  const auto cause = groups[0]["fingerprint"].get<std::string>();
  EXPECT_EQ(letters()[0]["fingerprint"], cause);
  EXPECT_EQ(daemon_.mesh({"dlq", "list", "--tenant", "globex", "-o", "json"}).exit_code, 3);
  const Outcome shown = daemon_.mesh({"dlq", "show", "--cause", cause, "-o", "json"});
  EXPECT_EQ(Json::parse(shown.out, nullptr, false).size(), 2u) << shown.err;
  const std::vector<std::string> redrive{"dlq",    "redrive", "--cause", cause,
                                         "--rate", "1/s",     "-o",      "json"};
  auto dry = redrive;
  dry.push_back("--dry-run");
  const Outcome counted = daemon_.mesh(dry);
  EXPECT_EQ(Json::parse(counted.out, nullptr, false), (Json{{"matching", 2}, {"seconds", 2}}));
  auto real = redrive;
  real.push_back("--yes");
  const Outcome redriven = daemon_.mesh(real);
  EXPECT_EQ(redriven.exit_code, 6) << redriven.err;
  const Json task = Json::parse(redriven.out, nullptr, false);
  EXPECT_EQ(task["result"]["died_again"], 2) << redriven.out;
  EXPECT_EQ(task["result"]["counted"], 0);
}

TEST_F(DeadLetters, ATaskSaysWhoStartedItInTheListInItsEventsAndToWhoWatches) {
  EXPECT_EQ(daemon_.mesh({"dlq", "purge", "analytics.events", "--yes"}).exit_code, 0);
  const Json tasks = Json::parse(daemon_.mesh({"tasks", "list", "-o", "json"}).out, nullptr, false);
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0]["started_by"], "operator");
  EXPECT_EQ(tasks[0]["summary"], "purged 1");
  daemon_.await_idle();
  const Outcome events = daemon_.mesh({"events", "tail", "--topic", "task.events", "--from",
                                       "start", "--no-follow", "-f", "%y %v\n"});
  EXPECT_NE(events.out.find("task.created"), std::string::npos) << events.out;
  EXPECT_NE(events.out.find("\"started_by\":\"operator\""), std::string::npos) << events.out;
  // Ends when its reader has gone, and not at the next change.
  const Outcome watched =
      run({"/bin/sh", "-c",
           MESH_BIN_DIR "/mesh tasks watch --data-dir " + daemon_.data_dir() + " | head -n 1"});
  EXPECT_EQ(Json::parse(watched.out, nullptr, false)["id"], tasks[0]["id"]) << watched.err;
}

TEST_F(DeadLetters, LettersThatAreEditedInAPipeGoBackAndAreSettled) {
  Json letter = letters().at(0);
  EXPECT_EQ(letter["event"]["partitionkey"], "p7");
  letter["event"]["data"]["event_type"] = "mended";
  const Outcome mended = daemon_.mesh({"events", "publish", "-", "-o", "json"}, letter.dump());
  EXPECT_EQ(mended.exit_code, 0) << mended.err;
  EXPECT_EQ(counted("u-1"), 1);
  EXPECT_TRUE(letters().empty());
  const Outcome stored = daemon_.mesh({"events", "tail", "--topic", "analytics.events", "--from",
                                       "start", "--no-follow", "-o", "json"});
  const Json back = Json::parse(stored.out.substr(stored.out.find('\n') + 1), nullptr, false);
  EXPECT_EQ(back["headers"]["ce_partitionkey"], "p7") << stored.out;
  EXPECT_EQ(back["id"], "e-1");
  // It showed the record that had died, which stands in the topic as well.
  const Outcome got = daemon_.mesh({"events", "get", "e-1", "-o", "json"});
  EXPECT_EQ(Json::parse(got.out, nullptr, false)["value"]["event_type"], "mended") << got.out;

  const Outcome again = daemon_.mesh({"events", "publish", "-"}, letter.dump());
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("settled already"), std::string::npos) << again.err;
  EXPECT_EQ(counted("u-1"), 1);
}

TEST_F(DeadLetters, AnEditThatIsNotValidIsRefusedWithItsPointer) {
  Json letter = letters().at(0);
  letter["event"]["data"]["event_type"] = 7;
  const Outcome refused = daemon_.mesh({"events", "publish", "-"}, letter.dump());
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("/data/event_type"), std::string::npos) << refused.err;
  letter["event"]["data"]["event_type"] = "x";
  letter["event"]["tenantid"] = "globex";
  EXPECT_EQ(daemon_.mesh({"events", "publish", "-"}, letter.dump()).exit_code, 4);
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(DeadLetters, ALetterIsMendedInAnEditor) {
  EXPECT_EQ(edit("true", "e-1").exit_code, 0);
  EXPECT_EQ(letters().size(), 1u);
  const Outcome edited =
      edit(R"(sed -i 's/"user_id"/"event_type": "mended", "user_id"/' "$1")", "e-1");
  EXPECT_EQ(edited.exit_code, 0) << edited.err;
  EXPECT_EQ(counted("u-1"), 1);
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(edit("true", "e-1").exit_code, 3);
}

TEST_F(DeadLetters, MendingIsForOperators) {
  const auto mend = "/admin/v1/dlq/analytics.events/letters/0:0/mend";
  EXPECT_EQ(daemon_.call("admin", "POST", mend, "acme:me", "{}").status, 403);
  EXPECT_EQ(daemon_
                .call("admin", "POST", "/admin/v1/dlq/analytics.events/letters/x/mend",
                      daemon_.operator_token(), "{}")
                .status,
            400);
}

}  // namespace
}  // namespace mesh::e2e
