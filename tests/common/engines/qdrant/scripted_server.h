// A server that answers as Qdrant does, as far as collections go, until a test says otherwise.
#pragma once

#include <poll.h>

#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/support/raw_listener.h"

namespace mesh::qdrant {

struct Asked {
  std::string method, path, body, key;
  Json json() const { return Json::parse(body, nullptr, false); }
};

// What is said in place of an answer.
struct Said {
  int status = 200;
  std::string body = {};
  std::string headers = {};  // "Retry-After: 1\r\n"
  bool done = false;         // the request is done all the same
  bool cut = false;          // the connection ends within the body
  bool silent = false;       // nothing comes
};

class ScriptedServer {
 public:
  ScriptedServer() : thread_([this] { accept_all(); }) {}
  ~ScriptedServer() {
    stopping_ = true;
    ::shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
  }

  std::string url() const { return listener_.url(); }
  void version(const std::string& version) {
    std::lock_guard lock(mutex_);
    version_ = version;
  }
  // The next request of this method whose path ends so (without its query) is answered so; several
  // in turn.
  void next(const std::string& method, const std::string& path_end, Said said) {
    std::lock_guard lock(mutex_);
    script_[{method, path_end}].push_back(std::move(said));
  }
  void always(const std::string& method, const std::string& path_end, Said said) {
    std::lock_guard lock(mutex_);
    always_[{method, path_end}] = std::move(said);
  }
  void as_ever() {
    std::lock_guard lock(mutex_);
    always_.clear();
  }
  // A collection with this metadata.
  void hold(const std::string& name, const Json& metadata) {
    std::lock_guard lock(mutex_);
    collections_[name] = metadata;
  }
  std::vector<std::string> collections() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, metadata] : collections_) names.push_back(name);
    return names;
  }
  Json metadata(const std::string& name) const {
    std::lock_guard lock(mutex_);
    return collections_.at(name);
  }
  std::string alias() const {
    std::lock_guard lock(mutex_);
    return alias_;
  }
  std::vector<Asked> asked(const std::string& method, const std::string& path_end) const {
    std::lock_guard lock(mutex_);
    std::vector<Asked> found;
    for (const auto& one : asked_) {
      if (one.method == method && one.path.ends_with(path_end)) found.push_back(one);
    }
    return found;
  }

 private:
  using Key = std::pair<std::string, std::string>;

  void accept_all() {
    while (!stopping_) {
      const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    Asked asked;
    for (std::string bytes; read_request(fd, bytes, asked);) {
      const Said said = answer(asked);
      if (said.silent) continue;  // until the client gives up
      const auto size = said.body.size() + (said.cut ? 10 : 0);
      const std::string text = "HTTP/1.1 " + std::to_string(said.status) + " x\r\n" + said.headers +
                               "Content-Length: " + std::to_string(size) + "\r\n\r\n" + said.body;
      if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0 || said.cut) break;
    }
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  static bool read_request(int fd, std::string& bytes, Asked& asked) {
    char buffer[65536];
    while (true) {
      const auto head = bytes.find("\r\n\r\n");
      if (head != std::string::npos) {
        const auto size = header(bytes.substr(0, head), "content-length");
        const auto length = static_cast<std::size_t>(parse_int(size).value_or(0));
        if (bytes.size() >= head + 4 + length) {
          const auto words = split(bytes.substr(0, bytes.find("\r\n")), ' ');
          asked = {words.at(0), words.at(1), bytes.substr(head + 4, length),
                   header(bytes.substr(0, head), "api-key")};
          bytes.erase(0, head + 4 + length);
          return true;
        }
      }
      const auto count = ::recv(fd, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      bytes.append(buffer, static_cast<std::size_t>(count));
      // What the client waits for before it sends a large body.
      if (to_lower(bytes).find("expect: 100-continue") != std::string::npos) {
        const std::string_view go = "HTTP/1.1 100 Continue\r\n\r\n";
        if (bytes.ends_with("\r\n\r\n")) (void)::send(fd, go.data(), go.size(), MSG_NOSIGNAL);
      }
    }
  }

  static std::string header(const std::string& head, const std::string& name) {
    for (const auto& line : split(head, '\n')) {
      const auto colon = line.find(':');
      if (colon != std::string::npos && to_lower(line.substr(0, colon)) == name) {
        return std::string(trim(line.substr(colon + 1)));
      }
    }
    return {};
  }

  Said answer(Asked& asked) {
    std::lock_guard lock(mutex_);
    asked.path = asked.path.substr(0, asked.path.find('?'));
    asked_.push_back(asked);
    if (asked.path == "/" && !always_.contains({"GET", "/"})) {
      return {200, dump({{"title", "qdrant"}, {"version", version_}})};
    }
    for (auto& [key, sayings] : script_) {
      if (asked.method != key.first || !asked.path.ends_with(key.second) || sayings.empty()) {
        continue;
      }
      Said said = std::move(sayings.front());
      sayings.pop_front();
      if (said.done) (void)done(asked);
      return said;
    }
    for (const auto& [key, said] : always_) {
      if (asked.method == key.first && asked.path.ends_with(key.second)) return said;
    }
    return done(asked);
  }

  static Said good(const Json& result) {
    return {200, dump({{"result", result}, {"status", "ok"}, {"time", 0}})};
  }
  static Said bad(int status, const std::string& why) {
    return {status, dump({{"status", {{"error", why}}}, {"time", 0}})};
  }

  Said done(const Asked& asked) {
    const auto parts = split(asked.path, '/');  // "", "collections", name, …
    if (asked.path == "/collections") {
      Json names = Json::array();
      for (const auto& [name, metadata] : collections_) names.push_back({{"name", name}});
      return good({{"collections", names}});
    }
    if (asked.path == "/collections/aliases") {
      alias_ = asked.json()["actions"][1]["create_alias"]["collection_name"].get<std::string>();
      return good(true);
    }
    const auto& name = parts.at(2);
    const bool there = collections_.contains(name);
    if (parts.size() > 3 && parts[3] == "exists") return good({{"exists", there}});
    if (parts.size() == 3 && asked.method == "PUT") {
      if (there) return bad(409, "Collection already exists!");
      collections_[name] = asked.json()["metadata"];
      return good(true);
    }
    if (parts.size() == 3 && asked.method == "DELETE") return good(collections_.erase(name) > 0);
    if (!there) return bad(404, "Collection doesn't exist!");
    if (parts.size() == 3) return good({{"config", {{"metadata", collections_[name]}}}});
    if (asked.method == "PUT") return good({{"operation_id", 1}, {"status", "completed"}});
    if (parts.back() == "facet") return good({{"hits", Json::array()}});
    if (parts.back() == "delete") return good({{"operation_id", 1}, {"status", "completed"}});
    const Json none{{"points", Json::array()}};
    if (parts.back() == "batch") return good(Json::array({none, none}));
    return good(none);
  }

  test::RawListener listener_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards the following
  std::string version_ = "1.19.0";
  std::map<Key, std::deque<Said>> script_;
  std::map<Key, Said> always_;
  std::map<std::string, Json> collections_;  // their metadata
  std::string alias_;
  std::vector<Asked> asked_;
  std::vector<int> open_;
  std::list<std::thread> threads_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::qdrant
