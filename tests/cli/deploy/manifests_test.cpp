// What is made of an overlay, and read of a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands/deploy/manifests.h"
#include "cli/commands/deploy/troubles.h"
#include "cli/commands/deploy/tunnel.h"

namespace mesh::cli::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Image, HasNameTagAndDigest) {
  const auto all = parse_image("host:5000/a/mesh:0.2.0@sha256:00");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->name, "host:5000/a/mesh");
  EXPECT_EQ(all->tag, "0.2.0");
  EXPECT_EQ(all->digest, "sha256:00");
  EXPECT_FALSE(parse_image("host:5000/mesh")) << "which image is left open";
  EXPECT_EQ(parse_image("mesh:1")->name, "mesh");
  for (const char* wrong : {"", ":1", "mesh:", "mesh@", "a b", "\"mesh\"", "@sha256:0"})
    EXPECT_FALSE(parse_image(wrong)) << wrong;
}

TEST(Kustomization, LiesOverTheOverlay) {
  const Json all = kustomization({.overlay = "eks",
                                  .image = "r/mesh:2",
                                  .name_space = "ns",
                                  .environment = {{"A", "b=c"}},
                                  .roles = {{"admin", "arn:x"}},
                                  .components = {"redis"},
                                  .database_ca = true});
  EXPECT_EQ(all["resources"].dump(), R"(["../manifests/overlays/eks"])");
  EXPECT_EQ(all["components"].dump(), R"(["../manifests/components/redis"])");
  EXPECT_EQ(all["images"].dump(), R"([{"name":"mesh","newName":"r/mesh","newTag":"2"}])");
  EXPECT_EQ(all["namespace"], "ns");
  EXPECT_EQ(all["configMapGenerator"][0]["literals"].dump(), R"(["A=b=c"])");
  EXPECT_EQ(all["configMapGenerator"][1]["name"], "mesh-ca");
  // All lose the overlay's role, then some get theirs.
  EXPECT_FALSE(all["patches"][0]["target"].contains("name"));
  EXPECT_EQ(all["patches"][1]["target"]["name"], "admin");
  EXPECT_THAT(all["patches"][1]["patch"].get<std::string>(), HasSubstr("arn:x"));
  const Json bare = kustomization({.overlay = "minimal"});
  EXPECT_EQ(bare.size(), 3u) << bare.dump();
}

constexpr const char* kDocuments = R"(kind: Job
metadata: {name: prepare}
spec: {template: {spec: {containers: [{image: mesh}]}}}
---
kind: Deployment
metadata: {name: admin, namespace: ns, labels: {mesh/step: rollout}}
spec: {template: {spec: {containers: [{image: mesh}]}}}
---
kind: Deployment
metadata: {name: redis}
spec: {template: {spec: {containers: [{image: redis}]}}}
---
kind: ConfigMap
metadata: {name: text}
data:
  text: |
    a
    ---
    b
)";

std::vector<std::string> titles(const std::vector<Object>& objects) {
  std::vector<std::string> all;
  for (const Object& object : objects) all.push_back(object.title());
  return all;
}

TEST(Manifests, AreCutIntoObjectsAtTheDocumentsAlone) {
  const auto objects = objects_of(kDocuments);
  ASSERT_TRUE(objects) << objects.error().to_string();
  EXPECT_THAT(titles(*objects),
              ElementsAre("job/prepare", "deployment/admin", "deployment/redis", "configmap/text"));
  EXPECT_THAT(objects->at(3).json["data"]["text"].get<std::string>(), HasSubstr("a\n---\nb"));
  EXPECT_EQ(name_space_of(*objects), "ns");
  EXPECT_EQ(objects_of(documents_of(*objects))->size(), 4u);
  EXPECT_FALSE(objects_of("a: b\n"));
  EXPECT_FALSE(objects_of("kind: [\n"));
}

TEST(Manifests, WhatIsOfTheRolloutWaitsForTheJob) {
  const auto before = before_rollout(*objects_of(kDocuments));
  EXPECT_THAT(titles(before), ElementsAre("job/prepare", "deployment/redis", "configmap/text"));
}

Status checked(const std::string& data) {
  const auto objects =
      objects_of("kind: ConfigMap\nmetadata: {name: mesh-environment-1}\ndata: " + data + "\n");
  return check_objects(*objects, "");
}

TEST(Manifests, AVariableThatMeshdNeedsMustNotBeEmpty) {
  EXPECT_TRUE(checked(R"({MESH_KAFKA_BROKERS: "k:1", MESH_KAFKA_SASL: ""})"));
  EXPECT_TRUE(checked(R"({MESH_JWT_ISSUER: "", MESH_AUTH_MODE: dev})"));
  EXPECT_TRUE(checked(R"({MESH_REDIS_URL: "", MESH_LIMITER: memory})"));
  const Status empty =
      checked(R"({MESH_JWT_ISSUER: "", MESH_REDIS_URL: "", MESH_POSTGRES_DSN: ""})");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message,
              HasSubstr("MESH_POSTGRES_DSN, MESH_REDIS_URL, MESH_JWT_ISSUER; give each by --env"));
}

TEST(Troubles, SayWhatStandsInTheWayOfAPod) {
  const auto pods = Json::parse(R"({"items": [
    {"metadata": {"name": "fine"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    {"metadata": {"name": "pull"}, "status": {"containerStatuses": [{"name": "meshd", "ready": false,
      "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}},
    {"metadata": {"name": "crash"}, "status": {"containerStatuses": [{"name": "meshd", "ready": false,
      "state": {"waiting": {"reason": "CrashLoopBackOff"}},
      "lastState": {"terminated": {"exitCode": 2}}}]}},
    {"metadata": {"name": "homeless"}, "status": {"conditions": [{"type": "PodScheduled",
      "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}},
    {"metadata": {"name": "unready"}, "status": {"containerStatuses": [{"name": "meshd",
      "ready": false, "state": {"running": {}}}]}}]})");
  const auto troubles = troubles_of(pods);
  ASSERT_EQ(troubles.size(), 4u);
  EXPECT_EQ(troubles[0].reason, "ImagePullBackOff: no such image");
  EXPECT_EQ(troubles[0].container, "");
  EXPECT_EQ(troubles[1].reason, "CrashLoopBackOff");
  EXPECT_EQ(troubles[1].container, "meshd");
  EXPECT_TRUE(troubles[1].restarted);
  EXPECT_EQ(troubles[2].reason, "Unschedulable: 0/3 nodes");
  EXPECT_EQ(troubles[3].reason, "not ready");
  EXPECT_EQ(troubles[3].container, "meshd");
  EXPECT_FALSE(troubles[3].restarted);
  EXPECT_TRUE(troubles_of(Json::object()).empty());
}

TEST(Troubles, WarningsComeInTheOrderOfTime) {
  const auto events = Json::parse(R"({"items": [
    {"type": "Warning", "reason": "C", "lastTimestamp": "2026-11-29T03:00:00Z"},
    {"type": "Normal", "reason": "N", "lastTimestamp": "2026-11-29T09:00:00Z"},
    {"type": "Warning", "reason": "A", "message": "m", "eventTime": "2026-11-29T01:00:00Z"},
    {"type": "Warning", "reason": "B", "lastTimestamp": "2026-11-29T02:00:00Z"}]})");
  EXPECT_THAT(warnings_of(events, 2), ElementsAre("B", "C"));
  EXPECT_THAT(warnings_of(events, 9), ElementsAre("A: m", "B", "C"));
}

TEST(Tunnel, ItsPortIsRead) {
  EXPECT_EQ(forwarded_port("Forwarding from 127.0.0.1:40001 -> 8081"), 40001);
  for (const char* other :
       {"", "Forwarding from [::1]:40001 -> 8081", "Forwarding from 127.0.0.1:x ->",
        "Forwarding from 127.0.0.1:70000 -> 1"}) {
    EXPECT_FALSE(forwarded_port(other)) << other;
  }
}

}  // namespace
}  // namespace mesh::cli::deploy
