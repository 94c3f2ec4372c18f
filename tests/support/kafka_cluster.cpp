#include "tests/support/kafka_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "common/base/fd.h"
#include "tests/support/server_process.h"

namespace mesh::test {
namespace {

bool answers(int port) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

std::string loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

std::string kafka_libs() {
  const char* named = std::getenv("MESH_KAFKA_LIBS");
  return named != nullptr ? named : MESH_SOURCE_DIR "/.cache/kafka/libs";
}

KafkaCluster::KafkaCluster(std::size_t brokers, Options options)
    : options_(std::move(options)), brokers_(brokers) {
  // Another process may take a port before the broker does.
  for (int attempt = 0; attempt < 3; ++attempt) {
    for (auto& broker : brokers_) {
      broker.port = free_port();
      broker.controller_port = free_port();
    }
    for (std::size_t i = 0; i < brokers; ++i) {
      write_properties(i);
      if (attempt == 0) format(i);
    }
    if (try_start()) return;
  }
  throw std::runtime_error("the Kafka brokers do not start; see " + brokers_[0].dir.file("log"));
}

KafkaCluster::~KafkaCluster() {
  for (std::size_t i = 0; i < brokers_.size(); ++i) kill(i);
}

std::string KafkaCluster::address(std::size_t broker) const {
  return loopback(brokers_[broker].port);
}

void KafkaCluster::write_properties(std::size_t broker) {
  const auto& own = brokers_[broker];
  std::string voters;
  for (std::size_t i = 0; i < brokers_.size(); ++i) {
    voters +=
        (i == 0 ? "" : ",") + std::to_string(i + 1) + "@" + loopback(brokers_[i].controller_port);
  }
  const auto replicas = std::to_string(std::min<std::size_t>(brokers_.size(), 3));
  std::map<std::string, std::string> all{
      {"process.roles", "broker,controller"},
      {"node.id", std::to_string(broker + 1)},
      {"controller.quorum.voters", voters},
      {"listeners",
       "CLIENTS://" + address(broker) + ",CONTROLLER://" + loopback(own.controller_port)},
      {"advertised.listeners", "CLIENTS://" + address(broker)},
      {"listener.security.protocol.map", "CLIENTS:" + options_.security + ",CONTROLLER:PLAINTEXT"},
      {"controller.listener.names", "CONTROLLER"},
      {"inter.broker.listener.name", "CLIENTS"},
      {"log.dirs", own.dir.file("data")},
      {"offsets.topic.replication.factor", replicas},
      {"offsets.topic.num.partitions", "4"},
      {"transaction.state.log.replication.factor", replicas},
      {"transaction.state.log.min.isr", "1"},
      {"group.initial.rebalance.delay.ms", "0"},
      {"group.min.session.timeout.ms", "500"},
      {"auto.create.topics.enable", "false"},
  };
  for (const auto& [name, value] : options_.properties) all[name] = value;
  std::ofstream file(own.dir.file("server.properties"));
  for (const auto& [name, value] : all) file << name << "=" << value << "\n";
}

void KafkaCluster::format(std::size_t broker) {
  const auto& own = brokers_[broker];
  std::vector<std::string> words{
      "kafka.tools.StorageTool", "format", "-t",
      "MkU3OEVBNTcwNTJENDM2Qg",  "-c",     own.dir.file("server.properties")};
  words.insert(words.end(), options_.format_options.begin(), options_.format_options.end());
  int status = -1;
  waitpid(run(own, words), &status, 0);
  if (status != 0) throw std::runtime_error("Kafka's storage cannot be made");
}

// Its output goes to the folder's log.
pid_t KafkaCluster::run(const Broker& broker, const std::vector<std::string>& words) {
  const std::string java = program_in_path("java");
  std::vector<std::string> all{java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                               "-cp"};
  all.push_back(kafka_libs().append("/*"));
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (auto& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = broker.dir.file("log");
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

// All of them run before one is awaited, since none answers alone.
bool KafkaCluster::try_start() {
  for (auto& broker : brokers_) {
    broker.pid = run(broker, {"kafka.Kafka", broker.dir.file("server.properties")});
  }
  bool up = true;
  for (auto& broker : brokers_) up = up && await(broker);
  if (up) return true;
  for (std::size_t i = 0; i < brokers_.size(); ++i) kill(i);
  return false;
}

bool KafkaCluster::await(Broker& broker) {
  bool ended = false;
  bool up = false;
  // Longer than eventually() waits: a busy machine needs half a minute.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (!up && !ended && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it needs the processor itself
    ended = waitpid(broker.pid, nullptr, WNOHANG) == broker.pid;
    up = answers(broker.port);
  }
  if (ended) broker.pid = -1;
  return up && !ended;
}

void KafkaCluster::start(std::size_t broker) {
  auto& own = brokers_[broker];
  own.pid = run(own, {"kafka.Kafka", own.dir.file("server.properties")});
  if (!await(own)) throw std::runtime_error("a Kafka broker does not start again");
}

void KafkaCluster::kill(std::size_t broker) {
  auto& pid = brokers_[broker].pid;
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = -1;
}

void KafkaCluster::pause(std::size_t broker) {
  ::kill(brokers_[broker].pid, SIGSTOP);
  // Until it stands still: a signal is not taken at once.
  waitpid(brokers_[broker].pid, nullptr, WUNTRACED);
}

void KafkaCluster::resume(std::size_t broker) { ::kill(brokers_[broker].pid, SIGCONT); }

}  // namespace mesh::test
