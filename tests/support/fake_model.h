// A server with OpenAI's API for tests: it holds each request against a schema, as strict servers
// do, and answers by the embedded engines, or what it is told.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "tests/support/scripted_server.h"

namespace mesh::test {

// Any thread.
class FakeModel {
 public:
  // Answers that real servers give in several forms.
  struct Form {
    int dimension = 16;             // the model's own
    bool takes_dimensions = false;  // else 400, as by most models
    bool base64 = false;
    bool nested = false;               // {"embedding":[[…]]}
    bool backwards = false;            // the last text first
    bool index = true;                 // says which is which
    bool usage = true;                 // says what was used: a token per text
    std::string refused = "too long";  // 400 for a request in which a text holds it
    std::string breaks_on;             // likewise `breaks_with`
    ScriptedAnswer breaks_with = {
        500, R"({"error":{"code":500,"message":"increase the physical batch size"}})", {}};
    bool refuses_all = false;
    std::size_t most_texts = 2048;  // 413 for more
    // Of chat: max_tokens and temperature are refused, as by OpenAI's newer models.
    bool newer = false;
    std::string wrong;  // what is answered in place of JSON
    std::string finish = "stop";
  };

  FakeModel();
  std::string base_url() const { return server_.url() + "/v1"; }
  static constexpr const char* kKey = "key-1";
  static constexpr const char* kModel = "fake-1";

  void form(const Form& form);
  // Before the usual answers: each once, in order.
  void next(ScriptedAnswer answer, int times = 1);
  // Runs in each request before it is answered, and may block it.
  void before_answer(std::function<void()> hook);

  int requests() const;
  std::vector<Json> bodies() const;             // of the requests
  std::vector<std::string> complaints() const;  // about requests; a test expects none
  int connections() const { return server_.connections(); }

 private:
  ScriptedAnswer answer(const ScriptedRequest& request);
  std::string complaint(const ScriptedRequest& request) const;

  mutable std::mutex mutex_;
  Form form_;  // this and the following guarded by mutex_
  std::deque<ScriptedAnswer> next_;
  std::function<void()> hook_;
  std::vector<Json> bodies_;
  std::vector<std::string> complaints_;
  ScriptedServer server_;  // last: its threads use the above
};

}  // namespace mesh::test
