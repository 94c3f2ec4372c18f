// mesh config and mesh logs.
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Json setting(const std::string& key, Json value, Json preset, const std::string& origin,
             Json where = nullptr, Json variables = Json::array(), Json pending = nullptr) {
  return {{"key", key},
          {"value", std::move(value)},
          {"default", std::move(preset)},
          {"origin", origin},
          {"where", std::move(where)},
          {"variables", std::move(variables)},
          {"description", "What " + key + " is for."},
          {"reload", false},
          {"pending", std::move(pending)}};
}

struct ConfigTest : CliTest {
  ConfigTest() {
    const std::string file = "/etc/mesh/meshd.yaml:";
    const Json items{
        setting("data_dir", "/d", "./mesh-data", "flag", "--data-dir"),
        setting("http.workers", 0, 0, "default", nullptr, Json::array(),
                {{"value", 4}, {"where", file + "9"}}),
        setting("http.max_body", "2MiB", "1MiB", "environment", file + "12",
                {{{"name", "BODY"}, {"set", true}}, {{"name", "UNIT"}, {"set", false}}}),
        setting("http.max_wait", "25s", "25s", "default"),
        setting("kafka.brokers", Json::array({"a:1", "b:2"}), Json::array({"a:1"}), "file",
                file + "20")};
    fake.on("GET", "/admin/v1/config/settings", 200, Json{{"items", items}, {"next", nullptr}});
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const Json& each : json()) all.push_back(each["key"]);
    return all;
  }
};

TEST_F(ConfigTest, AListSaysValueDefaultAndWhereItComesFrom) {
  EXPECT_EQ(at_fake({"config", "list"}), 0) << err;
  EXPECT_EQ(out,
            "KEY            VALUE    DEFAULT      FROM\n"
            "data_dir       /d       ./mesh-data  --data-dir\n"
            "http.workers   0        0            default; 4 at the next start\n"
            "http.max_body  2MiB     1MiB         meshd.yaml:12 ${BODY} ${UNIT} (not set)\n"
            "http.max_wait  25s      25s          default\n"
            "kafka.brokers  a:1,b:2  a:1          meshd.yaml:20\n");
}

TEST_F(ConfigTest, AListIsNarrowedByWordsAndByWhatIsSet) {
  EXPECT_EQ(at_fake({"config", "list", "MAX", "-o", "json"}), 0);
  EXPECT_THAT(keys(), ElementsAre("http.max_body", "http.max_wait"));
  EXPECT_EQ(at_fake({"config", "list", "http 2mib", "-o", "json"}), 0);
  EXPECT_THAT(keys(), ElementsAre("http.max_body")) << "each word, in key or value";
  EXPECT_EQ(at_fake({"config", "list", "--set", "-o", "json"}), 0);
  EXPECT_THAT(keys(), ElementsAre("data_dir", "http.workers", "http.max_body", "kafka.brokers"))
      << "and what will be set by the next start";
  EXPECT_EQ(at_fake({"config", "list", "nothing"}), 0);
  EXPECT_EQ(err, "none\n");
}

TEST_F(ConfigTest, OneSettingSaysWhatItIsFor) {
  EXPECT_EQ(at_fake({"config", "get", "http.max_body"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("VALUE:    2MiB\n"));
  EXPECT_THAT(out, HasSubstr("FROM:     meshd.yaml:12 ${BODY} ${UNIT} (not set)\n"));
  EXPECT_THAT(out, HasSubstr("WHERE:    /etc/mesh/meshd.yaml:12\n"));
  EXPECT_THAT(out, HasSubstr("MEANING:  What http.max_body is for.\n"));
  EXPECT_EQ(at_fake({"config", "get", "http.max_body", "-o", "json"}), 0);
  EXPECT_EQ(json()["variables"][0]["name"], "BODY");
  EXPECT_EQ(json()["where"], "/etc/mesh/meshd.yaml:12");
}

TEST_F(ConfigTest, AnUnknownKeyComesWithTheOneThatWasMeant) {
  EXPECT_EQ(at_fake({"config", "get", "http.max_bodi"}), 3);
  EXPECT_THAT(err, HasSubstr("there is no setting \"http.max_bodi\"; did you mean "
                             "\"http.max_body\"?"));
  EXPECT_EQ(at_fake({"config", "get", "brokers"}), 3);
  EXPECT_THAT(err, HasSubstr("did you mean \"kafka.brokers\"?"));
  EXPECT_EQ(at_fake({"config", "get", "something.else"}), 3);
  EXPECT_THAT(err, HasSubstr("`mesh config list` has all"));
  EXPECT_THAT(err, Not(HasSubstr("did you mean")));
}

struct LogsTest : CliTest {
  LogsTest() {
    const auto line = [](const std::string& second, const std::string& level,
                         const std::string& message, Json more = Json::object()) {
      Json all{
          {"time", "2026-11-21T08:00:" + second + ".123Z"}, {"level", level}, {"message", message}};
      all.update(more);
      return all;
    };
    const Json items{line("01", "info", "meshd is ready", {{"pid", 7}, {"version", "1"}}),
                     line("02", "warn", "slow"), line("03", "error", "failed"),
                     line("04", "debug", "more")};
    fake.on("GET", "/admin/v1/logs", 200, Json{{"items", items}, {"next", nullptr}});
  }
};

TEST_F(LogsTest, ShowLinesWithTheirFields) {
  EXPECT_EQ(at_fake({"logs"}), 0) << err;
  EXPECT_EQ(out,
            "TIME                  LEVEL  MESSAGE         FIELDS\n"
            "2026-11-21T08:00:01Z  info   meshd is ready  pid=7 version=1\n"
            "2026-11-21T08:00:02Z  warn   slow            -\n"
            "2026-11-21T08:00:03Z  error  failed          -\n"
            "2026-11-21T08:00:04Z  debug  more            -\n");
}

TEST_F(LogsTest, AreTheNewestOfALevelOrAMoreSeriousOne) {
  EXPECT_EQ(at_fake({"logs", "--level", "warn", "-o", "json"}), 0) << err;
  ASSERT_EQ(json().size(), 2u);
  EXPECT_EQ(json()[0]["message"], "slow");
  EXPECT_EQ(at_fake({"logs", "--level", "info", "-n", "1", "-o", "json"}), 0) << err;
  ASSERT_EQ(json().size(), 1u);
  EXPECT_EQ(json()[0]["message"], "failed");
  EXPECT_EQ(at_fake({"logs", "--level", "warning"}), 2);
  EXPECT_EQ(at_fake({"logs", "-n", "0"}), 2);
}

}  // namespace
}  // namespace mesh::cli
