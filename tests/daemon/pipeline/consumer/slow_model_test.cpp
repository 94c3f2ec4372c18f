// A model that is slow holds up its own pipeline, and no other.
#include <gtest/gtest.h>

#include <future>

#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/stages/projection_stages.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

class SlowModelTest : public testing::Test {
 protected:
  SlowModelTest() {
    for (const char* topic : {"analytics.events", "chemical.events"}) {
      log.ensure(topic, TopicKind::activity);
      log.ensure(std::string(topic) + ".dlq", TopicKind::activity);
    }
  }
  std::unique_ptr<Pipeline> pipeline_of(const std::string& name, Stage& stage) {
    PipelineOptions options;
    options.name = name;
    options.topics = {name + ".events"};
    return std::make_unique<Pipeline>(options, stage,
                                      PipelineDeps{log, log, retries, clock, metrics});
  }
  bool commits(const std::string& group, std::int64_t offsets) {
    return eventually([&] { return log.committed(group) == offsets; });
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  Metrics metrics;
  FakeExtractor extractor;
  FakeAnalyticsStore analytics;
  FakeChemicalStore chemical;
  std::unique_ptr<Stage> counts = make_analytics_stage(analytics, clock);
  std::unique_ptr<Stage> extracts = make_chemical_stage(extractor, chemical, clock);
  std::unique_ptr<Pipeline> counting = pipeline_of("analytics", *counts);
  std::unique_ptr<Pipeline> extracting = pipeline_of("chemical", *extracts);
};

TEST_F(SlowModelTest, HoldsUpItsOwnPipelineAlone) {
  std::promise<void> answers;
  extractor.wait_for(answers.get_future().share());
  ASSERT_TRUE(extracting->start());
  ASSERT_TRUE(counting->start());
  log.append_now(to_record(chemical_event("c1", "M-1")));
  ASSERT_TRUE(eventually([&] { return extractor.calls() == 1; }));
  for (const char* id : {"a1", "a2", "a3"}) log.append_now(to_record(analytics_event(id, "ann")));
  EXPECT_TRUE(commits("analytics", 3));
  EXPECT_EQ(analytics.rows().size(), 3u);
  EXPECT_EQ(log.committed("chemical"), 0);
  EXPECT_TRUE(chemical.rows().empty());
  answers.set_value();
  EXPECT_TRUE(commits("chemical", 1));
  EXPECT_TRUE(chemical.rows().contains("c1"));
}

}  // namespace
}  // namespace mesh::pipeline
