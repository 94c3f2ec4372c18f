// Two tenants side by side, and tens of thousands of requests that try to reach from one to the
// other. MESH_HOSTILE_REQUESTS, _SEED and _ONLY choose another run; ./scripts/hostile sets them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/hostile/campaign.h"

namespace mesh::hostile {
namespace {

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::stoull(text);
}

std::size_t open_files(pid_t pid) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"),
                    std::filesystem::directory_iterator()));
}

TEST(Hostile, NothingOfOneTenantReachesAnotherWhateverItSends) {
  const auto seed = from_environment("MESH_HOSTILE_SEED").value_or(20261121);
  const auto requests = from_environment("MESH_HOSTILE_REQUESTS").value_or(30'000);
  const auto only = from_environment("MESH_HOSTILE_ONLY");

  World world;
  ASSERT_TRUE(world.start()) << world.daemon.errors();
  world.plant();
  const Generator generator(described_routes(world.daemon), world, seed);
  Campaign campaign(world, generator, seed);
  const auto before = world.victim_state();
  const auto files_before = open_files(world.daemon.pid());
  for (const auto& [what, text] : before) {
    if (what.starts_with("records ") || what.starts_with("users /users?")) {
      EXPECT_FALSE(find_secret(text).empty()) << what << " holds no secret that could leak";
    }
  }
  if (only) {
    campaign.run_only(*only);
  } else {
    campaign.run(requests, 4);
  }
  for (const auto& failure : campaign.failures()) ADD_FAILURE() << failure;
  std::string summary;
  for (const auto& [status, n] : campaign.statuses())
    summary += " " + std::to_string(status) + ":" + std::to_string(n);
  std::printf("seed %llu, answers by status:%s\n", static_cast<unsigned long long>(seed),
              summary.c_str());

  const auto after = world.victim_state();
  for (const auto& [what, text] : before) {
    const auto it = after.find(what);
    EXPECT_TRUE(it != after.end() && it->second == text)
        << what << " of the victim changed\nfrom " << text.substr(0, 2000) << "\nto   "
        << (it == after.end() ? "nothing" : it->second.substr(0, 2000));
  }
  EXPECT_EQ(after.size(), before.size()) << "something of the victim appeared";
  EXPECT_LE(open_files(world.daemon.pid()), files_before + 40) << "connections are left open";
  EXPECT_EQ(world.daemon.stop(), 0);
  // What an attacker sends is never an error of the server's own.
  for (const char* text : {"exception", "terminate", "\"level\":\"error\""}) {
    EXPECT_EQ(world.daemon.errors().find(text), std::string::npos)
        << world.daemon.errors().substr(0, 4000);
  }
}

}  // namespace
}  // namespace mesh::hostile
