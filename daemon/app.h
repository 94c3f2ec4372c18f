// The composition root: makes every engine, service and pipeline of a configuration, and stops
// them in reverse.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/config/config.h"

namespace mesh {

class Engines;

class App {
 public:
  struct Options {
    std::string version;
    // The stored data can no longer be trusted (a failed fsync): must end the process.
    std::function<void(const Error&)> on_fatal;
    // Where several processes share their engines, as seen from one: opened by the caller, who
    // closes them after the last App has stopped. Null: it opens those of the configuration itself.
    Engines* engines = nullptr;
    Clock* clock = nullptr;  // of this process; outlives it. Null: the system's
  };

  // Opens the engines, then the pipelines, then the listeners, and writes run.json. Anything that
  // fails is undone; the error says what and what to do.
  static Result<std::unique_ptr<App>> start(config::Config config, Options options);
  ~App();  // stop()

  // "host:port" by role, as bound; "https://host:port" where TLS is spoken.
  const std::map<std::string, std::string>& addresses() const;
  // Takes over what daemon/reload.h says, and what the files of these keys hold now: log level,
  // rate limits, TLS, who may call. That other keys changed is logged, and told by the settings;
  // they need a restart. On an error, which names key and file, nothing is taken over.
  Status reload(const config::Config& fresh);
  // Says that it will stop: /readyz answers 503, answers end their connections, everything is
  // served as before. How long that should last is http.drain_delay. Callable twice.
  void announce_stop();
  Duration drain_delay() const;
  // Drains the listeners, finishes batches, commits, closes. Callable twice.
  void stop();

 private:
  struct Impl;
  explicit App(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh
