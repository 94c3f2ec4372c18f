// A PostgreSQL server of a test's own: in a temporary folder, on a free port of loopback, run as an
// unprivileged user where the test is root, which PostgreSQL refuses to be.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "tests/support/temp_dir.h"

struct pg_conn;  // libpq's

namespace mesh::test {

class PostgresServer {
 public:
  static bool installed();
  static constexpr const char* kMissing =
      "no PostgreSQL server here; ./scripts/bootstrap installs it";
  // One for all tests of an executable, which does not fsync. Started at the first call; not to be
  // killed.
  static PostgresServer& shared();

  enum class Disk { spared, synced };
  explicit PostgresServer(Disk disk = Disk::spared);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start();  // on the same folder and port; blocks until it answers
  void kill();   // SIGKILL to all of its processes, and waits
  void pause();  // SIGSTOP to all of them
  void resume();

  // From now on also by TLS, with these PEM files. The role "certified" comes in by a certificate
  // of this CA for that name, and by nothing else.
  void serve_tls(const std::string& certificate, const std::string& key, const std::string& ca);

  // Of the database "mesh", by TCP and a password. The role "mesh" may connect and make schemas,
  // and nothing else.
  std::string dsn(const std::string& user = "mesh") const;
  static constexpr const char* kPassword = "it's a secret";
  int port() const { return port_; }
  // A name that no test has had; the schema is not there yet.
  std::string new_schema();
  // What SQL answers, by a superuser: the first field of the last statement, "" of null, or the
  // error's text. Any thread.
  std::string ask(const std::string& sql);

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  void initialize();
  bool try_start();
  pid_t run(const std::vector<std::string>& words);

  const TempDir dir_;
  const Disk disk_;
  int port_ = 0;
  pid_t pid_ = -1;
  std::mutex mutex_;
  std::unique_ptr<pg_conn, Finish> connection_;  // guarded by mutex_
  int schemas_ = 0;                              // guarded by mutex_
};

}  // namespace mesh::test
