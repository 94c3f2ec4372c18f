#include "tests/support/qdrant_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::test {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

const std::string kPython = MESH_PEER_FOLDER "/bin/python";
const std::string kPeer = MESH_SOURCE_DIR "/tests/peers/qdrant/peer.py";

// Up to the end of the line; what it has until then where the writer has ended.
std::string read_line(const Fd& fd) {
  std::string line;
  for (char c = 0; ::read(fd.get(), &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

bool QdrantServer::real() { return !environment("MESH_TEST_QDRANT_URL").empty(); }
bool QdrantServer::installed() {
  return real() || access(MESH_PEER_FOLDER "/installed", R_OK) == 0;
}

QdrantServer::QdrantServer(const std::string& version, const std::string& api_key)
    : url_(environment("MESH_TEST_QDRANT_URL")), api_key_(api_key) {
  if (real()) {
    api_key_ = environment("MESH_TEST_QDRANT_API_KEY");
  } else {
    start_peer(version);
  }
}

void QdrantServer::start_peer(const std::string& version) {
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const Fd in(input[0]), out(output[0]);
  Fd their_output(output[1]);
  input_ = Fd(input[1]);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // It must not outlive a test that crashes.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in.get(), 0);
    dup2(their_output.get(), 1);
    if (getppid() == parent) {
      execl(kPython.c_str(), kPython.c_str(), "-B", kPeer.c_str(), "--version", version.c_str(),
            "--api-key", api_key_.c_str(), nullptr);
    }
    _exit(127);
  }
  their_output = Fd();
  const auto port = parse_int(read_line(out));
  if (!port) throw std::runtime_error("the peer of Qdrant does not start");
  url_ = "http://127.0.0.1:" + std::to_string(*port);
}

int QdrantServer::port() const {
  return static_cast<int>(parse_int(url_.substr(url_.rfind(':') + 1)).value());
}

void QdrantServer::pause() {
  if (pid_ > 0) ::kill(pid_, SIGSTOP);
}
void QdrantServer::resume() {
  if (pid_ > 0) ::kill(pid_, SIGCONT);
}

QdrantServer::~QdrantServer() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Json QdrantServer::ask(const std::string& method, const std::string& path, const Json& body) {
  http::ClientRequest request;
  request.method = method;
  request.url = url_ + path;
  if (!api_key_.empty()) request.headers.emplace_back("api-key", api_key_);
  if (!body.is_null()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = dump(body);
  }
  const auto response = client_.send(request);
  const auto answer =
      response ? parse_json(response->body, {.max_bytes = 64 << 20}) : Result<Json>(Json());
  return answer ? *answer : Json();
}

std::vector<std::string> QdrantServer::collections(const std::string& prefix) {
  std::vector<std::string> names;
  const Json answer = ask("GET", "/collections");
  for (const auto& collection : answer.at("result").at("collections")) {
    const auto name = collection.at("name").get<std::string>();
    if (name.starts_with(prefix)) names.push_back(name);
  }
  return names;
}

void QdrantServer::drop_collections(const std::string& prefix) {
  for (const auto& name : collections(prefix)) ask("DELETE", "/collections/" + name);
}

std::string own_prefix() { return "test-" + random_hex(6) + "-"; }

}  // namespace mesh::test
