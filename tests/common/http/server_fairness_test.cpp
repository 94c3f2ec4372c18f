// Tenants are served in turns.
#include <gmock/gmock.h>

#include <latch>
#include <semaphore>

#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"

namespace mesh::http {
namespace {

// The credential is the tenant's id. GET /held waits on a blocking worker until release(); all
// routes note whose turn it was.
class FairnessTest : public ServerTest {
 protected:
  FairnessTest() {
    options.blocking_workers = 1;
    hooks.authenticate = [](const Request& request, const Route&) -> Result<Principal> {
      const auto token = request.header("Authorization");
      if (!token) return fail(ErrorKind::unauthenticated, "A credential is needed.");
      return Principal{Principal::Kind::tenant_user, *TenantId::parse(*token), "user"};
    };
  }
  ~FairnessTest() override {
    release();
    server.reset();
  }

  void start_routes() {
    Route held = noted("/held", Pool::quick);
    held.handler = [this, note = held.handler](auto request, auto respond) {
      note(request, respond);
      released_.wait();
    };
    start({held, noted("/slow", Pool::quick), noted("/quick", Pool::none)});
  }
  void release() {
    if (!released_.try_wait()) released_.count_down();
  }
  static std::string as(const std::string& tenant, const std::string& path) {
    return get(path, "Authorization: " + tenant + "\r\n");
  }
  RawClient ask_later(const std::string& tenant, const std::string& path) {
    auto client = connect();
    client.send(as(tenant, path));
    return client;
  }
  void await_turns(std::size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turns_.size() >= n; });
  }
  std::vector<std::string> turns() {
    std::lock_guard lock(mutex_);
    return turns_;
  }

 private:
  Route noted(std::string pattern, Pool pool) {
    Route route = echo("GET", std::move(pattern), Body::none, Access::tenant);
    route.pool = pool;
    route.handler = [this](std::shared_ptr<const Request> request, Responder respond) {
      {
        std::lock_guard lock(mutex_);
        turns_.push_back(request->tenant().str());
        changed_.notify_all();
      }
      respond(Response::no_content());
    };
    return route;
  }

  std::latch released_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> turns_;  // guarded by mutex_
};

TEST_F(FairnessTest, ManyWaitingRequestsOfATenantDoNotHoldUpAnothersOne) {
  start_routes();
  auto holder = ask_later("busy", "/held");
  await_turns(1);
  std::vector<RawClient> flood;
  for (int i = 0; i < 20; ++i) flood.push_back(ask_later("busy", "/slow"));
  sync();
  auto quiet = ask_later("quiet", "/slow");
  sync();
  release();
  await_turns(22);
  const auto all = turns();
  EXPECT_LE(std::find(all.begin(), all.end(), "quiet") - all.begin(), 2);
}

TEST_F(FairnessTest, ATenantThatFillsItsShareOfTheQueueIsTurnedAwayAlone) {
  options.max_queued = 8;
  start_routes();
  auto holder = ask_later("busy", "/held");
  await_turns(1);
  std::vector<RawClient> flood;
  for (int i = 0; i < 4; ++i) flood.push_back(ask_later("busy", "/slow"));
  sync();
  auto beyond = connect();
  const auto reply = beyond.ask(as("busy", "/slow"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  auto quiet = ask_later("quiet", "/slow");
  sync();
  release();
  EXPECT_EQ(quiet.read().status, 204);
}

TEST_F(FairnessTest, OneTenantDoesNotHoldEveryWorker) {
  options.blocking_workers = 4;
  start_routes();
  std::vector<RawClient> flood;
  for (int i = 0; i < 6; ++i) flood.push_back(ask_later("busy", "/held"));
  await_turns(2);
  auto quiet = connect();
  EXPECT_EQ(quiet.ask(as("quiet", "/slow")).status, 204);
  EXPECT_EQ(std::ranges::count(turns(), "busy"), 2) << "half of the workers";
  release();
  for (auto& client : flood) EXPECT_EQ(client.read().status, 204);
}

// One kind of waiting took every worker from the other.
TEST_F(FairnessTest, LongWaitsAndShortOnesDoNotHoldEachOtherUp) {
  for (const auto held_pool : {Pool::slow, Pool::quick}) {
    std::counting_semaphore<4> held{0};
    std::latch go{1};
    Route hold = echo("GET", "/hold");
    hold.pool = held_pool;
    hold.handler = [&](auto, auto respond) {
      held.release();
      go.wait();
      respond(Response::no_content());
    };
    Route other = echo("GET", "/other");
    other.pool = held_pool == Pool::slow ? Pool::quick : Pool::slow;
    options.blocking_workers = 2;
    start({hold, other});
    std::vector<RawClient> holders;
    for (int i = 0; i < 4; ++i) {
      holders.push_back(connect());
      holders.back().send(get("/hold"));
    }
    for (int i = 0; i < 2; ++i) held.acquire();  // all workers of the kind
    EXPECT_EQ(connect().ask(get("/other")).status, 200);
    go.count_down();
    for (auto& holder : holders) EXPECT_EQ(holder.read().status, 204);
    server.reset();
  }
}

TEST_F(FairnessTest, WhoHasNoCredentialDoesNotWaitForAWorker) {
  start_routes();
  auto holder = ask_later("busy", "/held");
  await_turns(1);
  auto stranger = connect();
  EXPECT_EQ(stranger.ask(get("/slow")).status, 401);
}

Result<Hooks::Admission> deny(const TenantId&, const std::string&, const Hooks::Later&) {
  Hooks::Admission denied{{1, std::chrono::seconds(1), 0}, {}};
  denied.decision.allowed = false;
  return denied;
}

TEST_F(FairnessTest, ARequestOverTheRateLimitDoesNotWaitForAWorker) {
  hooks.admit = deny;
  Route limited = echo("GET", "/limited", Body::none, Access::tenant);
  limited.pool = Pool::quick;
  limited.scope = "search";
  limited.handler = [](auto, auto) { FAIL() << "it was let through"; };
  start({limited});
  auto client = connect();
  EXPECT_EQ(client.ask(as("busy", "/limited")).status, 429);
}

TEST_F(FairnessTest, AClientThatDoesNotHeedTheRateLimitWaitsOutAPause) {
  hooks.admit = deny;
  options.refusal_pause = std::chrono::milliseconds(100);
  Route limited = echo("GET", "/limited", Body::none, Access::tenant);
  limited.scope = "search";
  std::atomic<int> runs{0};
  Route counted = echo("GET", "/counted");
  counted.handler = [&](auto, Responder respond) {
    ++runs;
    respond(Response::text(200, "counted"));
  };
  start({limited, counted});
  auto client = connect();
  client.send(as("busy", "/limited") + get("/counted"));
  sync();
  clock.advance(std::chrono::milliseconds(99));
  sync();
  EXPECT_EQ(runs, 0);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(client.read().status, 429);
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(FairnessTest, AConnectionThatPipelinesDoesNotHoldUpOthers) {
  std::latch blocked{1}, go{1};
  Route block =
      echo("GET", "/block");  // on the loop, so that what is sent meanwhile is there at once
  block.handler = [&](auto, auto respond) {
    blocked.count_down();
    go.wait();
    respond(Response::no_content());
  };
  std::vector<std::string> order;
  Route note = echo("GET", "/note", Body::none, Access::tenant);
  note.handler = [&](std::shared_ptr<const Request> request, auto respond) {
    order.push_back(request->tenant().str());
    respond(Response::no_content());
  };
  start({block, note});
  auto greedy = connect();
  auto modest = connect();
  EXPECT_EQ(greedy.ask(get("/fence")).status, 200);
  EXPECT_EQ(modest.ask(get("/fence")).status, 200);
  auto blocker = connect();
  blocker.send(get("/block"));
  blocked.wait();
  std::string many;
  for (int i = 0; i < 100; ++i) many += as("greedy", "/note");
  greedy.send(many);
  modest.send(as("modest", "/note"));
  go.count_down();
  EXPECT_EQ(modest.read().status, 204);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(greedy.read().status, 204);
  EXPECT_LE(std::find(order.begin(), order.end(), "modest") - order.begin(), 8);
}

}  // namespace
}  // namespace mesh::http
