// A client that uses every route that writes, one request at a time, and remembers each answer.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <random>

#include "common/http/client.h"
#include "tests/crash/ledger.h"

namespace mesh::crash {

// Where a running meshd answers.
struct Mesh {
  std::map<std::string, std::string> addresses;  // by role
  std::string operator_token;
};

// What an answer that did not come, or was 503, means for what was asked.
enum class Promise {
  nothing_done,  // 503: nothing; no answer: all or nothing, as the next look tells
  maybe_done     // it may be done, or be done yet: the same is asked again, of anyone
};

// One thread at a time. Its users, tenants and subjects are its own, so what it knows of them is
// exact but for the one request that a crash may cut.
class Writer {
 public:
  Writer(int number, std::uint64_t seed, Ledger& ledger, Promise promise = Promise::nothing_done);

  // Sends requests until `stop` or the first without an answer; counts acknowledged ones.
  void run(const Mesh& mesh, const std::atomic<bool>& stop, std::atomic<int>& acknowledged);
  // After a restart: finds out what became of the request that was cut, and repeats it and some
  // others that carried an Idempotency-Key, which must change nothing and answer the same. False
  // where this one does not answer, either: to be called again.
  bool resolve(const Mesh& mesh);

  const std::vector<UserState>& users() const { return users_; }
  const std::vector<TenantState>& tenants() const { return tenants_; }
  const std::map<std::string, int>& answered() const { return answered_; }  // requests by route
  int cut() const { return cut_; }
  int repeated() const { return repeated_; }

 private:
  struct Request {
    std::string route;  // for statistics
    std::string role, method, target, token, body;
    http::HeaderList headers;
    std::vector<std::string> markers;  // of the events it publishes
  };
  struct Kept {  // a request with a key, and its answer
    Request request;
    int status = 0;
    std::string body;
  };
  // A request under way, and what its two outcomes make of what the writer knows.
  struct Pending {
    Request request;
    std::function<void(const Json& answer)> happened;
    std::function<bool()> find_out;  // where it has no key; false where nobody tells
    bool again = false;              // asking the same again changes nothing more
  };

  Result<http::Response> send(const Request& request);
  bool repeat(const Pending& pending);
  bool perform(Pending pending);
  void acknowledge(const Pending& pending, const http::Response& answer);
  bool step();
  bool create_user();
  bool change_user(bool remove);
  bool change_tenant();
  bool publish_one(bool chemical);
  bool publish_cloudevents(int form);
  bool publish_lines();
  Json event_data(Request& request, bool chemical);
  void maybe_key(Request& request);
  std::int64_t pick(std::int64_t low, std::int64_t high);
  Json get(const std::string& role, const std::string& target, const std::string& token,
           int& status);

  const int number_;
  const std::string tenant_, token_;
  Ledger& ledger_;
  const Promise promise_;
  std::mt19937_64 random_;
  std::int64_t sequence_ = 0;
  std::vector<UserState> users_;
  std::vector<TenantState> tenants_;
  std::optional<Pending> pending_;
  std::deque<Kept> kept_;
  std::map<std::string, int> answered_;
  int cut_ = 0, repeated_ = 0;

  Mesh mesh_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace mesh::crash
