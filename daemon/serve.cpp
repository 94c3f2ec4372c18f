#include "daemon/serve.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "common/base/time.h"
#include "common/http/client.h"
#include "common/telemetry/log.h"
#include "daemon/app.h"
#include "daemon/notify.h"

namespace mesh {
namespace {

log::Format log_format(const std::string& text) {
  if (text == "json") return log::Format::json;
  return text == "text" ? log::Format::text : log::Format::automatic;
}

// After this error what is on disk and what is in memory may differ; only a restart, which reads
// the disk, is safe.
[[noreturn]] void die(const Error& error) {
  log::error("stored data cannot be trusted any more; ending at once, restart to recover",
             {{"cause", error.to_string()}});
  log::flush();
  _exit(70);
}

// Connections cost a descriptor each.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// True while the listeners answer: the watchdog is fed through the path that requests take.
bool alive(http::Client& client, const App& app) {
  // A process may have no role that listens.
  if (app.addresses().empty()) return true;
  const std::string& address = app.addresses().begin()->second;
  http::ClientRequest request;
  request.url = (address.starts_with("https://") ? "" : "http://") + address + "/livez";
  request.timeout = Duration{5'000};
  const auto answer = client.send(request);
  if (answer) return answer->status == 200;
  // Where a certificate of clients is required, it is a loop that says so.
  return answer.error().kind == ErrorKind::unauthenticated;
}

// The next signal, or 0 when `wait` has passed.
int next_signal(const sigset_t& signals, std::optional<Duration> wait) {
  if (!wait) {
    int number = 0;
    sigwait(&signals, &number);
    return number;
  }
  const timespec span{wait->count() / 1000, (wait->count() % 1000) * 1'000'000};
  const int number = sigtimedwait(&signals, nullptr, &span);
  return number > 0 ? number : 0;
}

// A further signal to stop ends it; there is nothing left to reload.
void wait_out(const sigset_t& signals, Duration delay) {
  if (delay == Duration::zero()) return;
  log::info("not ready any more; requests are still taken for http.drain_delay",
            {{"drain_delay", format_duration(delay)}});
  Clock& clock = system_clock();
  const auto end = clock.steady() + delay;
  while (true) {
    const auto left = std::chrono::ceil<Duration>(end - clock.steady());
    if (left <= Duration::zero()) return;
    const int number = next_signal(signals, left);
    if (number == SIGTERM || number == SIGINT) return;
  }
}

}  // namespace

int serve(config::Config config, std::function<Result<config::Config>()> load,
          std::string version) {
  if (auto level = log::parse_level(config.telemetry.log.level)) {
    log::configure(*level, log_format(config.telemetry.log.format));
  }
  // Blocked before any thread exists, so that this thread alone takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // By default each of these ends a process, and tools that mean another one send them.
  for (int number : {SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGIO}) signal(number, SIG_IGN);
  raise_descriptor_limit();

  const std::string data_dir = config.data_dir;
  auto app = App::start(std::move(config), {version, die});
  if (!app) {
    log::flush();
    std::cerr << "meshd: " << app.error().message << "\n";
    if (!app.error().cause.empty()) std::cerr << "meshd: cause: " << app.error().cause << "\n";
    if (app.error().kind == ErrorKind::corrupt) {
      std::cerr << "meshd: `mesh check --data-dir " << data_dir
                << "` says what is damaged and what a repair would lose\n";
    }
    return 1;
  }
  log::info("meshd is ready", {{"version", version}, {"pid", getpid()}});
  notify_service_manager("READY=1");

  // Nothing is told to whom this asks, so that it may be anybody.
  http::Client client({.tls = {.skip_verify = true}, .direct = true});
  const auto watchdog = watchdog_interval();
  for (bool running = true; running;) {
    switch (next_signal(signals, watchdog)) {
      case 0:
        if (alive(client, **app)) notify_service_manager("WATCHDOG=1");
        break;
      case SIGHUP: {
        notify_reloading();
        const auto fresh = load();
        const Status reloaded = fresh ? (*app)->reload(*fresh) : fail(fresh.error());
        if (reloaded) {
          log::info("configuration reloaded");
        } else {
          log::error("configuration not reloaded, the old one stays",
                     {{"cause", reloaded.error().message}});
        }
        notify_service_manager("READY=1");
        break;
      }
      default:
        running = false;
    }
  }
  notify_service_manager("STOPPING=1");
  (*app)->announce_stop();
  wait_out(signals, (*app)->drain_delay());
  log::info("draining");
  signal(SIGHUP, SIG_IGN);  // nothing is left to reload
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second signal ends at once
  (*app)->stop();
  log::info("stopped");
  log::flush();
  return 0;
}

}  // namespace mesh
