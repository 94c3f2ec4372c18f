// What only the embedded index of events can do wrong.
#include "common/engines/sqlite/events/event_index.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/event_check.h"
#include "common/engines/sqlite/events/events_file.h"
#include "common/engines/sqlite/repair/inspect_events.h"
#include "tests/support/temp_dir.h"

namespace mesh::sqlite {
namespace {

using test::TempDir;

constexpr const char* kSent = "order.sent";

TenantId sender(const std::string& text) { return TenantId::parse(text).value(); }

EventDocument sent(const std::string& tenant, int number) {
  std::vector<float> vector(16, 0.1F);
  vector[static_cast<std::size_t>(number) % 16] = 1;
  return {.tenant = sender(tenant),
          .type = kSent,
          .event_id = "e" + std::to_string(number),
          .subject = "s" + std::to_string(number % 4),
          .position = {"order.events", 0, number},
          .time = Timestamp{std::chrono::seconds{number}},
          .title = "number " + std::to_string(number),
          .fields = {{"n", static_cast<double>(number)}},
          .terms = terms_of("sent by post number" + std::to_string(number)),
          .vectors = {{"test", std::move(vector)}}};
}

std::unique_ptr<EventIndex> open_events(const TempDir& dir) {
  auto index = open_event_index(dir.path(), {});
  EXPECT_TRUE(index) << index.error().to_string();
  return std::move(*index);
}

void fill_events(EventIndex& index, int count, const std::string& tenant = "acme") {
  std::vector<EventDocument> documents;
  for (int number = 0; number < count; ++number) documents.push_back(sent(tenant, number));
  const auto applied = index.apply(documents);
  ASSERT_TRUE(applied) << applied.error().to_string();
}

int served_events(EventIndex& index) {
  const int number = index.create(kSent, {.dimension = 16, .embedder = "test"})->info.number;
  EXPECT_TRUE(index.serve(kSent, number));
  return number;
}

std::int64_t rows_of(const TempDir& dir, const std::string& table) {
  auto db = Database::open(dir.file("events.db"), Database::Mode::read_only).value();
  return first_row(query(*db, "SELECT count(*) FROM " + std::string(table)),
                   [](const Statement& row) { return row.integer(0); })
      .value()
      .value();
}

Status checked(const TempDir& dir) {
  auto db = MESH_TRY(Database::open(dir.file("events.db"), Database::Mode::read_only));
  const auto partitions = MESH_TRY(read_event_partitions(*db));
  for (const auto& partition : partitions) MESH_TRY(check_event_partition(*db, partition));
  return {};
}

TEST(EmbeddedEvents, OfWhatWasErasedNoRowIsLeft) {
  TempDir dir;
  auto index = open_events(dir);
  served_events(*index);
  fill_events(*index, 40);
  ASSERT_TRUE(index->erase(sender("acme"), "s1", {}));
  ASSERT_TRUE(index->erase_below({"order.events", 0}, 10));
  fill_events(*index, 20);
  EXPECT_TRUE(checked(dir)) << checked(dir).error().to_string();
  ASSERT_TRUE(index->erase(sender("acme"), {}, {}));
  for (const char* table : {"documents", "coarse", "fine", "postings", "partitions"}) {
    EXPECT_EQ(rows_of(dir, table), 0) << table;
  }
}

TEST(EmbeddedEvents, OfADroppedGenerationNoRowIsLeft) {
  TempDir dir;
  auto index = open_events(dir);
  served_events(*index);
  const int other = index->create(kSent, {.dimension = 16, .embedder = "test"})->info.number;
  for (const char* tenant : {"acme", "globex"}) fill_events(*index, 700, tenant);
  ASSERT_TRUE(index->drop(kSent, other));
  // A stop in between: the next open goes on, and its close waits for what it had begun.
  for (int i = 0; i < 40 && rows_of(dir, "generations") > 1; ++i) {
    index.reset();
    index = open_events(dir);
    ASSERT_TRUE(index->erase_below({"none.events", 0}, 0)) << "behind what the sweep submitted";
  }
  EXPECT_EQ(rows_of(dir, "generations"), 1);
  EXPECT_EQ(rows_of(dir, "partitions"), 2);
  EXPECT_EQ(rows_of(dir, "documents"), 1'400);
  EXPECT_EQ(rows_of(dir, "postings"), 1'400 * 4);
  EXPECT_TRUE(checked(dir));
  EXPECT_EQ(index->create(kSent, {.dimension = 16, .embedder = "test"})->info.number, other + 1);
}

TEST(EmbeddedEvents, AFileThatIsNoDatabaseIsCorrupt) {
  TempDir dir;
  std::ofstream(dir.file("events.db")) << std::string(8192, 'x');
  const auto index = open_event_index(dir.path(), {});
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::corrupt);
}

TEST(EmbeddedEvents, ARepairTellsDamageAndWhoseItIs) {
  TempDir dir;
  {
    auto index = open_events(dir);
    served_events(*index);
    for (const char* tenant : {"acme", "globex"}) fill_events(*index, 50, tenant);
  }
  auto report = inspect_events(dir.file("events.db"));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_TRUE(report->damages.empty());
  EXPECT_EQ(report->rows, 100);
  for (const char* damage :
       {"UPDATE coarse SET high = x'00' WHERE id = (SELECT max(id) FROM coarse)",
        "DELETE FROM fine WHERE id = (SELECT max(id) FROM fine)",
        "UPDATE documents SET fields = x'07' WHERE id = (SELECT max(id) FROM documents)",
        "DELETE FROM postings WHERE partition = 2 AND term = (SELECT max(term) FROM postings)",
        "UPDATE partitions SET documents = 7 WHERE id = 2",
        "UPDATE documents SET length = 9 WHERE id = (SELECT max(id) FROM documents)"}) {
    SCOPED_TRACE(damage);
    TempDir copy;
    std::filesystem::copy_file(dir.file("events.db"), copy.file("events.db"));
    {
      auto db = Database::open(copy.file("events.db"), Database::Mode::read_write).value();
      ASSERT_TRUE(db->execute(damage));
    }
    report = inspect_events(copy.file("events.db"));
    ASSERT_TRUE(report) << report.error().to_string();
    ASSERT_EQ(report->damages.size(), 1u);
    EXPECT_THAT(report->damages[0].tenants, testing::ElementsAre("globex"));
    EXPECT_TRUE(report->damages[0].lossless);
    EXPECT_EQ(report->rows, 50);
  }
}

// What a search counts, ranks and shows is of one state, while events come and go.
TEST(EmbeddedEventsConcurrency, SearchesSeeWholeEventsWhileChangesArrive) {
  TempDir dir;
  auto index = open_events(dir);
  served_events(*index);
  fill_events(*index, 50);
  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  std::vector<std::thread> searchers;
  for (int i = 0; i < 2; ++i) {
    searchers.emplace_back([&] {
      const std::vector<float> ask(16, 1.0F);
      while (!done) {
        const auto near =
            index->search_vectors(sender("acme"), {kSent}, {ask, "test"}, 1'000, -100);
        ASSERT_TRUE(near) << near.error().to_string();
        ASSERT_EQ(near->size(), 50u) << "an event is written in its own place";
        for (const auto& hit : *near) {
          ASSERT_EQ(hit.title, "number " + hit.event_id.substr(1));
        }
        const auto by_words = index->search_words(sender("acme"), {kSent}, terms_of("post"), 1'000);
        ASSERT_TRUE(by_words) << by_words.error().to_string();
        ASSERT_EQ(by_words->size(), 50u);
        ++searches;
      }
    });
  }
  for (int round = 0; round < 10 || searches < 20; ++round) fill_events(*index, 50);
  done = true;
  for (auto& thread : searchers) thread.join();
  EXPECT_TRUE(checked(dir));
}

}  // namespace
}  // namespace mesh::sqlite
