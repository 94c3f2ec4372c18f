// Generations of different embedders in one process: each is fed and searched with its own.
#include <gmock/gmock.h>

#include "tests/daemon/pipeline/generations/fixture.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using testing::HasSubstr;

class GenerationsOfEmbedders : public GenerationsTest {
 protected:
  // Serves one of the configured embedder, and can have the other one.
  void SetUp() override {
    embedders->add(other);
    write("created", 1, 1);
    start();
    ASSERT_TRUE(all_through());
  }
  ~GenerationsOfEmbedders() override { generations.reset(); }  // before its embedders
  Json asked(const std::string& engine, bool shadow = false) {
    return generations->rebuild_spec({engine, "", shadow}).value();
  }
  // As of a task that was asked for before there was another one.
  static Json asked_unchecked(const std::string& engine) {
    return {{"embedder", engine}, {"dimension", 8}, {"shadow", true}};
  }
  // Who is found, by an embedder that is the serving one's or becomes it.
  std::vector<std::int64_t> found() {
    const auto hits = serving_embedder->with([&](Embedder& with) {
      ++asks;
      const std::string id = with.id();
      const std::vector<float> vector(static_cast<std::size_t>(with.dimension()));
      return index.search(TenantId::parse("acme").value(), {vector, id}, 10, -1, {});
    });
    EXPECT_TRUE(hits) << hits.error().to_string();
    std::vector<std::int64_t> users;
    if (hits) {
      for (const SearchHit& hit : *hits) users.push_back(hit.user_id);
    }
    return users;
  }
  // Over the manual clock, which verify and rollback wait by.
  template <typename Work>
  auto while_time_moves(Work work) {
    auto done = std::async(std::launch::async, work);
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      clock.advance(Duration{1});
      clock.await_woken();
    }
    return done.get();
  }

  FakeEmbedder other{"other/8", 8};
  int asks = 0;
};

TEST_F(GenerationsOfEmbedders, ARebuildWithAnotherEmbedderFlipsWithoutARestart) {
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1}));
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  EXPECT_EQ(index.serving(), 2);
  EXPECT_EQ(index.generations()->back().spec.embedder, "other/8");
  EXPECT_EQ(index.generations()->back().spec.dimension, 8);
  write("created", 2, 1);
  EXPECT_TRUE(holds(1, 2)) << "the one before follows the log, with its own embedder";
  EXPECT_TRUE(holds(2, 2));
  EXPECT_GT(other.calls(), 0);
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_FALSE(generations->foreign());
  ASSERT_TRUE(generations->unconfigured());
  EXPECT_EQ(generations->unconfigured()->name, "user_embeddings-2");
}

TEST_F(GenerationsOfEmbedders, ARollbackGoesBackToTheOtherEmbedder) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  ASSERT_TRUE(through(1) && through(2));
  ASSERT_TRUE(generations->rollback());
  EXPECT_EQ(index.serving(), 1);
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(asks, 1) << "whoever flips tells its searches";
  ASSERT_TRUE(generations->rollback());
  EXPECT_EQ(index.serving(), 2);
}

TEST_F(GenerationsOfEmbedders, ARollbackToOneThatCannotBeHadIsRefused) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  ASSERT_TRUE(generations->rollback());
  embedders->remove(other);
  const auto refused = generations->rollback();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("other/8"));
  EXPECT_EQ(index.serving(), 1);
}

TEST_F(GenerationsOfEmbedders, AFlipByAnotherProcessFailsNoSearch) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1}));
  const auto epoch = index.take_over().value();
  ASSERT_TRUE(index.serve(2, epoch));
  asks = 0;
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(asks, 2) << "it asks again, with the embedder that serves now";
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(asks, 3) << "and knows it from then on";
}

// As of a gateway: no generations run, and nobody tells it.
TEST_F(GenerationsOfEmbedders, AProcessThatFeedsNothingAsksWithTheServingEmbedder) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  ServingEmbedder gateway(index, *embedders, clock);
  EXPECT_EQ(gateway.get().value()->id(), "other/8");
}

TEST_F(GenerationsOfEmbedders, WhatCannotBeHadIsTriedAgainAfterAWhile) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  embedders->remove(other);
  ServingEmbedder gateway(index, *embedders, clock);
  EXPECT_EQ(gateway.get().error().kind, ErrorKind::unavailable);
  embedders->add(other);
  EXPECT_FALSE(gateway.get()) << "a model that is gone is not looked for by each search";
  clock.advance(Duration{2'000});
  EXPECT_EQ(gateway.get().value()->id(), "other/8");
}

TEST_F(GenerationsOfEmbedders, AfterARestartOneOfAnotherEmbedderServesOnAndIsFed) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8")));
  open(embedder);
  embedders->add(other);
  start();
  EXPECT_EQ(index.serving(), 2);
  EXPECT_FALSE(generations->foreign());
  write("created", 3, 1);
  EXPECT_TRUE(holds(2, 3));
  EXPECT_EQ(found(), (std::vector<std::int64_t>{1, 3}));
  ASSERT_TRUE(rebuild()) << "a task without a word is for the configured embedder";
  EXPECT_EQ(index.generations()->back().spec.embedder, "fake/4");
}

TEST_F(GenerationsOfEmbedders, WhatTheTaskNamesIsBuiltThoughTheProcessIsConfiguredOtherwise) {
  const Json spec = asked("other/8");
  EXPECT_EQ(spec, (Json{{"embedder", "other/8"}, {"dimension", 8}}));
  EXPECT_TRUE(generations->can_rebuild({.id = "a", .kind = "rebuild", .spec = spec}));
  embedders->remove(other);
  EXPECT_FALSE(generations->can_rebuild({.id = "a", .kind = "rebuild", .spec = spec}));
  EXPECT_EQ(generations->rebuild_spec({"other/8", "", false}).error().kind,
            ErrorKind::unprocessable);
}

TEST_F(GenerationsOfEmbedders, AModelsFolderStandsInTheTaskAndInTheGeneration) {
  const auto spec = generations->rebuild_spec({"other/8", "/models/names", false}).value();
  EXPECT_EQ(spec["model"], "/models/names");
  ASSERT_TRUE(rebuild(Json::object(), spec));
  EXPECT_EQ(index.generations()->back().spec.model, "/models/names");
}

TEST_F(GenerationsOfEmbedders, AShadowIsBuiltAndFollowsAndDoesNotServe) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  EXPECT_EQ(index.serving(), 1);
  EXPECT_EQ(roles(), (Roles{{1, "serving"}, {2, "shadow"}}));
  EXPECT_EQ(result["generation"], 2);
  write("created", 2, 1);
  EXPECT_TRUE(holds(2, 2));
  EXPECT_EQ(generations->rollback().error().kind, ErrorKind::conflict) << "it is no previous one";
  open(embedder);
  embedders->add(other);
  start();
  write("created", 3, 1);
  EXPECT_TRUE(holds(2, 3)) << "after a restart, too";
  EXPECT_EQ(roles(), (Roles{{1, "serving"}, {2, "shadow"}}));
}

TEST_F(GenerationsOfEmbedders, ThereIsOneShadowAtATime) {
  const Json second = asked("other/8", true);
  ASSERT_TRUE(rebuild(Json::object(), second));
  const auto refused = generations->rebuild_spec({"other/8", "", true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("mesh index drop 2"));
  ASSERT_TRUE(tasks.insert({.id = "first", .kind = "rebuild", .checkpoint = {{"generation", 2}}}));
  const auto built = rebuild(Json::object(), second);
  ASSERT_FALSE(built) << "of two that were asked for at once the second one fails";
  EXPECT_EQ(built.error().kind, ErrorKind::conflict);
  EXPECT_EQ(roles().size(), 2u);
}

// The process ended before the task had noted it, and each later try was refused for its sake.
TEST_F(GenerationsOfEmbedders, AShadowThatWasMadeAndNotNotedIsTakenUpAgain) {
  const Json spec = asked("other/8", true);
  const auto epoch = index.take_over().value();
  ASSERT_TRUE(index.create_generation({8, "other/8", "", true}, epoch));
  ASSERT_TRUE(rebuild(Json::object(), spec));
  EXPECT_EQ(result["generation"], 2);
  EXPECT_EQ(roles(), (Roles{{1, "serving"}, {2, "shadow"}}));
  EXPECT_TRUE(index.has(2, "acme", 1));
}

TEST_F(GenerationsOfEmbedders, AnUnnotedShadowOfAnotherEmbedderIsNotTakenUp) {
  const auto epoch = index.take_over().value();
  ASSERT_TRUE(index.create_generation({4, "fake/4", "", true}, epoch));
  EXPECT_EQ(rebuild(Json::object(), asked_unchecked("other/8")).error().kind, ErrorKind::conflict);
  EXPECT_EQ(roles().size(), 2u);
}

TEST_F(GenerationsOfEmbedders, ARebuildKeepsAShadow) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(roles(), (Roles{{2, "shadow"}, {3, "previous"}, {4, "serving"}}));
}

TEST_F(GenerationsOfEmbedders, AShadowThatIsServedIsRolledBackFromAndIsNoShadowThen) {
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  ASSERT_TRUE(through(3));
  EXPECT_EQ(generations->serve(7).error().kind, ErrorKind::not_found);
  const auto served = generations->serve(3);
  ASSERT_TRUE(served) << served.error().to_string();
  EXPECT_EQ(served->number, 3);
  EXPECT_EQ(roles(), (Roles{{2, "previous"}, {3, "serving"}}));
  ASSERT_TRUE(through(2));
  EXPECT_EQ(generations->rollback()->number, 2);
  EXPECT_EQ(roles(), (Roles{{2, "serving"}, {3, "previous"}}));
}

TEST_F(GenerationsOfEmbedders, AShadowThatIsBehindTheLogIsNotServed) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  ASSERT_TRUE(through(2));
  other.fail_next(1'000'000);
  write("created", 2, 1);
  const auto refused = while_time_moves([&] { return generations->serve(2); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(index.serving(), 1);
}

TEST_F(GenerationsOfEmbedders, WhatDoesNotServeCanBeDroppedWithItsGroup) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  EXPECT_EQ(generations->drop(1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(generations->drop(9).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(generations->drop(2));
  EXPECT_EQ(roles(), (Roles{{1, "serving"}}));
  EXPECT_TRUE(eventually([&] {
    clock.advance(Duration{2'000});
    return !log.has_group("user-index-2");
  }));
}

TEST_F(GenerationsOfEmbedders, WhatIsBeingBuiltIsNotDropped) {
  ASSERT_TRUE(rebuild(Json::object(), asked("other/8", true)));
  ASSERT_TRUE(tasks.insert({.id = "a", .kind = "rebuild", .checkpoint = {{"generation", 2}}}));
  const auto refused = generations->drop(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("mesh tasks cancel a"));
}

}  // namespace
}  // namespace mesh::pipeline
