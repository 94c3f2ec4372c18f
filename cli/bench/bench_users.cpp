#include "cli/bench/bench_users.h"

#include <random>

#include "cli/bench/run.h"
#include "cli/bench/traffic.h"
#include "cli/interrupt.h"
#include "cli/retry.h"
#include "common/load/requests.h"

namespace mesh::cli {
namespace {

// In front of the reserved domains of the made-up population.
constexpr std::string_view kMark = "mesh-bench";
constexpr int kBatch = 500;
constexpr int kPage = 1000;  // the server's most
constexpr std::int64_t kLongestWait = 25;
constexpr Duration kPause{1000};  // after a rate limit refused some

template <typename Call>
auto with_patience(const Call& call) {
  std::mt19937_64 random{std::random_device{}()};
  return patiently(call, nap, [&] { return random(); });
}

// Those that were there; one that is gone meanwhile needs nothing.
Result<std::uint64_t> delete_users(const Actor& actor, const BenchTarget& target, int connections,
                                   std::vector<std::int64_t> ids) {
  std::uint64_t deleted = 0;
  while (!ids.empty()) {
    if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
    std::vector<bool> done(ids.size());
    load::Plan plan;
    plan.connections = std::min(connections, static_cast<int>(ids.size()));
    plan.warm_up = load::Seconds(0);
    plan.time = std::chrono::hours(24);
    plan.requests = ids.size();
    plan.expected = [](int status) { return status / 100 == 2 || status == 404; };
    plan.request = [&](std::uint64_t n, std::string& out) {
      append_request(out, "DELETE", target, "/users/" + std::to_string(ids[n]), actor.headers);
    };
    plan.on_answer = [&](const load::Answer& answer) {
      if (answer.status / 100 == 2) ++deleted;
      if (answer.status / 100 == 2 || answer.status == 404) done[answer.number] = true;
    };
    const auto outcome = MESH_TRY(run_load(std::move(plan), target, actor.options));
    if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
    const auto limited = outcome.statuses.contains(429) ? outcome.statuses.at(429) : 0;
    if (outcome.failed() > limited || (limited > 0 && !nap(kPause))) {
      return fail(ErrorKind::unavailable, "not every user of tenant " + actor.tenant +
                                              " could be deleted: " + outcome.failures());
    }
    std::vector<std::int64_t> left;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!done[i]) left.push_back(ids[i]);
    }
    ids = std::move(left);
  }
  return deleted;
}

}  // namespace

NewUser bench_user(const std::string& run, std::uint64_t n) {
  return load::person(run + "." + std::string(kMark), n);
}

bool is_bench_user(std::string_view email, std::string_view run) {
  auto made_by = load::tenant_of(email).value_or("");
  if (!made_by.ends_with(kMark)) return false;
  made_by.remove_suffix(kMark.size());
  if (made_by.size() < 2 || made_by.find('.') != made_by.size() - 1) return false;
  return run.empty() || made_by.substr(0, made_by.size() - 1) == run;
}

Status prepare_users(const Actor& actor, int count, const std::function<void(int)>& progress) {
  client::Client mesh(actor.options);
  std::size_t most = kBatch;
  for (int done = 0; done < count;) {
    if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
    const int end = std::min(count, done + static_cast<int>(most));
    std::vector<NewUser> users;
    for (int n = done; n < end; ++n)
      users.push_back(bench_user(std::string(kPrepared), static_cast<std::uint64_t>(n)));
    client::WriteOptions write;
    const bool last = end == count;
    if (last) {
      write.ack = "searchable";
      write.wait_seconds = kLongestWait;
    }
    const auto created =
        with_patience([&] { return mesh.create_users(users, client::BatchOptions{}, write); });
    if (!created && created.error().kind == ErrorKind::too_large && users.size() > 1) {
      most = users.size() / 2;
      continue;
    }
    if (!created) return fail(created.error());
    for (const auto& result : created->results) {
      if (result.error) return fail(*result.error);
    }
    if (last && !created->written.pending.empty()) {
      return fail(ErrorKind::timeout, "the users of tenant " + actor.tenant +
                                          " are made, but searches did not find them within " +
                                          std::to_string(kLongestWait) +
                                          "s: `mesh groups list` shows the lag; run it again then");
    }
    done = end;
    progress(done);
  }
  return {};
}

Result<std::vector<User>> some_users(const Actor& actor, int limit) {
  client::Client mesh(actor.options);
  std::vector<User> all;
  client::UserQuery query{.limit = std::min(limit, kPage)};
  do {
    auto page = MESH_TRY(with_patience([&] { return mesh.list_users(query); }));
    for (User& user : page.users) all.push_back(std::move(user));
    query.page = page.next;
  } while (!query.page.empty() && static_cast<int>(all.size()) < limit &&
           !InterruptGuard::interrupted());
  if (static_cast<int>(all.size()) > limit) all.erase(all.begin() + limit, all.end());
  return all;
}

Result<std::uint64_t> delete_bench_users(const std::vector<Actor>& actors,
                                         const BenchTarget& target, int connections,
                                         std::string_view run) {
  std::uint64_t deleted = 0;
  for (const Actor& actor : actors) {
    client::Client mesh(actor.options);
    client::UserQuery query{.limit = kPage};
    do {
      if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
      const auto page = MESH_TRY(with_patience([&] { return mesh.list_users(query); }));
      std::vector<std::int64_t> ids;
      for (const User& user : page.users) {
        if (is_bench_user(user.email, run)) ids.push_back(user.id);
      }
      deleted += MESH_TRY(delete_users(actor, target, connections, std::move(ids)));
      query.page = page.next;
    } while (!query.page.empty());
  }
  return deleted;
}

}  // namespace mesh::cli
