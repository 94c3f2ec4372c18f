#include "tests/e2e/deploy/deploy_fixture.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/eventually.h"

namespace mesh::e2e {
namespace {

namespace fs = std::filesystem;

// A Linux `env -i` keeps what the test does not say out of the run.
std::vector<std::string> command(const std::vector<std::string>& words, const std::string& state,
                                 const std::string& home, const std::string& path) {
  std::vector<std::string> all{
      "/usr/bin/env",       "-i",    "PATH=" + path, "HOME=" + home, "XDG_STATE_HOME=" + state,
      MESH_BIN_DIR "/mesh", "deploy"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

}  // namespace

const char* const kDocuments = R"(apiVersion: v1
kind: Namespace
metadata:
  name: mesh-test
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: mesh-environment-abc
  namespace: mesh-test
data:
  MESH_KAFKA_BROKERS: kafka:9092
---
apiVersion: v1
kind: Service
metadata:
  name: user-service
  namespace: mesh-test
spec:
  ports:
  - port: 8081
---
apiVersion: v1
kind: Service
metadata:
  name: ai-gateway
  namespace: mesh-test
spec:
  ports:
  - port: 8090
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    mesh/step: rollout
  name: user-service
  namespace: mesh-test
spec:
  selector:
    matchLabels:
      role: user-service
  template:
    spec:
      containers:
      - image: registry.test/mesh:1
        name: meshd
      volumes:
      - name: secrets
        secret:
          secretName: mesh-secrets
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: qdrant
  namespace: mesh-test
spec:
  selector:
    matchLabels:
      role: qdrant
  template:
    spec:
      containers:
      - image: qdrant
        name: qdrant
  volumeClaimTemplates:
  - metadata:
      name: data
---
apiVersion: batch/v1
kind: Job
metadata:
  name: prepare
  namespace: mesh-test
spec:
  template:
    metadata:
      labels:
        role: prepare
    spec:
      containers:
      - image: registry.test/mesh:1
        name: meshd
)";

DeployTest::DeployTest() {
  for (const char* overlay : {"minimal", "eks"})
    write(source_ + "/manifests/overlays/" + overlay + "/kustomization.yaml", "resources: []\n");
  write(source_ + "/manifests/base/kustomization.yaml", "resources: []\n");
  write(source_ + "/terraform/main.tf", "# a stack\n");
  write(source_ + "/terraform/prices.yaml",
        "as_of: 2026-11-29\nregion: eu-central-1\ncurrency: USD\nhours_per_month: 730\n"
        "resources:\n  aws_eks_cluster: {hour: 0.10}\n");
}

Outcome DeployTest::deploy(std::vector<std::string> words) {
  // The others work on what was deployed.
  if (words[0] != "status" && words[0] != "destroy")
    words.insert(words.end(), {"--source", source_});
  auto all = command(words, dir_.file("state"), dir_.path(), tools_.path());
  // After `env -i`.
  all.insert(all.begin() + 2, variables_.begin(), variables_.end());
  return run(all);
}

Outcome DeployTest::answered(std::vector<std::string> words, const std::string& typed) {
  if (words[0] != "destroy") words.insert(words.end(), {"--source", source_});
  auto all = command(words, dir_.file("state"), dir_.path(), tools_.path());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::execv(argv[0], argv.data());
    ::_exit(99);
  }
  // Read when it is asked for.
  EXPECT_GT(::write(terminal, typed.data(), typed.size()), 0);
  Outcome outcome;
  char buffer[4096];
  for (ssize_t n; (n = ::read(terminal, buffer, sizeof buffer)) > 0;)
    outcome.out.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Outcome DeployTest::interrupted(std::vector<std::string> words, const std::string& ready) {
  words.insert(words.end(), {"--source", source_});
  auto all = command(words, dir_.file("state"), dir_.path(), tools_.path());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = dir_.file("out"), err = dir_.file("err");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), nullptr), 0);
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_TRUE(test::eventually([&] { return fs::exists(tools_.file(ready)); })) << read(err);
  ::kill(pid, SIGINT);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read(out), read(err)};
}

void DeployTest::expect_told(const std::vector<Failure>& failures,
                             const std::function<Outcome()>& run,
                             const std::function<void(const Failure&, const Outcome&)>& after) {
  for (const auto& failure : failures) {
    tools_.on(failure.glob, {.err = std::string(failure.err) + "\n", .code = 1, .once = true});
    const Outcome failed = run();
    EXPECT_EQ(failed.exit_code, failure.exit) << failure.glob << "\n" << failed.err;
    EXPECT_THAT(failed.err, ::testing::HasSubstr(failure.told)) << failure.glob;
    EXPECT_THAT(failed.out, ::testing::IsEmpty());
    after(failure, failed);
  }
}

void DeployTest::a_cluster_that_works() {
  tools_.on("kubectl version --client*", {.out = "clientVersion:\n  gitVersion: v1.32.0\n"});
  tools_.on("kubectl *config view *", {.out = "https://k8s.test:6443"});
  tools_.on("kubectl kustomize *", {.out = kDocuments});
  tools_.on(
      "kubectl *get secret mesh-secrets *",
      {.err = "Error from server (NotFound): secrets \"mesh-secrets\" not found\n", .code = 1});
  tools_.on("kubectl *apply --server-side*", {.out = "namespace/mesh-test serverside-applied\n"});
  tools_.on("kubectl *get job prepare *",
            {.out = R"({"status":{"conditions":[{"type":"Complete","status":"True"}]}})"});
  tools_.on("kubectl *rollout status *", {.out = "successfully rolled out\n"});
  for (const char* list : {"services", "pods", "events", "nodes", "persistentvolumeclaims",
                           "persistentvolumes", "replicasets", "deployments,statefulsets"})
    tools_.on(std::string("kubectl *get ") + list + " *", {.out = R"({"items":[]})"});
}

void DeployTest::secret_is_there() {
  tools_.on(
      "kubectl *get secret mesh-secrets *",
      {.out = R"({"data":{"operator_token":"dG9rZW4=","postgres_password":"cA==",)"
              R"("redis_password":"cg==","qdrant_api_key":"cQ==","kafka_password":"aw=="}})"});
}

void DeployTest::a_stack_that_works() {
  tools_.on("terraform version -json", {.out = R"({"terraform_version":"1.11.4"})"});
  tools_.on("aws --version", {.out = "aws-cli/1.45.11 Python/3.11.7\n"});
  tools_.on("aws sts get-caller-identity *",
            {.out = R"({"Account":"123456789012","Arn":"arn:aws:iam::123456789012:user/ops"})"});
  tools_.on("aws secretsmanager get-secret-value *",
            {.out = R"({"username":"mesh","password":"pw-of-the-store"})"});
  tools_.on("terraform plan *", {.code = 2, .act = {}});
  tools_.on("terraform show -json", {.out = R"({"format_version":"1.0"})"});
  tools_.on(
      "terraform show -json *",
      {.out = R"({"variables":{},"resource_changes":[{"address":"module.eks.aws_eks_cluster.this",)"
              R"("mode":"managed","type":"aws_eks_cluster",)"
              R"("change":{"actions":["create"],"after":{"name":"c"}}}]})"});
  tools_.on("terraform apply *",
            {.out = R"({"type":"apply_complete","hook":{"resource":{"addr":)"
                    R"("module.eks.aws_eks_cluster.this"},"action":"create","elapsed_seconds":61}})"
                    "\n"});
  tools_.on(
      "terraform output -json",
      {.out =
           R"({"repository_url":{"value":"registry.test/mesh"},"region":{"value":"eu-central-1"},)"
           R"("kafka":{"value":{"bootstrap_brokers":"b1:9096,b2:9096","secret_arn":"arn:kafka"}},)"
           R"("postgres":{"value":null},"redis":{"value":null},)"
           R"("service_account_roles":{"value":{"pipelines":"arn:aws:iam::1:role/p"}},)"
           R"("hidden":{"sensitive":true,"value":"hush-hush"}})"});
}

std::map<std::string, std::string> DeployTest::places() const {
  std::map<std::string, std::string> all;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(state(""), none)) {
    const std::string path = entry.path().string();
    all[path] = entry.is_regular_file() ? read(path) : "";
  }
  return all;
}

std::string DeployTest::everything_kept() const {
  std::string all;
  for (const auto& [path, text] : places()) all += text;
  return all;
}

void DeployTest::write(const std::string& name, const std::string& text) {
  fs::create_directories(fs::path(name).parent_path());
  std::ofstream(name) << text;
}

std::string DeployTest::read(const std::string& path) const {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace mesh::e2e
