#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "common/auth/authenticator.h"
#include "tests/support/temp_dir.h"

namespace mesh::auth {
namespace {

using testing::HasSubstr;

class OperatorToken : public testing::Test {
 protected:
  std::string path() const { return dir_.path() + "/operator.token"; }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path()) << text;
    chmod(path().c_str(), mode);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir_.path()),
                                                  std::filesystem::directory_iterator()));
  }
  mesh::test::TempDir dir_;
};

TEST_F(OperatorToken, IsMadeOnceAndReadableByItsOwnerOnly) {
  const auto made = load_or_make_operator_token(path());
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->size(), 64u);  // 256 bits in hex
  struct stat info {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(load_or_make_operator_token(path()).value(), *made);
  EXPECT_EQ(files(), 1u);
}

TEST_F(OperatorToken, TwoAreNeverAlike) {
  const mesh::test::TempDir other;
  EXPECT_NE(load_or_make_operator_token(path()).value(),
            load_or_make_operator_token(other.path() + "/operator.token").value());
}

TEST_F(OperatorToken, ProcessesThatStartTogetherAgree) {
  std::vector<std::string> tokens(4);
  std::vector<std::thread> threads;
  for (auto& token : tokens) {
    threads.emplace_back([&] { token = load_or_make_operator_token(path()).value_or(""); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), 1u);
  EXPECT_FALSE(tokens[0].empty());
  EXPECT_EQ(files(), 1u);
}

TEST_F(OperatorToken, IsReadWithoutItsLineEnd) {
  write("0123456789abcdef0123456789abcdef\n");
  EXPECT_EQ(load_or_make_operator_token(path()).value(), "0123456789abcdef0123456789abcdef");
}

TEST_F(OperatorToken, IsReadWithoutAByteOrderMark) {
  write("\xef\xbb\xbf" + std::string("0123456789abcdef0123456789abcdef\r\n"));
  EXPECT_EQ(load_or_make_operator_token(path()).value(), "0123456789abcdef0123456789abcdef");
}

TEST_F(OperatorToken, WhatIsNoTokenIsRefusedAndKept) {
  for (const std::string& bad :
       {std::string(), std::string("short\n"), std::string(31, 'x'), std::string(5000, 'x'),
        std::string(20, 'x') + " " + std::string(20, 'y'),
        std::string(20, 'x') + "\n" + std::string(20, 'y'), std::string(40, '\x01')}) {
    write(bad);
    const auto refused = load_or_make_operator_token(path());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_THAT(refused.error().message, HasSubstr(path()));
    EXPECT_EQ(std::filesystem::file_size(path()), bad.size());
  }
}

TEST_F(OperatorToken, OneThatOthersMayReadIsAWarning) {
  write(std::string(40, 'x'), 0644);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(load_or_make_operator_token(path()).has_value());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("readable by others"));
}

TEST_F(OperatorToken, AFolderThatIsNotThereIsNamed) {
  const auto refused = load_or_make_operator_token(dir_.path() + "/none/operator.token");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message,
              HasSubstr("/none/operator.token: cannot be made: No such file"));
  EXPECT_THAT(load_or_make_operator_token(dir_.path()).error().message,
              HasSubstr("not a plain file"));
}

}  // namespace
}  // namespace mesh::auth
