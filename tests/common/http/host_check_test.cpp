#include "common/http/host_check.h"

#include <gtest/gtest.h>

namespace mesh::http {
namespace {

TEST(HostCheck, AddressesAndLocalhostAreAlwaysAnswered) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8081", "10.1.2.3:80", "[::1]", "[::1]:8081",
                           "localhost", "LOCALHOST:8081", "localhost.", "mesh.localhost:1"}) {
    EXPECT_TRUE(is_allowed_host(host, {})) << host;
  }
}

TEST(HostCheck, NamesMustBeListed) {
  const std::vector<std::string> allowed{"mesh.example.com"};
  EXPECT_TRUE(is_allowed_host("mesh.example.com:8081", allowed));
  EXPECT_TRUE(is_allowed_host("Mesh.Example.com.", allowed));
  for (const char* host :
       {"evil.example", "evil.example:8081", "mesh.example.com.evil.example",
        "127.0.0.1.evil.example", "localhost.evil.example", "127.1", "notlocalhost", "2130706433",
        "[evil.example]", "[::1", "evil@127.0.0.1"}) {
    EXPECT_FALSE(is_allowed_host(host, allowed)) << host;
  }
  EXPECT_TRUE(is_allowed_host("evil.example", {"*"}));
}

}  // namespace
}  // namespace mesh::http
