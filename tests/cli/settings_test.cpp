#include "cli/settings.h"

#include <fstream>

#include "tests/support/temp_dir.h"

namespace mesh::cli {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    around.env = [this](const char* name) -> const char* {
      const auto it = env.find(name);
      return it == env.end() ? nullptr : it->second.c_str();
    };
    around.local_data_dirs = {dir.file("local")};
  }
  // A data folder as a running meshd leaves it.
  std::string running(const std::string& name, const std::string& port) {
    const std::string folder = dir.file(name);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/run.json")
        << R"({"pid":1,"version":"1","addresses":{"users":"127.0.0.1:)" + port +
               R"(","admin":"0.0.0.0:)" + port + R"("}})";
    std::ofstream(folder + "/operator.token") << "token-of-" + name + "\n";
    return folder;
  }
  Result<Settings> resolved() { return resolve(globals, file, around); }

  test::TempDir dir;
  std::map<std::string, std::string> env;
  Surroundings around;
  Globals globals;
  ContextFile file;
};

TEST_F(SettingsTest, WithoutAnythingTheDefaultAddressesHold) {
  const auto settings = resolved();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->endpoints.users, "http://127.0.0.1:8081");
  EXPECT_EQ(settings->endpoints.admin, "http://127.0.0.1:9090");
  EXPECT_EQ(settings->format, Format::table);
  EXPECT_EQ(settings->operator_token, "");
}

TEST_F(SettingsTest, FlagBeatsEnvironmentBeatsContextBeatsDefault) {
  EXPECT_EQ(resolved()->tenant, "");
  file.contexts["c"].tenant = "from-context";
  file.current = "c";
  EXPECT_EQ(resolved()->tenant, "from-context");
  env["MESH_TENANT"] = "from-env";
  EXPECT_EQ(resolved()->tenant, "from-env");
  globals.tenant = "from-flag";
  EXPECT_EQ(resolved()->tenant, "from-flag");
  EXPECT_EQ(resolved()->tenant_from.name, "--tenant");
}

TEST_F(SettingsTest, AnEmptyTenantFlagLiftsTheContextsTenant) {
  file.contexts["c"].tenant = "acme";
  file.current = "c";
  globals.tenant = "";
  EXPECT_EQ(resolved()->tenant, "");
}

TEST_F(SettingsTest, EachSettingIsResolvedByItself) {
  file.contexts["c"] = {.server = "http://ctx:1",
                        .data_dir = {},
                        .token = "acme:a",
                        .tenant = {},
                        .output = "yaml",
                        .endpoints = {}};
  file.current = "c";
  env["MESH_OUTPUT"] = "json";
  const auto settings = resolved();
  EXPECT_EQ(settings->endpoints.gateway, "http://ctx:1");
  EXPECT_EQ(settings->token, "acme:a");
  EXPECT_EQ(settings->format, Format::json);
}

TEST_F(SettingsTest, ADataFolderGivesAddressesAndTheOperatorsToken) {
  globals.data_dir = running("d", "4711");
  const auto settings = resolved();
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->endpoints.users, "http://127.0.0.1:4711");
  EXPECT_EQ(settings->endpoints.admin, "http://127.0.0.1:4711")
      << "an address to listen on is not one to connect to";
  EXPECT_EQ(settings->endpoints.gateway, "") << "a role that does not run has no address";
  EXPECT_EQ(settings->operator_token, "token-of-d");
}

TEST_F(SettingsTest, AMeshdOnThisMachineIsFoundByItself) {
  running("local", "4712");
  EXPECT_EQ(resolved()->endpoints.users, "http://127.0.0.1:4712");
  EXPECT_EQ(resolved()->operator_token, "token-of-local");
}

// As in /tmp, where anybody may make a mesh-data.
TEST_F(SettingsTest, AFolderOfAnotherUserIsNotFoundByItself) {
  const auto folder = running("local", "4712");
  // Root's are everybody's, so that root has to give them away.
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((folder + "/run.json").c_str(), kNobody, kNobody), 0);
  } else {
    around.user = kNobody;
  }
  EXPECT_EQ(resolved()->endpoints.users, "http://127.0.0.1:8081");
  EXPECT_EQ(resolved()->operator_token, "");
  globals.data_dir = folder;
  EXPECT_EQ(resolved()->endpoints.users, "http://127.0.0.1:4712") << "named by its user";
}

TEST_F(SettingsTest, TheOperatorsTokenDoesNotGoToAnotherServer) {
  running("local", "4712");
  env["MESH_DATA_DIR"] = running("d", "4711");
  globals.server = "http://elsewhere:1";
  const auto settings = resolved();
  EXPECT_EQ(settings->endpoints.admin, "http://elsewhere:1");
  EXPECT_EQ(settings->operator_token, "");
}

TEST_F(SettingsTest, AServerAndAFolderGivenTogetherBelongTogether) {
  globals.data_dir = running("d", "4711");
  globals.server = "http://same:1";
  EXPECT_EQ(resolved()->endpoints.admin, "http://same:1");
  EXPECT_EQ(resolved()->operator_token, "token-of-d");
}

TEST_F(SettingsTest, TheLevelOfASettingIsKnownBesideItsName) {
  file.contexts["c"].data_dir = running("d", "4711");
  file.contexts["c"].token = "acme:a";
  file.current = "c";
  const auto settings = resolved();
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->endpoints_from.level, Level::context);
  EXPECT_EQ(settings->token_from.level, Level::context);
  EXPECT_EQ(settings->token, "acme:a") << "the context's folder and token belong together";
  globals.server = "http://elsewhere:1";
  EXPECT_EQ(resolved()->endpoints_from.level, Level::flag);
  EXPECT_EQ(resolved()->token, "");
  EXPECT_EQ(resolved()->token_from.level, Level::none);
}

TEST_F(SettingsTest, AContextsTokenDoesNotGoToAServerThatIsNotItsOwn) {
  file.contexts["c"] = {.server = "http://ctx:1",
                        .data_dir = {},
                        .token = "acme:a",
                        .tenant = {},
                        .output = {},
                        .endpoints = {}};
  file.current = "c";
  EXPECT_EQ(resolved()->token, "acme:a");
  globals.server = "http://other:1";
  EXPECT_EQ(resolved()->token, "");
  file.contexts["c"].server.reset();
  EXPECT_EQ(resolved()->token, "acme:a") << "a context without a place is an identity for any";
}

TEST_F(SettingsTest, AContextsFolderCountsAsItsOwnPlace) {
  file.contexts["c"] = {.server = {},
                        .data_dir = running("d", "4711"),
                        .token = "acme:a",
                        .tenant = {},
                        .output = {},
                        .endpoints = {}};
  file.current = "c";
  EXPECT_EQ(resolved()->token, "acme:a");
  EXPECT_EQ(resolved()->operator_token, "token-of-d");
}

TEST_F(SettingsTest, EndpointsOfAContextAreTakenPerRole) {
  file.contexts["c"].endpoints = {{"admin", "http://a:1"}, {"users", "http://u:1"}};
  globals.context = "c";
  EXPECT_EQ(resolved()->endpoints.admin, "http://a:1");
  EXPECT_EQ(resolved()->endpoints.users, "http://u:1");
  EXPECT_EQ(resolved()->endpoints.gateway, "");
}

TEST_F(SettingsTest, RefusesWhatCannotBe) {
  const auto kind = [&](auto change) {
    const Globals before = globals;
    change();
    const auto settings = resolved();
    globals = before;
    return settings ? std::optional<ErrorKind>{} : settings.error().kind;
  };
  EXPECT_EQ(kind([&] { globals.context = "nowhere"; }), ErrorKind::not_found);
  EXPECT_EQ(kind([&] { globals.output = "xml"; }), ErrorKind::invalid);
  EXPECT_EQ(kind([&] { globals.tenant = "Not A Tenant"; }), ErrorKind::invalid);
  EXPECT_EQ(kind([&] { globals.timeout = "soon"; }), ErrorKind::invalid);
  EXPECT_EQ(kind([&] { globals.server = "ftp://x"; }), ErrorKind::invalid);
  EXPECT_EQ(kind([&] { globals.token = "a\nb"; }), ErrorKind::invalid);
  EXPECT_EQ(kind([&] { globals.data_dir = dir.file("empty"); }), ErrorKind::unavailable);
}

TEST(ClientOptions, AnOperatorsTokenGivenByHandOpensTheAdminApi) {
  Settings settings;
  settings.operator_token = "of-the-folder";
  EXPECT_EQ(client_options(settings).operator_token, "of-the-folder");
  settings.token = "acme:alice";
  EXPECT_EQ(client_options(settings).operator_token, "of-the-folder");
  settings.token = "0123456789abcdef";
  EXPECT_EQ(client_options(settings).operator_token, "0123456789abcdef");
}

// A tenant's --token was once replaced by the folder's operator token on operator verbs.
TEST(ClientOptions, ATokenGivenForThisRunIsNeverReplacedByTheFolders) {
  Settings settings;
  settings.operator_token = "of-the-folder";
  settings.token = "acme:alice";
  for (const Level level : {Level::flag, Level::environment}) {
    settings.token_from.level = level;
    EXPECT_EQ(client_options(settings).operator_token, "acme:alice");
  }
  // What a level is called is for people, and may change.
  settings.token_from = {Level::context, "--token"};
  EXPECT_EQ(client_options(settings).operator_token, "of-the-folder");
}

TEST(TokenOwner, IsReadFromDevTokensAndJwts) {
  EXPECT_EQ(token_owner("acme:alice")->tenant, "acme");
  EXPECT_EQ(token_owner("acme:alice")->user, "alice");
  // {"alg":"HS256"} . {"tenant_id":"acme","sub":"bob"} . signature
  EXPECT_EQ(token_owner("eyJhbGciOiJIUzI1NiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwic3ViIjoiYm9iIn0.x")->user,
            "bob");
  EXPECT_FALSE(token_owner("a:b:c"));
  EXPECT_FALSE(token_owner("0123456789abcdef0123456789abcdef"));
  EXPECT_FALSE(token_owner("a.b.c"));
}

TEST(NormalUrl, MakesBaseUrls) {
  EXPECT_EQ(*normal_url("127.0.0.1:9090"), "http://127.0.0.1:9090");
  EXPECT_EQ(*normal_url("https://mesh.example.org/"), "https://mesh.example.org");
  for (const char* text : {"", "http://", "ftp://x", "http://x?y", "http://u@x", "http://a b"}) {
    EXPECT_FALSE(normal_url(text)) << text;
  }
}

TEST_F(SettingsTest, AFolderSaysByWhichKeyItsMeshdProvesItselfUnlessAnAuthorityIsGiven) {
  const std::string folder = dir.file("tls");
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/run.json")
      << R"({"pid":1,"addresses":{"users":"https://0.0.0.0:7"},"public_key":"sha256//k"})";
  globals.data_dir = folder;
  const auto settings = resolved();
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->endpoints.users, "https://127.0.0.1:7");
  EXPECT_EQ(settings->tls.pinned_key, "sha256//k");
  env["MESH_CA_FILE"] = "/ca.pem";
  EXPECT_EQ(resolved()->tls.pinned_key, "");
  EXPECT_EQ(resolved()->tls.ca_file, "/ca.pem");
  EXPECT_EQ(client_options(*resolved()).tls.ca_file, "/ca.pem");
}

TEST_F(SettingsTest, WhatAContextSaysOfTlsIsForItsServerAlone) {
  auto& context = file.contexts["c"];
  context.server = "https://ctx";
  context.ca_file = "/ctx-ca.pem";
  context.client_cert = "/ctx.crt";
  context.client_key = "/ctx.key";
  file.current = "c";
  EXPECT_EQ(resolved()->tls.ca_file, "/ctx-ca.pem");
  EXPECT_EQ(resolved()->tls.cert_file, "/ctx.crt");
  EXPECT_EQ(resolved()->tls.key_file, "/ctx.key");
  globals.server = "https://other";
  EXPECT_EQ(resolved()->tls.ca_file, "");
  EXPECT_EQ(resolved()->tls.cert_file, "");
  globals.ca_file = "/flag-ca.pem";
  EXPECT_EQ(resolved()->tls.ca_file, "/flag-ca.pem");
}

TEST_F(SettingsTest, AClientsCertificateWithoutItsKeyIsAMistake) {
  globals.client_cert = "/c.crt";
  EXPECT_NE(resolved().error().message.find("--client-key"), std::string::npos);
  env["MESH_CLIENT_KEY"] = "/c.key";
  EXPECT_EQ(resolved()->tls.key_file, "/c.key");
}

}  // namespace
}  // namespace mesh::cli
