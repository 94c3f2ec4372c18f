// One letter for an event that dies in every generation, and never none.
#include "tests/daemon/pipeline/generations/fixture.h"

namespace mesh::pipeline {
namespace {

class LettersOfGenerations : public GenerationsTest {
 protected:
  LettersOfGenerations() : GenerationsTest(1) {
    retry = {Duration{100}, Duration{100}, 2};
    open(embedder);
  }
  void write_garbage() { log.append_now({"user.events", "acme/9", "garbage", {}}); }
  std::size_t letters() { return log.records("user.events.dlq").size(); }
  // The generation stands still, as in an outage, until it is let go on from there.
  void hold_back(int generation) { log.take_away(group(generation), {partition}); }
  void let_go_on(int generation, std::int64_t from) {
    log.give_back(group(generation), {{partition, from}});
  }
  static std::string group(int generation) { return "user-index-" + std::to_string(generation); }
  // The one that serves, and before time moves: else the other would at last write one itself.
  bool writes_a_letter() {
    return eventually([&] { return letters() == 1; });
  }
  bool comes_through(int generation) {
    return eventually([&] {
      clock.advance(Duration{100});
      const auto end = ends(log, log, {"user.events"});
      return end && is_through(log, retries, group(generation), *end).value_or(false);
    });
  }

  const TopicPartition partition{"user.events", 0};
};

// Every generation once wrote a letter of its own for the same event, and a redrive one copy each.
TEST_F(LettersOfGenerations, OnlyTheServingGenerationWritesDeadLetters) {
  start();
  ASSERT_TRUE(rebuild());
  write_garbage();
  ASSERT_TRUE(writes_a_letter());
  ASSERT_TRUE(comes_through(1) && comes_through(2));
  EXPECT_EQ(letters(), 1u);
}

TEST_F(LettersOfGenerations, ARebuildWritesNoLettersAgain) {
  write_garbage();
  start();
  ASSERT_TRUE(all_through());
  ASSERT_EQ(letters(), 1u);
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(comes_through(2));
  EXPECT_EQ(letters(), 1u);
}

TEST_F(LettersOfGenerations, OneThatIsAheadLeavesTheLetterToTheOneThatServes) {
  start();
  ASSERT_TRUE(rebuild());
  hold_back(2);
  write_garbage();
  ASSERT_TRUE(eventually([&] { return retries.parked(group(1)).size() == 1; }));
  EXPECT_EQ(letters(), 0u);
  let_go_on(2, 0);
  ASSERT_TRUE(writes_a_letter());
  ASSERT_TRUE(comes_through(2) && comes_through(1));
  EXPECT_EQ(letters(), 1u);
}

// Once the one built passed it in silence, since it did not serve, and the one before later, since
// it did not serve any more.
TEST_F(LettersOfGenerations, AnEventThatTheServingOneComesToAfterTheFlipHasItsLetter) {
  write("created", 1, 1);
  start();
  ASSERT_TRUE(all_through());
  hold_back(1);
  write_garbage();
  FakeTaskContext context(Json::object(), &clock);
  context.on_pause = [&] { clock.advance(Duration{100}); };
  ASSERT_TRUE(generations->rebuild(context));
  ASSERT_EQ(index.serving(), 2);
  ASSERT_TRUE(comes_through(2));
  let_go_on(1, 1);
  ASSERT_TRUE(comes_through(1));
  EXPECT_EQ(letters(), 1u);
}

TEST_F(LettersOfGenerations, WhereTheServingOneNeverComesToItAnotherWritesTheLetter) {
  start();
  ASSERT_TRUE(rebuild());
  hold_back(2);
  write_garbage();
  ASSERT_TRUE(comes_through(1));
  EXPECT_EQ(letters(), 1u);
}

}  // namespace
}  // namespace mesh::pipeline
