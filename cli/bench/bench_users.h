// The users that a load makes: known by their addresses, so that they can be taken away again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/bench/actors.h"
#include "cli/bench/target.h"
#include "common/domain/user.h"

namespace mesh::cli {

// User `n` of a run, whose name must be fit for a domain's label.
NewUser bench_user(const std::string& run, std::uint64_t n);
bool is_bench_user(const User& user);

// Sees to it that the tenant has users 0 … count-1 of the run "prepared" and that searches find
// them; waits for rate limits. `cancelled` after Ctrl-C, `timeout` where they are not found in the
// server's longest wait.
Status prepare_users(const Actor& actor, int count, const std::function<void(int done)>& progress);

// The tenant's users, at most `limit`.
Result<std::vector<User>> some_users(const Actor& actor, int limit);

// Deletes what is_bench_user of the tenants' users; the number of those deleted. `cancelled` after
// Ctrl-C.
Result<std::uint64_t> delete_bench_users(const std::vector<Actor>& actors,
                                         const BenchTarget& target, int connections);

}  // namespace mesh::cli
