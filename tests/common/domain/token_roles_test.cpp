#include "common/domain/token_roles.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(TokenRoles, OfWhomNothingIsSaidHasTheDefault) {
  TokenRoles roles;
  EXPECT_TRUE(roles.empty());
  EXPECT_EQ(roles.of("alice"), TokenRole::writer);
  roles.fallback = TokenRole::reader;
  roles.users["bot"] = TokenRole::publisher;
  EXPECT_EQ(roles.of("alice"), TokenRole::reader);
  EXPECT_EQ(roles.place_of("alice"), "roles.default");
  EXPECT_EQ(roles.of("bot"), TokenRole::publisher);
  EXPECT_EQ(roles.place_of("bot"), "roles.users.bot");
}

TEST(TokenRoles, RoundTripsThroughJson) {
  const TokenRoles roles{TokenRole::reader,
                         {{"ada", TokenRole::writer}, {"bot", TokenRole::publisher}}};
  EXPECT_EQ(dump(to_json(roles)),
            R"({"default":"reader","users":{"ada":"writer","bot":"publisher"}})");
  EXPECT_EQ(token_roles_from_json(to_json(roles), ""), roles);
  EXPECT_EQ(dump(to_json(TokenRoles())), "{}");
  EXPECT_EQ(token_roles_from_json(Json::object(), ""), TokenRoles());
}

TEST(TokenRoles, NamesEveryFaultWithItsPlace) {
  const auto read = token_roles_from_json(
      {{"default", "admin"},
       {"user", Json::object()},
       {"users", {{"", "reader"}, {"ada", "Reader"}, {"bob", 7}, {"eve\n", "reader"}}}},
      "/roles");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::unprocessable);
  std::vector<std::string> pointers;
  for (const auto& field : read.error().fields) pointers.push_back(field.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/roles/default", "/roles/user", "/roles/users/",
                                                "/roles/users/ada", "/roles/users/bob",
                                                "/roles/users/eve\n"}));
  EXPECT_EQ(read.error().fields[0].detail, "must be a role: reader, publisher or writer");
  EXPECT_FALSE(token_roles_from_json("reader", "/roles"));
  EXPECT_FALSE(token_roles_from_json({{"users", "ada"}}, "/roles"));
}

TEST(TokenRoles, TakesAThousandUsersAndNoMore) {
  Json users = Json::object();
  for (int i = 0; i < 1'000; ++i) users["u" + std::to_string(i)] = "reader";
  EXPECT_TRUE(token_roles_from_json({{"users", users}}, "/roles"));
  users["one more"] = "reader";
  const auto read = token_roles_from_json({{"users", users}}, "/roles");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fields.at(0).pointer, "/roles/users");
}

}  // namespace
}  // namespace mesh
