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

// What a new user's document is told of its address.
Status checked_email(std::string_view email) {
  const auto user = new_user_from_json({{"email", email}, {"name", "A"}});
  return user ? Status{} : Status(fail(user.error()));
}

TEST(Email, AcceptsOrdinaryAndInternationalAddresses) {
  const std::string longest_local(64, 'l');
  for (const std::string& email :
       {std::string("a@b.de"), std::string("first.last+tag@sub.example.co.uk"),
        std::string("o'brien@example.com"), std::string("grüße@münchen.example"),
        std::string("user@xn--mnchen-3ya.example"), longest_local + "@example.com"}) {
    EXPECT_TRUE(checked_email(email)) << email;
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
    const auto status = checked_email(email);
    ASSERT_FALSE(status) << email;
    EXPECT_EQ(status.error().kind, ErrorKind::unprocessable);
    EXPECT_EQ(pointers(status.error()), std::vector<std::string>{"/email"});
  }
}

TEST(Email, KeyIgnoresCaseAndOuterSpace) {
  EXPECT_EQ(email_key(" Alice@ACME.dev "), email_key("alice@acme.DEV"));
  EXPECT_NE(email_key("alice@acme.dev"), email_key("alice@acme.de"));
}

TEST(Email, KeyIsOneForAddressesThatAreOne) {
  const std::vector<std::vector<std::string>> same{
      {"jos\u00e9@x.de", "jose\u0301@x.de", "JOS\u00c9@X.DE", "\u3000jos\u00e9@x.de\u00a0"},
      {"a@m\u00fcnchen.example", "a@xn--mnchen-3ya.example", "A@MU\u0308NCHEN.example",
       "a@XN--MNCHEN-3YA.EXAMPLE", "a@m\u00fcnchen\u3002example"},
      {"stra\u00dfe@x.de", "STRASSE@x.de"},
      {"bob@x.de", "bo\u200bb@x.de", "\ufeffbob@x.de", "bob\u00ad@x.de", "bob@x.de\u2028"},
      {"\u03c3@x.de", "\u03a3@x.de", "\u03c2@x.de"}};
  for (std::size_t i = 0; i < same.size(); ++i) {
    for (const auto& email : same[i]) {
      EXPECT_EQ(email_key(email), email_key(same[i][0])) << email;
      EXPECT_EQ(email_key(email_key(email)), email_key(email)) << email;
      EXPECT_NE(email_key(email), email_key(same[(i + 1) % same.size()][0])) << email;
    }
  }
  EXPECT_NE(email_key("stra\u00dfe@x.de"), email_key("a@stra\u00dfe.de"));
  EXPECT_NE(email_key("a@stra\u00dfe.de"), email_key("a@strasse.de"));  // two domains
  EXPECT_NE(email_key("\u0131@x.de"), email_key("i@x.de"));
  for (const char* text : {"", "@", "a@", "no address", "a@\u2603.de", "a@b@c.de", "a@\uff20.de"}) {
    EXPECT_EQ(email_key(email_key(text)), email_key(text)) << text;
  }
}

TEST(Email, RefusesWhatCannotBeSeenAndNamesIt) {
  for (const auto& [email, point, place] : {std::tuple{"al\u200bice@x.de", "U+200B", 3},
                                            {"alice\u00a0@x.de", "U+00A0", 6},
                                            {"\ufeffalice@x.de", "U+FEFF", 1},
                                            {"alice@x\u202e.de", "U+202E", 8},
                                            {"alice@x.de\u2060", "U+2060", 11},
                                            {"a\u2028b@x.de", "U+2028", 2},
                                            {"a\u00adb@x.de", "U+00AD", 2},
                                            {"a\ufe0f@x.de", "U+FE0F", 2},
                                            {"\u00e9\U000e0061@x.de", "U+E0061", 2},
                                            {"a\u3164b@x.de", "U+3164", 2},
                                            {"a\u2800b@x.de", "U+2800", 2},
                                            {"a\u200db@x.de", "U+200D", 2},
                                            {"a\ue000b@x.de", "U+E000", 2},
                                            {"a\u0378@x.de", "U+0378", 2}}) {
    const auto status = checked_email(email);
    ASSERT_FALSE(status) << email;
    const std::string& detail = status.error().fields.at(0).detail;
    EXPECT_NE(detail.find(point), std::string::npos) << detail;
    EXPECT_NE(detail.find("character " + std::to_string(place)), std::string::npos) << detail;
  }
  for (const char* email : {"a@xn--abc.de", "a@\u2603.de", "a@\uff3f.de", "a@b\u3002"}) {
    EXPECT_FALSE(checked_email(email)) << email;
  }
  EXPECT_TRUE(checked_email("a@b\u3002de"));
  EXPECT_TRUE(checked_email("\u5c0f\u660e@\u4e2d\u56fd.cn"));
  EXPECT_TRUE(checked_email("\U0001f600@x.de"));
}

TEST(NewUser, LosesSpaceAroundAndKeepsWhatWasTyped) {
  const auto user = new_user_from_json({{"email", "\u00a0JOSe\u0301@M\u00dcNCHEN.de\u3000"},
                                        {"name", "\u202aAnn  Lee\u202c\ufeff"}});
  ASSERT_TRUE(user) << user.error().to_string();
  EXPECT_EQ(user->email, "JOSe\u0301@M\u00dcNCHEN.de");
  EXPECT_EQ(user->name, "Ann  Lee");
  const auto patch = user_patch_from_json({{"email", " a@b.de "}});
  EXPECT_EQ(patch->email, "a@b.de");
}

TEST(NewUser, ANameShowsSomethingAndTurnsNothing) {
  const auto named = [](const char* name) {
    return new_user_from_json({{"email", "a@b.de"}, {"name", name}});
  };
  for (const char* name :
       {"", "\u200b", "\u00a0\u3000", "\u200d\ufe0f", "\u3164", "\u2800\ufeff", "Ann\u202eLee",
        "Ann\u2066Lee", "Ann\u2028Lee", "Ann\u2029Lee", "A\u0085B"}) {
    const auto user = named(name);
    ASSERT_FALSE(user) << name;
    EXPECT_EQ(pointers(user.error()), std::vector<std::string>{"/name"});
  }
  EXPECT_NE(named("Ann\u202eLee").error().fields[0].detail.find("U+202E"), std::string::npos);
  for (const char* name :
       {"\u0646\u0631\u06af\u0633\u200c\u0647\u0627", "\u0d2e\u0d4b\u0d39\u0d28\u0d4d\u200d",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f", "Ann\u200e Lee",
        "O\u2019Hara"}) {
    const auto user = named(name);
    ASSERT_TRUE(user) << name;
    EXPECT_EQ(user->name, name);
  }
}

TEST(NewUser, NamesAreOneWhateverTheirCaseSpaceAndSpelling) {
  EXPECT_EQ(name_key(" Jos\u00e9\u00a0 LEE"), name_key("jose\u0301 lee"));
  EXPECT_EQ(name_key("An\u200bn"), name_key("ann"));
  EXPECT_NE(name_key("Jos\u00e9"), name_key("Jose"));
  EXPECT_EQ(name_key("\u200b"), "");
}

}  // namespace
}  // namespace mesh
