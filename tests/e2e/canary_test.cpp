// The canary of a real meshd: it sees every route that a tenant has, and that nothing leaks.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;

// What mesh_canary_probes_total says of `outcome`, by route.
std::map<std::string, double> probes(Daemon& daemon, const std::string& outcome) {
  std::map<std::string, double> found;
  const std::string begin = "mesh_canary_probes_total{outcome=\"" + outcome + "\",route=\"";
  const auto text = daemon.call("admin", "GET", "/metrics", "").body;
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) {
    const auto route =
        text.substr(at + begin.size(), text.find('"', at + begin.size()) - at - begin.size());
    found[route] = std::stod(text.substr(text.find("} ", at) + 2));
  }
  return found;
}

// Operations of tenants.
std::set<std::string> operations_of_tenants(Daemon& daemon) {
  std::set<std::string> found;
  for (const char* role : {"users", "gateway", "publisher", "subscriber"}) {
    const Json api = daemon.call(role, "GET", "/openapi.json", "").json();
    for (const auto& [path, operations] : api.at("paths").items()) {
      for (const auto& [method, operation] : operations.items()) {
        if (!operation.contains("security")) continue;
        // Who opens a stream asks for nothing that is there: the canary opens none.
        if (operation["operationId"] == "watchEvents") continue;
        found.insert(operation["operationId"]);
      }
    }
  }
  return found;
}

TEST(CanaryOfADaemon, SeesEveryRouteAndNoLeak) {
  test::TempDir dir;
  // Registration is not asked of its own tenants.
  Daemon daemon(dir.path(), "canary: on\ntenants: {registration: required}\n");
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto all = operations_of_tenants(daemon);
  ASSERT_GE(all.size(), 14u);
  const auto all_kept = [&] {
    const auto kept = probes(daemon, "kept");
    return std::ranges::all_of(all, [&](const auto& one) {
      // What the tenants used in the first minute is shown in the second.
      return kept.contains(one) && (kept.at(one) > 0 || one == "getOwnUsage");
    });
  };
  // The second of its rounds, of ten seconds, finds what the first has planted.
  EXPECT_TRUE(eventually(all_kept) || eventually(all_kept))
      << daemon.call("admin", "GET", "/metrics", "").body;
  for (const auto& [route, times] : probes(daemon, "leaked")) EXPECT_EQ(times, 0) << route;
  // Nobody else has its credentials' tenants for the asking.
  EXPECT_EQ(daemon.call("users", "GET", "/users", "acme:a").status, 403);
  EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
  EXPECT_EQ(daemon.errors().find("was shown"), std::string::npos);
}

TEST(CanaryOfADaemon, IsOffByDefault) {
  test::TempDir dir;
  Daemon daemon(dir.path());
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_TRUE(probes(daemon, "kept").empty());
}

}  // namespace
}  // namespace mesh::e2e
