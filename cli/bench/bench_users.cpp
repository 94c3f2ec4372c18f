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

template <typename Call>
auto with_patience(const Call& call) {
  std::mt19937_64 random{std::random_device{}()};
  return patiently(call, nap, [&] { return random(); });
}

}  // namespace

NewUser bench_user(const std::string& run, std::uint64_t n) {
  return load::person(run + "." + std::string(kMark), n);
}

bool is_bench_user(const User& user) {
  const auto at = user.email.find('@');
  return at != user.email.npos &&
         user.email.find("." + std::string(kMark) + ".", at) != user.email.npos;
}

Status prepare_users(const Actor& actor, int count, const std::function<void(int)>& progress) {
  client::Client mesh(actor.options);
  std::size_t most = kBatch;
  for (int done = 0; done < count;) {
    if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
    const int end = std::min(count, done + static_cast<int>(most));
    std::vector<NewUser> users;
    for (int n = done; n < end; ++n)
      users.push_back(bench_user("prepared", static_cast<std::uint64_t>(n)));
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
                                         const BenchTarget& target, int connections) {
  std::uint64_t deleted = 0;
  for (const Actor& actor : actors) {
    // What a rate limit refused is there in the next round.
    for (;;) {
      auto users = MESH_TRY(some_users(actor, std::numeric_limits<int>::max()));
      std::erase_if(users, [](const User& user) { return !is_bench_user(user); });
      if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
      if (users.empty()) break;
      load::Plan plan;
      plan.address = target.address;
      plan.connections = connections;
      plan.warm_up = load::Seconds(0);
      plan.time = std::chrono::hours(24);
      plan.requests = users.size();
      plan.request = [&](std::uint64_t n, std::string& out) {
        append_request(out, "DELETE", target, "/users/" + std::to_string(users[n].id),
                       actor.headers);
      };
      const auto outcome = MESH_TRY(run_load(std::move(plan)));
      deleted += outcome.answered;
      if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
      const auto limited = outcome.statuses.contains(429) ? outcome.statuses.at(429) : 0;
      if (outcome.failed() > limited || (outcome.answered == 0 && !nap(Duration{1000}))) {
        return fail(ErrorKind::unavailable, "not every user of tenant " + actor.tenant +
                                                " could be deleted: " + outcome.failures());
      }
    }
  }
  return deleted;
}

}  // namespace mesh::cli
