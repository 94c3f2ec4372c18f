// A server that answers as Qdrant does, as far as collections go, until a test says otherwise.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/support/scripted_server.h"

namespace mesh::qdrant {

struct Asked {
  std::string method, path, body, key;
  Json json() const { return Json::parse(body, nullptr, false); }
};

// What is said in place of an answer.
struct Said {
  int status = 200;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool done = false;    // the request is done all the same
  bool cut = false;     // the connection ends within the body
  bool silent = false;  // nothing comes
};

class ScriptedServer {
 public:
  std::string url() const { return server_.url(); }
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
  void lose(const std::string& name) {
    std::lock_guard lock(mutex_);
    collections_.erase(name);
  }
  // Requests are read and not answered, until as_ever().
  void freeze() {
    for (const char* method : {"GET", "POST", "PUT", "DELETE"})
      always(method, "", {.silent = true});
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

  test::ScriptedAnswer serve(const test::ScriptedRequest& request) {
    const auto key = request.headers.find("api-key");
    Said said = answer({request.method, request.target.substr(0, request.target.find('?')),
                        request.body, key == request.headers.end() ? "" : key->second});
    test::ScriptedAnswer answer{said.status, said.body, said.headers};
    answer.silent = said.silent;
    if (said.cut) {
      answer.cut_after = answer.body.size();
      answer.body += "and so on";
    }
    return answer;
  }

  Said answer(const Asked& asked) {
    std::lock_guard lock(mutex_);
    asked_.push_back(asked);
    if (asked.path == "/" && !always_.contains({"GET", "/"}) && !always_.contains({"GET", ""})) {
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
      const Json actions = asked.json()["actions"];
      if (actions.empty()) return good(true);
      alias_ = actions[1]["create_alias"]["collection_name"].get<std::string>();
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

  mutable std::mutex mutex_;  // guards the following
  std::string version_ = "1.19.0";
  std::map<Key, std::deque<Said>> script_;
  std::map<Key, Said> always_;
  std::map<std::string, Json> collections_;  // their metadata
  std::string alias_;
  std::vector<Asked> asked_;
  // Last: its threads use all of the above.
  test::ScriptedServer server_{[this](const auto& request) { return serve(request); }};
};

}  // namespace mesh::qdrant
