#include "cli/version_order.h"

#include <gtest/gtest.h>

namespace mesh::cli {
namespace {

TEST(Versions, GoTogetherBySemanticVersions) {
  using enum VersionOrder;
  const struct {
    const char *client, *server;
    std::optional<VersionOrder> order;
  } kCases[] = {
      {"0.1.0", "0.1.7", compatible},    {"0.1.0", "0.2.0", client_older},
      {"0.3.0", "0.2.9", server_older},  {"1.0.0", "1.9.2", compatible},
      {"1.9.0", "2.0.0", client_older},  {"2.0.0", "1.9.9", server_older},
      {"0.9.0", "1.0.0", client_older},  {"1.2.3-rc.1", "1.2.3+b7", compatible},
      {"0.10.0", "0.9.0", server_older}, {"1.2", "1.2.0", std::nullopt},
      {"1.2.x", "1.2.0", std::nullopt},  {"", "1.2.0", std::nullopt},
      {"1.2.0", "1.-2.0", std::nullopt},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(compare_versions(c.client, c.server), c.order) << c.client << " " << c.server;
}

TEST(Versions, HaveAWordForEachOrder) {
  EXPECT_STREQ(verdict_text(VersionOrder::client_older), "client older");
  EXPECT_STREQ(verdict_text(std::nullopt), "not comparable");
}

}  // namespace
}  // namespace mesh::cli
