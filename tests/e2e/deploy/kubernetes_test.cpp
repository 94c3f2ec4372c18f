// `mesh deploy kubernetes`, upgrade, status and destroy over programs of the test's own.
#include "common/base/strings.h"
#include "tests/e2e/deploy/deploy_fixture.h"

namespace mesh::e2e {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class DeployKubernetes : public DeployTest {
 protected:
  DeployKubernetes() { a_cluster_that_works(); }
  Outcome deployed(const std::string& overlay = "minimal") {
    auto words = kKubernetes;
    words[4] = overlay;
    words.emplace_back("--yes");
    return deploy(words);
  }
  // Where the first call with this stands among all; beyond the last where there is none.
  std::size_t place_of(const std::string& part) const {
    const auto all = tools_.calls();
    return static_cast<std::size_t>(
        std::find_if(all.begin(), all.end(),
                     [&](const auto& call) { return call.find(part) != call.npos; }) -
        all.begin());
  }
};

TEST_F(DeployKubernetes, FillsTheClusterInOrder) {
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_LT(place_of("create -f -"), place_of("delete job prepare"));
  EXPECT_LT(place_of("delete job prepare"), place_of("rollout status deployment/user-service"));
  EXPECT_LT(place_of("rollout status statefulset/qdrant"), tools_.calls().size());
  // Namespace, then what the job needs, then the job, then all.
  const auto applied = tools_.calls_with("apply --server-side");
  ASSERT_THAT(applied, SizeIs(4));
  EXPECT_THAT(done.out, HasSubstr("mesh-test"));
  EXPECT_THAT(done.err, HasSubstr("deployment/user-service is up"));
  EXPECT_THAT(done.err, HasSubstr("trial: left out (--skip smoke)"));
}

TEST_F(DeployKubernetes, NamesKubeconfigAndContextInEveryCallToTheCluster) {
  ASSERT_EQ(deployed().exit_code, 0);
  for (const auto& call : tools_.calls_with("kubectl")) {
    if (call.find("kustomize") != call.npos || call.find("--client") != call.npos) continue;
    EXPECT_THAT(call, HasSubstr("--context=prod")) << call;
    EXPECT_THAT(call, HasSubstr("--kubeconfig=" + dir_.path() + "/.kube/config")) << call;
  }
}

TEST_F(DeployKubernetes, ShowsASecretToTheClusterAlone) {
  write(dir_.file("pg"), "a-password-of-mine\n");
  auto words = kKubernetes;
  words.insert(words.end(), {"--yes", "--secret-file", "postgres_password=" + dir_.file("pg")});
  const Outcome done = deploy(words);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto secret = Json::parse(tools_.input_of("create -f -"));
  EXPECT_EQ(secret["data"]["postgres_password"], base64_encode("a-password-of-mine"));
  std::vector<std::string> values{"a-password-of-mine"};
  for (const auto& [name, value] : secret["data"].items()) {
    values.push_back(value);
    values.push_back(base64_decode(value.get<std::string>()).value());
    EXPECT_GE(values.back().size(), 16u) << name;
  }
  EXPECT_EQ(secret["data"].size(), 5u);
  const std::string told = done.out + done.err + everything_kept();
  for (const auto& value : values) {
    EXPECT_THAT(told, Not(HasSubstr(value)));
    EXPECT_THAT(tools_.calls(), Each(Not(HasSubstr(value))));
  }
}

TEST_F(DeployKubernetes, LeavesASecretThatIsThereAlone) {
  secret_is_there();
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("create -f -"), 0u);
  EXPECT_EQ(tools_.count("patch secret"), 0u);
  EXPECT_THAT(done.err, HasSubstr("kept: operator_token"));
}

TEST_F(DeployKubernetes, AddsOnlyTheMembersThatASecretLacks) {
  tools_.on("kubectl *get secret mesh-secrets *",
            {.out = R"({"data":{"operator_token":"dG9rZW4=","postgres_password":"cA=="}})"});
  ASSERT_EQ(deployed().exit_code, 0);
  const auto patch = Json::parse(tools_.input_of("patch secret"));
  EXPECT_EQ(patch["data"].size(), 3u);
  EXPECT_FALSE(patch["data"].contains("operator_token"));
}

TEST_F(DeployKubernetes, SaysWhyARolloutDoesNotComeUpAndGoesOnThere) {
  tools_.on("kubectl *rollout status deployment/user-service*",
            {.err = "error: timed out waiting for the condition\n", .code = 1, .once = true});
  tools_.on("kubectl *get pods *", {.out = R"({"items":[{"metadata":{"name":"user-service-x"},
    "status":{"conditions":[{"type":"Ready","status":"False"}],"containerStatuses":[{"name":"meshd",
    "ready":false,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 20s"}},
    "lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}]})"});
  tools_.on(
      "kubectl *get events *user-service-x*",
      {.out =
           R"({"items":[{"type":"Warning","reason":"BackOff","message":"restarting failed"}]})"});
  tools_.on("kubectl *logs user-service-x *--previous*",
            {.out = "meshd: no Kafka at kafka:9092\n"});
  const Outcome failed = deployed();
  EXPECT_EQ(failed.exit_code, 7) << failed.err;
  for (const char* told :
       {"deployment/user-service does not come up", "CrashLoopBackOff: back-off 20s",
        "BackOff: restarting failed", "| meshd: no Kafka at kafka:9092", "/logs/rollout.log",
        "the same command goes on with this step"}) {
    EXPECT_THAT(failed.err, HasSubstr(told));
  }
  EXPECT_THAT(read(state("prod/logs/rollout.log")), HasSubstr("timed out waiting"));

  tools_.forget_calls();
  const Outcome again = deployed();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(tools_.count("apply --server-side"), 0u);
  EXPECT_EQ(tools_.count("get secret mesh-secrets"), 0u);
  EXPECT_EQ(tools_.count("rollout status"), 2u);
  EXPECT_THAT(again.err, HasSubstr("manifests: done at "));

  // It has ended well, so that the next one begins anew.
  tools_.forget_calls();
  EXPECT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(tools_.count("apply --server-side"), 4u);
}

TEST_F(DeployKubernetes, BeginsAnewWhereSomethingElseIsAskedForOrRestart) {
  tools_.on("kubectl *rollout status *", {.err = "error: no\n", .code = 1});
  EXPECT_EQ(deployed().exit_code, 1);
  tools_.forget_calls();
  auto words = kKubernetes;
  words.insert(words.end(), {"--yes", "--restart"});
  EXPECT_EQ(deploy(words).exit_code, 1);
  EXPECT_EQ(tools_.count("apply --server-side"), 4u);
  tools_.on("kubectl kustomize *",
            {.out = std::string(kDocuments) + "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n"
                                              "  name: more\n"});
  tools_.forget_calls();
  EXPECT_EQ(deployed().exit_code, 1);
  EXPECT_EQ(tools_.count("apply --server-side"), 4u);
}

TEST_F(DeployKubernetes, StopsAtAJobThatFailsBeforeAnythingRollsOut) {
  tools_.on("kubectl *get job prepare *",
            {.out = R"({"status":{"conditions":[{"type":"Failed","status":"True",)"
                    R"("message":"BackoffLimitExceeded"}]}})"});
  const Outcome failed = deployed();
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("the job prepare failed: BackoffLimitExceeded"));
  EXPECT_EQ(tools_.count("apply --server-side"), 3u);
  // What the job comes before was not applied with what it needs.
  const auto before = tools_.calls_with("rollout");
  EXPECT_THAT(before, IsEmpty());
  // The same command makes the job anew: one that failed stays so.
  tools_.on("kubectl *get job prepare *",
            {.out = R"({"status":{"conditions":[{"type":"Complete","status":"True"}]}})"});
  tools_.forget_calls();
  const Outcome again = deployed();
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(tools_.count("delete job prepare"), 1u);
  EXPECT_LT(place_of("delete job prepare"), place_of("apply --server-side"));
  EXPECT_EQ(tools_.count("apply --server-side"), 2u) << "the job, then all";
}

// A run that waited too short had the next one delete and restart what was still at work.
TEST_F(DeployKubernetes, WaitsForAJobThatRunsAlready) {
  tools_.on("kubectl *get job prepare *", {.out = R"({"status":{"active":1}})", .once = true});
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("delete job"), 0u);
  EXPECT_THAT(done.err, HasSubstr("it runs already, and is waited for"));
}

TEST_F(DeployKubernetes, ReplacesAJobThatDoesSomethingElse) {
  tools_.on("kubectl *get job prepare *", {.out = R"({"status":{"active":1}})", .once = true});
  // As the API server says it.
  tools_.on("kubectl *apply --server-side*", {.act = R"bash(input=$(<"$here/inputs/$$")
if [[ $input == *'kind: Job'* && $input != *'kind: Service'* && ! -e $here/refused ]]; then
  touch "$here/refused"
  echo 'The Job "prepare" is invalid: spec.template: Invalid value: {}: field is immutable' >&2
  exit 1
fi
echo serverside-applied)bash"});
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("delete job prepare"), 1u);
  EXPECT_EQ(tools_.count("apply --server-side"), 5u);
}

TEST_F(DeployKubernetes, ReplacesAJobThatIsBeingDeleted) {
  tools_.on("kubectl *get job prepare *",
            {.out = R"({"metadata":{"deletionTimestamp":"2026-11-30T00:00:00Z"},)"
                    R"("status":{"active":1}})",
             .once = true});
  ASSERT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(tools_.count("delete job prepare"), 1u);
}

TEST_F(DeployKubernetes, DestroyTakesWhatItMadeAndNothingElse) {
  const std::string shared =
      "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: fast\n"
      "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: high\n";
  tools_.on("kubectl kustomize *", {.out = kDocuments + shared});
  tools_.on("kubectl *get namespace mesh-test *", {.out = "namespace/mesh-test\n"});
  const std::string before =
      "namespace/mesh-test\nservice/ai-gateway\nstorageclass.storage.k8s.io/fast\n"
      "priorityclass.scheduling.k8s.io/high\n";
  tools_.on("kubectl *get -f - *", {.out = before});
  // Data of a set that was there once.
  tools_.on("kubectl *get persistentvolumeclaims *",
            {.out = R"({"items":[{"metadata":{"name":"data-qdrant-0"}}]})"});
  tools_.on(
      "kubectl *get services *",
      {.out = R"({"items":[{"metadata":{"name":"ai-gateway"},"spec":{"type":"LoadBalancer"}},)"
              R"({"metadata":{"name":"user-service"},"spec":{"type":"LoadBalancer"}}]})"});
  ASSERT_EQ(deployed().exit_code, 0);
  // A second rollout has other settings, and finds all of it there.
  std::string documents = kDocuments + shared;
  documents.replace(documents.find("environment-abc"), 15, "environment-def");
  tools_.on("kubectl kustomize *", {.out = documents});
  tools_.on("kubectl *get -f - *", {.out = before + "statefulset.apps/qdrant\n"});
  tools_.on("kubectl *get persistentvolumeclaims *",
            {.out = R"({"items":[{"metadata":{"name":"data-qdrant-0"}},)"
                    R"({"metadata":{"name":"data-qdrant-1"}}]})"});
  ASSERT_EQ(deployed().exit_code, 0);
  tools_.forget_calls();
  const Outcome done = deploy({"destroy", "--confirm", "prod"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  for (const char* told : {"storageclass/fast", "priorityclass/high", "service/ai-gateway"})
    EXPECT_THAT(done.err, HasSubstr(std::string("stays, since it was there before: ") + told));
  EXPECT_THAT(done.err, HasSubstr("(the namespace itself was there before, and stays)"));
  std::string deleted;
  for (const auto& call : tools_.calls_with(" delete ")) deleted += call + "\n";
  for (const char* other :
       {"/fast", "/high", "ai-gateway", "namespace/mesh-test", "data-qdrant-0"}) {
    EXPECT_THAT(deleted, Not(HasSubstr(other)));
  }
  for (const char* own : {"configmap/mesh-environment-abc", "configmap/mesh-environment-def",
                          "job/prepare", "statefulset/qdrant", "deployment/user-service",
                          "service user-service", "data-qdrant-1", "secret/mesh-secrets"}) {
    EXPECT_THAT(deleted, HasSubstr(own));
  }
  EXPECT_LT(place_of("deployment/user-service"), place_of("secret/mesh-secrets"));
}

TEST_F(DeployKubernetes, DestroyLeavesTheSecretOfAnotherDeployment) {
  ASSERT_EQ(deployed().exit_code, 0);
  // A second place, one cluster.
  secret_is_there();
  tools_.on("kubectl *get namespace mesh-test *", {.out = "namespace/mesh-test\n"});
  tools_.on("kubectl *get -f - *", {.out = "namespace/mesh-test\nsecret/mesh-secrets\n"});
  auto words = kKubernetes;
  words.insert(words.end(), {"--name", "second", "--yes"});
  ASSERT_EQ(deploy(words).exit_code, 0);
  tools_.forget_calls();
  const Outcome second = deploy({"destroy", "second", "--confirm", "second"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("stays, since it was there before: secret/mesh-secrets"));
  const auto deleted = tools_.calls_with(" delete ");
  EXPECT_THAT(deleted, Not(IsEmpty()));
  EXPECT_THAT(deleted, Each(Not(HasSubstr("secret"))));
  tools_.forget_calls();
  const Outcome first = deploy({"destroy", "prod", "--confirm", "prod"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(tools_.calls_with(" delete "), ::testing::Contains(HasSubstr("secret/mesh-secrets")));
}

// Each step, whatever fails in it: a clear word, an exit code, nothing behind it.
TEST_F(DeployKubernetes, EveryStepThatFailsEndsTheRun) {
  const std::vector<Failure> failures = {
      {"kubectl *config view *", "error: cannot locate context prod", 3, "no context \"prod\""},
      {"kubectl *version -o json", "The connection to the server was refused", 1, "was refused"},
      {"kubectl kustomize *", "Error: accumulating resources", 1, "accumulating resources"},
      {"kubectl *get namespace *", "Error from server (Forbidden): namespaces", 4, "Forbidden"},
      {"kubectl *create -f -", "Error from server (Forbidden): secrets", 4, "secrets: "},
      {"kubectl *delete job *", "Error from server: etcd", 1, "job prepare: "},
      {"kubectl *apply --server-side*", "error: Apply failed with 1 conflict", 1, "conflict"},
      {"kubectl *get services *", "Error from server (Forbidden): services", 4, "services"},
  };
  expect_told(
      failures,
      [&] {
        auto words = kKubernetes;
        words.insert(words.end(), {"--yes", "--restart"});
        return deploy(words);
      },
      [](const Failure& failure, const Outcome& failed) {
        EXPECT_THAT(failed.err, Not(HasSubstr("mesh doctor"))) << failure.glob;
      });
}

TEST_F(DeployKubernetes, PassesCtrlCOnToTheProgramAndGoesOnLater) {
  tools_.on("kubectl *rollout status *",
            {.once = true,
             .act = "trap 'echo INT >\"$here/got\"; exit 130' INT\n"
                    "touch \"$here/ready\"\n"
                    "while [ ! -e \"$here/got\" ]; do read -t 0.05 <> <(:) || true; done"});
  auto words = kKubernetes;
  words.emplace_back("--yes");
  const Outcome stopped = interrupted(words, "ready");
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_EQ(read(tools_.file("got")), "INT\n");
  tools_.forget_calls();
  const Outcome again = deployed();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(tools_.count("apply --server-side"), 0u);
}

TEST_F(DeployKubernetes, DoesNothingWithoutAYesOrInADryRun) {
  const Outcome asked = deploy(kKubernetes);
  EXPECT_EQ(asked.exit_code, 2);
  EXPECT_THAT(asked.err, HasSubstr("--yes"));
  EXPECT_THAT(tools_.calls(), IsEmpty());
  tools_.on("kubectl *get -f - *", {.out = "namespace/mesh-test\nservice/user-service\n"});
  auto words = kKubernetes;
  words.emplace_back("--dry-run");
  const Outcome dry = deploy(words);
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("service/user-service            there"));
  EXPECT_THAT(dry.out, HasSubstr("deployment/user-service         new"));
  EXPECT_THAT(answered(kKubernetes, "n\n").out, HasSubstr("nothing was done"));
  for (const char* change : {"apply", "create", "patch", "delete"})
    EXPECT_EQ(tools_.count(change), 0u) << change;
  EXPECT_THAT(places(), IsEmpty());
}

TEST_F(DeployKubernetes, NamesWhatIsWrongWithWhatWasGiven) {
  const auto refused = [&](std::vector<std::string> more, int exit, const std::string& told) {
    auto words = kKubernetes;
    words.emplace_back("--yes");
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = deploy(words);
    EXPECT_EQ(outcome.exit_code, exit) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(told));
  };
  refused({"--env", "nothing"}, 2, "--env nothing: give NAME=VALUE");
  refused({"--secret-file", "pw=/etc/hostname"}, 2, "NAME one of operator_token");
  refused({"--secret-file", "kafka_password=/nowhere"}, 3, "cannot read /nowhere");
  refused({"--name", "../up"}, 2, "cannot name a deployment");
  refused({"--image", "mesh:"}, 2, "is no image");
  refused({"--image", "other/mesh:2"}, 1, "no container of the overlay has the image");
  const Outcome unknown = deployed("no-such");
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("there are eks, minimal"));
  tools_.on("kubectl kustomize *",
            {.out = "kind: ConfigMap\nmetadata:\n  name: mesh-environment-1\ndata:\n"
                    "  MESH_POSTGRES_DSN: \"\"\n  MESH_JWT_ISSUER: \"\"\n  MESH_AUTH_MODE: dev\n"});
  refused({}, 2, "no value: MESH_POSTGRES_DSN;");
}

TEST_F(DeployKubernetes, NeedsKubectl) {
  tools_.on("kubectl version --client*", {.out = "gitVersion: v1.20.4\n"});
  const Outcome old = deployed();
  EXPECT_EQ(old.exit_code, 1);
  EXPECT_THAT(old.err, HasSubstr("kubectl is 1.20.4, too old: 1.27.0 or newer is needed"));
  tools_.remove("kubectl");
  const Outcome none = deployed();
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("kubectl 1.27.0 or newer (fills the cluster) is not on $PATH"));
}

TEST_F(DeployKubernetes, StaysTheOverlayThatItIs) {
  ASSERT_EQ(deployed().exit_code, 0);
  const Outcome refused = deployed("eks");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("has the overlay minimal, not eks: give another --name"));
}

TEST_F(DeployKubernetes, RefusesAContextThatNamesAnotherClusterNow) {
  ASSERT_EQ(deployed().exit_code, 0);
  tools_.on("kubectl *config view *", {.out = "https://other.test"});
  const Outcome refused = deployed();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err,
              HasSubstr("was deployed to https://k8s.test:6443, but the context prod"));
  const Outcome kept = deploy({"destroy", "--confirm", "prod"});
  EXPECT_EQ(kept.exit_code, 1);
  EXPECT_THAT(kept.err, HasSubstr("is now https://other.test"));
}

TEST_F(DeployKubernetes, TriesTheMeshThroughPortForwards) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto forward = [&](const std::string& service, const std::string& role) {
    const std::string address = daemon.address(role);
    tools_.on("kubectl *port-forward service/" + service + "*",
              {.act = "echo 'Forwarding from " + address + " -> 1'; exec tail -f /dev/null"});
  };
  forward("user-service", "users");
  forward("ai-gateway", "gateway");
  tools_.on(
      "kubectl *get secret mesh-secrets *",
      {.out = Json{{"data", {{"operator_token", base64_encode(daemon.operator_token())}}}}.dump()});
  std::vector<std::string> words(kKubernetes.begin(), kKubernetes.end() - 2);
  words.emplace_back("--yes");
  const Outcome done = deploy(words);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("a user was created, found and deleted"));
  const Outcome users = daemon.mesh({"users", "list", "--tenant", "mesh-smoke-test", "-o", "name"});
  EXPECT_EQ(users.out, "") << users.err;
  EXPECT_THAT(done.out + done.err + everything_kept(), Not(HasSubstr(daemon.operator_token())));

  tools_.on("kubectl *port-forward service/ai-gateway*",
            {.err = "error: unable to forward port because pod is not running\n", .code = 1});
  words.emplace_back("--restart");
  const Outcome failed = deploy(words);
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("no way to service/ai-gateway: error: unable to forward port"));
}

}  // namespace
}  // namespace mesh::e2e
