#include "tests/support/kafka_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "common/base/fd.h"
#include "common/base/strings.h"
#include "tests/support/server_process.h"

namespace mesh::test {
namespace {

std::string libs() {
  const char* named = std::getenv("MESH_KAFKA_LIBS");
  return named != nullptr ? named : MESH_SOURCE_DIR "/.cache/kafka/libs";
}

}  // namespace

bool KafkaServer::installed() {
  std::error_code ignored;
  const std::filesystem::directory_iterator folder(libs(), ignored);
  for (const auto& file : folder) {
    if (file.path().filename().string().starts_with("kafka_"))
      return !program_in_path("java").empty();
  }
  return false;
}

KafkaServer& KafkaServer::shared() {
  static KafkaServer server;
  return server;
}

KafkaServer::KafkaServer(std::map<std::string, std::string> properties, std::string security,
                         std::vector<std::string> format_options)
    : properties_(std::move(properties)), security_(std::move(security)) {
  // Another process may take a port before the broker does.
  for (int attempt = 0; attempt < 3; ++attempt) {
    port_ = free_port();
    controller_port_ = free_port();
    write_properties();
    if (attempt == 0) {
      std::vector<std::string> words{
          "kafka.tools.StorageTool", "format", "-t",
          "MkU3OEVBNTcwNTJENDM2Qg",  "-c",     dir_.file("server.properties")};
      words.insert(words.end(), format_options.begin(), format_options.end());
      int status = -1;
      waitpid(run(words), &status, 0);
      if (status != 0) throw std::runtime_error("Kafka's storage cannot be made");
    }
    if (try_start()) return;
  }
  throw std::runtime_error("the Kafka broker does not start; see " + dir_.file("log"));
}

KafkaServer::~KafkaServer() { kill(); }

std::string KafkaServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void KafkaServer::write_properties() {
  const std::string controller = "127.0.0.1:" + std::to_string(controller_port_);
  std::map<std::string, std::string> all{
      {"process.roles", "broker,controller"},
      {"node.id", "1"},
      {"controller.quorum.voters", "1@" + controller},
      {"listeners", "CLIENTS://" + address() + ",CONTROLLER://" + controller},
      {"advertised.listeners", "CLIENTS://" + address()},
      {"listener.security.protocol.map", "CLIENTS:" + security_ + ",CONTROLLER:PLAINTEXT"},
      {"controller.listener.names", "CONTROLLER"},
      {"inter.broker.listener.name", "CLIENTS"},
      {"log.dirs", dir_.file("data")},
      {"offsets.topic.replication.factor", "1"},
      {"offsets.topic.num.partitions", "4"},
      {"transaction.state.log.replication.factor", "1"},
      {"transaction.state.log.min.isr", "1"},
      {"group.initial.rebalance.delay.ms", "0"},
      {"group.min.session.timeout.ms", "500"},
      {"auto.create.topics.enable", "false"},
  };
  for (const auto& [name, value] : properties_) all[name] = value;
  std::ofstream file(dir_.file("server.properties"));
  for (const auto& [name, value] : all) file << name << "=" << value << "\n";
}

// Its output goes to the folder's log.
pid_t KafkaServer::run(const std::vector<std::string>& words) const {
  const std::string java = program_in_path("java");
  std::vector<std::string> all{java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                               "-cp"};
  all.push_back(libs().append("/*"));
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (auto& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = dir_.file("log");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  // It must not outlive a test that crashes.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(out, 1);
  dup2(out, 2);
  if (getppid() == parent) execv(java.c_str(), arguments.data());
  _exit(127);
}

bool KafkaServer::answers() const {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

bool KafkaServer::try_start() {
  pid_ = run({"kafka.Kafka", dir_.file("server.properties")});
  bool ended = false;
  bool up = false;
  // Longer than eventually() waits: a busy machine needs half a minute.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (!up && !ended && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it needs the processor itself
    ended = waitpid(pid_, nullptr, WNOHANG) == pid_;
    up = answers();
  }
  if (ended) pid_ = -1;
  if (!up) kill();
  return up && !ended;
}

void KafkaServer::start() {
  if (!try_start()) throw std::runtime_error("the Kafka broker does not start again");
}

void KafkaServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void KafkaServer::pause() {
  ::kill(pid_, SIGSTOP);
  // Until it stands still: a signal is not taken at once.
  waitpid(pid_, nullptr, WUNTRACED);
}

void KafkaServer::resume() { ::kill(pid_, SIGCONT); }

}  // namespace mesh::test
