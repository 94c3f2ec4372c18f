#include "common/domain/user.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

std::vector<std::string> pointers(const Error& error) {
  std::vector<std::string> all;
  for (const auto& field : error.fields) all.push_back(field.pointer);
  return all;
}

TEST(User, JsonIsExactlyTheValueOfItsEvents) {
  const User user{123, "alice@tenant-a.dev", "Alice A", TenantId::parse("tenant-a").value(), 4};
  EXPECT_EQ(dump(to_json(user)),
            R"({"id":123,"email":"alice@tenant-a.dev","name":"Alice A","tenantId":"tenant-a"})");
  const auto read = user_from_json(to_json(user));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(user));
  EXPECT_EQ(read->version, 1);
}

TEST(User, ReadingIgnoresUnknownMembersAndKnowsBothSpellingsOfTheTenant) {
  EXPECT_TRUE(user_from_json(
      {{"id", 1}, {"email", "a@b.de"}, {"name", "A"}, {"tenantId", "t"}, {"extra", true}}));
  EXPECT_TRUE(user_from_json({{"id", 1}, {"email", "a@b.de"}, {"name", "A"}, {"tenant_id", "t"}}));
}

TEST(User, ReadingRefusesMissingAndMistypedMembers) {
  const Json good = {{"id", 1}, {"email", "a@b.de"}, {"name", "A"}, {"tenantId", "t"}};
  ASSERT_TRUE(user_from_json(good));
  const auto refused = [&](const char* member, const Json& value) {
    Json json = good;
    json[member] = value;
    const auto read = user_from_json(json);
    return !read && read.error().kind == ErrorKind::unprocessable;
  };
  EXPECT_TRUE(refused("id", 0));
  EXPECT_TRUE(refused("id", "1"));
  EXPECT_TRUE(refused("id", 1.5));
  EXPECT_TRUE(refused("id", 18446744073709551615u));
  EXPECT_TRUE(refused("email", nullptr));
  EXPECT_TRUE(refused("name", 1));
  EXPECT_TRUE(refused("tenantId", "Not A Tenant"));
  EXPECT_FALSE(user_from_json(Json::array()));
}

TEST(NewUser, TakesEmailAndNameAndToleratesTheTenant) {
  const auto user =
      new_user_from_json({{"email", "Alice@Acme.dev"}, {"name", "Alice"}, {"tenant_id", "acme"}});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->email, "Alice@Acme.dev");
  EXPECT_EQ(user->name, "Alice");
}

TEST(NewUser, NamesEveryFaultWithItsPlace) {
  const auto user =
      new_user_from_json({{"email", "nobody"}, {"name", "  "}, {"tenantId", 7}, {"role", "admin"}});
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().kind, ErrorKind::unprocessable);
  EXPECT_EQ(pointers(user.error()),
            (std::vector<std::string>{"/email", "/name", "/tenantId", "/role"}));
  EXPECT_EQ(pointers(new_user_from_json(Json::object()).error()),
            (std::vector<std::string>{"/email", "/name"}));
  EXPECT_EQ(pointers(new_user_from_json(Json::array()).error()), (std::vector<std::string>{""}));
  EXPECT_EQ(pointers(new_user_from_json({{"email", 1}, {"name", nullptr}}).error()),
            (std::vector<std::string>{"/email", "/name"}));
}

TEST(NewUser, CountsTheNameInCodePoints) {
  std::string longest;
  for (int i = 0; i < 200; ++i) longest += "é";
  EXPECT_TRUE(new_user_from_json({{"email", "a@b.de"}, {"name", longest}}));
  EXPECT_FALSE(new_user_from_json({{"email", "a@b.de"}, {"name", longest + "é"}}));
  EXPECT_FALSE(new_user_from_json({{"email", "a@b.de"}, {"name", "two\nlines"}}));
}

TEST(UserPatch, TakesEitherMemberButNeedsOne) {
  EXPECT_EQ(user_patch_from_json({{"name", "Bob"}})->name, "Bob");
  EXPECT_FALSE(user_patch_from_json({{"name", "Bob"}})->email);
  EXPECT_EQ(user_patch_from_json({{"email", "b@c.de"}})->email, "b@c.de");
  EXPECT_FALSE(user_patch_from_json(Json::object()));
  EXPECT_FALSE(user_patch_from_json({{"tenantId", "acme"}}));
  EXPECT_FALSE(user_patch_from_json({{"id", 7}, {"name", "Bob"}}));
}

TEST(Email, AcceptsOrdinaryAndInternationalAddresses) {
  const std::string longest_local(64, 'l');
  for (const std::string& email :
       {std::string("a@b.de"), std::string("first.last+tag@sub.example.co.uk"),
        std::string("o'brien@example.com"), std::string("grüße@münchen.example"),
        std::string("user@xn--mnchen-3ya.example"), longest_local + "@example.com"}) {
    EXPECT_TRUE(validate_email(email)) << email;
  }
}

TEST(Email, RefusesWhatIsNotAnAddress) {
  const std::string label(63, 'd');
  for (const std::string& email :
       {std::string(),
        std::string("alice"),
        std::string("@b.de"),
        std::string("a@"),
        std::string("a@b"),
        std::string("a@@b.de"),
        std::string("a@b@c.de"),
        std::string(".a@b.de"),
        std::string("a.@b.de"),
        std::string("a..b@c.de"),
        std::string("a b@c.de"),
        std::string("a@b c.de"),
        std::string("\"a\"@b.de"),
        std::string("a,b@c.de"),
        std::string("a@.de"),
        std::string("a@b..de"),
        std::string("a@b.de."),
        std::string("a@-b.de"),
        std::string("a@b-.de"),
        std::string("a@b_c.de"),
        std::string("a@[127.0.0.1]"),
        std::string("a\n@b.de"),
        std::string("a@b.de\r\nBcc: c@d.de"),
        std::string("\xff@b.de"),
        std::string(65, 'l') + "@example.com",
        "a@" + label + "d.de",
        "a@" + label + "." + label + "." + label + "." + label + ".de"}) {
    const auto status = validate_email(email);
    ASSERT_FALSE(status) << email;
    EXPECT_EQ(status.error().kind, ErrorKind::unprocessable);
    EXPECT_EQ(pointers(status.error()), std::vector<std::string>{"/email"});
  }
}

TEST(Email, KeyIgnoresCaseAndOuterSpace) {
  EXPECT_EQ(email_key(" Alice@ACME.dev "), email_key("alice@acme.DEV"));
  EXPECT_NE(email_key("alice@acme.dev"), email_key("alice@acme.de"));
}

}  // namespace
}  // namespace mesh
