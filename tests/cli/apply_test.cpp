// `mesh apply`, `mesh diff`, `mesh types`, and the documents of tenants.
#include <regex>

#include "cli/tenant_files.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kAcme = R"(kind: tenant
id: acme
name: Acme
rate_limits:
  search: {rate: 30, per: 60s}
quotas: {events_per_day: 100}
retention: 168h
roles: {default: reader, users: {bot: publisher}}
types:
  order.placed: {type: object, required: [id]}
search:
  order.placed: {text: "{title} {lines.*}", fields: {total: number}}
  analytics.recorded: {text: "{event_type}", open: metadata}
)";

// A server with records, which change under the tool where `meddle` says so.
class ApplyTest : public CliTest {
 protected:
  ApplyTest() {
    fake.on("GET", "/admin/v1/tenants", [this](const auto&) {
      Json items = Json::array();
      for (const auto& [id, record] : records) items.push_back(record);
      return http::Response::json(200, {{"items", items}, {"next", nullptr}});
    });
    fake.on("GET", "/admin/v1/tenants/{id}", [this](const auto& request) {
      const auto it = records.find(request.path_params.at("id"));
      return it == records.end() ? http::Response::problem(404, "no record")
                                 : http::Response::json(200, it->second);
    });
    fake.on("POST", "/admin/v1/tenants", [this](const auto& request) {
      return put(Json::parse(request.body), Json::parse(request.body)["id"], 201);
    });
    fake.on("PUT", "/admin/v1/tenants/{id}", [this](const auto& request) {
      const std::string id = request.path_params.at("id");
      if (id == refused) return http::Response::problem(422, "not so");
      Json& record = records.at(id);
      if (meddle > 0) {
        --meddle;
        record["version"] = record["version"].get<int>() + 1;
        record["name"] = "meddled";
      }
      const auto tag = "\"" + record["version"].dump() + "\"";
      if (request.header("If-Match") != tag) return http::Response::problem(412, "other version");
      return put(Json::parse(request.body), id, 200);
    });
    fake.on("DELETE", "/admin/v1/tenants/{id}", [this](const auto& request) {
      records.erase(request.path_params.at("id"));
      return http::Response::no_content();
    });
  }
  http::Response put(Json body, const std::string& id, int status) {
    const int version = records.contains(id) ? records[id]["version"].get<int>() + 1 : 1;
    body["id"] = id;
    auto tenant = tenant_from_json(body).value();
    tenant.version = version;
    records[id] = to_json(tenant);
    return http::Response::json(status, records[id]);
  }
  int apply(std::vector<std::string> more = {}, const std::string& text = kAcme) {
    std::vector<std::string> arguments{"apply", "-f", file("acme.yaml", text), "-o", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return at_fake(arguments);
  }
  std::vector<std::string> actions() const {
    std::vector<std::string> all;
    for (const auto& row : json()) {
      all.push_back(row["tenant"].get<std::string>() + " " + row["action"].get<std::string>());
    }
    return all;
  }
  int changes() {
    int n = 0;
    for (const auto& request : fake.requests()) n += request.method != "GET";
    return n;
  }

  std::map<std::string, Json> records;
  int meddle = 0;
  std::string refused;  // the tenant whose change is refused
};

TEST_F(ApplyTest, CreatesThenChangesThenHasNothingToDo) {
  EXPECT_EQ(apply({"--dry-run"}), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme create"));
  EXPECT_EQ(changes(), 0);
  EXPECT_EQ(apply(), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme created"));
  EXPECT_EQ(records["acme"]["managed_by"], "apply");
  EXPECT_EQ(records["acme"]["rate_limits"]["search"]["per"], "1m");
  EXPECT_EQ(records["acme"]["retention"], "7d");
  EXPECT_EQ(apply(), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme unchanged"));
  // What a document leaves out goes back to the default.
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\n"), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme changed"));
  EXPECT_FALSE(records["acme"].contains("quotas"));
  EXPECT_FALSE(records["acme"].contains("roles"));
  EXPECT_FALSE(records["acme"].contains("retention"));
  EXPECT_FALSE(records["acme"].contains("search"));
}

TEST_F(ApplyTest, WhatGetPrintsIsWhatApplyTakes) {
  fake.on("GET", "/admin/v1/tenants/{id}/quotas", 200,
          {{"items", Json::array()}, {"next", nullptr}});
  ASSERT_EQ(apply(), 0) << err;
  ASSERT_EQ(at_fake({"tenants", "get", "acme", "-o", "yaml"}), 0) << err;
  const std::string printed = out;
  const auto read = parse_tenants(printed, "get");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_document(read->at(0).tenant), to_document(parse_tenants(kAcme, "x")->at(0).tenant));
  EXPECT_EQ(apply({}, printed), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme unchanged"));
}

TEST_F(ApplyTest, DiffExitsAsKubectls) {
  const auto diff = [this](const std::string& text) {
    return at_fake({"diff", "-f", file("d.yaml", text), "-o", "json"});
  };
  EXPECT_EQ(diff(kAcme), 1);
  EXPECT_THAT(actions(), ElementsAre("acme create"));
  ASSERT_EQ(apply(), 0);
  EXPECT_EQ(diff(kAcme), 0) << out;
  EXPECT_EQ(json(), Json::array());
  EXPECT_EQ(diff(std::string(kAcme) + "allow_unknown_types: true\n"), 1);
  EXPECT_EQ(json()[0]["changes"][0]["path"], "/allow_unknown_types");
  EXPECT_EQ(diff(std::regex_replace(kAcme, std::regex("bot: publisher"), "bot: reader")), 1);
  EXPECT_EQ(
      json()[0]["changes"],
      Json::parse(R"([{"path": "/roles/users/bot", "before": "publisher", "after": "reader"}])"));
  EXPECT_EQ(diff(std::regex_replace(kAcme, std::regex("total: number"), "total: keyword")), 1);
  EXPECT_EQ(json()[0]["changes"], Json::parse(R"([{"path": "/search/order.placed/fields/total",
                                                  "before": "number", "after": "keyword"}])"));
  EXPECT_EQ(diff("kind: nonsense\n"), 2);
  EXPECT_THAT(err, HasSubstr("document 1"));
  EXPECT_EQ(at_fake({"diff", "-f", dir.file("none.yaml")}), 2);
}

TEST_F(ApplyTest, AConflictIsReadAgainOnceAndTold) {
  ASSERT_EQ(apply(), 0);
  meddle = 1;
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\nname: New\n"), 0) << err;
  EXPECT_THAT(err, HasSubstr("was changed meanwhile"));
  EXPECT_EQ(records["acme"]["name"], "New");
  meddle = 2;
  EXPECT_NE(apply({}, "kind: tenant\nid: acme\nname: Newer\n"), 0);
  EXPECT_EQ(records["acme"]["name"], "meddled");
}

TEST_F(ApplyTest, ADocumentWithAVersionIsForThatAlone) {
  ASSERT_EQ(apply(), 0);
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\nversion: 1\n"), 0) << err;
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\nversion: 1\n"), 0) << "it changes nothing: " << err;
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\nversion: 1\nname: Late\n"), 1);
  EXPECT_THAT(err, HasSubstr("version 1"));
  records.clear();
  EXPECT_EQ(apply({}, "kind: tenant\nid: acme\nversion: 2\n"), 1);
  EXPECT_THAT(err, HasSubstr("has no record any more"));
}

// The version was not printed, and who applied last won.
TEST_F(ApplyTest, WhatWasReadBeforeAnotherChangeIsRefused) {
  ASSERT_EQ(apply(), 0) << err;
  ASSERT_EQ(at_fake({"tenants", "get", "acme", "-o", "yaml"}), 0) << err;
  const auto renamed = [](std::string text, const std::string& name) {
    return text.replace(text.find("Acme"), 4, name);
  };
  const std::string edited = renamed(out, "Mine");
  EXPECT_EQ(at_fake({"diff", "-f", file("d.yaml", edited)}), 1) << err;
  ASSERT_EQ(apply({}, renamed(kAcme, "Another")), 0) << err;
  const int before = changes();
  for (const std::string verb : {"apply", "diff"}) {
    EXPECT_EQ(at_fake({verb, "-f", file("d.yaml", edited)}), verb == "diff" ? 2 : 1);
    EXPECT_THAT(err, HasSubstr("was changed, and is at version 2; the document is of version 1"));
  }
  EXPECT_EQ(changes(), before);
  EXPECT_EQ(records["acme"]["name"], "Another");
}

TEST_F(ApplyTest, PruneTakesWhatApplyMadeAndNothingElse) {
  ASSERT_EQ(apply({}, "kind: tenant\nid: acme\n---\nkind: tenant\nid: beta\n"), 0) << err;
  ASSERT_EQ(apply({"--owner", "team-x"}, "kind: tenant\nid: theirs\n"), 0);
  put(Json::object(), "by-hand", 201);
  EXPECT_EQ(apply({"--prune", "--dry-run"}), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme change", "beta delete"));
  EXPECT_EQ(apply({"--prune"}), 2) << "nobody can answer";
  EXPECT_THAT(err, HasSubstr("(beta)"));
  EXPECT_THAT(err, Not(HasSubstr("roles")));
  EXPECT_EQ(records.size(), 4u);
  records["beta"]["roles"] = {{"default", "reader"}};
  EXPECT_EQ(apply({"--prune"}), 2);
  EXPECT_THAT(err, HasSubstr("The roles of beta go, too: every token of theirs may write then."));
  EXPECT_EQ(apply({"--prune", "--yes"}), 0) << err;
  EXPECT_EQ(records.size(), 3u);
  EXPECT_FALSE(records.contains("beta"));
}

TEST_F(ApplyTest, PruneIsRefusedWhereAFolderBelowHasFiles) {
  file("acme.yaml", "kind: tenant\nid: acme\n");
  std::filesystem::create_directories(dir.path() + "/.git");
  file(".git/x.yaml", "");
  std::filesystem::create_directories(dir.path() + "/more/notes");
  file("more/notes.txt", "");
  const std::vector<std::string> prune{"apply", "-f", dir.path(), "--prune", "--yes"};
  EXPECT_EQ(at_fake(prune), 0) << err;
  file("more/notes/beta.yml", "kind: tenant\nid: beta\n");
  const int before = changes();
  EXPECT_NE(at_fake(prune), 0);
  EXPECT_THAT(err, HasSubstr("more/notes/beta.yml"));
  EXPECT_EQ(changes(), before);
  EXPECT_EQ(at_fake({"apply", "-f", dir.path()}), 0) << err;
}

TEST_F(ApplyTest, WhereOnlySomeIsDoneItExitsSo) {
  const char* two = "kind: tenant\nid: acme\n---\nkind: tenant\nid: beta\nname: Beta\n";
  ASSERT_EQ(apply({}, "kind: tenant\nid: acme\n---\nkind: tenant\nid: beta\n"), 0) << err;
  refused = "beta";
  EXPECT_EQ(apply({}, two), 1) << "the first needed nothing";
  records.erase("acme");
  EXPECT_EQ(apply({}, two), 6);
  EXPECT_THAT(err, HasSubstr("not so"));
  EXPECT_THAT(actions(), ElementsAre("acme created"));
}

TEST_F(ApplyTest, ARecordOfAnotherOwnerIsLeftAlone) {
  ASSERT_EQ(apply({"--owner", "team-x"}), 0);
  EXPECT_EQ(apply(), 1);
  EXPECT_THAT(err, HasSubstr("--owner team-x"));
}

TEST_F(ApplyTest, NothingIsChangedBeforeAllDocumentsAreGood) {
  const int before = changes();
  for (const char* text :
       {"kind: tenant\nid: a\n---\nkind: tenant\nid: a\n", "kind: tenant\nid: a\n---\nid: b\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\nretention: 10m\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\nquotas: {events: 1}\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\nroles: {default: owner}\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\ntypes: {user.created: {}}\n", "# none\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\nsearch: {a.b: {text: '{x}'}}\n",
        "kind: tenant\nid: a\nsearch: {analytics.recorded: {text: plain}}\n",
        "kind: tenant\nid: a\n---\nkind: tenant\nid: b\nrate_limits: {serch: {rate: 1}}\n",
        "kind: tenant\nid: a\nmanaged_by: me\n"}) {
    EXPECT_NE(apply({}, text), 0) << text;
  }
  EXPECT_EQ(changes(), before);
}

TEST_F(ApplyTest, ASchemaThatIsNotCompatibleIsRefusedWithItsPlace) {
  ASSERT_EQ(apply(), 0);
  EXPECT_NE(apply({},
                  "kind: tenant\nid: acme\ntypes: {order.placed: {type: object, required: "
                  "[id, at]}}\n"),
            0);
  EXPECT_THAT(err, HasSubstr("/types/order.placed/required"));
}

TEST_F(ApplyTest, AFolderIsReadByName) {
  file("b.yaml", "kind: tenant\nid: beta\n");
  file("a.yml", "kind: tenant\nid: acme\n");
  file("notes.txt", "no document");
  EXPECT_EQ(at_fake({"apply", "-f", dir.path(), "-o", "json"}), 0) << err;
  EXPECT_THAT(actions(), ElementsAre("acme created", "beta created"));
}

TEST_F(ApplyTest, TypesAreRegisteredFromFiles) {
  fake.on("PUT", "/admin/v1/tenants/{id}/types/{type}", [](const auto& request) {
    return http::Response::json(200, {{"type", "order.placed"},
                                      {"topic", "order.events"},
                                      {"schema", Json::parse(request.body)},
                                      {"outcome", "registered"},
                                      {"dry_run", request.param("dry_run") == "true"}});
  });
  const auto schema = file("order.yaml", "type: object\n");
  EXPECT_EQ(at_fake({"types", "register", "acme", "order.placed", "-f", schema, "-o", "json"}), 0)
      << err;
  EXPECT_EQ(json()["schema"], Json({{"type", "object"}}));
  EXPECT_EQ(json()["dry_run"], false);
  EXPECT_EQ(at_fake({"types", "check", "acme", "order.placed", "-f", schema, "-o", "json"}), 0);
  EXPECT_EQ(json()["dry_run"], true);
  EXPECT_THAT(err, HasSubstr("would be registered"));
}

}  // namespace
}  // namespace mesh::cli
