#include "cli/import/importer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

bool stops_everything(const Error& error) {
  switch (error.kind) {
    case ErrorKind::unauthenticated:
    case ErrorKind::forbidden:
    case ErrorKind::unavailable:
    case ErrorKind::timeout:
    case ErrorKind::rate_limited:
    case ErrorKind::unsupported:
      return true;
    default:
      return false;
  }
}

std::string reason_of(const Error& error) {
  std::string text = error.message;
  for (const auto& field : error.fields) text += "; " + field.pointer + ": " + field.detail;
  if (!error.cause.empty()) text += " (" + error.cause + ")";
  return text;
}

class Import {
 public:
  Import(RowReader& rows, const CreateUser& create, const ImportOptions& options,
         const ImportHooks& hooks)
      : rows_(rows), create_(create), options_(options), hooks_(hooks) {}

  ImportResult run() {
    for (int i = 0; i < std::max(1, options_.parallel); ++i)
      senders_.emplace_back([this] { send(); });
    read();
    {
      const std::lock_guard lock(mutex_);
      end_of_rows_ = true;
    }
    changed_.notify_all();
    for (auto& sender : senders_) sender.join();
    return result_;
  }

 private:
  void read() {
    const std::size_t bound = static_cast<std::size_t>(std::max(1, options_.parallel)) * 4;
    while (true) {
      if (hooks_.interrupted()) {
        const std::lock_guard lock(mutex_);
        result_.interrupted = true;
        waiting_.clear();
        return;
      }
      auto row = rows_.next();
      std::unique_lock lock(mutex_);
      if (!row) result_.stopped = row.error();
      if (!row || !*row) return;
      ++result_.counts.rows;
      if (const auto* broken = std::get_if<BrokenRow>(&(*row)->content)) {
        settle_failure({(*row)->line, {}, broken->reason, std::move((*row)->text)});
        continue;
      }
      changed_.wait(lock, [&] { return waiting_.size() < bound || result_.stopped; });
      if (result_.stopped) return;
      waiting_.push_back(
          {(*row)->line, std::get<NewUser>(std::move((*row)->content)), std::move((*row)->text)});
      changed_.notify_all();
    }
  }

  void send() {
    std::mt19937_64 random(std::random_device{}());
    while (true) {
      Waiting row;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !waiting_.empty() || end_of_rows_ || result_.stopped; });
        if (waiting_.empty() || result_.stopped) return;
        row = std::move(waiting_.front());
        waiting_.pop_front();
        changed_.notify_all();
      }
      const std::string key = import_key(row.user);
      auto created = patiently([&] { return create_(row.user, key); }, hooks_.sleep, random);
      const std::lock_guard lock(mutex_);
      settle(row, created);
    }
  }

  struct Waiting {
    std::int64_t line = 0;
    NewUser user;
    std::string text;
  };

  void settle(const Waiting& row, const Result<client::CreatedUser>& created) {
    if (created) {
      ++(created->replayed ? result_.counts.existing : result_.counts.created);
    } else if (created.error().kind == ErrorKind::conflict && !options_.existing_fails) {
      ++result_.counts.existing;
    } else if (stops_everything(created.error())) {
      if (!hooks_.interrupted() && !result_.stopped) result_.stopped = created.error();
      changed_.notify_all();
      return;
    } else {
      settle_failure({row.line, row.user.email, reason_of(created.error()), row.text});
      return;
    }
    hooks_.progressed(result_.counts);
  }

  void settle_failure(const RowFailure& failure) {
    ++result_.counts.failed;
    hooks_.failed(failure);
    hooks_.progressed(result_.counts);
  }

  RowReader& rows_;
  const CreateUser& create_;
  const ImportOptions options_;
  const ImportHooks& hooks_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;  // this and the next two guarded by mutex_
  bool end_of_rows_ = false;
  ImportResult result_;

  std::vector<std::thread> senders_;  // last: they use all of the above
};

}  // namespace

ImportResult import_users(RowReader& rows, const CreateUser& create, const ImportOptions& options,
                          const ImportHooks& hooks) {
  return Import(rows, create, options, hooks).run();
}

std::string import_key(const NewUser& user) {
  return "import-" + sha256_hex(user.email + "\n" + user.name).substr(0, 40);
}

}  // namespace mesh::cli
