// `mesh dlq`: what became of letters, and mending them.
#include "tests/cli/cli_fixture.h"
#include "tests/cli/redrive_task.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DlqTest : public CliTest {};

// It said that 3 letters were redriven, and succeeded, though all of them died again.
TEST_F(DlqTest, ARedriveTellsWhatBecameOfTheEvents) {
  fake.on("POST", "/admin/v1/dlq/{topic}/redrive", 202, Json{{"id", "t1"}, {"state", "queued"}});
  auto task = std::make_shared<Json>();
  fake.on("GET", "/admin/v1/tasks/{id}",
          [task](const http::Request&) { return http::Response::json(200, *task); });
  const std::vector<std::string> redrive{"dlq", "redrive", "user.events", "--yes"};
  *task = redrive_task("done", 2, 1, 0, "what the server says");
  EXPECT_EQ(at_fake(redrive), 6) << err;
  EXPECT_THAT(out, HasSubstr("what the server says\n"));
  EXPECT_THAT(out, HasSubstr("`mesh dlq show user.events.dlq` shows why"));
  *task = redrive_task("done", 2, 0, 1);
  EXPECT_EQ(at_fake(redrive), 7);
  *task = redrive_task("done", 3, 0, 0);
  EXPECT_EQ(at_fake(redrive), 0);
  EXPECT_EQ(Json::parse(fake.requests().front().body).contains("wait"), false);
  *task = redrive_task("running", 1, 0, 2);
  EXPECT_EQ(at_fake({"dlq", "redrive", "user.events", "--yes", "--timeout", "1500ms"}), 7);
  EXPECT_THAT(err, HasSubstr("mesh tasks wait t1"));
  for (const auto& request : fake.requests()) {
    if (request.method != "POST" || request.body.find("wait") == std::string::npos) continue;
    EXPECT_EQ(Json::parse(request.body)["wait"], 2) << "the server waits as long";
  }
  EXPECT_EQ(at_fake({"dlq", "redrive", "user.events", "--yes", "--no-wait"}), 0);
}

const Json kGroup{{"topic", "user.events.dlq"},      {"tenant", "acme"},
                  {"fingerprint", "9b1f0c44d2ae"},   {"cause_class", "schema"},
                  {"cause", "user # is unknown"},    {"letters", 12},
                  {"first", "2026-01-01T00:00:00Z"}, {"last", "2026-01-01T00:00:01Z"}};

TEST_F(DlqTest, LettersAreListedByCauseAndTenant) {
  fake.on("GET", "/admin/v1/dlq/causes", 200, Json{{"items", {kGroup}}, {"next", nullptr}});
  EXPECT_EQ(at_fake({"dlq", "list", "user.events", "--cause", "schema"}), 0) << err;
  EXPECT_EQ(fake.last().param("topic"), "user.events");
  EXPECT_EQ(fake.last().param("cause"), "schema");
  EXPECT_EQ(fake.last().param("tenant"), "acme");
  EXPECT_THAT(out, testing::ContainsRegex("9b1f0c44d2ae +12 .*user # is unknown\n"));
  EXPECT_EQ(at_fake({"dlq", "list", "-o", "name"}), 0);
  EXPECT_EQ(out, "9b1f0c44d2ae\n");
  EXPECT_EQ(at_fake({"dlq", "list", "-o", "json"}), 0);
  EXPECT_EQ(json(), Json::array({kGroup}));
}

TEST_F(DlqTest, ACauseNamesItsTopic) {
  Json groups = Json::array({kGroup});
  fake.on("GET", "/admin/v1/dlq/causes", [&groups](const http::Request&) {
    return http::Response::json(200, Json{{"items", groups}, {"next", nullptr}});
  });
  fake.on("GET", "/admin/v1/dlq/{topic}/letters", 200,
          Json{{"items", Json::array()}, {"next", nullptr}});
  fake.on("POST", "/admin/v1/dlq/{topic}/redrive", 200, Json{{"matching", 12}, {"seconds", 3}});
  EXPECT_EQ(at_fake({"dlq", "show", "--cause", "9b1f0c44d2ae"}), 0) << err;
  EXPECT_EQ(fake.last().path_params.at("topic"), "user.events.dlq");
  EXPECT_EQ(at_fake({"dlq", "redrive", "--cause", "9b1f0c44d2ae", "--rate", "5/s", "--dry-run"}), 0)
      << err;
  EXPECT_EQ(Json::parse(fake.last().body)["rate"], 5);
  EXPECT_THAT(out, HasSubstr("3s"));
  EXPECT_EQ(at_fake({"dlq", "redrive", "--dry-run"}), 2);
  EXPECT_THAT(err, HasSubstr("name the topic"));
  Json other = kGroup;
  other["topic"] = "chemical.events.dlq";
  groups.push_back(other);
  EXPECT_EQ(at_fake({"dlq", "show", "--cause", "9b1f0c44d2ae"}), 2);
  EXPECT_THAT(err, HasSubstr("chemical.events.dlq, user.events.dlq"));
  groups = Json::array();
  EXPECT_EQ(at_fake({"dlq", "show", "--cause", "9b1f0c44d2ae"}), 3);
}

TEST_F(DlqTest, ARateThatIsNoneIsRefused) {
  for (const char* rate : {"0/s", "-1", "5/m", "fast"}) {
    EXPECT_EQ(at_fake({"dlq", "redrive", "user.events", "--rate", rate, "--dry-run"}), 2) << rate;
  }
  EXPECT_TRUE(fake.requests().empty());
}

const Json kLetter{
    {"topic", "user.events.dlq"},
    {"partition", 3},
    {"offset", 17},
    {"tenant", "acme"},
    {"cause_class", "schema"},
    {"cause", "no name"},
    {"event", {{"specversion", "1.0"}, {"id", "e1"}, {"tenantid", "acme"}, {"data", {{"n", 1}}}}}};

TEST_F(DlqTest, LettersThatArePublishedAreMended) {
  fake.on("POST", "/admin/v1/dlq/{topic}/letters/{letter}/mend", [](const http::Request& request) {
    const Json event = Json::parse(request.body);
    if (event["data"]["n"] == 2)
      return http::Response::problem({ErrorKind::conflict, "settled already", {}, {}, {}});
    return http::Response::json(202, Json{{"id", event["id"]}, {"position", "x"}});
  });
  Json second = kLetter, third = kLetter;
  second["event"]["data"]["n"] = 2;
  third["event"] = nullptr;
  // Numbers go on as they are written, which no double holds.
  std::string first = dump(kLetter);
  first.replace(first.find("{\"n\":1}"), 7, "{\"n\":0.10000000000000000000000001}");
  const std::string lines =
      file("letters.ndjson", first + "\n" + dump(second) + "\n" + dump(third) + "\n");
  EXPECT_EQ(at_fake({"events", "publish", lines, "-o", "json"}), 6) << err;
  EXPECT_EQ(json(), (Json{{"accepted", 1}, {"failed", 2}}));
  EXPECT_THAT(err, HasSubstr("line 2: settled already"));
  EXPECT_THAT(err, HasSubstr("line 3: the letter's record cannot be decoded"));
  EXPECT_FALSE(fake.requests().at(0).header("Prefer"));
  // Symptom: --wait was passed over.
  EXPECT_EQ(at_fake({"events", "publish", lines, "--wait=2s"}), 6) << err;
  EXPECT_EQ(fake.last().header("Prefer"), "wait=2");
  EXPECT_EQ(fake.requests().at(0).path_params.at("letter"), "3:17");
  EXPECT_THAT(fake.requests().at(0).body, HasSubstr("0.10000000000000000000000001"));
}

// Symptom: with --tenant a line of the file could still mend a letter of another tenant.
TEST_F(DlqTest, WithATenantOnlyItsLettersAreMended) {
  fake.on("POST", "/admin/v1/dlq/{topic}/letters/{letter}/mend", 202,
          Json{{"id", "e1"}, {"position", "x"}});
  Json other = kLetter, unnamed = kLetter;
  other["event"]["tenantid"] = "beta";
  unnamed["event"].erase("tenantid");
  const std::string lines =
      file("letters.ndjson", dump(kLetter) + "\n" + dump(other) + "\n" + dump(unnamed) + "\n");
  EXPECT_EQ(at_fake({"events", "publish", lines, "-o", "json"}), 6) << err;
  EXPECT_EQ(json(), (Json{{"accepted", 1}, {"failed", 2}}));
  EXPECT_THAT(err, HasSubstr("line 2: the letter's event is of tenant \"beta\", not of acme"));
  EXPECT_EQ(fake.requests().size(), 1u);
}

class EditTest : public CliTest {
 protected:
  EditTest() {
    fake.on("GET", "/admin/v1/dlq/{topic}/letters", 200,
            Json{{"items", {kLetter}}, {"next", nullptr}});
    fake.on("POST", "/admin/v1/dlq/{topic}/letters/{letter}/mend",
            [](const http::Request& request) {
              const Json event = Json::parse(request.body);
              if (event["data"]["n"] == "bad") {
                return http::Response::problem({ErrorKind::unprocessable,
                                                "the event is not valid",
                                                {},
                                                {{"/data/n", "must be a number"}},
                                                {}});
              }
              Json mended{{"id", event["id"]}, {"position", "x"}};
              if (request.header("Prefer")) mended["pending"] = {{"ack", "counted"}};
              return http::Response::json(202, mended).with("Preference-Applied", "wait=2");
            });
    env["TMPDIR"] = dir.path();
    terminal.in = true;
  }
  // The script is the editor; $1 is the file. Each run appends what it was shown to "shown".
  int edit(const std::string& script, const std::vector<std::string>& options = {}) {
    env["EDITOR"] = "sh " + file("editor", "cat \"$1\" >>" + dir.file("shown") + "\n" + script);
    std::vector<std::string> words{"dlq", "edit", "user.events", "--id", "e1"};
    words.insert(words.end(), options.begin(), options.end());
    return at_fake(words);
  }
  std::string shown() { return contents("shown"); }
  int mends() {
    int count = 0;
    for (const auto& request : fake.requests()) count += request.method == "POST";
    return count;
  }
  std::size_t drafts() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
      count += entry.path().filename() == "event.json";
    }
    return count;
  }
};

TEST_F(EditTest, WhatIsSavedWithChangesGoesBack) {
  EXPECT_EQ(edit("sed -i 's/\"n\": 1/\"n\": 5/' \"$1\""), 0) << err;
  EXPECT_THAT(shown(), HasSubstr("# user.events.dlq 3:17 died of schema: no name"));
  EXPECT_EQ(Json::parse(fake.last().body)["data"]["n"], 5);
  EXPECT_THAT(err, HasSubstr("its letter is settled"));
  EXPECT_EQ(drafts(), 0u);
}

TEST_F(EditTest, WaitsForWhatBecomesOfTheEventWhereThatIsAsked) {
  EXPECT_EQ(edit("sed -i 's/1/5/' \"$1\"", {"--wait=2s", "--ack", "counted"}), 7);
  EXPECT_EQ(fake.last().header("Prefer"), "wait=2");
  EXPECT_EQ(fake.last().param("ack"), "counted");
  EXPECT_THAT(err, HasSubstr("its letter is settled"));
  EXPECT_THAT(err, HasSubstr("durable, but not counted after 2s"));
}

// Symptom: advice on servers for a folder of this machine.
TEST_F(EditTest, AFolderThatCannotBeMadeIsSaidWithItsCause) {
  env["TMPDIR"] = dir.file("none");
  EXPECT_EQ(edit("true"), 3);
  EXPECT_THAT(err, HasSubstr("cannot make the folder " + dir.file("none")));
  EXPECT_THAT(err, Not(HasSubstr("mesh doctor")));
}

TEST_F(EditTest, SavedUnchangedOrEmptyNothingIsDone) {
  EXPECT_EQ(edit("true"), 0);
  EXPECT_THAT(err, HasSubstr("nothing was done"));
  EXPECT_EQ(edit(": >\"$1\""), 0);
  EXPECT_EQ(mends(), 0);
  EXPECT_EQ(drafts(), 0u);
}

TEST_F(EditTest, WhatIsRefusedOpensAgainWithTheReason) {
  EXPECT_EQ(edit("if grep -q 'must be a number' \"$1\"; then sed -i 's/\"bad\"/7/' \"$1\"\n"
                 "elif grep -q 'It was refused' \"$1\"; then sed -i 's/bad/\"bad\"/' \"$1\"\n"
                 "else sed -i 's/\"n\": 1/\"n\": bad/' \"$1\"; fi"),
            0)
      << err << shown();
  EXPECT_EQ(mends(), 2) << "broken JSON is not sent";
  EXPECT_EQ(Json::parse(fake.last().body)["data"]["n"], 7);
}

TEST_F(EditTest, GivingUpAfterARefusalKeepsTheFileAndNamesIt) {
  EXPECT_EQ(edit("sed -i 's/\"n\": 1/\"n\": \"bad\"/' \"$1\""), 1);
  EXPECT_THAT(err, HasSubstr("must be a number"));
  EXPECT_THAT(err, HasSubstr("/event.json"));
  EXPECT_EQ(drafts(), 1u);
}

TEST_F(EditTest, WithoutATerminalARefusalEndsIt) {
  terminal.in = false;
  EXPECT_EQ(edit("sed -i 's/\"n\": 1/\"n\": \"bad\"/; s/bad/bad/' \"$1\"; echo '# again' >>\"$1\""),
            1);
  EXPECT_EQ(mends(), 1);
  EXPECT_EQ(drafts(), 1u);
}

TEST_F(EditTest, AnEditorThatFailsChangesNothing) {
  EXPECT_EQ(edit("sed -i 's/1/2/' \"$1\"; exit 3"), 1);
  EXPECT_THAT(err, HasSubstr("exit code 3"));
  env["EDITOR"] = "/no/such/editor";
  EXPECT_EQ(at_fake({"dlq", "edit", "user.events", "--id", "e1"}), 1);
  EXPECT_THAT(err, HasSubstr("$VISUAL or $EDITOR"));
  EXPECT_EQ(mends(), 0);
}

}  // namespace
}  // namespace mesh::cli
