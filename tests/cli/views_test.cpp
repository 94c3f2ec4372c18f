// What every list shows at the widths that terminals have.
#include <set>

#include "cli/help.h"
#include "common/base/time.h"
#include "tests/cli/cli_fixture.h"
#include "tests/cli/widest.h"
#include "tests/support/manual_clock.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Json value_of(const Field& field, const View& view, int row) {
  const std::string number = std::to_string(row);
  using Kind = Field::Kind;
  if (field.title == view.main) return "what one came for, row " + number + " of the table";
  if (field.path == view.id) return "01938c5e-7c1a-7000-8000-00000000000" + number;
  switch (field.kind) {
    case Kind::count:
    case Kind::size:
      return 1234567 + row;
    case Kind::rate:
    case Kind::seconds:
    case Kind::millis:
      return 12345.6;
    case Kind::time:
      return "2026-11-21T08:00:00Z";
    default:
      return "text that goes on and on " + number;
  }
}

// Long values for all that a table shows, whatever the field's own text makes of them.
View plain(const View& view) {
  View copy = view;
  for (Field& field : copy.fields) {
    field.text = {};
    if (field.path.empty()) field.path = field.title;
    if (field.kind == Field::Kind::counts) field.kind = Field::Kind::text;
  }
  return copy;
}

Json item_of(const View& view, int row) {
  Json item = Json::object();
  for (const Field& field : view.fields) {
    Json::json_pointer place;
    std::istringstream parts(field.path);
    for (std::string part; std::getline(parts, part, '.');) place /= part;
    item[place] = value_of(field, view, row);
  }
  return item;
}

TEST(Views, FitATerminalOf80ColumnsAndKeepWhatOneCameFor) {
  Globals globals;
  CommandTree tree(globals);
  std::set<const View*> views;
  for (const auto& [app, verb] : tree.commands.all()) {
    // Records of events and the findings on one's own set-up are never tables on a terminal.
    const std::string path = command_path(*app);
    if (path.starts_with("mesh events ") || path == "mesh doctor" || path == "mesh check") continue;
    if (path.starts_with("mesh token ")) continue;
    if (verb.view == nullptr || !views.insert(verb.view).second) continue;
    const View view = plain(*verb.view);
    const std::vector<Json> items{item_of(view, 1), item_of(view, 2)};
    const std::string text =
        view_table(view, items, false, *parse_rfc3339("2026-11-23T13:00:00Z"), {.max_width = 80});
    EXPECT_LE(widest(text), 80) << path << "\n" << text;
    if (view.main.empty()) continue;
    EXPECT_THAT(text, HasSubstr("what one came for, row ")) << path << "\n" << text;
  }
  EXPECT_GE(views.size(), 10u);
}

TEST(Views, NameAColumnThatTheyHaveAsTheMainOne) {
  Globals globals;
  CommandTree tree(globals);
  for (const auto& [app, verb] : tree.commands.all()) {
    if (verb.view == nullptr || verb.view->main.empty()) continue;
    const auto& fields = verb.view->fields;
    EXPECT_TRUE(std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
      return field.title == verb.view->main && field.show == Field::Show::always;
    })) << command_path(*app);
  }
}

class ViewsTest : public CliTest {
 protected:
  void SetUp() override {
    manual.advance(*parse_rfc3339("2026-11-21T08:00:00Z") - manual.now());
    clock = &manual;
    terminal.out = true;
    env["PAGER"] = "cat >" + dir.file("paged");
  }
  void two_letters() {
    Json letters = Json::array();
    for (const char* id :
         {"01938c5e-7c1a-7000-8000-000000000001", "01938c5e-7c1a-7000-8000-000000000002"}) {
      letters.push_back(
          {{"topic", "analytics.events.dlq"},
           {"partition", 3},
           {"offset", 1234},
           {"died_at", "2026-11-21T07:56:48.123Z"},
           {"first_died_at", "2026-11-19T03:00:00.000Z"},
           {"pipeline", "analytics"},
           {"source", "analytics.events/3@17"},
           {"tenant", "acme"},
           {"attempts", 3},
           {"attempts_before", 0},
           {"redrives", 0},
           {"cause_class", "schema"},
           {"cause", "=the data has no member \"event_type\", a text"},
           {"key", "acme/u-1"},
           {"event", {{"id", id}, {"type", "analytics.recorded"}, {"data", {{"n", 1}}}}}});
    }
    fake.on("GET", "/admin/v1/dlq/{topic}/letters", 200,
            Json{{"items", letters}, {"next", nullptr}});
  }
  ManualClock manual;
};

TEST_F(ViewsTest, LettersShowTheirCauseAt80Columns) {
  two_letters();
  EXPECT_EQ(at_fake({"dlq", "show", "analytics.events"}), 0) << err;
  EXPECT_EQ(out,
            "EVENT         DIED  TENANT  CLASS   CAUSE\n"
            "01938…00001  3m11s  acme    schema  =the data has no member \"event_type\", a text\n"
            "01938…00002  3m11s  acme    schema  =the data has no member \"event_type\", a text\n");
  EXPECT_EQ(at_fake({"dlq", "show", "analytics.events", "-o", "wide"}), 0) << err;
  for (const char* whole : {"01938c5e-7c1a-7000-8000-000000000002", "2026-11-21T07:56:48.123Z",
                            "acme/u-1", "analytics.events/3@17", "PIPELINE"}) {
    EXPECT_THAT(out, HasSubstr(whole));
  }
}

TEST_F(ViewsTest, CsvHasEveryFieldOfListsAndOfSingleObjects) {
  two_letters();
  terminal.out = false;
  EXPECT_EQ(at_fake({"dlq", "show", "analytics.events", "-o", "csv"}), 0) << err;
  EXPECT_THAT(
      out, StartsWith("event.id,died_at,pipeline,tenant,event.type,attempts,redrives,cause_class,"
                      "fingerprint,cause,"));
  EXPECT_THAT(
      out,
      HasSubstr("\n01938c5e-7c1a-7000-8000-000000000001,2026-11-21T07:56:48.123Z,analytics,acme,"
                "analytics.recorded,3,0,schema,,\"=the data has no member "
                "\"\"event_type\"\", a text\","));
  EXPECT_THAT(out, HasSubstr(",\"{\"\"n\"\":1}\"\n"));
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3);
  EXPECT_EQ(mesh({"token", "inspect", "acme:alice", "-o", "csv"}), 0) << err;
  EXPECT_EQ(out, "kind,tenant,user,header,claims,expires_at,expired\ndev,acme,alice,,,,\n");
}

TEST_F(ViewsTest, CsvOfNothingIsItsHeader) {
  fake.on("GET", "/users", 200, Json::array());
  EXPECT_EQ(at_fake({"users", "list", "-o", "csv"}), 0) << err;
  EXPECT_EQ(out, "id,email,name,tenantId\n");
  EXPECT_EQ(err, "");
}

TEST_F(ViewsTest, CsvIsRefusedWhereNoTableIsPrinted) {
  EXPECT_EQ(at_fake({"tenants", "delete", "t7", "--yes", "-o", "csv"}), 2);
  EXPECT_THAT(err, HasSubstr("`mesh tenants delete` prints no table"));
  EXPECT_EQ(mesh({"token", "mint", "--dev", "--tenant", "acme", "--user", "a", "-o", "csv"}), 2);
  EXPECT_EQ(at_fake({"events", "export", "--topic", "user.events", "-o", "csv"}), 2);
  EXPECT_THAT(err, HasSubstr("mesh events tail"));
  EXPECT_EQ(mesh({"context", "add", "sheets", "-t", "acme", "-o", "csv"}), 0) << err;
  EXPECT_EQ(mesh({"context", "list", "-o", "csv"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("true,sheets,,,acme,none,{},csv,,,\n"));
  env["MESH_OUTPUT"] = "csv";
  EXPECT_EQ(mesh({"token", "mint", "--dev", "--tenant", "acme", "--user", "a"}), 0) << err;
  EXPECT_EQ(out, "acme:a\n");
}

TEST_F(ViewsTest, TheFormatsHaveOneList) {
  EXPECT_EQ(at_fake({"users", "list", "-o", "xml"}), 2);
  EXPECT_THAT(err, HasSubstr("allowed are table, wide, json, yaml, csv, name, help"));
  EXPECT_EQ(mesh({"__complete", "zsh", "topics", "list", "-o", ""}), 0);
  for (const auto& name : format_names()) EXPECT_THAT(out, HasSubstr(name));
  EXPECT_EQ(mesh({"--help"}), 0);
  for (const auto& name : format_names()) {
    EXPECT_THAT(out, HasSubstr(name));
    EXPECT_TRUE(parse_format(name)) << name;
  }
}

class PagedTest : public ViewsTest {
 protected:
  void SetUp() override {
    ViewsTest::SetUp();
    terminal.out_height = 4;
    Json users = Json::array();
    for (int id = 1; id <= 5; ++id) {
      users.push_back({{"id", id}, {"email", "a@b.dev"}, {"name", "A"}, {"tenantId", "acme"}});
    }
    fake.on("GET", "/users", 200, users);
  }
};

TEST_F(PagedTest, WhatIsLongerThanTheScreenGoesToThePager) {
  for (const char* format : {"table", "wide", "json", "yaml", "csv", "name"}) {
    EXPECT_EQ(at_fake({"users", "list", "-o", format}), 0) << err;
    EXPECT_EQ(out, "") << format;
    EXPECT_THAT(contents("paged"), Not(testing::IsEmpty())) << format;
  }
}

TEST_F(PagedTest, WhatIsFollowedNeverDoes) {
  fake.on("GET", "/admin/v1/usage", 200,
          Json{{"window_seconds", 10},
               {"sort", "events"},
               {"tenants",
                {{{"tenant", "a"}}, {{"tenant", "b"}}, {{"tenant", "c"}}, {{"tenant", "d"}}}}});
  EXPECT_EQ(at_fake({"tenants", "top", "--watch", "-n", "1"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("TENANT"));
  EXPECT_EQ(contents("paged"), "");
  EXPECT_EQ(at_fake({"tenants", "top"}), 0) << err;
  EXPECT_EQ(out, "");
  EXPECT_THAT(contents("paged"), HasSubstr("TENANT"));
}

}  // namespace
}  // namespace mesh::cli
