#include "tests/e2e/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace mesh::e2e {
namespace {

constexpr std::chrono::seconds kPatience{60};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const auto& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.starts_with("MESH_") || more.contains(text.substr(0, text.find('=')))) continue;
    all.push_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

pid_t launch(const std::vector<std::string>& command,
             const std::map<std::string, std::string>& environment, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  const auto words = environment_with(environment);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, command.front().c_str(), &actions, nullptr,
                                pointers(command).data(), pointers(words).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::runtime_error("cannot run " + command.front() + ": " + std::strerror(error));
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// An unnamed temporary file that holds `text`.
int file_with(const std::string& text) {
  const int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("cannot write a temporary file");
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string take(int fd) {
  std::string text;
  lseek(fd, 0, SEEK_SET);
  char buffer[65536];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(fd);
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Outcome run(const std::vector<std::string>& command, const std::string& input,
            const std::map<std::string, std::string>& environment) {
  const int in = file_with(input), out = file_with(""), err = file_with("");
  const pid_t pid = launch(command, environment, in, out, err);
  Outcome result;
  result.exit_code = wait_for(pid);
  close(in);
  result.out = take(out);
  result.err = take(err);
  return result;
}

Json Answer::json() const { return Json::parse(body, nullptr, false); }

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (strcasecmp(key.c_str(), std::string(name).c_str()) == 0) return value;
  }
  return {};
}

Daemon::Daemon(const std::string& data_dir, std::string extra_config,
               std::map<std::string, std::string> environment)
    : data_dir_(data_dir),
      extra_config_(std::move(extra_config)),
      environment_(std::move(environment)),
      programs_(MESH_BIN_DIR) {}

Daemon::~Daemon() {
  if (pid_ > 0) kill();
  if (notify_fd_ >= 0) close(notify_fd_);
}

std::string Daemon::write_config() const {
  const std::string path = data_dir_ + ".yaml";
  std::ofstream file(path);
  file << "data_dir: " << data_dir_ << "\n";
  if (extra_config_.find("listen:") == std::string::npos) {
    file << "listen: {users: 127.0.0.1:0, gateway: 127.0.0.1:0, publisher: 127.0.0.1:0, "
            "subscriber: 127.0.0.1:0, admin: 127.0.0.1:0}\n";
  }
  file << extra_config_;
  return path;
}

bool Daemon::start() {
  launch();
  return await_notification("READY=1");
}

void Daemon::launch() {
  const std::string config = write_config();
  const std::string socket_path = data_dir_ + ".notify";
  if (notify_fd_ < 0) {
    notify_fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
    unlink(socket_path.c_str());
    if (bind(notify_fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("cannot bind " + socket_path);
    }
  }
  char stale[4096];  // of a process that was killed before it was listened to
  while (recv(notify_fd_, stale, sizeof(stale), MSG_DONTWAIT) >= 0) {
  }
  const int nothing = file_with("");
  error_fd_ = file_with("");
  auto environment = environment_;
  environment["NOTIFY_SOCKET"] = socket_path;
  std::vector<std::string> command{programs_ + "/meshd", "--config", config};
  command.insert(command.end(), flags_.begin(), flags_.end());
  pid_ = mesh::e2e::launch(command, environment, nothing, error_fd_, error_fd_);
  close(nothing);
}

bool Daemon::await_notification(const std::string& text) {
  const int pid_fd = static_cast<int>(syscall(434 /* pidfd_open */, pid_, 0));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool seen = false;
  while (!seen && std::chrono::steady_clock::now() < deadline) {
    pollfd ready[2] = {{notify_fd_, POLLIN, 0}, {pid_fd, POLLIN, 0}};
    if (poll(ready, 2, static_cast<int>(kPatience.count() * 1000)) <= 0) continue;
    if (ready[0].revents & POLLIN) {
      char buffer[4096];
      const ssize_t n = recv(notify_fd_, buffer, sizeof(buffer), 0);
      seen =
          n > 0 && std::string(buffer, static_cast<std::size_t>(n)).find(text) != std::string::npos;
    } else if (ready[1].revents & POLLIN) {
      wait_for(pid_);
      pid_ = -1;
      errors_ = take(error_fd_);
      break;
    }
  }
  close(pid_fd);
  return seen;
}

int Daemon::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

int Daemon::wait() {
  const int code = wait_for(pid_);
  pid_ = -1;
  errors_ = take(error_fd_);
  return code;
}

void Daemon::kill() {
  ::kill(pid_, SIGKILL);
  wait_for(pid_);
  pid_ = -1;
  errors_ = take(error_fd_);
}

void Daemon::signal(int number) { ::kill(pid_, number); }

std::string Daemon::address(const std::string& role) const {
  const std::string whole = url(role);
  return whole.substr(whole.find("://") + 3);
}

std::string Daemon::url(const std::string& role) const {
  const std::string address =
      Json::parse(read_file(data_dir_ + "/run.json")).at("addresses").at(role);
  return address.find("://") == std::string::npos ? "http://" + address : address;
}

void Daemon::use_tls(http::ClientTls tls) {
  client_ = std::make_unique<http::Client>(http::ClientOptions{.tls = std::move(tls)});
}

std::string Daemon::operator_token() const {
  std::string token = read_file(data_dir_ + "/operator.token");
  while (token.ends_with('\n')) token.pop_back();
  return token;
}

void Daemon::append_broken_experiment(const std::string& tenant, const std::string& id, Json data) {
  data["researcher"] = "R";
  const Json record{{"key", tenant + "/" + id},
                    {"headers",
                     {{"ce_specversion", "1.0"},
                      {"ce_id", id},
                      {"ce_type", "chemical.recorded"},
                      {"ce_source", "/other-producer"},
                      {"ce_subject", id},
                      {"ce_tenantid", tenant},
                      {"content-type", "application/json"}}},
                    {"value", std::move(data)}};
  const auto appended = call("admin", "POST", "/admin/v1/events", operator_token(),
                             Json{{"topic", "chemical.events"}, {"records", {record}}}.dump());
  if (appended.status != 202) throw std::runtime_error("not appended: " + appended.body);
}

Answer Daemon::call(const std::string& role, const std::string& method, const std::string& target,
                    const std::string& token, const std::string& body,
                    const http::HeaderList& headers) {
  http::ClientRequest request;
  request.method = method;
  request.url = url(role) + target;
  request.headers = headers;
  request.body = body;
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  bool typed = false;
  for (const auto& [name, value] : headers) typed |= strcasecmp(name.c_str(), "Content-Type") == 0;
  if (!body.empty() && !typed) request.headers.emplace_back("Content-Type", "application/json");
  auto answer = client_->send(request);
  if (!answer) throw std::runtime_error(method + " " + target + ": " + answer.error().to_string());
  return {answer->status, answer->headers, answer->body};
}

Outcome Daemon::mesh(std::vector<std::string> arguments, const std::string& input) {
  std::vector<std::string> command{MESH_BIN_DIR "/mesh", "--data-dir", data_dir_};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, input, {{"XDG_CONFIG_HOME", data_dir_ + ".config"}, {"HOME", data_dir_}});
}

void Daemon::await_idle() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    // The outbox first: what leaves it shows as lag before the pipelines have seen it.
    bool idle = true;
    const Json checks = call("admin", "POST", "/admin/v1/check", operator_token(), "{}").json();
    for (const auto& check : checks["checks"]) {
      if (check["name"] == "outbox") idle &= check["detail"].get<std::string>().starts_with("0 ");
    }
    if (!idle) continue;
    const Json groups = call("admin", "GET", "/admin/v1/groups", operator_token()).json();
    for (const auto& group : groups["items"]) {
      idle &= group["lag"] == 0;
    }
    if (idle) return;
  }
  throw std::runtime_error("the pipelines did not become idle");
}

}  // namespace mesh::e2e
