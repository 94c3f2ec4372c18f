#include "common/domain/tenant.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(TenantId, AcceptsLowerCaseLettersDigitsAndInnerDashes) {
  for (const std::string& text :
       std::vector<std::string>{"a", "0", "tenant-a", "a--b", "9lives", std::string(63, 'a')}) {
    ASSERT_TRUE(TenantId::parse(text)) << text;
    EXPECT_EQ(TenantId::parse(text)->str(), text);
  }
}

TEST(TenantId, RefusesEverythingElse) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "-a"s, "a-"s, "-"s, "A"s, "a_b"s, "a.b"s, "a/b"s, "a b"s,
                                  "a:b"s, "ä"s, "a\0b"s, "a\n"s, std::string(64, 'a'), "*"s}) {
    const auto parsed = TenantId::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
}

TEST(Tenant, RoundTripsThroughJson) {
  Tenant tenant{.id = TenantId::parse("acme").value(), .name = "Acme", .rate_limits = {}};
  tenant.allow_unknown_types = true;
  tenant.rate_limits["search"] = {30, Duration{60'000}, 5};
  tenant.version = 3;
  tenant.created_at = Timestamp{std::chrono::milliseconds{1'000}};
  tenant.updated_at = Timestamp{std::chrono::milliseconds{2'000}};
  EXPECT_EQ(dump(to_json(tenant)),
            R"({"id":"acme","name":"Acme","allow_unknown_types":true,)"
            R"("rate_limits":{"search":{"rate":30,"per":"1m","burst":5}},"version":3,)"
            R"("created_at":"1970-01-01T00:00:01.000Z","updated_at":"1970-01-01T00:00:02.000Z"})");
  const auto read = tenant_from_json(to_json(tenant));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_json(*read), to_json(tenant));
}

TEST(Tenant, KeepsQuotasRolesTypesAndItsOwner) {
  Tenant tenant{.id = TenantId::parse("acme").value(), .name = "Acme", .rate_limits = {}};
  tenant.quotas = {{Quota::stored_users, 7}};
  tenant.roles = {TokenRole::reader, {{"bot", TokenRole::publisher}}};
  tenant.types["order.placed"] = {{"type", "object"}};
  tenant.search["order.placed"] = {
      .text = "{title}", .fields = {{"total", FieldKind::number}}, .open = "attributes"};
  tenant.managed_by = "apply";
  const auto read = tenant_from_json(to_json(tenant));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->quotas, tenant.quotas);
  EXPECT_EQ(read->roles, tenant.roles);
  EXPECT_EQ(read->types, tenant.types);
  EXPECT_EQ(read->search, tenant.search);
  EXPECT_EQ(read->managed_by, "apply");
  EXPECT_FALSE(tenant_from_json({{"id", "acme"}, {"managed_by", "Not One"}}));
  EXPECT_EQ(tenant_from_json({{"id", "acme"}, {"search", {{"a.b", {{"text", "plain"}}}}}})
                .error()
                .fields[0]
                .pointer,
            "/search/a.b/text");
  EXPECT_FALSE(tenant_from_json({{"id", "acme"}, {"roles", {{"default", "owner"}}}}));
}

TEST(Tenant, SaysThatItIsClosedWhereItIs) {
  Tenant tenant{.id = TenantId::parse("acme").value(), .name = "Acme", .rate_limits = {}};
  EXPECT_FALSE(to_json(tenant).contains("closed")) << "a meshd from before reads it";
  tenant.closed = true;
  EXPECT_TRUE(tenant_from_json(to_json(tenant))->closed);
  EXPECT_FALSE(tenant_from_json({{"id", "acme"}, {"closed", "yes"}}));
}

TEST(Tenant, KeepsARetentionAsTheConfigurationWritesDurations) {
  Tenant tenant{.id = TenantId::parse("acme").value(), .name = "Acme", .rate_limits = {}};
  EXPECT_FALSE(to_json(tenant).contains("retention")) << "a meshd from before reads it";
  tenant.retention = Duration{7 * 24 * 3'600'000};
  EXPECT_EQ(to_json(tenant)["retention"], "7d");
  EXPECT_EQ(tenant_from_json(to_json(tenant))->retention, tenant.retention);
  EXPECT_EQ(tenant_from_json({{"id", "acme"}, {"retention", "1h"}})->retention,
            Duration{3'600'000});
}

TEST(Tenant, RefusesWhatIsNoRetentionWithItsPlace) {
  for (const Json& retention :
       {Json("59m"), Json("soon"), Json("0"), Json(7), Json(nullptr), Json{{"age", "7d"}}}) {
    const auto read = tenant_from_json({{"id", "acme"}, {"retention", retention}});
    ASSERT_FALSE(read) << retention;
    ASSERT_EQ(read.error().fields.size(), 1u);
    EXPECT_EQ(read.error().fields[0].pointer, "/retention");
  }
}

TEST(Tenant, NeedsNoMoreThanAnId) {
  const auto read = tenant_from_json({{"id", "acme"}});
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->allow_unknown_types);
  EXPECT_TRUE(read->rate_limits.empty());
  EXPECT_EQ(read->version, 1);
}

TEST(Tenant, NamesEveryFaultWithItsPlace) {
  const auto read = tenant_from_json(
      {{"id", "acme"},
       {"name", 7},
       {"allow_unknown_types", "yes"},
       {"colour", "red"},
       {"rate_limits", {{"search", {{"rate", 0}, {"per", "soon"}, {"burst", 1}}}}}});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::unprocessable);
  std::vector<std::string> pointers;
  for (const auto& field : read.error().fields) pointers.push_back(field.pointer);
  EXPECT_EQ(pointers,
            (std::vector<std::string>{"/name", "/allow_unknown_types", "/colour",
                                      "/rate_limits/search/rate", "/rate_limits/search/per"}));
}

TEST(Tenant, RefusesWhatHasNoValidId) {
  for (const Json& json :
       {Json::object(), Json{{"id", 7}}, Json{{"id", "Not One"}}, Json::array(), Json("x")}) {
    const auto read = tenant_from_json(json);
    ASSERT_FALSE(read) << json;
    EXPECT_EQ(read.error().kind, ErrorKind::unprocessable);
  }
}

}  // namespace
}  // namespace mesh
