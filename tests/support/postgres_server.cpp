#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "common/base/fd.h"
#include "common/base/free_with.h"
#include "common/base/strings.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace mesh::test {
namespace {

namespace fs = std::filesystem;
using Answer = std::unique_ptr<PGresult, FreeWith<PQclear>>;

// Debian keeps the programs of a server out of PATH: the newest there is, else what PATH has.
std::string find_program(const std::string& name) {
  std::vector<std::string> folders;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    folders.push_back(entry.path().string() + "/bin");
  }
  std::sort(folders.rbegin(), folders.rend());
  for (const auto& folder : folders) {
    const std::string program = folder + "/" + name;
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return program_in_path(name);
}

// Null where the test is no root, and the server runs as whoever the test does.
const passwd* server_user() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  return user != nullptr ? user : getpwnam("nobody");
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string name = std::to_string(pid);
  std::ifstream file("/proc/" + name + "/task/" + name + "/children");
  std::vector<pid_t> all;
  for (pid_t child = 0; file >> child;) all.push_back(child);
  return all;
}

void signal_all(pid_t pid, int signal) {
  // The one that starts others first.
  ::kill(pid, signal);
  if (signal == SIGSTOP) waitpid(pid, nullptr, WUNTRACED);
  for (const pid_t child : children_of(pid)) ::kill(child, signal);
}

}  // namespace

void PostgresServer::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

bool PostgresServer::installed() {
  return !find_program("initdb").empty() && !find_program("postgres").empty();
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer(Disk disk) : disk_(disk) {
  initialize();
  // Another process may take the port before the server does.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    if (!try_start()) continue;
    ask("CREATE ROLE mesh LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'it''s a secret'");
    ask("CREATE DATABASE mesh");
    ask("GRANT CONNECT, CREATE ON DATABASE mesh TO mesh");
    std::lock_guard lock(mutex_);
    connection_.reset();  // the next is of that database
    return;
  }
  throw std::runtime_error("postgres does not start; see " + dir_.file("log"));
}

PostgresServer::~PostgresServer() { kill(); }

// In a process of its own that ends with this thread's; the caller waits for it.
pid_t PostgresServer::run(const std::vector<std::string>& words) {
  std::vector<std::string> copies(words);
  std::vector<char*> arguments;
  for (auto& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const passwd* user = server_user();
  const std::string log = dir_.file("log");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  if (user != nullptr &&
      (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  // After the change of the user, which takes it back. SIGQUIT lets a server end its children.
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (getppid() != parent || chdir(dir_.path().c_str()) != 0 || out < 0) _exit(126);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void PostgresServer::initialize() {
  const passwd* user = server_user();
  if (user != nullptr && chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("chown " + dir_.path());
  }
  const pid_t pid =
      run({find_program("initdb"), "-D", dir_.file("data"), "-U", "postgres", "--auth-local=trust",
           "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"});
  int status = -1;
  waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error("initdb fails; see " + dir_.file("log"));
}

void PostgresServer::start() {
  if (!try_start()) throw std::runtime_error("postgres does not start again");
}

bool PostgresServer::try_start() {
  std::vector<std::string> words{find_program("postgres"),
                                 "-D",
                                 dir_.file("data"),
                                 "-k",
                                 dir_.path(),
                                 "-p",
                                 std::to_string(port_),
                                 "-c",
                                 "listen_addresses=127.0.0.1",
                                 "-c",
                                 "max_connections=60",
                                 "-c",
                                 "deadlock_timeout=100ms",
                                 "-c",
                                 "shared_buffers=32MB"};
  if (disk_ == Disk::spared) {
    for (const char* setting : {"fsync=off", "full_page_writes=off"}) {
      words.insert(words.end(), {"-c", setting});
    }
  }
  pid_ = run(words);
  bool ended = false;
  const bool answers = eventually([&] {
    ended = waitpid(pid_, nullptr, WNOHANG) == pid_;
    return ended || ask("SELECT 1") == "1";
  });
  if (ended) pid_ = -1;
  if (!answers) kill();
  return answers && !ended;
}

void PostgresServer::kill() {
  if (pid_ <= 0) return;
  const auto children = children_of(pid_);
  ::kill(pid_, SIGKILL);
  for (const pid_t child : children) ::kill(child, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  // The memory that they share has to be free before another server starts.
  eventually([&] {
    return std::none_of(children.begin(), children.end(),
                        [](pid_t child) { return ::kill(child, 0) == 0; });
  });
}

void PostgresServer::pause() { signal_all(pid_, SIGSTOP); }

void PostgresServer::resume() { signal_all(pid_, SIGCONT); }

void PostgresServer::serve_tls(const std::string& certificate, const std::string& key,
                               const std::string& ca) {
  const std::string data = dir_.file("data");
  const auto take = [&](const std::string& from, const char* as) {
    const std::string to = data + "/" + as;
    fs::copy_file(from, to);
    // It reads no key that others may read, or that is another's.
    fs::permissions(to, fs::perms::owner_read);
    const passwd* user = server_user();
    if (user != nullptr && chown(to.c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error("chown " + to);
    }
  };
  take(certificate, "server.crt");
  take(key, "server.key");
  take(ca, "ca.crt");
  const std::string rules = data + "/pg_hba.conf";
  std::stringstream others;
  others << std::ifstream(rules).rdbuf();
  std::ofstream(rules) << "hostssl all certified all cert\nhostnossl all certified all reject\n"
                       << others.str();
  ask("CREATE ROLE certified LOGIN");
  ask("GRANT CONNECT, CREATE ON DATABASE mesh TO certified");
  ask("ALTER SYSTEM SET ssl=on");
  ask("ALTER SYSTEM SET ssl_ca_file='ca.crt'");
  ask("SELECT pg_reload_conf()");
  // The one that listens takes it up when it comes to it.
  if (!eventually([&] { return ask("SHOW ssl") == "on"; })) {
    throw std::runtime_error("postgres serves no TLS; see " + dir_.file("log"));
  }
}

std::string PostgresServer::dsn(const std::string& user) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=mesh user=" + user;
}

std::string PostgresServer::new_schema() {
  std::lock_guard lock(mutex_);
  return "test_" + std::to_string(++schemas_);
}

std::string PostgresServer::ask(const std::string& sql) {
  std::lock_guard lock(mutex_);
  for (const char* database : {"mesh", "postgres"}) {
    if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) break;
    const std::string to = "host=" + dir_.path() + " port=" + std::to_string(port_) +
                           " user=postgres connect_timeout=5 dbname=" + database;
    connection_.reset(PQconnectdb(to.c_str()));
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) return "no connection";
  const Answer answer(PQexec(connection_.get(), sql.c_str()));
  if (PQresultStatus(answer.get()) == PGRES_FATAL_ERROR) return PQresultErrorMessage(answer.get());
  return PQntuples(answer.get()) > 0 ? PQgetvalue(answer.get(), 0, 0) : "";
}

}  // namespace mesh::test
