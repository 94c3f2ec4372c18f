// What stands for an OpenTelemetry Collector: takes traces as OTLP over HTTP, and refuses whatever
// tests/peers/otlp/traces.json does not have.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "tests/support/scripted_server.h"

namespace mesh::test {

// Why the body is no request that a collector takes; empty where it is.
std::string otlp_misfit(const std::string& body);
// The spans of a request, each as it stands there.
std::vector<Json> otlp_spans(const std::string& body);
// The value of a span's attribute as text; "" where it has none.
std::string attribute_of(const Json& span, const std::string& key);

class OtlpReceiver {
 public:
  std::string url() const { return server_.url(); }
  // All that came so far.
  std::vector<Json> spans() const;
  // Why requests were refused with 400.
  std::vector<std::string> complaints() const;
  // The headers of the last request, by names in lower case.
  std::map<std::string, std::string> headers() const;

 private:
  ScriptedAnswer take(const ScriptedRequest& request);

  mutable std::mutex mutex_;
  std::vector<Json> spans_;  // this and the next two guarded by mutex_
  std::vector<std::string> complaints_;
  std::map<std::string, std::string> headers_;
  ScriptedServer server_{[this](const ScriptedRequest& request) { return take(request); }};  // last
};

}  // namespace mesh::test
