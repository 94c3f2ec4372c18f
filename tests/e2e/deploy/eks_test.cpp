// `mesh deploy eks` and what follows it, over programs of the test's own.
#include <sys/stat.h>

#include <filesystem>

#include "common/base/strings.h"
#include "tests/e2e/deploy/deploy_fixture.h"

namespace mesh::e2e {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::vector<std::string> kEks{"eks", "--image", "registry.test/mesh:1", "--skip", "smoke"};

class DeployEks : public DeployTest {
 protected:
  DeployEks() {
    a_cluster_that_works();
    a_stack_that_works();
  }
  Outcome deployed(std::vector<std::string> more = {"--yes"}) {
    auto words = kEks;
    words.insert(words.end(), more.begin(), more.end());
    return deploy(words);
  }
  std::string kept(const std::string& file) const { return state("distributedai-eks/" + file); }
  // One that notes how its image is built.
  void a_checkout() {
    write(source_ + "/CMakeLists.txt", "");
    const std::string script = source_ + "/scripts/image";
    write(script, "#!/bin/bash\necho \"$*\" >>'" + tools_.file("built") + "'\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  }
};

TEST_F(DeployEks, BuildsTheStackAndFillsIt) {
  const Outcome done = deployed({"--yes", "--var", "zones=2", "--env", "MESH_LOG_LEVEL=debug"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  for (const char* told :
       {"plan: 1 to create, 0 to change, 0 to remove", "a month: 73 USD", "as of 2026-11-29",
        "module.eks.aws_eks_cluster.this created (1m1s)", "account 123456789012 as arn:aws:iam"}) {
    EXPECT_THAT(done.err, HasSubstr(told));
  }
  const std::string plan = tools_.calls_with("terraform plan").at(0);
  for (const char* word : {"-detailed-exitcode", "-var=zones=2",
                           "-var=cluster_name=distributedai-eks", "-var=region=eu-central-1"})
    EXPECT_THAT(plan, HasSubstr(word));
  EXPECT_THAT(tools_.calls_with("update-kubeconfig").at(0),
              HasSubstr("--kubeconfig " + kept("kubeconfig")));
  for (const auto& call : tools_.calls_with("rollout status")) {
    EXPECT_THAT(call, HasSubstr("--kubeconfig=" + kept("kubeconfig")));
    EXPECT_THAT(call, HasSubstr("--context=distributedai-eks"));
  }
  const auto over = Json::parse(read(kept("kustomization/kustomization.yaml")));
  EXPECT_THAT(
      over["configMapGenerator"][0]["literals"],
      ::testing::IsSupersetOf({"MESH_KAFKA_BROKERS=b1:9096,b2:9096", "MESH_LOG_LEVEL=debug"}));
  EXPECT_EQ(over["components"].dump(),
            R"(["../manifests/components/postgres","../manifests/components/redis",)"
            R"("../manifests/components/claims-on-gp3"])");
  EXPECT_THAT(over["patches"][1]["patch"].get<std::string>(), HasSubstr("arn:aws:iam::1:role/p"));
}

TEST_F(DeployEks, PasswordsGoFromAwsToTheClusterAndNowhereElse) {
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto secret = Json::parse(tools_.input_of("create -f -"));
  EXPECT_EQ(secret["data"]["kafka_password"], base64_encode("pw-of-the-store"));
  const std::string told = done.out + done.err + everything_kept();
  for (const char* hidden : {"pw-of-the-store", "hush-hush"})
    EXPECT_THAT(told, Not(HasSubstr(hidden)));
  EXPECT_THAT(tools_.calls(), Each(Not(HasSubstr("pw-of-the-store"))));
}

TEST_F(DeployEks, APasswordOfAStoreReplacesAnInventedOne) {
  secret_is_there();
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("replaced by their stores' passwords: kafka_password; kept:"));
  const auto patch = Json::parse(tools_.input_of("patch secret"));
  EXPECT_EQ(patch["data"].size(), 1u) << "the others stay";
  EXPECT_EQ(patch["data"]["kafka_password"], base64_encode("pw-of-the-store"));
}

TEST_F(DeployEks, TerraformSeesNothingOfTheUsersSettings) {
  variables_ = {"TF_CLI_ARGS_plan=-destroy", "TF_WORKSPACE=other", "TF_LOG=trace"};
  tools_.on("terraform plan *",
            {.act = "echo \"[$TF_CLI_ARGS_plan$TF_WORKSPACE$TF_LOG]\" >\"$here/seen\"; exit 2"});
  ASSERT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(read(tools_.file("seen")), "[]\n");
}

TEST_F(DeployEks, NeitherTheSourceNorTheUsersKubeconfigIsWritten) {
  const auto listed = [&] {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_))
      all += entry.path().string() + "\n";
    return all;
  };
  const std::string before = listed();
  ASSERT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(listed(), before);
  EXPECT_FALSE(std::filesystem::exists(dir_.file(".kube")));
  struct stat folder {};
  ASSERT_EQ(::stat(kept("").c_str(), &folder), 0);
  EXPECT_EQ(folder.st_mode & 0777, 0700u);
}

TEST_F(DeployEks, NamesAllThatIsMissingInOneMessage) {
  tools_.remove("terraform");
  tools_.remove("buildah");
  tools_.on("kubectl version --client*", {.out = "gitVersion: v1.9.0\n"});
  tools_.on("aws sts *", {.err = "Unable to locate credentials\n", .code = 255});
  const Outcome refused = deploy({"eks", "--yes"});
  EXPECT_EQ(refused.exit_code, 1);
  for (const char* told : {"terraform 1.10.0 or newer", "kubectl is 1.9.0, too old",
                           "Unable to locate credentials", "no checkout to build one from"}) {
    EXPECT_THAT(refused.err, HasSubstr(told));
  }
  EXPECT_EQ(tools_.count("plan"), 0u);
}

TEST_F(DeployEks, CredentialsAloneAreAMatterOfWhoOneIs) {
  tools_.on("aws sts *", {.err = "Unable to locate credentials\n", .code = 255});
  const Outcome refused = deployed();
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_THAT(refused.err, HasSubstr("aws configure sso"));
}

TEST_F(DeployEks, PlansAgainAfterAnApplyThatFailed) {
  tools_.on(
      "terraform apply *",
      {.out = R"({"type":"diagnostic","diagnostic":{"severity":"error","summary":"creating EKS",)"
              R"("detail":"UnsupportedAvailabilityZone","address":"module.eks.x"}})"
              "\n",
       .code = 1,
       .once = true});
  const Outcome failed = deployed();
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err,
              HasSubstr("terraform: creating EKS: UnsupportedAvailabilityZone (module.eks.x)"));
  EXPECT_THAT(failed.err, HasSubstr("logs/stack.log"));
  EXPECT_FALSE(std::filesystem::exists(kept("stack.plan")));
  tools_.forget_calls();
  EXPECT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(tools_.count("terraform plan"), 1u);
}

// Its replacement is made before it goes where something else asks for that, and has its name.
TEST_F(DeployEks, TakesAwayWhatACutOffRunHasHalfMade) {
  tools_.on("terraform show -json", {.out = R"({"values":{"root_module":{"resources":
    [{"address":"aws_iam_role.x","tainted":true}]}}})"});
  // Nothing was begun from here: what another machine's run has tainted may be in use.
  tools_.on("terraform apply *", {.err = "panic: oh\n", .code = 1, .once = true});
  EXPECT_EQ(deployed().exit_code, 1);
  EXPECT_EQ(tools_.count("-target"), 0u);
  const Outcome dry = deployed({"--dry-run"});
  EXPECT_THAT(dry.err, HasSubstr("taken away first: aws_iam_role.x"));
  EXPECT_EQ(tools_.count("-target"), 0u) << "nothing goes before a yes";
  tools_.forget_calls();
  const Outcome done = deployed();
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("taken away first: aws_iam_role.x"));
  EXPECT_EQ(tools_.count("terraform plan"), 2u) << "the agreed one, and one without what is gone";
  const auto applied = tools_.calls_with("terraform apply");
  ASSERT_THAT(applied, SizeIs(2));
  EXPECT_THAT(applied[0], HasSubstr("-destroy"));
  EXPECT_THAT(applied[0], HasSubstr("-target=aws_iam_role.x"));
  // What is in use is replaced as terraform does it.
  tools_.forget_calls();
  EXPECT_EQ(deployed().exit_code, 0);
  EXPECT_EQ(tools_.count("-target"), 0u);
}

TEST_F(DeployEks, DoesNotBuildAgainWhatIsBuilt) {
  tools_.on("kubectl *rollout status *", {.err = "error: no\n", .code = 1, .once = true});
  EXPECT_EQ(deployed().exit_code, 1);
  tools_.forget_calls();
  const Outcome again = deployed();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  for (const char* once :
       {"terraform plan", "terraform apply", "update-kubeconfig", "get-secret-value"})
    EXPECT_EQ(tools_.count(once), 0u) << once;
}

TEST_F(DeployEks, ALockSaysWhoHoldsIt) {
  tools_.on(
      "terraform plan *",
      {.out =
           R"({"type":"diagnostic","diagnostic":{"severity":"error",)"
           R"("summary":"Error acquiring the state lock",)"
           R"("detail":"Lock Info:\n  ID:        77-88\n  Who:       ann@laptop\n  Created:   today\n"}})"
           "\n",
       .code = 1});
  const std::string variables = dir_.file("v.tfvars");
  write(variables, "zones = 2\n");
  const Outcome locked = deployed({"--yes", "--lock-timeout", "5s", "--var-file", variables});
  EXPECT_EQ(locked.exit_code, 1);
  EXPECT_THAT(locked.err,
              HasSubstr("terraform -chdir=" + kept("terraform") + " force-unlock 77-88"));
  for (const char* named : {"terraform/main.tf", "variables/0.tfvars"})
    EXPECT_TRUE(std::filesystem::exists(kept(named))) << named;
  EXPECT_THAT(locked.err, HasSubstr("locked by ann@laptop since today (lock 77-88)"));
  EXPECT_THAT(tools_.calls_with("terraform plan").at(0), HasSubstr("-lock-timeout=5s"));
}

// As terraform does: it ends in order at SIGINT to itself, and what it has started is not killed.
TEST_F(DeployEks, CtrlCReachesTerraformAloneAndLetsItEndInOrder) {
  tools_.on(
      "terraform apply *",
      {.once = true,
       .act = "bash -c 'trap \"touch $0/provider-hit\" INT; while [ ! -e $0/saved ]; do read -t "
              "0.05 <> <(:) || true; done' \"$here\" & provider=$!\n"
              "trap 'echo INT >>\"$here/got\"' INT\n"
              "touch \"$here/ready\"\n"
              "while [ ! -e \"$here/got\" ]; do read -t 0.05 <> <(:) || true; done\n"
              "echo state >\"$here/saved\"; wait $provider\n"
              "echo '{\"type\":\"diagnostic\",\"diagnostic\":{\"severity\":\"error\","
              "\"summary\":\"Interrupted\"}}'; exit 1"});
  auto words = kEks;
  words.emplace_back("--yes");
  const Outcome stopped = interrupted(words, "ready");
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_EQ(read(tools_.file("got")), "INT\n");
  EXPECT_EQ(read(tools_.file("saved")), "state\n");
  EXPECT_FALSE(std::filesystem::exists(tools_.file("provider-hit")));
  EXPECT_THAT(stopped.err, HasSubstr("saves its state and lets go of the lock"));
  EXPECT_EQ(tools_.count("update-kubeconfig"), 0u);
  const Outcome again = deployed();
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

TEST_F(DeployEks, ADryRunPlansAndKeepsThePlanWhereItIsAskedFor) {
  tools_.on("terraform plan *",
            {.act = "for word in $line; do case $word in -out=*) echo secret-plan "
                    ">\"${word#-out=}\" ;; esac; done; exit 2"});
  const std::string plan = dir_.file("plan.out");
  const Outcome dry = deployed({"--dry-run", "--plan-out", plan});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_EQ(read(plan), "secret-plan\n");
  EXPECT_THAT(everything_kept(), Not(HasSubstr("secret-plan")));
  struct stat file {};
  ASSERT_EQ(::stat(plan.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_THAT(dry.err, HasSubstr("nothing was done (--dry-run)"));
  EXPECT_EQ(tools_.count("terraform apply"), 0u);
  const Outcome unknown = deploy({"status"});
  EXPECT_EQ(unknown.exit_code, 3) << unknown.err;
}

// They wrote the copies of the sources, the kustomization, terraform's files, logs and steps.
TEST_F(DeployEks, ADryRunAndANoLeaveThePlaceAsItWas) {
  tools_.on("terraform init *",
            {.act = "mkdir -p \"$TF_DATA_DIR\"; echo \"$$\" >\"$TF_DATA_DIR/made\"; echo said"});
  tools_.on("terraform plan *",
            {.act = "for word in $line; do case $word in -out=*) echo \"plan $$\" "
                    ">\"${word#-out=}\" ;; esac; done; exit 2"});
  write(dir_.file("my.tfvars"), "zones = 2\n");
  const std::string plan = dir_.file("plan.out");
  const auto leave_all = [&] {
    const auto before = places();
    const std::vector<std::string> other{"--env", "MESH_LOG_LEVEL=trace", "--var-file",
                                         dir_.file("my.tfvars")};
    auto dry = other;
    dry.insert(dry.end(), {"--dry-run", "--plan-out", plan});
    const Outcome shown = deployed(dry);
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_THAT(read(plan), ::testing::StartsWith("plan "));
    EXPECT_EQ(places(), before);
    auto asked = kEks;
    asked.insert(asked.end(), other.begin(), other.end());
    const Outcome no = answered(asked, "no\n");
    EXPECT_THAT(no.out, HasSubstr("Build this in account"));
    EXPECT_THAT(no.out, HasSubstr("nothing was done"));
    EXPECT_EQ(places(), before);
    EXPECT_EQ(tools_.count("terraform apply"), 0u);
  };
  leave_all();
  ASSERT_EQ(deployed().exit_code, 0);
  EXPECT_THAT(everything_kept(), Not(HasSubstr("plan "))) << "it holds secrets";
  tools_.forget_calls();
  write(source_ + "/terraform/main.tf", "# another stack\n");
  write(source_ + "/manifests/base/kustomization.yaml", "resources: [more]\n");
  leave_all();
  EXPECT_EQ(answered(kEks, "yes\n").exit_code, 0);
  EXPECT_EQ(read(kept("terraform/main.tf")), "# another stack\n");
}

TEST_F(DeployEks, APlanThatFailsLeavesItsLogAlone) {
  ASSERT_EQ(deployed().exit_code, 0);
  auto before = places();
  tools_.on("terraform plan *", {.out = "no such flag\n", .code = 1});
  const Outcome failed = deployed({"--yes", "--env", "MESH_LOG_LEVEL=trace"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("log: " + kept("logs/stack.log")));
  auto after = places();
  EXPECT_THAT(after[kept("logs/stack.log")], HasSubstr("no such flag"));
  after.erase(kept("logs/stack.log"));
  before.erase(kept("logs/stack.log"));
  EXPECT_EQ(after, before);
}

// A provider that is interrupted drops a call that AWS has done already.
TEST_F(DeployEks, WhatACutOffRunHasMadeInAwsIsNamedWithWhatToDo) {
  tools_.on("terraform apply *",
            {.out = R"({"type":"diagnostic","diagnostic":{"severity":"error",)"
                    R"("summary":"creating IAM Role (c-node): operation error IAM: CreateRole, )"
                    R"(EntityAlreadyExists: Role with name c-node already exists.",)"
                    R"("detail":"","address":"module.eks.aws_iam_role.node"}})"
                    "\n",
             .code = 1});
  const Outcome failed = deployed({"--yes", "--var", "zones=[\"a\"]"});
  EXPECT_EQ(failed.exit_code, 1);
  for (const std::string& told :
       {std::string("delete the IAM Role c-node in AWS, or take it in by `"),
        "TF_DATA_DIR=" + kept("terraform-data") + " terraform -chdir=" + kept("terraform"),
        std::string("'-var=zones=[\"a\"]' module.eks.aws_iam_role.node c-node`")}) {
    EXPECT_THAT(failed.err, HasSubstr(told));
  }
}

TEST_F(DeployEks, AnUnchangedStackIsFilledAllTheSame) {
  tools_.on("terraform plan *", {});
  const Outcome done = deployed();
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("terraform apply"), 0u);
  EXPECT_EQ(tools_.count("rollout status"), 2u);
}

TEST_F(DeployEks, ADatabaseOfAwsNeedsItsCertificates) {
  tools_.on(
      "terraform show -json *",
      {.out = R"({"resource_changes":[{"address":"db","mode":"managed","type":"aws_db_instance",)"
              R"("change":{"actions":["create"],"after":{}}}]})"});
  const Outcome refused = deployed();
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--database-ca FILE"));
  EXPECT_EQ(tools_.count("terraform apply"), 0u);
  write(dir_.file("ca.pem"), "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
  const Outcome done = deployed({"--yes", "--database-ca", dir_.file("ca.pem")});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(read(kept("kustomization/kustomization.yaml")), HasSubstr("rds.pem"));
}

TEST_F(DeployEks, SaysWhatNoStackCanGiveBeforeAnythingIsBuilt) {
  tools_.on("kubectl kustomize *",
            {.out = std::string(kDocuments) +
                    "---\nkind: ConfigMap\nmetadata:\n  name: mesh-environment-1\ndata:\n"
                    "  MESH_POSTGRES_DSN: \"\"\n  MESH_JWT_ISSUER: \"\"\n"});
  const Outcome refused = deployed();
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("MESH_JWT_ISSUER: who issues the tokens"));
  EXPECT_EQ(tools_.count("terraform plan"), 0u);
  const Outcome dry = deployed({"--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_THAT(dry.err, HasSubstr("still missing: MESH_JWT_ISSUER"));
  EXPECT_FALSE(std::filesystem::exists(kept("stack.plan")));
}

TEST_F(DeployEks, BuildsAndPushesAnImageWhereNoneIsGiven) {
  a_checkout();
  tools_.on("aws ecr get-login-password *", {.out = "token-of-the-registry\n"});
  tools_.on("kubectl kustomize *",
            {.act = "image=$(sed -n 's/.*\"newTag\": \"\\(.*\\)\".*/\\1/p' "
                    "\"${line#kubectl kustomize }/kustomization.yaml\")\n"
                    "sed \"s|registry.test/mesh:1|registry.test/mesh:${image:-1}|\" "
                    "\"$here/documents\""});
  write(tools_.file("documents"), kDocuments);
  const Outcome done = deploy({"eks", "--yes", "--skip", "smoke"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(read(tools_.file("built")),
              ::testing::MatchesRegex("--builder buildah --tag registry.test/mesh:.* --no-sbom\n"));
  EXPECT_THAT(tools_.calls_with("buildah login").at(0),
              HasSubstr("--username AWS --password-stdin registry.test"));
  EXPECT_EQ(tools_.input_of("buildah login"), "token-of-the-registry\n");
  EXPECT_THAT(done.out + done.err + everything_kept(), Not(HasSubstr("token-of-the-registry")));
  EXPECT_EQ(tools_.count("buildah push registry.test/mesh:"), 1u);
  EXPECT_THAT(done.out, HasSubstr("registry.test/mesh:"));
}

// Each had arguments of its own, without the times and labels of scripts/image.
TEST_F(DeployEks, TheImageIsTheSameWhoeverBuildsIt) {
  a_checkout();
  tools_.remove("buildah");
  for (const std::string builder : {"buildah", "podman", "docker"}) {
    tools_.add(builder);
    tools_.on(builder + " push *", {.err = "denied\n", .code = 1, .once = true});
    const Outcome failed = deploy({"eks", "--yes", "--restart"});
    EXPECT_THAT(failed.err, HasSubstr(builder + " push: denied"));
    EXPECT_THAT(read(tools_.file("built")), HasSubstr("--builder " + builder + " --tag "));
    EXPECT_EQ(tools_.count(builder + " build "), 0u);
    tools_.remove(builder);
  }
  tools_.add("docker");
  tools_.on("docker buildx version", {.code = 1});
  const Outcome old = deploy({"eks", "--yes", "--restart"});
  EXPECT_THAT(old.err, HasSubstr("none of buildah, podman and docker with buildx"));
}

// Each step, whatever fails in it.
TEST_F(DeployEks, EveryStepThatFailsEndsTheRun) {
  const std::vector<Failure> failures = {
      {"terraform init *", "Error: Failed to query available provider packages", 1,
       "query available"},
      {"terraform plan *", "Error: no such flag", 1, "no such flag"},
      {"terraform show -json *", "broken plan", 1, "terraform show: broken plan"},
      {"terraform apply *", "panic: oh", 1, "panic: oh"},
      {"terraform output *", "no state", 1, "cannot be read: no state"},
      {"aws eks update-kubeconfig *", "ResourceNotFoundException", 1, "ResourceNotFoundException"},
      {"aws secretsmanager *", "AccessDeniedException", 1, "AccessDeniedException"},
      {"kubectl *apply --server-side*", "error: conflict", 1, "conflict"},
  };
  expect_told(
      failures,
      [&] {
        return deployed({"--yes", "--restart"});
      },
      [&](const Failure& failure, const Outcome&) {
        EXPECT_EQ(tools_.count("rollout status"), 0u) << failure.glob;
      });
}

TEST_F(DeployEks, StaysTheStackThatItIs) {
  ASSERT_EQ(deployed().exit_code, 0);
  const Outcome moved = deployed({"--yes", "--region", "eu-west-1"});
  EXPECT_EQ(moved.exit_code, 1);
  EXPECT_THAT(moved.err, HasSubstr("has its region \"eu-central-1\", not \"eu-west-1\""));
  const Outcome bucket = deployed({"--yes", "--state-bucket", "b"});
  EXPECT_EQ(bucket.exit_code, 1);
  const Outcome named = deployed({"--yes", "--var", "cluster_name=x"});
  EXPECT_EQ(named.exit_code, 2);
  EXPECT_THAT(named.err, HasSubstr("give it by --name"));
}

TEST_F(DeployEks, TheNamespaceOfTheStackIsThatOfTheDeployment) {
  ASSERT_EQ(deployed({"--yes", "--namespace", "mesh-test"}).exit_code, 0);
  tools_.forget_calls();
  ASSERT_EQ(deployed().exit_code, 0);
  EXPECT_THAT(tools_.calls_with("terraform plan").at(0), HasSubstr("-var=namespace=mesh-test"));
}

class Deployed : public DeployEks {
 protected:
  Deployed() {
    EXPECT_EQ(deployed().exit_code, 0);
    secret_is_there();
    tools_.forget_calls();
  }
};

TEST_F(Deployed, StatusShowsStackNodesRolloutsAndWhyTheLagIsNotKnown) {
  tools_.on("kubectl *get nodes *", {.out = R"({"items":[{"metadata":{"name":"n1","labels":
    {"topology.kubernetes.io/zone":"eu-central-1a"}},"status":{"conditions":[{"type":"Ready",
    "status":"True"}],"nodeInfo":{"kubeletVersion":"v1.34.1"}}}]})"});
  tools_.on("kubectl *get deployments,statefulsets *", {.out = R"({"items":[{"kind":"Deployment",
    "metadata":{"name":"user-service"},"spec":{"replicas":2,"template":{"spec":{"containers":
    [{"image":"registry.test/mesh:1"}]}}},"status":{"readyReplicas":1,"updatedReplicas":2}}]})"});
  const Outcome shown = deploy({"status", "-o", "json"});
  EXPECT_EQ(shown.exit_code, 1) << shown.err;
  const auto report = Json::parse(shown.out);
  EXPECT_EQ(report["state"], "not ready: deployment/user-service");
  EXPECT_EQ(report["nodes"][0]["version"], "v1.34.1");
  EXPECT_EQ(report["workloads"][0]["ready"], 1);
  EXPECT_THAT(report["lag_unknown"].get<std::string>(), HasSubstr("admin"));
  EXPECT_TRUE(report["lag"].is_array());
  EXPECT_THAT(shown.out, Not(HasSubstr("hush-hush")));
  const Outcome for_people = deploy({"status", "distributedai-eks"});
  EXPECT_THAT(for_people.out, HasSubstr("Workloads:"));
}

TEST_F(Deployed, StatusIsNotUpInARolloutThatIsStuck) {
  const auto state_of = [&](const std::string& status) {
    tools_.on("kubectl *get deployments,statefulsets *",
              {.out = R"({"items":[{"kind":"Deployment","metadata":{"name":"a","generation":2},)"
                      R"("spec":{"replicas":2},"status":)" +
                      status + "}]}"});
    const Outcome shown = deploy({"status", "-o", "json"});
    return Json::parse(shown.out)["state"].get<std::string>();
  };
  EXPECT_EQ(state_of(R"({"readyReplicas":2,"updatedReplicas":1,"observedGeneration":2})"),
            "not ready: deployment/a");
  EXPECT_EQ(state_of(R"({"readyReplicas":2,"updatedReplicas":2,"observedGeneration":1})"),
            "not ready: deployment/a");
  EXPECT_EQ(state_of(R"({"readyReplicas":2,"updatedReplicas":2,"observedGeneration":2})"), "up");
}

TEST_F(Deployed, StatusAsksForTheLagThroughATunnel) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  tools_.on("kubectl *get services *", {.out = R"({"items":[{"metadata":{"name":"admin"},
    "spec":{"ports":[{"port":9090}]}}]})"});
  tools_.on("kubectl *port-forward service/admin*",
            {.act = "echo 'Forwarding from " + daemon.address("admin") +
                    " -> 9090'; exec tail -f /dev/null"});
  tools_.on(
      "kubectl *get secret mesh-secrets *",
      {.out = Json{{"data", {{"operator_token", base64_encode(daemon.operator_token())}}}}.dump()});
  const Outcome shown = deploy({"status", "-o", "json"});
  const auto report = Json::parse(shown.out);
  EXPECT_FALSE(report["lag"].empty()) << shown.err;
  EXPECT_TRUE(report["lag_unknown"].is_null());
}

TEST_F(Deployed, UpgradeBringsAnotherImage) {
  tools_.on("kubectl kustomize *", {.act = "sed 's|mesh:1|mesh:2|' \"$here/documents\""});
  write(tools_.file("documents"), kDocuments);
  const Outcome done =
      deploy({"upgrade", "--image", "registry.test/mesh:2", "--yes", "--skip", "smoke"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("terraform"), 0u);
  EXPECT_EQ(tools_.count("delete job prepare"), 1u);
  EXPECT_THAT(done.out, HasSubstr("registry.test/mesh:2"));
  // The addresses of the stack are still there.
  EXPECT_THAT(read(kept("kustomization/kustomization.yaml")), HasSubstr("b1:9096"));
  const Outcome asked = deploy({"upgrade", "--yes"});
  EXPECT_EQ(asked.exit_code, 2);
  EXPECT_THAT(asked.err, HasSubstr("--image"));
}

TEST_F(Deployed, DestroyWantsTheNameAndNoLess) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"destroy"},
                                                {"destroy", "--yes"},
                                                {"destroy", "--confirm", "other"}}) {
    const Outcome refused = deploy(words);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_EQ(tools_.count("delete"), 0u);
    EXPECT_EQ(tools_.count("apply -destroy"), 0u);
  }
}

TEST_F(Deployed, DestroyTakesWhatKubernetesMadeThenTheStackThenItsVolumes) {
  tools_.on("kubectl *get persistentvolumeclaims *",
            {.out = R"({"items":[{"metadata":{"name":"data-qdrant-0"}}]})"});
  tools_.on("kubectl *get persistentvolumes *",
            {.out = R"({"items":[{"metadata":{"name":"pv1"},"spec":
    {"claimRef":{"name":"data-qdrant-0","namespace":"mesh-test"},"persistentVolumeReclaimPolicy":"Delete"}}]})",
             .once = true});
  tools_.on("kubectl *get services *", {.out = R"({"items":[{"metadata":{"name":"door"},
    "spec":{"type":"LoadBalancer"}}]})"});
  tools_.on("terraform show -json", {.out = R"({"values":{"root_module":{"resources":
    [{"address":"data.aws_x.y","mode":"data"},{"address":"aws_eks_cluster.this","mode":"managed"}]}}})"});
  tools_.on("aws ec2 describe-volumes *",
            {.out = R"({"Volumes":[{"VolumeId":"vol-1","Size":20,"State":"available"}]})"});
  // Its objects of the namespace that was made, and that one: seen in a dry run first.
  const Outcome dry = deploy({"destroy", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  for (const char* told :
       {"volume claim data-qdrant-0", "load balancer of service door",
        "the stack in eu-central-1, 1 resources", "goes with its data: volume vol-1, 20 GiB"})
    EXPECT_THAT(dry.err, HasSubstr(told));
  EXPECT_EQ(tools_.count("delete"), 0u);
  tools_.forget_calls();

  const Outcome done = deploy({"destroy", "--confirm", "distributedai-eks"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto calls = tools_.calls();
  const auto place = [&](const std::string& part) {
    return std::find_if(calls.begin(), calls.end(),
                        [&](const auto& call) { return call.find(part) != call.npos; }) -
           calls.begin();
  };
  EXPECT_LT(place("delete service door"), place("delete persistentvolumeclaim data-qdrant-0"));
  EXPECT_LT(place("delete persistentvolumeclaim data-qdrant-0"), place("apply -destroy"));
  EXPECT_LT(place("apply -destroy"), place("delete-volume --volume-id vol-1"));
  EXPECT_LT(place("delete-volume --volume-id vol-1"), static_cast<std::ptrdiff_t>(calls.size()));
  EXPECT_EQ(deploy({"status"}).exit_code, 3) << "it is forgotten";
  EXPECT_TRUE(std::filesystem::exists(kept("logs/destroy-stack.log")));
  for (const char* gone : {"kubeconfig", "kustomization", "variables", "terraform.tfstate.backup"})
    EXPECT_FALSE(std::filesystem::exists(kept(gone))) << gone;
}

TEST_F(Deployed, DestroyTakesNothingWhileItsDatabaseIsProtected) {
  tools_.on("terraform show -json", {.out = R"({"values":{"root_module":{"resources":
    [{"address":"module.data.aws_db_instance.postgres[0]","mode":"managed",
      "type":"aws_db_instance","values":{"deletion_protection":true}}]}}})"});
  const Outcome refused = deploy({"destroy", "--confirm", "distributedai-eks"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("keeps module.data.aws_db_instance.postgres[0]"));
  EXPECT_THAT(refused.err, HasSubstr("deletion_protection = false"));
  EXPECT_EQ(tools_.count("delete"), 0u);
  EXPECT_EQ(tools_.count("terraform apply"), 0u);
}

// The state in a bucket, the cluster filled from another machine: all of it was there before.
TEST_F(DeployEks, DestroyTakesAllOfAClusterThatASecondMachineHasFound) {
  secret_is_there();
  tools_.on("kubectl *get namespace mesh-test *", {.out = "namespace/mesh-test\n"});
  tools_.on("kubectl *get -f - *",
            {.out = "namespace/mesh-test\nconfigmap/mesh-environment-abc\nservice/user-service\n"
                    "service/ai-gateway\ndeployment.apps/user-service\nstatefulset.apps/qdrant\n"
                    "job.batch/prepare\n"});
  tools_.on("kubectl *get persistentvolumeclaims *",
            {.out = R"({"items":[{"metadata":{"name":"data-qdrant-0"}}]})"});
  ASSERT_EQ(deployed().exit_code, 0);
  ASSERT_EQ(Json::parse(read(kept("deployment.json")))["made"], Json::array());
  tools_.forget_calls();
  const Outcome done = deploy({"destroy", "--confirm", "distributedai-eks"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, Not(HasSubstr("was there before")));
  std::string deleted;
  for (const auto& call : tools_.calls_with(" delete ")) deleted += call + "\n";
  for (const char* own :
       {"namespace/mesh-test", "statefulset/qdrant", "data-qdrant-0", "secret/mesh-secrets"})
    EXPECT_THAT(deleted, HasSubstr(own));
}

// Cut off between the kubeconfig and the namespace.
TEST_F(DeployEks, DestroyKnowsTheNamespaceThatWasNotMadeYet) {
  tools_.on("aws secretsmanager *", {.err = "AccessDenied\n", .code = 1, .once = true});
  EXPECT_EQ(deployed().exit_code, 1);
  tools_.forget_calls();
  const Outcome done = deploy({"destroy", "--confirm", "distributedai-eks"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(tools_.calls_with("get persistentvolumeclaims").at(0),
              HasSubstr("--namespace=mesh-test"));
}

TEST_F(Deployed, DestroyLeavesAStorageClassThatOthersUse) {
  const auto with_class = [](const std::string& name) {
    return "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: " + name +
           "\n";
  };
  tools_.on("kubectl kustomize *", {.out = std::string(kDocuments) + with_class("shared-class") +
                                           with_class("own-class")});
  tools_.on("kubectl *get persistentvolumeclaims --all-namespaces *",
            {.out = R"({"items":[{"metadata":{"name":"a","namespace":"mesh-test"},
    "spec":{"storageClassName":"own-class"}},{"metadata":{"name":"b","namespace":"other"},
    "spec":{"storageClassName":"shared-class"}}]})"});
  ASSERT_EQ(deployed().exit_code, 0);
  const Outcome done = deploy({"destroy", "--confirm", "distributedai-eks"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("other namespaces use it: storageclass/shared-class"));
  const auto deleted = tools_.calls_with(" delete ");
  EXPECT_THAT(deleted, Each(Not(HasSubstr("shared-class"))));
  EXPECT_THAT(deleted, ::testing::Contains(HasSubstr("storageclass/own-class")));
}

TEST_F(Deployed, ADryRunAndANoOfLaterVerbsLeaveThePlaceAsItWas) {
  const auto before = places();
  const std::vector<std::string> upgrade{"upgrade", "--image", "registry.test/mesh:1", "--skip",
                                         "smoke",   "--env",   "MESH_LOG_LEVEL=x"};
  auto dry = upgrade;
  dry.emplace_back("--dry-run");
  EXPECT_EQ(deploy(dry).exit_code, 0);
  EXPECT_EQ(places(), before);
  EXPECT_THAT(answered(upgrade, "n\n").out, HasSubstr("nothing was done"));
  EXPECT_EQ(places(), before);
  // Where terraform's own folder is lost, too.
  tools_.on("terraform show -json", {.err = "not initialised\n", .code = 1, .once = true});
  tools_.on("terraform init *", {.out = "said\n"});
  EXPECT_EQ(deploy({"destroy", "--dry-run"}).exit_code, 0);
  EXPECT_EQ(places(), before);
  EXPECT_THAT(answered({"destroy"}, "no\n").out, HasSubstr("nothing was done"));
  EXPECT_EQ(places(), before);
  EXPECT_EQ(tools_.count(" delete "), 0u);
}

TEST_F(Deployed, DestroySaysThatAVolumeGoesWithTheClusterThoughItsClassKeepsIt) {
  tools_.on("kubectl *get persistentvolumeclaims *",
            {.out = R"({"items":[{"metadata":{"name":"data-qdrant-0"}}]})"});
  tools_.on("kubectl *get persistentvolumes *",
            {.out = R"({"items":[{"metadata":{"name":"pv1"},"spec":{"claimRef":
    {"name":"data-qdrant-0","namespace":"mesh-test"},"persistentVolumeReclaimPolicy":"Retain"}}]})"});
  const Outcome dry = deploy({"destroy", "--dry-run"});
  EXPECT_THAT(dry.err, HasSubstr("goes with the cluster, though its class keeps it: volume pv1"));
}

TEST_F(Deployed, DestroyGoesOnWhereItStopped) {
  tools_.on(
      "terraform apply -destroy *",
      {.out = R"({"type":"diagnostic","diagnostic":{"severity":"error","summary":"deleting VPC",)"
              R"("detail":"DependencyViolation"}})"
              "\n",
       .code = 1,
       .once = true});
  const Outcome failed = deploy({"destroy", "--confirm", "distributedai-eks"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("deleting VPC: DependencyViolation"));
  tools_.forget_calls();
  const Outcome done = deploy({"destroy", "--confirm", "distributedai-eks"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(tools_.count("kubectl"), 1u) << "its version alone";
}

}  // namespace
}  // namespace mesh::e2e
