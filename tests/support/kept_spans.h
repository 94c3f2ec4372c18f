// Spans, and what a collector would have heard of them.
#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/telemetry/spans.h"
#include "tests/support/otlp_receiver.h"

namespace mesh::test {

class KeptSpans {
 public:
  explicit KeptSpans(Clock& clock, Spans::Options options = {})
      : spans_(
            std::move(options),
            [this](const std::string& json, Duration) -> Result<Spans::Answer> {
              std::lock_guard lock(mutex_);
              requests_.push_back(json);
              return Spans::Answer{200, "{}", {}};
            },
            clock, metrics) {}

  Spans& get() { return spans_; }
  // Ends the export; each span once, as it was sent.
  std::vector<Json> all() {
    spans_.stop();
    std::vector<Json> all;
    std::lock_guard lock(mutex_);
    for (const auto& request : requests_) {
      EXPECT_EQ(otlp_misfit(request), "");
      for (auto& span : otlp_spans(request)) all.push_back(std::move(span));
    }
    return all;
  }

  Metrics metrics;

 private:
  std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  Spans spans_;                        // last: it uses all of the above
};

}  // namespace mesh::test
