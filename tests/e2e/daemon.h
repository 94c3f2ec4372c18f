// Runs the real binaries: a meshd on free ports in a temporary folder, and the mesh command.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/http/client.h"

namespace mesh::e2e {

struct Outcome {
  int exit_code = -1;  // 128 + signal for a process that was killed
  std::string out;
  std::string err;
};
// Runs a to its end; `input` is its standard input.
Outcome run(const std::vector<std::string>& command, const std::string& input = {},
            const std::map<std::string, std::string>& environment = {});

struct Answer {
  int status = 0;
  http::HeaderList headers;
  std::string body;
  Json json() const;                                // discarded value where the body is not JSON
  std::string header(std::string_view name) const;  // "" where it is missing
};

// A meshd of its own. Started by the constructor or start(); killed by the destructor.
class Daemon {
 public:
  // `extra_config` is YAML that is added to the configuration (port 0 for every listener).
  // `environment` is added to the process's.
  explicit Daemon(const std::string& data_dir, std::string extra_config = {},
                  std::map<std::string, std::string> environment = {});
  ~Daemon();

  // From the next start on: meshd of that folder, in place of the one that was built.
  void run_programs_of(const std::string& folder) { programs_ = folder; }

  // Behind `--config FILE`, from the next start on.
  void add_flags(std::vector<std::string> flags) { flags_ = std::move(flags); }

  // The configuration's file, written anew; start() does so, too.
  std::string write_config() const;
  // Starts the process and blocks until it reports READY=1 (sd_notify) or ends; false: it ended.
  bool start();
  void launch();  // start, without the waiting
  // SIGTERM, and waits; the exit code.
  int stop();
  int wait();   // until it ends by itself; the exit code
  void kill();  // SIGKILL, and waits
  void signal(int number);
  // Blocks until the process sends a notification that contains `text`.
  bool await_notification(const std::string& text);
  const std::string& errors() const { return errors_; }  // what it printed, once it ended
  pid_t pid() const { return pid_; }

  const std::string& data_dir() const { return data_dir_; }
  std::string address(const std::string& role) const;  // "127.0.0.1:port"
  std::string url(const std::string& role) const;      // with http:// or https://
  // Of call(), where the daemon has TLS; nothing but the system's authorities otherwise.
  void use_tls(http::ClientTls tls);
  std::string operator_token() const;

  // Any request; `token` is a bearer token, empty: none.
  Answer call(const std::string& role, const std::string& method, const std::string& target,
              const std::string& token, const std::string& body = {},
              const http::HeaderList& headers = {});
  // An event of chemical.events as another producer wrote it, which its pipeline cannot take: it
  // names no molecule. `data` has what else it holds.
  void append_broken_experiment(const std::string& tenant, const std::string& id, Json data = {});
  // `mesh` with --data-dir of this daemon.
  Outcome mesh(std::vector<std::string> arguments, const std::string& input = {});
  // Waits until every outbox entry reached the log and every pipeline is through.
  void await_idle();

 private:
  const std::string data_dir_;
  const std::string extra_config_;
  const std::map<std::string, std::string> environment_;
  std::string programs_;
  std::vector<std::string> flags_;
  std::string errors_;
  pid_t pid_ = -1;
  int notify_fd_ = -1;
  int error_fd_ = -1;
  std::unique_ptr<http::Client> client_ = std::make_unique<http::Client>();
};

}  // namespace mesh::e2e
