#include "common/domain/task_summary.h"

#include <algorithm>
#include <span>

#include "common/base/strings.h"
#include "common/base/thousands.h"
#include "common/base/time.h"

namespace mesh {
namespace {

struct Count {
  const char* member;
  const char* words;
  bool always;  // also where it is 0: that answers a question, as "died again 0"
};
// Of the results of all kinds, in the order in which they are told.
constexpr Count kCounts[] = {{"redriven", "redriven", true},
                             {"purged", "purged", true},
                             {"done", "done", true},
                             {"died_again", "died again", true},
                             {"dead", "died", true},
                             {"searchable", "searchable", true},
                             {"counted", "counted", true},
                             {"pending", "still pending", false},
                             {"superseded", "overtaken by newer states", false},
                             {"skipped", "skipped", false},
                             {"moved", "moved partitions", false},
                             {"generation", "built generation", false},
                             {"previous", "kept generation", false},
                             {"found", "found", true},
                             {"erased", "erased", true},
                             {"remaining", "still kept", false}};

std::string counts_text(const Json& result) {
  std::string text;
  if (!result.is_object()) return text;
  for (const auto& [member, words, always] : kCounts) {
    const auto it = result.find(member);
    if (it == result.end() || !it->is_number_integer()) continue;
    const auto count = it->get<std::int64_t>();
    if (count == 0 && !always) continue;
    text += (text.empty() ? "" : ", ") + std::string(words) + " " + with_thousands(count);
  }
  return text;
}

// Of what a client did: "imported 1,200 users, 3 refused".
std::string client_text(const Task& task) {
  struct Words {
    const char *member, *before, *behind;
    bool always;
  };
  static constexpr Words kImported[] = {{"created", "imported ", " users", true},
                                        {"updated", "", " updated", false},
                                        {"existing", "", " known already", false},
                                        {"failed", "", " refused", false}};
  static constexpr Words kExported[] = {{"records", "exported ", " records", true}};
  std::string text;
  if (!task.result.is_object()) return text;
  const auto all =
      task.kind == "import" ? std::span<const Words>(kImported) : std::span<const Words>(kExported);
  for (const auto& [member, before, behind, always] : all) {
    const auto it = task.result.find(member);
    if (it == task.result.end() || !it->is_number_integer()) continue;
    const auto count = it->get<std::int64_t>();
    if (count == 0 && !always) continue;
    text += (text.empty() ? "" : ", ") + (before + with_thousands(count)) + behind;
  }
  return text;
}

// A backup's result is its manifest.
std::string copied_text(const Task& task) {
  const auto files = task.result.is_object() ? task.result.find("files") : task.result.end();
  if (files == task.result.end() || !files->is_array() || files->empty()) return {};
  std::int64_t bytes = 0;
  for (const Json& file : *files) {
    const auto size = file.is_object() ? file.find("bytes") : file.end();
    if (size != file.end() && size->is_number_integer()) bytes += size->get<std::int64_t>();
  }
  return "copied " + with_thousands(std::ssize(*files)) +
         (files->size() == 1 ? " file, " : " files, ") +
         format_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0))) + ", to " +
         task.spec.value("path", std::string());
}

std::string units_text(const Task& task, std::int64_t count) {
  if (task.kind == "backup")
    return format_size(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)));
  return with_thousands(count);
}

// "at 45%", or the units done where it is not known how many there are.
std::string progress_text(const Task& task) {
  if (task.total <= 0) return "at " + units_text(task, task.done);
  return "at " + std::to_string(std::clamp<std::int64_t>(task.done * 100 / task.total, 0, 100)) +
         "%";
}

// Of a seek, until all members have let go of the group; of an erasure, until those have come by
// that may write of the tenant yet.
std::string waits_text(const Task& task) {
  const auto all = task.result.is_object() ? task.result.find("waits_for") : task.result.end();
  std::vector<std::string> members;
  if (all != task.result.end() && all->is_array()) {
    for (const Json& one : *all) {
      if (one.is_string()) members.push_back(one.get<std::string>());
    }
  }
  if (members.empty()) return {};
  return ", waits for " + join(members, ", ") + (task.kind == "seek" ? " to let go" : "");
}

// Of what was not finished.
std::string remains_text(const Task& task) {
  if (task.kind == "rebuild") {
    const bool served = task.total > 0 && task.done >= task.total;
    return served ? std::string() : ", the new generation did not come to serve";
  }
  if (task.kind == "backup") return ", the folder is of no use";
  // How many rows there are is guessed.
  if (task.kind == "import") return {};
  if (task.kind == "export") return ", what was written is not whole";
  if (task.kind == "erasure") {
    if (task.spec.is_object() && task.spec.value("dry_run", false)) return {};
    return ", the rest remains until the same purge is asked for again";
  }
  if (task.kind == "seek" && task.done == 0) return ", the group was not moved";
  if (task.total <= task.done) return {};
  const std::string left = with_thousands(task.total - task.done);
  if (task.kind == "redrive" || task.kind == "purge") return ", " + left + " letters remain";
  if (task.kind == "replay") return ", " + left + " events of the range remain";
  return ", " + left + " remain";
}

}  // namespace

std::string task_summary(const Task& task) {
  const std::string counts =
      is_done_by_client(task.kind) ? client_text(task) : counts_text(task.result);
  const std::string behind = counts.empty() ? counts : ", " + counts;
  switch (task.state) {
    case Task::State::queued:
      return "waits for its turn";
    case Task::State::running:
      return progress_text(task) + waits_text(task) + behind;
    case Task::State::failed:
      return "failed: " + task.error + behind + remains_text(task);
    case Task::State::cancelled:
      return "cancelled" + behind + remains_text(task);
    case Task::State::done:
      break;
  }
  return task.kind == "backup" ? copied_text(task) : counts;
}

}  // namespace mesh
