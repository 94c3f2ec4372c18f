#include "cli/context_file.h"

#include <sys/stat.h>

#include <fstream>

#include "cli/files.h"
#include "tests/support/temp_dir.h"

namespace mesh::cli {
namespace {

class ContextFileTest : public ::testing::Test {
 protected:
  std::string path() const { return dir.file("deep/er/config.yaml"); }
  Result<ContextFile> written(const std::string& text) {
    std::filesystem::create_directories(dir.file("deep/er"));
    std::ofstream(path()) << text;
    return load_contexts(path());
  }
  test::TempDir dir;
};

TEST_F(ContextFileTest, AMissingFileHoldsNoContexts) {
  EXPECT_TRUE(load_contexts(path())->contexts.empty());
}

TEST_F(ContextFileTest, ALinkStaysALink) {
  ASSERT_TRUE(save_contexts(dir.file("kept.yaml"), {}));
  std::filesystem::create_directories(dir.file("deep/er"));
  std::filesystem::create_symlink(dir.file("kept.yaml"), path());
  ContextFile file;
  file.current = "prod";
  ASSERT_TRUE(save_contexts(path(), file));
  EXPECT_TRUE(std::filesystem::is_symlink(path()));
  EXPECT_EQ(load_contexts(dir.file("kept.yaml"))->current, "prod");
}

TEST_F(ContextFileTest, WhatIsSavedIsReadBack) {
  ContextFile file;
  file.current = "prod";
  file.contexts["prod"] = {.server = "https://mesh.example.org",
                           .data_dir = {},
                           .token = "acme:alice",
                           .tenant = "acme",
                           .output = "json",
                           .endpoints = {}};
  file.contexts["odd: name"] = {.server = {},
                                .data_dir = "/x",
                                .token = "12345",
                                .tenant = "007",
                                .output = {},
                                .endpoints = {{"admin", "http://a:1"}}};
  ASSERT_TRUE(save_contexts(path(), file));
  const auto read = load_contexts(path());
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->current, "prod");
  EXPECT_EQ(read->contexts.at("prod").server, "https://mesh.example.org");
  EXPECT_EQ(read->contexts.at("odd: name").token, "12345");
  EXPECT_EQ(read->contexts.at("odd: name").tenant, "007");
  EXPECT_EQ(read->contexts.at("odd: name").endpoints.at("admin"), "http://a:1");
}

TEST_F(ContextFileTest, AByteOrderMarkIsPassedOver) {
  EXPECT_EQ(written("\xef\xbb\xbf"
                    "current: a\ncontexts: {a: {tenant: acme}}\n")
                ->current,
            "a");
}

TEST_F(ContextFileTest, OnlyItsOwnerMayReadIt) {
  ASSERT_TRUE(save_contexts(path(), {}));
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ContextFileTest, ErrorsNameTheFileAndTheKey) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"contexts: {a: {colour: red}}", "contexts.a.colour"},
           {"contexts: {a: {server: 'ftp://x'}}", "contexts.a.server"},
           {"contexts: {a: {endpoints: {cellar: 'http://x'}}}", "contexts.a.endpoints.cellar"},
           {"contexts: [a]", "contexts"},
           {"a: [", "line"}}) {
    const auto file = written(text);
    ASSERT_FALSE(file) << text;
    EXPECT_EQ(file.error().kind, ErrorKind::invalid);
    EXPECT_NE(file.error().message.find(path()), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find(expected), std::string::npos) << file.error().message;
  }
}

TEST(ContextFilePath, FollowsXdgThenHome) {
  std::map<std::string, std::string> env{{"HOME", "/h"}};
  const auto get = [&](const char* name) -> const char* {
    return env.contains(name) ? env[name].c_str() : nullptr;
  };
  EXPECT_EQ(context_file_path(get), "/h/.config/mesh/config.yaml");
  env["XDG_CONFIG_HOME"] = "/x";
  EXPECT_EQ(context_file_path(get), "/x/mesh/config.yaml");
  env.clear();
  EXPECT_EQ(context_file_path(get), "");
}

}  // namespace
}  // namespace mesh::cli
