#include "cli/import/importer.h"

#include <algorithm>
#include <random>
#include <unordered_map>

namespace mesh::cli {
namespace {

using client::BatchOutcome;
using client::BatchResult;

// The server takes 1,000 at most. Ctrl-C waits for the batch under way, and after a lost answer it
// is sent again whole, so that it is not made larger than it need be.
constexpr std::size_t kBatchRows = 500;
constexpr std::size_t kBatchBytes = 256 << 10;

std::string reason_of(const Error& error) {
  std::string text = error.message;
  for (const auto& field : error.fields) text += "; " + field.pointer + ": " + field.detail;
  if (!error.cause.empty()) text += " (" + error.cause + ")";
  return text;
}

class Import {
 public:
  Import(RowReader& rows, const CreateUsers& create, const ImportOptions& options,
         const ImportHooks& hooks)
      : rows_(rows), create_(create), options_(options), hooks_(hooks) {}

  ImportResult run() {
    while (!result_.stopped) {
      if (hooks_.interrupted()) break;
      auto row = rows_.next();
      if (!row || !*row) {
        send_all();
        // A line that Ctrl-C cut short is no fault of the file.
        if (!row && !result_.stopped && !hooks_.interrupted()) result_.stopped = row.error();
        break;
      }
      take(std::move(**row));
    }
    result_.interrupted = hooks_.interrupted();
    if (!waiting_.empty()) result_.first_undone = waiting_.front().line;
    return result_;
  }

 private:
  void take(UserRow row) {
    ++result_.counts.rows;
    bytes_ += row.text.size();
    waiting_.push_back(std::move(row));
    // Broken rows count as well: a file of nothing else must not be gathered in memory.
    if (waiting_.size() >= kBatchRows || bytes_ >= kBatchBytes) send_all();
  }

  // Broken rows wait among the others, so that all are reported in the order of the file. What is
  // not done when the import ends goes on waiting.
  void send_all() {
    std::size_t next = 0;
    while (next < waiting_.size() && !result_.stopped && !hooks_.interrupted()) {
      std::vector<const UserRow*> batch;
      std::size_t end = next;
      for (; end < waiting_.size() && batch.size() < batch_rows_; ++end) {
        if (std::holds_alternative<NewUser>(waiting_[end].content)) batch.push_back(&waiting_[end]);
      }
      if (send(batch, next, end)) next = end;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(next));
    bytes_ = 0;
  }

  // False where the batch was too large, and the next try is smaller, or got no good answer.
  bool send(const std::vector<const UserRow*>& batch, std::size_t from, std::size_t to) {
    std::vector<BatchResult> results;
    if (!batch.empty()) {
      std::vector<NewUser> users;
      for (const UserRow* row : batch) users.push_back(std::get<NewUser>(row->content));
      // The server keeps a key for each line of the request: a half that is sent under the same key
      // has the same rows in the same lines.
      const std::string key = "import-" + options_.run + "-" + std::to_string(batch.front()->line);
      auto answer = patiently([&] { return create_(users, key); }, hooks_.sleep, random_);
      if (!answer && answer.error().kind == ErrorKind::too_large && batch.size() > 1) {
        // Stays so: the limit that was met holds for the batches that follow.
        batch_rows_ = batch.size() / 2;
        return false;
      }
      if (!answer) {
        const Error& error = answer.error();
        result_.unanswered = error.retryable() && error.kind != ErrorKind::rate_limited;
        // After Ctrl-C the last error is only why the call had not succeeded yet.
        if (!hooks_.interrupted()) result_.stopped = error;
        return false;
      }
      results = std::move(*answer);
    }
    auto result = results.begin();
    for (std::size_t i = from; i < to; ++i) {
      const UserRow& row = waiting_[i];
      if (const auto* broken = std::get_if<BrokenRow>(&row.content)) {
        count_failure(row, broken->reason);
      } else {
        count(row, *result++);
      }
    }
    hooks_.progressed(result_.counts);
    return true;
  }

  void count(const UserRow& row, const BatchResult& result) {
    auto& counts = result_.counts;
    switch (options_.batch.dry_run ? rehearsed(row, result.outcome) : result.outcome) {
      case BatchOutcome::created:
        ++counts.created;
        return;
      case BatchOutcome::updated:
        ++counts.updated;
        return;
      case BatchOutcome::existing:
        if (options_.existing_fails)
          return count_failure(row, "the tenant has a user of this address");
        ++counts.existing;
        return;
      case BatchOutcome::failed:
        return count_failure(row, result.error ? reason_of(*result.error) : "refused");
    }
  }

  // The server does not see the rows of a dry run that come before: those of the same address
  // count.
  BatchOutcome rehearsed(const UserRow& row, BatchOutcome outcome) {
    if (outcome == BatchOutcome::failed) return outcome;
    const auto& user = std::get<NewUser>(row.content);
    const auto [seen, is_first] = names_.try_emplace(email_key(user.email), user.name);
    if (is_first) return outcome;
    if (!options_.batch.update || seen->second == user.name) return BatchOutcome::existing;
    seen->second = user.name;
    return BatchOutcome::updated;
  }

  void count_failure(const UserRow& row, const std::string& reason) {
    ++result_.counts.failed;
    hooks_.failed(row, reason);
  }

  RowReader& rows_;
  const CreateUsers& create_;
  const ImportOptions& options_;
  const ImportHooks& hooks_;
  ImportResult result_;
  std::vector<UserRow> waiting_;
  std::size_t bytes_ = 0;
  std::size_t batch_rows_ = kBatchRows;
  std::unordered_map<std::string, std::string> names_;  // of a dry run, by e-mail key
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

ImportResult import_users(RowReader& rows, const CreateUsers& create, const ImportOptions& options,
                          const ImportHooks& hooks) {
  return Import(rows, create, options, hooks).run();
}

}  // namespace mesh::cli
