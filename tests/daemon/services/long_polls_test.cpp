#include "daemon/services/long_polls.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <set>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh::services {
namespace {

using test::eventually;

constexpr Duration kWait{25'000};

// Something that happens when the test says so, and who is told of it.
class Happening {
 public:
  class Watched final : public Watch {
   public:
    Watched(Happening& happening, Told told) : happening_(happening), told_(std::move(told)) {
      std::lock_guard lock(happening_.mutex_);
      happening_.watches_.insert(this);
      if (happening_.happened_) tell();
    }
    ~Watched() override {
      std::lock_guard lock(happening_.mutex_);
      happening_.watches_.erase(this);
    }
    void tell() {
      if (auto told = std::exchange(told_, nullptr)) told();
    }

   private:
    Happening& happening_;
    Told told_;
  };

  LongPolls::Poll poll() {
    return {[this](bool last) -> std::optional<http::Response> {
              std::lock_guard lock(mutex_);
              ++looks_;
              if (happened_) return http::Response::text(200, "happened");
              return last ? std::optional(http::Response::text(200, "nothing")) : std::nullopt;
            },
            [this](Told told) { return std::make_unique<Watched>(*this, std::move(told)); }};
  }
  void happen(bool really = true) {
    std::lock_guard lock(mutex_);
    happened_ = really;
    for (auto* watch : watches_) watch->tell();
  }
  std::size_t watches() {
    std::lock_guard lock(mutex_);
    return watches_.size();
  }
  int looks() {
    std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  std::mutex mutex_;
  std::set<Watched*> watches_;  // this and the rest guarded by mutex_
  bool happened_ = false;
  int looks_ = 0;
};

// A request; gone() is what the server would call.
class Asker {
 public:
  http::Responder responder() {
    return http::Responder([this](http::Response answer) { answer_.set_value(std::move(answer)); },
                           [this](std::function<void()> gone) { gone_ = std::move(gone); },
                           [this](std::function<void()> work) {
                             if (full) return false;
                             std::lock_guard lock(mutex_);
                             work_.push_back(std::move(work));
                             return true;
                           });
  }
  // What a worker of its pool is to do.
  std::size_t work() {
    std::lock_guard lock(mutex_);
    return work_.size();
  }
  void do_work() {
    std::vector<std::function<void()>> all;
    {
      std::lock_guard lock(mutex_);
      all.swap(work_);
    }
    for (const auto& one : all) one();
  }
  std::atomic<bool> full{false};
  void leave() { gone_(); }
  bool answered() const {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  http::Response answer() { return future_.get(); }

 private:
  std::promise<http::Response> answer_;
  std::future<http::Response> future_ = answer_.get_future();
  std::function<void()> gone_;
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;  // guarded by mutex_
};

class LongPollsTest : public testing::Test {
 protected:
  // Waits until the happening has been looked at and is watched.
  void ask(Asker& asker, Duration wait = kWait) { ask(asker, happening.poll(), wait); }
  // The same, of a poll whose looks read.
  void read(Asker& asker) {
    auto reading = happening.poll();
    reading.reads = true;
    ask(asker, std::move(reading), kWait);
  }
  template <typename Poll>
  void ask(Asker& asker, Poll poll, Duration wait) {
    const auto before = happening.watches();
    polls->answer(std::move(poll), wait, asker.responder());
    EXPECT_TRUE(eventually([&] { return happening.watches() == before + 1; }));
  }
  bool waiting(int n) {
    return eventually([&] {
      return metrics.expose().find("mesh_http_long_polls " + std::to_string(n) + "\n") !=
             std::string::npos;
    });
  }

  ManualClock clock;
  Metrics metrics;
  Happening happening;
  std::unique_ptr<LongPolls> polls = std::make_unique<LongPolls>(clock, metrics, 3);
};

TEST_F(LongPollsTest, WhatIsThereIsAnsweredAtOnce) {
  happening.happen();
  Asker asker;
  polls->answer(happening.poll(), kWait, asker.responder());
  EXPECT_EQ(asker.answer().body, "happened");
  EXPECT_EQ(happening.watches(), 0u);
}

TEST_F(LongPollsTest, WhoDoesNotWaitIsAnsweredAtOnce) {
  Asker asker;
  polls->answer(happening.poll(), Duration{0}, asker.responder());
  EXPECT_EQ(asker.answer().body, "nothing");
}

TEST_F(LongPollsTest, AllWhoWaitAreAnsweredWhenItHappens) {
  std::array<Asker, 3> askers;
  for (auto& asker : askers) ask(asker);
  EXPECT_TRUE(waiting(3));
  happening.happen();
  for (auto& asker : askers) EXPECT_EQ(asker.answer().body, "happened");
  EXPECT_TRUE(waiting(0));
  EXPECT_EQ(happening.watches(), 0u);
}

TEST_F(LongPollsTest, WhoIsToldOfNothingGoesOnWaiting) {
  Asker asker;
  ask(asker);
  const int looks = happening.looks();
  happening.happen(false);
  EXPECT_TRUE(eventually([&] { return happening.looks() > looks && happening.watches() == 1; }));
  EXPECT_FALSE(asker.answered());
  happening.happen();
  EXPECT_EQ(asker.answer().body, "happened");
}

TEST_F(LongPollsTest, TimesAreUpInTheirOrder) {
  Asker longer, shorter;
  ask(longer, Duration{2'000});
  ask(shorter, Duration{1'000});
  clock.advance(Duration{1'000});
  EXPECT_EQ(shorter.answer().body, "nothing");
  EXPECT_FALSE(longer.answered());
  clock.advance(Duration{1'000});
  EXPECT_EQ(longer.answer().body, "nothing");
}

TEST_F(LongPollsTest, AClientThatLeavesGivesItsPlaceUp) {
  std::array<Asker, 3> askers;
  for (auto& asker : askers) ask(asker);
  Asker fourth;
  polls->answer(happening.poll(), kWait, fourth.responder());
  const auto refused = fourth.answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("http.max_waiting"), std::string::npos);
  askers[0].leave();
  EXPECT_EQ(askers[0].answer().body, "nothing") << "for one that only stopped sending";
  EXPECT_TRUE(waiting(2));
  Asker fifth;
  ask(fifth);
  EXPECT_TRUE(waiting(3));
  polls->stop();  // before those who ask
}

TEST_F(LongPollsTest, StopAnswersAllAndWhoeverComesLater) {
  std::array<Asker, 3> askers;
  for (auto& asker : askers) ask(asker);
  polls->stop();
  polls->stop();
  for (auto& asker : askers) EXPECT_EQ(asker.answer().body, "nothing");
  EXPECT_EQ(happening.watches(), 0u);
  Asker late;
  polls->answer(happening.poll(), kWait, late.responder());
  EXPECT_EQ(late.answer().body, "nothing");
}

// A tail of a slow broker is no reason for acks to come late.
TEST_F(LongPollsTest, ALookThatReadsGoesToAWorkerAndHoldsNobodyUp) {
  Asker reader, other;
  read(reader);
  ask(other);
  const int looks = happening.looks();
  happening.happen();
  EXPECT_EQ(other.answer().body, "happened");
  EXPECT_TRUE(eventually([&] { return reader.work() == 1; }));
  EXPECT_EQ(happening.looks(), looks + 1) << "the other's alone";
  EXPECT_FALSE(reader.answered());
  reader.do_work();
  EXPECT_EQ(reader.answer().body, "happened");
  EXPECT_TRUE(waiting(0));
}

TEST_F(LongPollsTest, AWorkerThatFindsNothingIsFollowedByAWatchOrTheLook) {
  Asker reader;
  read(reader);
  happening.happen(false);
  EXPECT_TRUE(eventually([&] { return reader.work() == 1; }));
  EXPECT_EQ(happening.watches(), 0u) << "never two at once";
  reader.do_work();
  EXPECT_TRUE(eventually([&] { return happening.watches() == 1; }));
  happening.happen(false);
  EXPECT_TRUE(eventually([&] { return reader.work() == 1; }));
  reader.leave();  // while a worker is at it
  reader.do_work();
  EXPECT_TRUE(eventually([&] { return reader.work() == 1; })) << "the last look";
  reader.do_work();
  EXPECT_EQ(reader.answer().body, "nothing");
  EXPECT_TRUE(waiting(0));
}

TEST_F(LongPollsTest, WhereNoWorkerHasRoomItIsSaid) {
  Asker reader;
  read(reader);
  reader.full = true;
  happening.happen();
  EXPECT_EQ(reader.answer().status, 503);
  EXPECT_TRUE(waiting(0));
}

TEST_F(LongPollsTest, StopWaitsForWhatWorkersAreAt) {
  Asker reader;
  read(reader);
  auto stopped = std::async(std::launch::async, [&] { polls->stop(); });
  EXPECT_TRUE(eventually([&] { return reader.work() == 1; }));
  EXPECT_NE(stopped.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  reader.do_work();
  stopped.get();
  EXPECT_EQ(reader.answer().body, "nothing");
}

TEST_F(LongPollsTest, AnExceptionOfALookIs500AndStaysInside) {
  Asker asker;
  int looks = 0;
  polls->answer({[&](bool) -> std::optional<http::Response> {
                   if (++looks == 1) return std::nullopt;
                   throw std::runtime_error("boo");
                 },
                 happening.poll().watch},
                kWait, asker.responder());
  happening.happen();
  EXPECT_EQ(asker.answer().status, 500);
}

}  // namespace
}  // namespace mesh::services
