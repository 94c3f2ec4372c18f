#include "cli/listed_task.h"

#include <algorithm>
#include <random>

#include "cli/render/width.h"
#include "cli/retry.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr Duration kReportPeriod{1'000};
constexpr Duration kOneCall{5'000};  // of one call: the work waits for its first and its last
constexpr int kEndTries = 3;         // of the end

const char* name_of_end(ListedTask::End end) {
  switch (end) {
    case ListedTask::End::done:
      return "done";
    case ListedTask::End::failed:
      return "failed";
    case ListedTask::End::cancelled:
      break;
  }
  return "cancelled";
}

// An older one has no such method of the path (`unsupported`).
bool lists_no_such_tasks(const Error& error) {
  using enum ErrorKind;
  return error.kind == not_found || error.kind == unsupported || error.kind == unauthenticated ||
         error.kind == forbidden;
}

// A client of its own: the session's tells of each exchange, which is the work's thread's matter,
// and ends at --timeout, when the end is yet to be said.
std::unique_ptr<client::Client> client_of_list(const client::Options& session) {
  const bool tenants_own = is_tenant_token(session.operator_token);
  if (session.operator_token.empty() || tenants_own ||
      session.endpoints.of(client::Role::admin).empty()) {
    return nullptr;
  }
  client::Options options = session;
  options.observe = {};
  options.deadline = {};
  options.timeout = std::min(options.timeout, kOneCall);
  return std::make_unique<client::Client>(std::move(options));
}

}  // namespace

ListedTask::ListedTask(Session& session, std::string kind, Json spec)
    : session_(session), kind_(std::move(kind)), mesh_(client_of_list(session.mesh->options())) {
  if (!mesh_) return;
  const auto task = mesh_->begin_task(kind_, spec);
  if (!task) {
    if (!lists_no_such_tasks(task.error())) note("is not in the list of tasks", task.error());
    mesh_.reset();
    return;
  }
  id_ = plain_text(at_path(*task, "id"));
  reports_ = std::make_unique<Periodic>(
      "task-report", session.clock, kReportPeriod, [this] { report(); }, Periodic::Rest::keeps);
}

void ListedTask::progressed(std::int64_t done, std::int64_t total, Json result) {
  std::lock_guard lock(mutex_);
  last_ = {done, total, std::move(result)};
}

bool ListedTask::cancelled() const {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

// One that fails is made good by the next, which says all; the end says what went wrong for good.
void ListedTask::report() {
  client::TaskReport said;
  {
    std::lock_guard lock(mutex_);
    said = last_;
  }
  const auto cancel = mesh_->report_task(id_, said);
  if (!cancel || !*cancel) return;
  std::lock_guard lock(mutex_);
  cancelled_ = true;
}

void ListedTask::end(End end, const std::string& error) {
  if (!mesh_) return;
  reports_->stop();
  std::mt19937_64 random{std::random_device{}()};
  for (int attempt = 1;; ++attempt) {
    const auto ended = mesh_->end_task(id_, last_, name_of_end(end), error);
    if (ended) break;
    const auto delay = retry_delay(ended.error(), attempt, random());
    if (!delay || attempt == kEndTries || !nap(*delay)) {
      note("has no end in the list of tasks, as task " + id_, ended.error());
      break;
    }
  }
  mesh_.reset();
}

void ListedTask::note(const std::string& what, const Error& error) {
  session_.out.note("this " + kind_ + " " + what + ": " + printable(error.message));
}

}  // namespace mesh::cli
