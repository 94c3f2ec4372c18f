#include "daemon/identity.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/telemetry/recent_log.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

// A health check that asks every half a minute is nothing that an auditor looks for.
TEST(IdentityTest, OnlyWhatChangesSomethingIsAudited) {
  test::TempDir dir;
  ManualClock clock;
  config::Config config;
  config.data_dir = dir.path();
  const auto identity = Identity::open(config, clock);
  ASSERT_TRUE(identity) << identity.error().to_string();
  std::string token;
  std::ifstream(dir.file("operator.token")) >> token;
  http::Request request;
  request.headers = {{"Authorization", "Bearer " + token}};
  request.method = "POST";
  const auto audited = [&](const std::string& path, bool read_only) {
    request.path = path;
    http::Route route;
    route.access = http::Access::operator_;
    route.read_only = read_only;
    EXPECT_TRUE((*identity)->authenticate(request, route));
    for (const auto& line : log::recent()) {
      if (line.find("audit: the operator changes") != line.npos && line.find(path) != line.npos)
        return true;
    }
    return false;
  };
  EXPECT_TRUE(audited("/a", false));
  EXPECT_FALSE(audited("/b", true));
}

}  // namespace
}  // namespace mesh
