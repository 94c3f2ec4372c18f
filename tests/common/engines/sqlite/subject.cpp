#include "tests/common/engines/sqlite/subject.h"

#include <future>

#include "common/engines/sqlite/events/event_index.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/read_all.h"

namespace mesh::test {
namespace {

const TenantId kAcme = TenantId::parse("acme").value();
constexpr int kDimension = 16;
constexpr auto kTopic = "analytics.events";

std::string text(int number) {
  return "number " + std::to_string(number) +
         std::string(static_cast<std::size_t>(number % 7) * 40, 'x');
}

class LogSubject final : public Subject {
 public:
  Status open(const std::string& dir) override {
    close();
    sqlite::LogOptions options;
    options.upkeep_interval = Duration(0);
    options.on_fatal = [this](const Error&) { ++fatal; };
    log_ = MESH_TRY(sqlite::SqliteLog::open(dir, options, clock_));
    return log_->ensure_topic({kTopic, TopicKind::activity, 2, {}, {}});
  }
  void close() override { log_.reset(); }
  Status write(int number) override {
    auto done = append_and_wait(
        *log_, {{kTopic, "acme/" + std::to_string(number), text(number), {{"ce_type", "t"}}}});
    return done ? Status{} : Status(fail(done.error()));
  }
  Result<std::set<int>> read() override {
    std::set<int> found;
    for (int partition = 0; partition < 2; ++partition) {
      auto records = MESH_TRY(test::read_all(*log_, {kTopic, partition}, 0, {100'000, 1 << 30}));
      for (const auto& record : records) {
        const int number = std::stoi(record.key.substr(5));
        EXPECT_EQ(record.value, text(number));
        EXPECT_TRUE(found.insert(number).second);
      }
    }
    return found;
  }
  std::string file() const override { return "log.db"; }

 private:
  ManualClock clock_;
  std::unique_ptr<sqlite::SqliteLog> log_;
};

class StoreSubject final : public Subject {
 public:
  Status open(const std::string& dir) override {
    close();
    sqlite::StoreOptions options;
    options.on_fatal = [this](const Error&) { ++fatal; };
    store_ = MESH_TRY(sqlite::SqliteStore::open(dir, options, clock_));
    return {};
  }
  void close() override { store_.reset(); }
  // A user with its event, and an event that is counted.
  Status write(int number) override {
    std::promise<Status> done;
    store_->users().create(kAcme, {std::to_string(number) + "@x.dev", text(number)}, {},
                           [&](Result<ChangedUser> user) {
                             done.set_value(user ? Status{} : Status(fail(user.error())));
                           });
    MESH_TRY(done.get_future().get());
    const AnalyticsEvent event{.id = std::to_string(number),
                               .source = "/test",
                               .tenant = kAcme,
                               .user_id = "u",
                               .event_type = "kind",
                               .timestamp = "",
                               .metadata = Json{{"n", number}},
                               .processed_at = {}};
    return store_->analytics().record({&event, 1}, {});
  }
  Result<std::set<int>> read() override {
    std::set<int> found, waiting;
    auto users = MESH_TRY(store_->users().list(kAcme, 0, 100'000, std::nullopt));
    for (const auto& user : users) {
      const int number = std::stoi(user.email);
      EXPECT_EQ(user.name, text(number));
      EXPECT_EQ(user.email, std::to_string(number) + "@x.dev");
      found.insert(number);
    }
    auto outbox = MESH_TRY(test::waiting(store_->outbox()));
    for (const auto& entry : outbox) {
      const Json value = Json::parse(entry.record.value.value_or(""), nullptr, false);
      waiting.insert(std::stoi(value.value("email", "-1")));
    }
    EXPECT_EQ(waiting, found) << "users and their events are not the same";
    auto summary = store_->analytics().summary(kAcme, "u");
    if (!summary && summary.error().kind == ErrorKind::not_found) return found;
    if (!summary) return fail(summary.error());
    // A write is two; some were cut or refused in between: at most one per run of a test.
    EXPECT_GE(summary->total_events, static_cast<std::int64_t>(found.size()) - 40);
    EXPECT_LE(summary->total_events, static_cast<std::int64_t>(found.size()));
    for (const auto& event : summary->recent_events)
      EXPECT_EQ(dump(event.metadata), "{\"n\":" + event.id + "}");
    return found;
  }
  std::string file() const override { return "store.db"; }

 private:
  ManualClock clock_;
  std::unique_ptr<sqlite::SqliteStore> store_;
};

class IndexSubject final : public Subject {
 public:
  Status open(const std::string& dir) override {
    close();
    sqlite::IndexOptions options;
    options.on_fatal = [this](const Error&) { ++fatal; };
    index_ = MESH_TRY(sqlite::open_embedded_index(dir, options));
    auto all = index_->generations();
    if (!all) return fail(all.error());
    if (!all->empty() && all->front().serving) return {};
    if (all->empty()) (void)MESH_TRY(index_->create_generation({kDimension, "test"}, 0));
    return index_->serve(1, 0);
  }
  void close() override { index_.reset(); }
  Status write(int number) override {
    VectorChange change{kAcme,
                        number + 1,
                        1,
                        std::vector<float>(kDimension, 0.0F),
                        std::to_string(number) + "@x.dev",
                        text(number),
                        "e"};
    change.vector[static_cast<std::size_t>(number % kDimension)] = 1;
    return index_->apply(1, {&change, 1});
  }
  Result<std::set<int>> read() override {
    std::set<int> found;
    auto users = MESH_TRY(index_->scan(1, kAcme, 0, 100'000));
    for (const auto& user : users) {
      const int number = static_cast<int>(user.user_id) - 1;
      EXPECT_EQ(user.name, text(number));
      found.insert(number);
    }
    for (int axis = 0; axis < kDimension; ++axis) {
      std::vector<float> query(kDimension, 0.0F);
      query[static_cast<std::size_t>(axis)] = 1;
      auto hits = MESH_TRY(index_->search(kAcme, {query, "test"}, 100, 0.5F));
      for (const auto& hit : hits) {
        const int number = static_cast<int>(hit.user_id) - 1;
        EXPECT_EQ(number % kDimension, axis);
        EXPECT_EQ(hit.name, text(number));
      }
    }
    return found;
  }
  std::string file() const override { return "vectors.db"; }

 private:
  std::unique_ptr<VectorIndex> index_;
};

class EventsSubject final : public Subject {
 public:
  Status open(const std::string& dir) override {
    close();
    index_ = MESH_TRY(sqlite::open_event_index(
        dir, {.on_fatal = [this](const Error&) { ++fatal; }, .on_commit = {}}));
    const auto all = MESH_TRY(index_->generations());
    if (!all.empty() && all.front().info.serving) return {};
    if (all.empty()) {
      (void)MESH_TRY(index_->create(kType, {.dimension = kDimension, .embedder = "test"}));
    }
    return index_->serve(kType, 1);
  }
  void close() override { index_.reset(); }
  Status write(int number) override {
    EventDocument document{.tenant = kAcme,
                           .type = kType,
                           .event_id = std::to_string(number),
                           .subject = "s",
                           .position = {"order.events", 0, number},
                           .time = Timestamp{std::chrono::seconds{number}},
                           .title = text(number),
                           .fields = {{"n", static_cast<double>(number)}},
                           .terms = terms_of("every n" + std::to_string(number)),
                           .vectors = {{"test", std::vector<float>(kDimension, 0.0F)}}};
    document.vectors["test"][static_cast<std::size_t>(number % kDimension)] = 1;
    return index_->apply({&document, 1});
  }
  // By words, by each axis and by the count: all of them say the same.
  Result<std::set<int>> read() override {
    const EventScope scope{.type = kType, .filter = {}, .from = {}, .to = {}};
    std::set<int> found, near;
    const auto by_words = MESH_TRY(index_->search_words(kAcme, scope, terms_of("every"), 100'000));
    for (const auto& hit : by_words) {
      const int number = std::stoi(hit.event_id);
      EXPECT_EQ(hit.title, text(number));
      EXPECT_EQ(hit.fields, (FieldValues{{"n", static_cast<double>(number)}}));
      EXPECT_EQ(hit.position.offset, number);
      found.insert(number);
    }
    for (int axis = 0; axis < kDimension; ++axis) {
      std::vector<float> query(kDimension, 0.0F);
      query[static_cast<std::size_t>(axis)] = 1;
      const auto hits =
          MESH_TRY(index_->search_vectors(kAcme, scope, {query, "test"}, 100'000, 0.5F));
      for (const auto& hit : hits) {
        EXPECT_EQ(std::stoi(hit.event_id) % kDimension, axis);
        near.insert(std::stoi(hit.event_id));
      }
    }
    EXPECT_EQ(near, found);
    const auto kept = MESH_TRY(index_->kept(kAcme, "s"));
    EXPECT_EQ(kept.documents, static_cast<std::int64_t>(found.size()));
    return found;
  }
  std::string file() const override { return "events.db"; }

 private:
  static constexpr const char* kType = "order.placed";
  std::unique_ptr<EventIndex> index_;
};

}  // namespace

std::unique_ptr<Subject> make_log_subject() { return std::make_unique<LogSubject>(); }
std::unique_ptr<Subject> make_store_subject() { return std::make_unique<StoreSubject>(); }
std::unique_ptr<Subject> make_index_subject() { return std::make_unique<IndexSubject>(); }
std::unique_ptr<Subject> make_events_subject() { return std::make_unique<EventsSubject>(); }

}  // namespace mesh::test
