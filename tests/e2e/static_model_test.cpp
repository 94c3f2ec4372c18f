// A static model in a folder, through the real daemon.
#include <gmock/gmock.h>

#include "tests/e2e/daemon.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using testing::HasSubstr;

class StaticModelEndToEnd : public testing::Test {
 protected:
  // "cannot log in" and "sign blocked" have no word in common, and mean about the same.
  void SetUp() override {
    ASSERT_TRUE(test::write_word_model(model(), {{"cannot", {1, 0.1f, 0, 0}},
                                                 {"blocked", {1, 0, 0.1f, 0}},
                                                 {"log", {0, 1, 0, 0.1f}},
                                                 {"in", {0, 0.2f, 0.1f, 0}},
                                                 {"sign", {0.1f, 1, 0, 0}},
                                                 {"late", {0.1f, 0, 1, 0}},
                                                 {"invoice", {0, 0, 0.1f, 1}}}));
  }
  std::string model() const { return dir_.file("model"); }
  std::string config(const std::string& more = {}) const {
    return "embedder: {engine: static, path: " + model() + more + "}\n";
  }
  void create(Daemon& daemon, const std::string& name, const std::string& email) {
    const auto answer = daemon.call("users", "POST", "/users/create?ack=searchable", "acme:a",
                                    dump({{"email", email}, {"name", name}}));
    EXPECT_EQ(answer.status, 201) << answer.body;
  }
  std::string first(Daemon& daemon, const std::string& query) {
    const auto found = daemon.call("gateway", "GET", "/ai/users/search?query=" + query, "acme:a");
    EXPECT_EQ(found.status, 200) << found.body;
    const Json results = found.json().value("results", Json::array());
    return results.empty() ? "" : results[0]["name"].get<std::string>();
  }
  test::TempDir dir_;
};

TEST_F(StaticModelEndToEnd, FindsByMeaningAndByLetters) {
  Daemon daemon(dir_.file("data"), config());
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  create(daemon, "Late Invoice", "q@zz.dev");
  create(daemon, "Sign Blocked", "x@yy.dev");
  create(daemon, "Qwertz Bartholomew", "k@vv.dev");
  EXPECT_EQ(first(daemon, "cannot%20log%20in"), "Sign Blocked");
  EXPECT_EQ(first(daemon, "bartolomew"), "Qwertz Bartholomew") << "which no word of the model is";
  const Json indexes = Json::parse(daemon.mesh({"index", "list", "-o", "json"}).out);
  EXPECT_EQ(indexes[0]["dimension"], 384 + 4 + 1);
  EXPECT_THAT(indexes[0]["embedder"].get<std::string>(), HasSubstr("static:"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(StaticModelEndToEnd, WithoutLettersTheVectorsAreTheModels) {
  Daemon daemon(dir_.file("data"), config(", letters: 0, dimension: null"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  create(daemon, "Late Invoice", "q@zz.dev");
  create(daemon, "Sign Blocked", "x@yy.dev");
  EXPECT_EQ(first(daemon, "cannot%20log%20in"), "Sign Blocked");
  const Json indexes = Json::parse(daemon.mesh({"index", "list", "-o", "json"}).out);
  EXPECT_EQ(indexes[0]["dimension"], 4);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(StaticModelEndToEnd, AnIndexOfTheModelIsBuiltAndServedBesideTheConfiguredEmbedder) {
  {
    Daemon daemon(dir_.file("data"));
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    create(daemon, "Sign Blocked", "x@yy.dev");
    const auto built = daemon.mesh(
        {"index", "rebuild", "--embedder", "static", "--model", model(), "--no-progress"});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    EXPECT_EQ(first(daemon, "cannot%20log%20in"), "Sign Blocked");
    const Json indexes = Json::parse(daemon.mesh({"index", "list", "-o", "json"}).out);
    EXPECT_EQ(indexes[0]["model"], nullptr);
    EXPECT_EQ(indexes[1]["model"], model());
    const auto refused = daemon.mesh(
        {"index", "rebuild", "--embedder", "static", "--model", dir_.file("none"), "--dry-run"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr(dir_.file("none")));
    EXPECT_EQ(daemon.stop(), 0);
  }
  {
    Daemon daemon(dir_.file("data"));
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    create(daemon, "Late Invoice", "q@zz.dev");
    EXPECT_EQ(first(daemon, "blocked%20sign"), "Sign Blocked") << "after a restart, too";
    EXPECT_EQ(first(daemon, "invoice%20late"), "Late Invoice");
    EXPECT_EQ(daemon.stop(), 0);
  }
  std::filesystem::remove_all(model());
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const Json tasks = Json::parse(daemon.mesh({"tasks", "list", "-o", "json"}).out);
  ASSERT_EQ(tasks.size(), 2u) << "without the model the start asks for a rebuild";
  ASSERT_EQ(daemon.mesh({"tasks", "wait", tasks[0]["id"].get<std::string>()}).exit_code, 0);
  EXPECT_EQ(first(daemon, "Late%20Invoice"), "Late Invoice");
  const Json indexes = Json::parse(daemon.mesh({"index", "list", "-o", "json"}).out);
  EXPECT_EQ(indexes.back()["embedder"], "hashing-v2/384");
  EXPECT_EQ(indexes.back()["serving"], true);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(StaticModelEndToEnd, AFolderThatDoesNotLoadStopsTheStartAndTheCheckByName) {
  std::filesystem::remove(model() + "/tokenizer.json");
  Daemon daemon(dir_.file("data"), config());
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.errors(), HasSubstr("embedder.path: cannot read " + model() +
                                         "/tokenizer.json: No such file or directory; name a "
                                         "folder with model.safetensors"));
  const auto checked =
      run({MESH_BIN_DIR "/meshd", "--check-config", "--config", daemon.write_config()});
  EXPECT_EQ(checked.exit_code, 2);
  EXPECT_THAT(checked.err, HasSubstr("embedder.path: cannot read " + model()));
}

TEST_F(StaticModelEndToEnd, AnotherDimensionThanTheModelsIsToldByBoth) {
  Daemon daemon(dir_.file("data"), config(", dimension: 256"));
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.errors(),
              HasSubstr("embedder.dimension: 256, but the vectors of the model in " + model() +
                        " have 4 numbers"));
}

}  // namespace
}  // namespace mesh::e2e
