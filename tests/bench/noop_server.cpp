// Our HTTP server with meshd's chain (credential, rate limit) and nothing behind it, to measure
// what that costs: noop_server [port] [workers]. Prints its address; ends with its standard input.
//   POST /noop       takes JSON, answers at once
//   POST /deferred   answers in groups by another thread, as after a commit
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "common/auth/authenticator.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/http/server.h"
#include "common/telemetry/log.h"

namespace {

using namespace mesh;
using namespace mesh::http;

// Answers what has come since the last group, as a committer does.
class Groups {
 public:
  Groups() : thread_([this] { run(); }) {}
  ~Groups() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    more_.notify_one();
    thread_.join();
  }
  void add(Responder respond) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = waiting_.empty();
      waiting_.push_back(std::move(respond));
    }
    if (first) more_.notify_one();
  }

 private:
  void run() {
    std::vector<Responder> group;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      more_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      std::swap(group, waiting_);
      lock.unlock();
      for (const auto& respond : group) respond(Response::json(202, {{"message", "ok"}}));
      group.clear();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Responder> waiting_;  // this and the next guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

int main(int argc, char** argv) {
  log::set_level(log::Level::warn);
  const std::string port = argc > 1 ? argv[1] : "0";
  ServerOptions options;
  if (argc > 2) options.workers = std::atoi(argv[2]);
  Hooks hooks;
  const auto authenticator =
      auth::Authenticator::create({.operator_token = std::string(32, 'x')}, system_clock());
  if (!authenticator) std::abort();
  hooks.authenticate = [&](const Request& request, const Route&) {
    const auto copied = [](std::optional<std::string_view> text) {
      return text ? std::optional<std::string>(*text) : std::nullopt;
    };
    return (*authenticator)
        ->authenticate({copied(request.header("Authorization")),
                        copied(request.header("X-Tenant-Id")), copied(request.param("tenant_id"))},
                       auth::Wanted::tenant);
  };
  const auto limiter = memory::make_limiter(system_clock());
  hooks.admit = [&](const TenantId& tenant, const std::string& scope,
                    const Hooks::Later&) -> Result<Hooks::Admission> {
    constexpr RatePolicy kWide{1'000'000, Duration{1'000}, 1'000'000};
    auto decision = MESH_TRY(limiter->take(tenant, scope, kWide, 1));
    return Hooks::Admission{kWide, decision};
  };
  Metrics metrics;
  Groups groups;
  Server server(options, hooks, system_clock(), metrics);

  Route noop;
  noop.method = "POST";
  noop.pattern = "/noop";
  noop.scope = "bench";
  noop.body = Body::json;
  noop.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Response::json(202, {{"message", "ok"}}));
  };
  Route deferred = noop;
  deferred.pattern = "/deferred";
  deferred.handler = [&](std::shared_ptr<const Request>, Responder respond) {
    groups.add(std::move(respond));
  };
  const auto started = server.start({{"127.0.0.1:" + port, {"bench"}, {noop, deferred}}});
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().to_string().c_str());
    return 1;
  }
  std::printf("%s\n", server.addresses()[0].c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop(Duration{1'000});
}
