// What is read of terraform: its stream, its plan, the prices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands/deploy/prices.h"
#include "cli/commands/deploy/stack.h"
#include "cli/commands/deploy/stack_events.h"
#include "cli/commands/deploy/wiring.h"

namespace mesh::cli::deploy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StackEvents, AreReadALineAtATime) {
  const auto done = parse_event(
      R"({"@level":"info","type":"apply_complete","hook":{"resource":{"addr":"aws_vpc.this"},)"
      R"("action":"create","elapsed_seconds":560}})");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->kind, StackEvent::Kind::complete);
  EXPECT_EQ(told(*done), "+ aws_vpc.this created (9m20s)");
  const auto failed = parse_event(
      R"({"type":"apply_errored","hook":{"resource":{"addr":"a.b"},"action":"create","elapsed_seconds":2}})");
  EXPECT_EQ(told(failed.value()), "! a.b failed (2s)");
  const auto planned = parse_event(
      R"({"type":"planned_change","change":{"resource":{"addr":"a.b"},"action":"delete"}})");
  EXPECT_EQ(planned.value().address, "a.b");
  EXPECT_EQ(told(*planned), "");
}

TEST(StackEvents, OtherLinesAreNone) {
  for (const char* line : {"", "Terraform v1.11.4", "{", "{\"type\":7}", "[]",
                           "{\"type\":\"version\"}", "{\"no\":\"type\"}"}) {
    EXPECT_FALSE(parse_event(line)) << line;
  }
}

StackEvent diagnostic(const std::string& summary, const std::string& detail = {}) {
  return parse_event(
             Json{{"type", "diagnostic"},
                  {"diagnostic", {{"severity", "error"}, {"summary", summary}, {"detail", detail}}}}
                 .dump())
      .value();
}

const ByHand kByHand{"terraform -chdir=place", " -var=zones=2"};

TEST(StackEvents, ALockSaysWhoHoldsItAndWhatToDo) {
  const Error error = stack_error(
      {diagnostic(
          "Error acquiring the state lock",
          "resource temporarily unavailable\nLock Info:\n  ID:        0f3c-11\n  Path:      x\n"
          "  Who:       ann@laptop\n  Created:   2026-11-29 20:00 UTC\n")},
      kByHand);
  EXPECT_EQ(error.kind, ErrorKind::conflict);
  for (const char* part :
       {"ann@laptop", "--lock-timeout", "`terraform -chdir=place force-unlock 0f3c-11`"})
    EXPECT_THAT(error.message, HasSubstr(part));
  const Error no_table = stack_error(
      {diagnostic("Error acquiring the state lock", "ResourceNotFoundException: table")}, kByHand);
  EXPECT_THAT(no_table.message, HasSubstr("its place is not there: ResourceNotFoundException"));
}

StackEvent existing(const std::string& summary, const std::string& address) {
  StackEvent event = diagnostic(summary);
  event.address = address;
  return event;
}

TEST(StackEvents, WhatAwsHasAndTheStateHasNotIsNamed) {
  const Error error = stack_error(
      {existing("creating IAM Role (mesh-node): IAM: CreateRole, EntityAlreadyExists: Role with "
                "name mesh-node already exists.",
                "aws_iam_role.account[\"a b\"]"),
       existing("creating IAM OIDC Provider: EntityAlreadyExists: (x)", "oidc"),
       existing("creating X (y): AccessDenied", "other")},
      kByHand);
  EXPECT_THAT(
      error.message,
      HasSubstr("delete the IAM Role mesh-node in AWS, or take it in by `terraform "
                "-chdir=place import -var=zones=2 'aws_iam_role.account[\"a b\"]' mesh-node`"));
  EXPECT_THAT(error.message, HasSubstr("delete what is there already in AWS"));
  EXPECT_THAT(error.message, HasSubstr("import -var=zones=2 oidc ID`"));
  EXPECT_THAT(error.message, ::testing::EndsWith("AccessDenied (other)"));
}

TEST(StackEvents, AWordOfACommandIsQuotedWhereAShellNeedsIt) {
  EXPECT_EQ(shell_word("-var=a=b.c/d"), "-var=a=b.c/d");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("it's [\"x\"]"), R"('it'\''s ["x"]')");
}

TEST(StackEvents, ErrorsHaveTheirKind) {
  EXPECT_EQ(stack_error({diagnostic("No valid credential sources found")}, kByHand).kind,
            ErrorKind::unauthenticated);
  EXPECT_EQ(stack_error({diagnostic("Invalid value for variable", "zones: 7")}, kByHand).kind,
            ErrorKind::invalid);
  EXPECT_EQ(stack_error({}, kByHand).message, "terraform failed without a word");
  EXPECT_THAT(stack_error({diagnostic("one"), diagnostic("two", "be\ncause")}, kByHand).message,
              HasSubstr("one\n  two: be cause"));
}

const Json kShown = Json::parse(R"({
  "variables": {"disk": {"value": 50}},
  "resource_changes": [
    {"address": "data.aws_x.y", "mode": "data", "type": "aws_x", "change": {"actions": ["read"]}},
    {"address": "cluster", "mode": "managed", "type": "aws_eks_cluster",
     "change": {"actions": ["create"], "after": {"name": "c"}}},
    {"address": "nodes", "mode": "managed", "type": "aws_eks_node_group",
     "change": {"actions": ["delete", "create"],
                "after": {"instance_types": ["t3.large"], "scaling_config": [{"desired_size": 2}]}}},
    {"address": "odd", "mode": "managed", "type": "aws_eks_node_group",
     "change": {"actions": ["no-op"],
                "after": {"instance_types": ["x9.huge"], "scaling_config": [{"desired_size": 2}]}}},
    {"address": "db", "mode": "managed", "type": "aws_db_instance",
     "change": {"actions": ["update"], "after": {"instance_class": "db.s", "multi_az": true,
                                                 "allocated_storage": 20}}},
    {"address": "old", "mode": "managed", "type": "aws_eip",
     "change": {"actions": ["delete"], "after": null}}]})");

constexpr const char* kPrices = R"(
as_of: 2026-11-29
region: eu-central-1
currency: USD
hours_per_month: 100
resources:
  aws_eks_cluster: {hour: 0.10}
  aws_eks_node_group:
    class: instance_types.0
    count: scaling_config.0.desired_size
    hour: {t3.large: 0.5}
    gb: var.disk
    gb_month: 0.1
  aws_db_instance: {class: instance_class, twice: multi_az, hour: {db.s: 1}, gb: allocated_storage, gb_month: 0.5}
  aws_eip: {hour: 1}
free: [aws_vpc]
)";

TEST(StackPlan, IsCountedByItsActions) {
  const StackPlan plan = plan_of(kShown);
  EXPECT_EQ(plan.create, 2);
  EXPECT_EQ(plan.update, 1);
  EXPECT_EQ(plan.remove, 2);
  EXPECT_TRUE(has_type(plan, "aws_db_instance"));
  EXPECT_FALSE(has_type(plan, "aws_eip")) << "it will not be there";
  EXPECT_EQ(plan_of(Json::object()).create, 0);
}

TEST(StackState, WhatWasHalfMadeIsFoundInEveryModule) {
  const auto shown = Json::parse(R"({"values": {"root_module": {
    "resources": [{"address": "a"}, {"address": "b", "tainted": true}],
    "child_modules": [{"child_modules": [{"resources": [{"address": "m.c", "tainted": true}]}]}]}}})");
  EXPECT_THAT(begun_of(shown), ElementsAre("b", "m.c"));
  EXPECT_THAT(begun_of(Json::object()), IsEmpty());
}

TEST(StackState, ADatabaseMayBeProtected) {
  const auto shown = Json::parse(R"({"values": {"root_module": {"child_modules": [{"resources": [
    {"address": "m.db", "mode": "managed", "type": "aws_db_instance",
     "values": {"deletion_protection": true}},
    {"address": "m.open", "mode": "managed", "type": "aws_db_instance",
     "values": {"deletion_protection": false}},
    {"address": "m.data", "mode": "data", "type": "aws_db_instance",
     "values": {"deletion_protection": true}}]}]}}})");
  EXPECT_THAT(protected_of(shown), ElementsAre("m.db"));
  EXPECT_THAT(managed_of(shown), ElementsAre("m.db", "m.open"));
  EXPECT_THAT(protected_of(Json::object()), IsEmpty());
}

TEST(Prices, AreSummedByClassCountAndStorage) {
  const auto prices = parse_prices(kPrices);
  ASSERT_TRUE(prices) << prices.error().to_string();
  const Costs costs = cost_of(plan_of(kShown), *prices);
  ASSERT_EQ(costs.known.size(), 3u);
  EXPECT_EQ(costs.known[0].address, "db");
  EXPECT_DOUBLE_EQ(costs.known[0].monthly, (100 + 20 * 0.5) * 2);
  EXPECT_DOUBLE_EQ(costs.known[1].monthly, (0.5 * 100 + 50 * 0.1) * 2);
  EXPECT_DOUBLE_EQ(costs.known[2].monthly, 10);
  EXPECT_DOUBLE_EQ(costs.sum(), 340);
  EXPECT_THAT(costs.not_known, ElementsAre("odd"));
  const std::string text = cost_text(costs, *prices, "us-east-1");
  for (const char* part : {"340 USD", "2026-11-29", "us-east-1", "not in the table: odd"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(Prices, ATableThatIsNoneIsRefused) {
  EXPECT_EQ(parse_prices("resources: [").error().kind, ErrorKind::invalid);
  EXPECT_THAT(parse_prices("as_of: x").error().message, HasSubstr("no resources"));
  EXPECT_THAT(parse_prices("resources: {}").error().message, HasSubstr("as_of"));
}

TEST(Prices, TheTableOfTheTreeIsOne) {
  if (!std::filesystem::exists(MESH_SOURCE_DIR "/terraform/prices.yaml"))
    GTEST_SKIP() << "there is no terraform/prices.yaml";
  const auto prices = read_prices(MESH_SOURCE_DIR "/terraform/prices.yaml");
  ASSERT_TRUE(prices) << prices.error().to_string();
  EXPECT_TRUE(prices->resources.contains("aws_eks_cluster"));
}

Json output(const char* name, Json value) { return {{"name", name}, {"value", std::move(value)}}; }

TEST(Wiring, NamesTheStoresOfTheStack) {
  const Wiring wiring = wiring_of(Json::array(
      {output("kafka", {{"bootstrap_brokers", "a:9096,b:9096"}, {"secret_arn", "arn:k"}}),
       output("postgres", {{"host", "db.test"},
                           {"port", 5432},
                           {"database", "mesh"},
                           {"username", "mesh"},
                           {"secret_arn", "arn:p"}}),
       output("redis", {{"host", "r.test"}, {"port", 6379}, {"tls", false}}),
       output("service_account_roles", {{"admin", "arn:role"}})}));
  EXPECT_EQ(wiring.environment.at("MESH_KAFKA_BROKERS"), "a:9096,b:9096");
  EXPECT_EQ(wiring.environment.at("MESH_POSTGRES_DSN"),
            "postgresql://mesh@db.test:5432/"
            "mesh?sslmode=verify-full&sslrootcert=/etc/ssl/mesh/rds.pem");
  EXPECT_EQ(wiring.environment.at("MESH_REDIS_URL"), "redis://r.test:6379/0");
  EXPECT_EQ(wiring.environment.at("MESH_REDIS_PASSWORD_FILE"), "") << "it has no token";
  EXPECT_FALSE(wiring.secrets.contains("redis_password"));
  EXPECT_EQ(wiring.secrets.at("kafka_password"), "arn:k");
  EXPECT_EQ(wiring.secrets.at("postgres_password"), "arn:p");
  EXPECT_EQ(wiring.roles.at("admin"), "arn:role");
  EXPECT_THAT(wiring.components, IsEmpty());
}

TEST(Wiring, AStoreThatTheStackHasNotRunsInTheCluster) {
  const Wiring wiring = wiring_of(Json::array());
  EXPECT_THAT(wiring.components, ElementsAre("redpanda", "postgres", "redis", "claims-on-gp3"));
  EXPECT_EQ(wiring.environment.at("MESH_KAFKA_SECURITY"), "plaintext");
  EXPECT_EQ(wiring.environment.at("MESH_KAFKA_PASSWORD_FILE"), "");
  EXPECT_THAT(wiring.secrets, IsEmpty());
}

TEST(Wiring, RedisWithTlsHasAToken) {
  const Wiring wiring = wiring_of(Json::array(
      {output("redis", {{"host", "r"}, {"port", 6379}, {"tls", true}, {"secret_arn", "arn:r"}})}));
  EXPECT_EQ(wiring.environment.at("MESH_REDIS_URL"), "rediss://r:6379/0");
  EXPECT_FALSE(wiring.environment.contains("MESH_REDIS_PASSWORD_FILE"))
      << "the overlay names the file";
  EXPECT_EQ(wiring.secrets.at("redis_password"), "arn:r");
  EXPECT_THAT(wiring.components, ::testing::Not(Contains("redis")));
}

TEST(Backend, IsTheFolderOrTheBucket) {
  Deployment d{.name = "c", .region = "eu-west-1"};
  EXPECT_EQ(backend_of(d, "/state").dump(),
            R"({"terraform":{"backend":{"local":{"path":"/state"}}}})");
  d.state_bucket = "b";
  const Json s3 = backend_of(d, "/state")["terraform"]["backend"]["s3"];
  EXPECT_EQ(s3["bucket"], "b");
  EXPECT_EQ(s3["region"], "eu-west-1");
  EXPECT_EQ(s3["use_lockfile"], true);
}

}  // namespace
}  // namespace mesh::cli::deploy
