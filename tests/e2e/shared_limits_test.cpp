// Two daemons that count their limits in one Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using test::RedisServer;
using ::testing::HasSubstr;

class SharedLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::installed()) GTEST_SKIP() << RedisServer::kMissing;
    std::ofstream(dir_.file("password")) << "secret\n";
    redis_.emplace(std::vector<std::string>{"--requirepass", "secret"});
    deny_ = start("deny");
    allow_ = start("allow");
    for (const auto& daemon : {&*deny_, &*allow_}) {
      ASSERT_TRUE(eventually([&] { return redis_check(*daemon)["ok"] == true; }));
    }
  }
  std::unique_ptr<Daemon> start(const std::string& on_unavailable) {
    auto daemon = std::make_unique<Daemon>(
        dir_.file(on_unavailable),
        "limiter: {engine: redis, on_unavailable: " + on_unavailable +
            "}\nredis: {url: 'redis://127.0.0.1:" + std::to_string(redis_->port()) +
            "/2', password_file: " + dir_.file("password") +
            "}\nrate_limits: {users: {rate: 1, per: 1h, burst: 9}}\n");
    EXPECT_TRUE(daemon->start()) << daemon->errors();
    return daemon;
  }
  static Json redis_check(Daemon& daemon) {
    const Json all =
        daemon.call("admin", "POST", "/admin/v1/check", daemon.operator_token(), "{}").json();
    for (const Json& check : all["checks"]) {
      if (check["name"] == "redis") return check;
    }
    return Json::object();
  }
  static int ask(Daemon& daemon, const std::string& token = "acme:me") {
    return daemon.call("users", "GET", "/users", token).status;
  }

  test::TempDir dir_;
  std::optional<RedisServer> redis_;
  std::unique_ptr<Daemon> deny_, allow_;
};

TEST_F(SharedLimits, WhatOneLetsPassTheOtherCounts) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask(*deny_), 200);
    EXPECT_EQ(ask(*allow_), 200);
  }
  const auto refused = deny_->call("users", "GET", "/users", "acme:me");
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.header("Retry-After"), "");
  EXPECT_EQ(ask(*allow_), 429);
  EXPECT_EQ(ask(*allow_, "globex:me"), 200);

  const Json shown = Json::parse(
      allow_->mesh({"ratelimit", "show", "acme", "users", "-o", "json"}).out, nullptr, false);
  EXPECT_EQ(shown["remaining"], 0) << shown.dump();
  EXPECT_EQ(allow_->mesh({"ratelimit", "reset", "acme", "users"}).exit_code, 0);
  EXPECT_EQ(ask(*deny_), 200);
  EXPECT_EQ(redis_->ask({"KEYS", "*acme*"}, 2), "mesh:acme:users");
}

TEST_F(SharedLimits, WithoutTheServerEachDoesAsItIsConfigured) {
  ASSERT_EQ(ask(*deny_), 200);
  redis_->kill();
  EXPECT_TRUE(eventually([&] { return ask(*deny_) == 503; }));
  EXPECT_EQ(ask(*deny_), 503);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(*allow_), 200);
  for (const auto& daemon : {&*deny_, &*allow_}) {
    ASSERT_TRUE(eventually([&] {
      const Json check = redis_check(*daemon);
      return check["ok"] == false && check.dump().find("Connection refused") != std::string::npos;
    }));
    // That it is away is a fault to be told, and no reason to take the process out of service.
    EXPECT_EQ(daemon->call("users", "GET", "/readyz", "").status, 200);
  }
  redis_->start();
  EXPECT_TRUE(eventually([&] { return ask(*deny_) == 200; }));
  EXPECT_TRUE(eventually([&] { return redis_check(*allow_)["ok"] == true; }));
  int passed = 0;
  for (int i = 0; i < 20; ++i) passed += ask(*allow_) == 200 ? 1 : 0;
  EXPECT_LT(passed, 10) << "it counts again";
  EXPECT_EQ(allow_->stop(), 0);
  const std::string told = "rate limits are unavailable";
  int lines = 0;
  for (auto at = allow_->errors().find(told); at != std::string::npos; ++lines) {
    at = allow_->errors().find(told, at + 1);
  }
  EXPECT_GE(lines, 1);
  EXPECT_LT(lines, 5) << "not for each of 20 requests";
}

TEST_F(SharedLimits, AServerThatStandsStillHoldsUpNoRequestForLong) {
  ASSERT_EQ(ask(*deny_), 200);
  redis_->pause();
  EXPECT_EQ(ask(*deny_), 503);
  EXPECT_EQ(ask(*allow_), 200);
  redis_->resume();
  EXPECT_TRUE(eventually([&] { return ask(*deny_, "globex:me") == 200; }));
  EXPECT_EQ(deny_->stop(), 0);
  EXPECT_EQ(allow_->stop(), 0);
}

TEST_F(SharedLimits, AWrongPasswordDoesNotKeepItFromStarting) {
  std::ofstream(dir_.file("password")) << "wrong\n";
  deny_->stop();
  ASSERT_TRUE(deny_->start()) << deny_->errors();
  ASSERT_TRUE(eventually([&] {
    return redis_check(*deny_).dump().find("refuses user or password") != std::string::npos;
  }));
  EXPECT_EQ(ask(*deny_), 503);
  EXPECT_EQ(deny_->mesh({"ratelimit", "show", "acme", "users"}).exit_code, 1);
  EXPECT_EQ(deny_->stop(), 0);
  EXPECT_THAT(deny_->errors(), HasSubstr("WRONGPASS"));
}

}  // namespace
}  // namespace mesh::e2e
