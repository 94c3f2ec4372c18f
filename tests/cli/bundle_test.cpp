#include <sys/stat.h>

#include "cli/bundle/archive.h"
#include "cli/bundle/local.h"
#include "cli/bundle/privacy.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

TEST(Privacy, TenantsGetTheSameNameEverywhere) {
  Json value{{"tenant", "acme"},
             {"items", {{{"tenantId", "acme"}, {"name", "acme"}}}},
             {"tenants", Json::array({Json{{"tenant_id", ""}}})}};
  hide_tenants(value);
  EXPECT_EQ(value["tenant"], pseudonym("acme"));
  EXPECT_EQ(value["items"][0]["tenantId"], pseudonym("acme"));
  EXPECT_EQ(value["items"][0]["name"], "acme");
  EXPECT_EQ(value["tenants"][0]["tenant_id"], "");
  for (const char* path : {"/admin/v1/tenants/acme", "/admin/v1/ratelimits/acme/search"}) {
    Json line{{"path", path}, {"tenant", "(others)"}};
    hide_tenants(line);
    EXPECT_EQ(line.dump().find("acme"), std::string::npos) << line;
    EXPECT_EQ(line["tenant"], "(others)");
  }
  EXPECT_NE(pseudonym("acme"), pseudonym("beta"));
  EXPECT_EQ(pseudonym("acme").find("acme"), std::string::npos);
}

TEST(Privacy, LabelsOfMetricsAreTenantsToo) {
  EXPECT_EQ(hide_tenant_labels("a{tenant=\"other\"} 1\nb{x=\"y\",tenant=\"acme\"} 2\n"),
            "a{tenant=\"other\"} 1\nb{x=\"y\",tenant=\"" + pseudonym("acme") + "\"} 2\n");
  EXPECT_EQ(hide_tenant_labels("plain 1\n"), "plain 1\n");
}

TEST(Privacy, SecretsAreStruckOut) {
  std::string text = "a secret, secretsecret";
  strike_out(text, {"", "secret", "none"});
  EXPECT_EQ(text, "a ***, ******");
}

TEST(Threads, OfThisProcessAreListed) {
  const auto text = threads_of(::getpid());
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(std::to_string(::getpid())));
  EXPECT_EQ(threads_of(1 << 30).error().kind, ErrorKind::not_found);
}

class BundleTest : public CliTest {};

TEST_F(BundleTest, AnArchiveIsItsOwnersAndReplacesNothing) {
  const std::string path = dir.file("a.tar.gz");
  ASSERT_TRUE(write_archive(path, {{"x/a", "text"}, {"x/empty", ""}}, Timestamp{}));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string before = contents("a.tar.gz");
  EXPECT_EQ(write_archive(path, {}, Timestamp{}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(contents("a.tar.gz"), before);
  EXPECT_EQ(write_archive(dir.file("no/such"), {}, Timestamp{}).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(write_archive("/dev/full/x", {}, Timestamp{}));
}

TEST_F(BundleTest, WhatCouldNotBeHadIsSaidWithItsReason) {
  fake.on("GET", "/admin/v1/groups", Error{ErrorKind::unavailable, "the log is away", {}, {}, {}});
  EXPECT_EQ(at_fake({"bundle", dir.file("b.tar.gz"), "-o", "json"}), 6);
  EXPECT_THAT(err, HasSubstr("failed: groups: the log is away"));
  EXPECT_THAT(err, HasSubstr("absent: threads: "));
  bool found = false;
  const Json all = json();
  for (const Json& part : all["parts"]) {
    if (part["name"] != "groups") continue;
    found = true;
    EXPECT_EQ(part["state"], "failed");
    EXPECT_EQ(part["reason"], "the log is away");
  }
  EXPECT_TRUE(found) << out;
}

}  // namespace
}  // namespace mesh::cli
