#include "common/domain/task_summary.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

using State = Task::State;

struct Case {
  const char* kind;
  State state;
  std::int64_t done, total;
  Json result;
  const char* summary;
};

TEST(TaskSummary, EachKindSaysWhatCameOfItAndWhatRemains) {
  const Json redriven{{"redriven", 1'200}, {"done", 1'100},   {"died_again", 100},
                      {"pending", 0},      {"superseded", 3}, {"searchable", 1'099}};
  const Json manifest{{"files", {{{"bytes", 1 << 20}}, {{"bytes", 1 << 19}}}}};
  const Case kCases[] = {
      {"replay", State::queued, 0, 10, {}, "waits for its turn"},
      {"replay", State::running, 45, 100, {{"done", 40}, {"dead", 5}}, "at 45%, done 40, died 5"},
      {"replay",
       State::done,
       3,
       3,
       {{"done", 2}, {"dead", 0}, {"skipped", 1}},
       "done 2, died 0, skipped 1"},
      {"replay",
       State::cancelled,
       30,
       1'100,
       {{"done", 30}},
       "cancelled, done 30, 1,070 events of the range remain"},
      {"redrive", State::done, 1'203, 1'203, redriven,
       "redriven 1,200, done 1,100, died again 100, searchable 1,099, overtaken by newer states 3"},
      {"redrive",
       State::failed,
       2,
       5,
       {{"redriven", 2}},
       "failed: the disk is full, redriven 2, 3 letters remain"},
      {"purge", State::cancelled, 0, 7, nullptr, "cancelled, 7 letters remain"},
      {"rebuild", State::running, 7, 0, {}, "at 7"},
      {"rebuild",
       State::done,
       9,
       9,
       {{"generation", 4}, {"previous", 3}},
       "built generation 4, kept generation 3"},
      {"rebuild",
       State::cancelled,
       5,
       9,
       {},
       "cancelled, the new generation did not come to serve"},
      {"seek",
       State::running,
       0,
       8,
       {{"waits_for", {"x", "y"}}},
       "at 0%, waits for x, y to let go"},
      {"seek", State::done, 8, 8, {{"moved", 8}}, "moved partitions 8"},
      {"erasure",
       State::running,
       2,
       8,
       {{"erased", 2}, {"waits_for", {"group x"}}},
       "at 25%, waits for group x, erased 2"},
      {"erasure", State::done, 8, 8, {{"erased", 8}, {"remaining", 3}}, "erased 8, still kept 3"},
      {"erasure", State::done, 9, 9, {{"found", 8}}, "found 8"},
      {"erasure",
       State::cancelled,
       2,
       8,
       {{"erased", 2}},
       "cancelled, erased 2, the rest remains until the same purge is asked for again"},
      {"seek", State::failed, 0, 8, {}, "failed: the disk is full, the group was not moved"},
      {"import",
       State::running,
       500,
       2'000,
       {{"created", 497}, {"updated", 0}, {"existing", 0}, {"failed", 3}},
       "at 25%, imported 497 users, 3 refused"},
      {"import",
       State::done,
       1'203,
       1'203,
       {{"created", 1'200}, {"updated", 1}, {"existing", 2}, {"failed", 0}},
       "imported 1,200 users, 1 updated, 2 known already"},
      {"import", State::cancelled, 5, 9, {{"created", 5}}, "cancelled, imported 5 users"},
      {"export", State::done, 9, 12, {{"records", 9}}, "exported 9 records"},
      {"export",
       State::failed,
       9,
       12,
       {{"records", 9}},
       "failed: the disk is full, exported 9 records, what was written is not whole"},
      {"export", State::queued, 0, 0, nullptr, "waits for its turn"},
      {"backup", State::running, 1 << 20, 0, {}, "at 1.0 MiB"},
      {"backup", State::done, 1, 1, manifest, "copied 2 files, 1.5 MiB, to /b/one"},
      {"backup", State::failed, 0, 0, {}, "failed: the disk is full, the folder is of no use"},
  };
  for (const Case& one : kCases) {
    Task task{.id = "t", .kind = one.kind, .state = one.state};
    task.done = one.done;
    task.total = one.total;
    task.result = one.result;
    task.spec = {{"path", "/b/one"}};
    if (one.state == State::failed) task.error = "the disk is full";
    EXPECT_EQ(task_summary(task), one.summary) << one.kind;
  }
}

}  // namespace
}  // namespace mesh
