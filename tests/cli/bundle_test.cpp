#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "cli/bundle/archive.h"
#include "cli/bundle/local.h"
#include "cli/bundle/privacy.h"
#include "common/base/fd.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

TEST(Privacy, TenantsGetTheSameNameEverywhere) {
  Json value{{"tenant", "acme"},
             {"auth", {{"anonymous_tenant", "acme"}}},
             {"items", {{{"tenantId", "acme"}, {"name", "acme"}}}},
             {"tenants", Json::array({Json{{"tenant_id", ""}}})}};
  const TenantMask mask;
  mask.hide(value);
  EXPECT_EQ(value["tenant"], mask.pseudonym("acme"));
  EXPECT_EQ(value["items"][0]["tenantId"], mask.pseudonym("acme"));
  EXPECT_EQ(value["auth"]["anonymous_tenant"], mask.pseudonym("acme"));
  EXPECT_EQ(value["items"][0]["name"], "acme");
  EXPECT_EQ(value["tenants"][0]["tenant_id"], "");
  for (const char* path : {"/admin/v1/tenants/acme", "/admin/v1/ratelimits/acme/search"}) {
    Json line{{"path", path}, {"tenant", "(others)"}};
    mask.hide(line);
    EXPECT_EQ(line.dump().find("acme"), std::string::npos) << line;
    EXPECT_EQ(line["tenant"], "(others)");
  }
  EXPECT_NE(mask.pseudonym("acme"), mask.pseudonym("beta"));
  EXPECT_EQ(mask.pseudonym("acme").find("acme"), std::string::npos);
}

TEST(Privacy, LabelsOfMetricsAreTenantsToo) {
  const TenantMask mask;
  EXPECT_EQ(mask.hide_labels("a{tenant=\"other\"} 1\nb{x=\"y\",tenant=\"acme\"} 2\n"),
            "a{tenant=\"other\"} 1\nb{x=\"y\",tenant=\"" + mask.pseudonym("acme") + "\"} 2\n");
  EXPECT_EQ(mask.hide_labels("plain 1\n"), "plain 1\n");
}

TEST(Privacy, PseudonymsOfTwoBundlesDiffer) {
  EXPECT_NE(TenantMask().pseudonym("acme"), TenantMask().pseudonym("acme"));
  EXPECT_EQ(TenantMask("salt").pseudonym("acme"), TenantMask("salt").pseudonym("acme"));
}

TEST(Privacy, LinesThatCannotBeReadAreLeftOutAndCounted) {
  const TenantMask mask;
  const std::string hidden = mask.hide_in_lines(
      "2026-11-29T10:00:00+0000 host meshd[7]: {\"tenant\":\"acme\",\"message\":\"slow\"}\n"
      "2026-11-29T10:00:01+0000 host meshd[7]: acme is \"gone\"\n"
      "2026-11-29T10:00:02+0000 host meshd[7]: {\"tenant\":\"acme\n");
  EXPECT_EQ(hidden.find("acme"), hidden.npos) << hidden;
  EXPECT_THAT(hidden, HasSubstr("meshd[7]: {"));
  EXPECT_THAT(hidden, HasSubstr(mask.pseudonym("acme")));
  EXPECT_THAT(hidden, HasSubstr("(2 lines are left out"));
  EXPECT_EQ(mask.hide_in_lines(""), "");
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

// The pid is of this process, which holds the lock, too, but is no meshd.
TEST_F(BundleTest, APidIsNotBelievedBecauseSomebodyHoldsTheLock) {
  file("run.json", Json{{"pid", ::getpid()}}.dump());
  file("LOCK", "");
  EXPECT_THAT(process_of(dir.path()).error().message, HasSubstr("no meshd runs on"));
  const Fd lock(::open(dir.file("LOCK").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(process_of(dir.path()).error().message, HasSubstr("is not seen to be the meshd"));
  file("run.json", R"({"pid": -1})");
  EXPECT_EQ(process_of(dir.path()).error().kind, ErrorKind::not_found);
  EXPECT_EQ(at_fake({"bundle", dir.file("b.zip"), "--data-dir", dir.path()}), 6);
  EXPECT_THAT(err, HasSubstr("absent: threads: process -1"));
}

TEST_F(BundleTest, AnArchiveIsItsOwnersAndReplacesNothing) {
  const std::string path = dir.file("a.zip");
  ASSERT_TRUE(write_archive(path, {{"x/a", "text"}, {"x/empty", ""}}, Timestamp{}));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string before = contents("a.zip");
  EXPECT_EQ(write_archive(path, {}, Timestamp{}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(contents("a.zip"), before);
  EXPECT_EQ(write_archive(dir.file("no/such"), {}, Timestamp{}).error().kind, ErrorKind::not_found);
  EXPECT_FALSE(write_archive("/dev/full/x", {}, Timestamp{}));
  // A disk that is full: the name is not taken, and no draft stays.
  const std::string cut = dir.file("cut.zip");
  rlimit before_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before_limit), 0);
  const rlimit small{16, before_limit.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_archive(cut, {{"x/a", "text"}}, Timestamp{});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before_limit), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(written);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    EXPECT_EQ(entry.path().string().find("cut.zip"), std::string::npos) << entry.path();
}

// By an eu-stack that leaves the process stopped, as one that is killed may.
TEST_F(BundleTest, StacksAskNoServerForSymbolsAndTheProcessGoesOn) {
  file("eu-stack",
       "#!/bin/sh\nkill -STOP \"$2\"\nuntil grep -q '^State:.T' /proc/$2/status; do :; done\n"
       "echo \"#0 urls=${DEBUGINFOD_URLS-none}\"\n");
  ASSERT_EQ(::chmod(dir.file("eu-stack").c_str(), 0700), 0);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (dir.path() + ":" + path).c_str(), 1);
  ::setenv("DEBUGINFOD_URLS", "http://symbols.invalid", 1);
  const char* words[] = {"/bin/sleep", "600", nullptr};
  pid_t pid = -1;
  ASSERT_EQ(::posix_spawn(&pid, words[0], nullptr, nullptr, const_cast<char**>(words), environ), 0);
  const auto stacks = stacks_of(pid);
  int status = 0;
  bool goes_on = false;
  for (int tries = 0; !goes_on && tries < 1000; ++tries) {
    goes_on = ::waitpid(pid, &status, WCONTINUED | WNOHANG) == pid && WIFCONTINUED(status);
    if (!goes_on) ::poll(nullptr, 0, 10);
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  ::setenv("PATH", path.c_str(), 1);
  ::unsetenv("DEBUGINFOD_URLS");
  ASSERT_TRUE(stacks) << stacks.error().message;
  EXPECT_EQ(*stacks, "#0 urls=none\n");
  EXPECT_TRUE(goes_on);
}

TEST_F(BundleTest, WhatCouldNotBeHadIsSaidWithItsReason) {
  fake.on("GET", "/admin/v1/groups", Error{ErrorKind::unavailable, "the log is away", {}, {}, {}});
  EXPECT_EQ(at_fake({"bundle", dir.file("b.zip"), "-o", "json"}), 6);
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
