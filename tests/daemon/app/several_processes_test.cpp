// Several processes over the same stores, as App objects of one: roles divided among them, and one
// that stands still beyond everything that it held, and comes back.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "common/http/client.h"
#include "daemon/app.h"
#include "tests/daemon/app/held_process.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using test::eventually;
using testing::HasSubstr;

// The machine's, and ahead of it by what it was moved.
class AheadClock final : public Clock {
 public:
  Timestamp now() const override { return system_clock().now() + ahead_.load(); }
  SteadyTime steady() const override { return system_clock().steady() + ahead_.load(); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    if (deadline != SteadyTime::max()) deadline -= ahead_.load();
    return system_clock().wait_until(lock, cv, deadline, ready);
  }
  void advance(Duration by) { ahead_ = ahead_.load() + by; }

 private:
  std::atomic<Duration> ahead_{Duration{0}};
};

config::Config config_of(const std::string& folder, std::vector<std::string> roles) {
  config::Config config;
  config.data_dir = folder;
  config.roles = std::move(roles);
  for (auto* address : {&config.listen.users, &config.listen.gateway, &config.listen.publisher,
                        &config.listen.subscriber, &config.listen.admin}) {
    *address = "127.0.0.1:0";
  }
  config.rate_limits.clear();
  config.log.partitions = 4;
  return config;
}

class Process {
 public:
  Process(Engines& shared, const std::string& folder, std::vector<std::string> roles,
          bool seeks_active_groups)
      : engines_(shared), folder_(folder) {
    if (!seeks_active_groups) engines_.refuse_seeks_of_active_groups();
    std::filesystem::create_directory(folder);
    auto started =
        App::start(config_of(folder, std::move(roles)), {"test", {}, &engines_, nullptr});
    EXPECT_TRUE(started) << started.error().to_string();
    if (started) app_ = std::move(*started);
  }
  ~Process() { engines_.gate().let_go(); }

  test::Gate& gate() { return engines_.gate(); }
  auto ask(const std::string& role, const std::string& method, const std::string& path,
           const Json& body = nullptr) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + app_->addresses().at(role) + path;
    request.headers = {{"Authorization", "Bearer " + token(role)},
                       {"Content-Type", "application/json"}};
    if (!body.is_null()) request.body = body.dump();
    return client_.send(request);
  }
  Json call(const std::string& role, const std::string& method, const std::string& path,
            const Json& body = nullptr, int status = 200) {
    const auto answer = ask(role, method, path, body);
    EXPECT_TRUE(answer && answer->status == status)
        << path << " " << (answer ? answer->body : answer.error().to_string());
    return answer ? Json::parse(answer->body, nullptr, false) : Json();
  }
  void create_user(int number) {
    const auto name = "user" + std::to_string(number);
    call("users", "POST", "/users/create", {{"email", name + "@acme.dev"}, {"name", name}}, 201);
  }
  void publish(int user) {
    call("publisher", "POST", "/api/v1/events/analytics",
         {{"user_id", "u" + std::to_string(user)}, {"event_type", "view"}}, 202);
  }
  bool finds(const std::string& name) {
    const auto found = call("gateway", "GET", "/ai/users/search?query=" + name);
    return !found["results"].empty() && found["results"][0]["name"] == name;
  }
  std::int64_t counted(int users) {
    std::int64_t all = 0;
    for (int user = 0; user < users; ++user) {
      const auto path = "/api/v1/analytics/user/u" + std::to_string(user);
      const auto answer = ask("subscriber", "GET", path);
      // 404: none of this user's is counted yet.
      EXPECT_TRUE(answer && (answer->status == 200 || answer->status == 404)) << path;
      if (!answer || answer->status != 200) continue;
      all += Json::parse(answer->body).value("total_events", 0);
    }
    return all;
  }
  int serving() {
    const Json all = call("admin", "GET", "/admin/v1/indexes");
    for (const auto& one : all["items"]) {
      if (one["serving"]) return one["number"];
    }
    return 0;
  }

 private:
  std::string token(const std::string& role) const {
    if (role != "admin") return "acme:me";
    std::string token;
    std::ifstream(folder_ + "/operator.token") >> token;
    return token;
  }

  test::HeldEngines engines_;
  const std::string folder_;
  http::Client client_;
  std::unique_ptr<App> app_;
};

const std::vector<std::string> kAll{"users",      "gateway", "publisher",
                                    "subscriber", "admin",   "pipelines"};

class SeveralProcesses : public testing::Test {
 protected:
  SeveralProcesses() {
    auto opened = Engines::open(config_of(dir_.file("data"), kAll), {}, clock_, metrics_, usage_);
    EXPECT_TRUE(opened) << opened.error().to_string();
    shared_ = std::move(*opened);
  }
  ~SeveralProcesses() override {
    one_.reset();
    two_.reset();
    shared_->close();
  }
  std::unique_ptr<Process> start(const std::string& name, std::vector<std::string> roles = kAll) {
    return std::make_unique<Process>(*shared_, dir_.file(name), std::move(roles),
                                     seeks_active_groups_);
  }
  static std::string wait_for(const Json& task) {
    return "/admin/v1/tasks/" + task["id"].get<std::string>() + "?wait=25";
  }
  // Beyond the session of a group, and every lease and claim.
  void let_everything_pass() { clock_.advance(std::chrono::minutes(6)); }

  test::TempDir dir_;
  AheadClock clock_;  // of the stores
  Metrics metrics_;
  Usage usage_{clock_};
  bool seeks_active_groups_ = true;  // whether the log of those that start does
  std::unique_ptr<Engines> shared_;
  std::unique_ptr<Process> one_, two_;
};

TEST_F(SeveralProcesses, RolesAreDividedAmongThem) {
  one_ = start("one", {"users", "publisher", "admin"});
  two_ = start("two", {"pipelines", "gateway", "subscriber"});
  one_->create_user(1);
  one_->publish(0);
  EXPECT_TRUE(eventually([&] { return two_->finds("user1"); }));
  EXPECT_TRUE(eventually([&] { return two_->counted(1) == 1; }));
  EXPECT_EQ(one_->call("admin", "GET", "/admin/v1/members")["items"].size(), 2u);
  const Json task = one_->call("admin", "POST", "/admin/v1/indexes/rebuild", Json::object(), 202);
  EXPECT_EQ(one_->call("admin", "GET", wait_for(task))["state"], "done") << "the other has done it";
  EXPECT_EQ(one_->serving(), 2);
  const Json replay =
      one_->call("admin", "POST", "/admin/v1/replays", {{"topic", "user.events"}}, 202);
  const auto replayed = one_->call("admin", "GET", wait_for(replay));
  EXPECT_EQ(replayed["state"], "done");
  EXPECT_EQ(replayed["result"]["done"], 1);
  two_.reset();
  EXPECT_EQ(one_->call("admin", "GET", "/admin/v1/members")["items"].size(), 1u);
  one_->call("admin", "POST", "/admin/v1/indexes/rebuild", Json::object(), 409);
}

TEST_F(SeveralProcesses, AGroupOfSeveralIsMovedWhereTheLogMovesNoneThatHasMembers) {
  seeks_active_groups_ = false;
  one_ = start("one", {"publisher", "subscriber", "admin", "pipelines"});
  two_ = start("two", {"pipelines"});
  for (int n = 0; n < 20; ++n) one_->publish(n);
  const auto group = [&] { return one_->call("admin", "GET", "/admin/v1/groups/analytics"); };
  ASSERT_TRUE(eventually([&] { return group()["lag"] == 0; }));
  EXPECT_EQ(one_->counted(20), 20);
  const Json task =
      one_->call("admin", "POST", "/admin/v1/groups/analytics/seek", {{"to", "start"}}, 202);
  EXPECT_EQ(task["kind"], "seek");
  const Json ended = one_->call("admin", "GET", wait_for(task));
  EXPECT_EQ(ended["state"], "done") << ended;
  EXPECT_EQ(ended["result"]["moved"], 4);
  EXPECT_TRUE(eventually([&] { return group()["active"] == true && group()["lag"] == 0; }))
      << "they came back and read it again: " << group();
  EXPECT_EQ(one_->counted(20), 20);
}

// It looked at what it knew of the tenant, which was older, and said that nothing was to be
// dropped.
TEST_F(SeveralProcesses, ALimitThatOneHasSetIsDroppedByTheOther) {
  one_ = start("one");
  two_ = start("two");
  one_->call("admin", "POST", "/admin/v1/tenants", {{"id", "acme"}}, 201);
  one_->call("admin", "PUT", "/admin/v1/ratelimits/acme/search", {{"rate", 5}});
  two_->call("admin", "DELETE", "/admin/v1/ratelimits/acme/search");
  EXPECT_EQ(one_->call("admin", "GET", "/admin/v1/tenants/acme")["rate_limits"], Json::object());
}

TEST_F(SeveralProcesses, OneThatStoodStillCountsNothingTwiceAndLosesNothing) {
  constexpr int kUsers = 8, kEach = 10;
  one_ = start("one");
  two_ = start("two");
  const auto publish = [&] {
    for (int n = 0; n < kUsers * kEach; ++n) one_->publish(n % kUsers);
  };
  publish();
  EXPECT_TRUE(eventually([&] { return one_->counted(kUsers) == kUsers * kEach; }));
  two_->gate().hold();
  two_->gate().await_call();
  publish();
  let_everything_pass();
  EXPECT_TRUE(eventually([&] { return one_->counted(kUsers) == 2 * kUsers * kEach; }))
      << "nobody took over: " << one_->counted(kUsers);
  two_->gate().let_go();
  publish();
  EXPECT_TRUE(eventually([&] { return one_->counted(kUsers) == 3 * kUsers * kEach; }));
  two_->create_user(1);
  EXPECT_TRUE(eventually([&] { return two_->finds("user1"); }));
  EXPECT_EQ(two_->counted(kUsers), 3 * kUsers * kEach) << "what it still had was counted again";
  const Json letters = two_->call("admin", "GET", "/admin/v1/dlq");
  for (const auto& topic : letters["items"]) {
    EXPECT_EQ(topic["letters"], 0) << topic;
  }
}

TEST_F(SeveralProcesses, UsersOfOneThatStandsStillAreRelayedByTheOther) {
  one_ = start("one", {"users", "admin"});  // its relay works
  two_ = start("two");
  one_->create_user(1);
  ASSERT_TRUE(eventually([&] { return two_->finds("user1"); }));
  one_->gate().hold();
  for (int n = 2; n <= 20; ++n) two_->create_user(n);
  one_->gate().await_call();
  let_everything_pass();
  EXPECT_TRUE(eventually([&] { return two_->finds("user20"); }));
  one_->gate().let_go();
  one_->create_user(21);
  EXPECT_TRUE(eventually([&] { return two_->finds("user21"); }));
  const Json report = two_->call("admin", "POST", "/admin/v1/indexes/verify", Json::object());
  EXPECT_EQ(report["expected"], 21);
  EXPECT_EQ(report["found"], 21);
  EXPECT_EQ(report["stale"], 0);
}

TEST_F(SeveralProcesses, ARebuildOfOneThatStandsStillIsDoneByTheOtherAndFlippedOnce) {
  one_ = start("one");
  for (int n = 1; n <= 20; ++n) one_->create_user(n);
  ASSERT_TRUE(eventually([&] { return one_->finds("user20"); }));
  one_->gate().hold_at(test::Gate::Point::made);
  // Beside the test: the answer stands still with the process where that is quicker.
  auto asked = std::async(std::launch::async, [&] {
    return one_->call("admin", "POST", "/admin/v1/indexes/rebuild", Json::object(), 202);
  });
  one_->gate().await_call();
  two_ = start("two");
  EXPECT_EQ(two_->serving(), 1);
  const Json task = two_->call("admin", "GET", "/admin/v1/tasks")["items"].at(0);
  let_everything_pass();
  const auto path = "/admin/v1/tasks/" + task["id"].get<std::string>();
  EXPECT_TRUE(eventually([&] { return two_->call("admin", "GET", path)["state"] == "done"; }));
  const Json result = two_->call("admin", "GET", path)["result"];
  const int serving = two_->serving();
  EXPECT_EQ(result["generation"], serving);
  one_->gate().let_go();
  EXPECT_EQ(asked.get()["id"], task["id"]);
  one_->create_user(21);
  EXPECT_TRUE(eventually([&] { return one_->finds("user21"); }));
  EXPECT_EQ(one_->serving(), serving) << "the sleeper flipped to its own";
  EXPECT_EQ(one_->call("admin", "GET", path)["result"], result);
  EXPECT_EQ(one_->call("admin", "POST", "/admin/v1/indexes/verify", Json::object())["found"], 21);
}

// Its flip is on its way, behind every check of its own, and arrives when others have flipped and
// an operator has rolled back.
TEST_F(SeveralProcesses, AFlipOfOneThatStoodStillUndoesNothing) {
  one_ = start("one");
  for (int n = 1; n <= 5; ++n) one_->create_user(n);
  ASSERT_TRUE(eventually([&] { return one_->finds("user5"); }));
  one_->gate().hold_at(test::Gate::Point::flip);
  const Json task = one_->call("admin", "POST", "/admin/v1/indexes/rebuild", Json::object(), 202);
  one_->gate().await_call();
  two_ = start("two");
  let_everything_pass();
  const auto path = "/admin/v1/tasks/" + task["id"].get<std::string>();
  ASSERT_TRUE(eventually([&] { return two_->call("admin", "GET", path)["state"] == "done"; }));
  ASSERT_EQ(two_->serving(), 2);
  two_->call("admin", "POST", "/admin/v1/indexes/rollback", Json::object());
  ASSERT_EQ(two_->serving(), 1);
  one_->gate().let_go();
  ASSERT_TRUE(eventually([&] { return one_->gate().last_flip().has_value(); }));
  EXPECT_FALSE(*one_->gate().last_flip()) << "the late flip was taken";
  EXPECT_EQ(two_->serving(), 1) << "a rollback was undone";
  one_->create_user(6);
  EXPECT_TRUE(eventually([&] { return one_->finds("user6"); }));
}

}  // namespace
}  // namespace mesh
