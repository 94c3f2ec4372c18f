// `mesh deploy local` over programs of the test's own.
#include <filesystem>

#include "tests/e2e/deploy/deploy_fixture.h"

namespace mesh::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class DeployLocal : public DeployTest {
 protected:
  // A checkout whose scripts note how they are called.
  void a_checkout() {
    write(source_ + "/CMakeLists.txt", "");
    write(source_ + "/manifests/compose.yaml", "name: mesh\n");
    script("manifests/stack/make-secrets");
    script("scripts/stack");
  }
  void script(const std::string& name) {
    const std::string path = source_ + "/" + name;
    write(path, "#!/bin/bash\necho \"${0##*/} $*\" >>'" + tools_.file("scripts") + "'\n" +
                    "[ ! -e '" + tools_.file("broken") +
                    "' ] || { echo 'no Kafka' >&2; exit 3; }\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
};

TEST_F(DeployLocal, RunsTheComposeFileWhereAnEngineAnswers) {
  a_checkout();
  tools_.add("docker");
  const Outcome up = deploy({"local"});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const auto calls = tools_.calls_with("up --build --wait");
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_THAT(calls[0], HasSubstr("docker compose -p mesh-deploy -f " +
                                  state("local/manifests/compose.yaml")));
  // What the copy of the file says of folders is replaced.
  const auto over = Json::parse(read(state("local/manifests/override.json")));
  EXPECT_EQ(over["services"]["meshd-edge"]["build"]["context"], source_);
  EXPECT_EQ(over["secrets"]["operator_token"]["file"], state("local/secrets/operator_token"));
  EXPECT_EQ(read(tools_.file("scripts")), "make-secrets " + state("local/secrets") + "\n");
  // What started it stops it, though it may answer no more by then.
  tools_.on("docker info*", {.code = 1});
  ASSERT_EQ(deploy({"local", "--down"}).exit_code, 0);
  EXPECT_THAT(tools_.calls_with(" down").at(0), HasSubstr("docker compose -p mesh-deploy"));
}

TEST_F(DeployLocal, ProcessesAreStoppedAsProcessesThoughAnEngineAnswersNow) {
  a_checkout();
  ASSERT_EQ(deploy({"local"}).exit_code, 0);
  tools_.add("docker");
  const Outcome down = deploy({"local", "--down"});
  ASSERT_EQ(down.exit_code, 0) << down.err;
  EXPECT_THAT(read(tools_.file("scripts")),
              HasSubstr("stack --dir " + state("local/stack") + " down\n"));
  EXPECT_EQ(tools_.count("docker compose -p"), 0u);
}

TEST_F(DeployLocal, RunsProcessesWhereNoneDoes) {
  a_checkout();
  tools_.add("docker");
  tools_.on("docker compose version*", {.err = "docker: unknown command\n", .code = 1});
  const Outcome up = deploy({"local"});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  EXPECT_THAT(up.err, HasSubstr("neither docker compose nor podman compose answers"));
  EXPECT_EQ(read(tools_.file("scripts")), "stack --dir " + state("local/stack") + " up\n");
  EXPECT_THAT(deploy({"status"}).err, HasSubstr("is local"));
}

TEST_F(DeployLocal, SaysWhatFailedAndWhere) {
  a_checkout();
  write(tools_.file("broken"), "");
  const Outcome failed = deploy({"local"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("ended with exit code 3: no Kafka"));
  EXPECT_THAT(failed.err, HasSubstr("local/logs/up.log"));
}

TEST_F(DeployLocal, NeedsACheckout) {
  const Outcome refused = deploy({"local"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is built from a checkout"));
}

TEST_F(DeployLocal, ADryRunSaysWhatWouldRunIt) {
  a_checkout();
  const Outcome dry = deploy({"local", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.err, HasSubstr("scripts/stack, as processes"));
  EXPECT_FALSE(std::filesystem::exists(tools_.file("scripts")));
  EXPECT_TRUE(places().empty());
}

}  // namespace
}  // namespace mesh::e2e
