// The users that a load makes: known by their addresses, so that they can be taken away again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/actors.h"
#include "cli/bench/target.h"
#include "common/domain/user.h"

namespace mesh::cli {

// User `n` of a run, whose name must be fit for a domain's label.
NewUser bench_user(const std::string& run, std::uint64_t n);
// Whether a run made the user of that address, or that run where it is named: by its whole domain.
bool is_bench_user(std::string_view email, std::string_view run = {});

// The run of prepare_users.
inline constexpr std::string_view kPrepared = "prepared";

// Sees to it that the tenant has users 0 … count-1 of the run kPrepared and that searches find
// them; waits for rate limits. `cancelled` after Ctrl-C, `timeout` where they are not found in the
// server's longest wait.
Status prepare_users(const Actor& actor, int count, const std::function<void(int done)>& progress);

// The tenant's users, at most `limit`.
Result<std::vector<User>> some_users(const Actor& actor, int limit);

// Deletes what is_bench_user of the tenants' users, page by page; the number of those deleted. What
// a rate limit refuses is tried again until it is done. `cancelled` after Ctrl-C.
Result<std::uint64_t> delete_bench_users(const std::vector<Actor>& actors,
                                         const BenchTarget& target, int connections,
                                         std::string_view run = {});

}  // namespace mesh::cli
