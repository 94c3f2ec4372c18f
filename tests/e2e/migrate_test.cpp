// `mesh migrate` where no server is needed: from one data folder to another. tests/crash has the
// servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/bytes.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using ::testing::HasSubstr;

class Migrate : public ::testing::Test {
 protected:
  static Outcome migrate(const std::string& from, const std::string& to) {
    return run({MESH_BIN_DIR "/mesh", "migrate", "--from", from, "--to", to});
  }
  void create(Daemon& daemon, const std::string& name) {
    const Outcome made = daemon.mesh({"users", "create", "--tenant", "acme", "--email",
                                      name + "@acme.dev", "--name", name, "--wait"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  test::TempDir dir_;
  Daemon old_{dir_.file("old")}, new_{dir_.file("new")};
};

TEST_F(Migrate, TheNewEnginesGoOnWhereTheOldOnesWere) {
  ASSERT_TRUE(old_.start()) << old_.errors();
  create(old_, "ann");
  ASSERT_EQ(old_.stop(), 0);
  const Outcome moved = migrate(old_.write_config(), new_.write_config());
  ASSERT_EQ(moved.exit_code, 0) << moved.err;
  EXPECT_THAT(moved.out, HasSubstr("STATE:  equal\n"));
  EXPECT_THAT(moved.out, HasSubstr("\nuser.events               1        1  equal\n"));
  EXPECT_THAT(moved.err, HasSubstr("not kept: offsets"));

  ASSERT_TRUE(new_.start()) << new_.errors();
  create(new_, "bob");
  const Outcome users = new_.mesh({"users", "list", "--tenant", "acme", "-o", "csv"});
  EXPECT_THAT(users.out, HasSubstr("1,ann@acme.dev"));
  EXPECT_THAT(users.out, HasSubstr("2,bob@acme.dev"));
  // Built from the log.
  const Outcome found = new_.mesh({"search", "ann", "--tenant", "acme"});
  EXPECT_THAT(found.out, HasSubstr("ann@acme.dev"));
  const Outcome tasks = new_.mesh({"tasks", "list"});
  EXPECT_THAT(tasks.out, HasSubstr("migration"));
}

// The keys of tenants move, and the note of the master key does not.
TEST_F(Migrate, TheNewEnginesAreOfTheSameMasterKey) {
  test::write_bytes(dir_.file("master"), std::string(64, 'c'));
  test::write_bytes(dir_.file("another"), std::string(64, 'd'));
  const auto crypto = [&](const std::string& file) {
    return "tenants: {erasure: crypto, master_key_file: " + dir_.file(file) + "}\n";
  };
  Daemon old(dir_.file("old"), crypto("master")), wrong(dir_.file("new"), crypto("another"));
  ASSERT_TRUE(old.start()) << old.errors();
  create(old, "ann");
  ASSERT_EQ(old.stop(), 0);
  const Outcome moved = migrate(old.write_config(), wrong.write_config());
  ASSERT_EQ(moved.exit_code, 0) << moved.err;
  EXPECT_FALSE(wrong.start());
  EXPECT_THAT(wrong.errors(), HasSubstr("tenants.master_key_file holds another key"));

  Daemon right(dir_.file("new"), crypto("master"));
  ASSERT_TRUE(right.start()) << right.errors();
  create(right, "bob");
  EXPECT_THAT(right.mesh({"search", "ann", "--tenant", "acme"}).out, HasSubstr("ann@acme.dev"));
}

TEST_F(Migrate, WhatCannotBeIsToldAndChangesNothing) {
  const Outcome unread = migrate(dir_.file("none.yaml"), new_.write_config());
  EXPECT_EQ(unread.exit_code, 2);
  EXPECT_THAT(unread.err, HasSubstr("none.yaml: cannot be read"));
  const Outcome empty = migrate(old_.write_config(), new_.write_config());
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("no meshd has run there"));

  ASSERT_TRUE(old_.start()) << old_.errors();
  create(old_, "ann");
  const Outcome in_use = migrate(old_.write_config(), new_.write_config());
  EXPECT_EQ(in_use.exit_code, 1);
  EXPECT_THAT(in_use.err, HasSubstr("is in use by process"));
  ASSERT_EQ(old_.stop(), 0);
  const Outcome itself = migrate(old_.write_config(), old_.write_config());
  EXPECT_EQ(itself.exit_code, 1);
  EXPECT_THAT(itself.err, HasSubstr("the new one needs its own"));

  ASSERT_TRUE(new_.start()) << new_.errors();
  create(new_, "bob");
  ASSERT_EQ(new_.stop(), 0);
  const Outcome used = migrate(old_.write_config(), new_.write_config());
  EXPECT_EQ(used.exit_code, 1);
  EXPECT_THAT(used.err, HasSubstr("begins with"));
  EXPECT_TRUE(new_.start()) << "as before: " << new_.errors();
}

}  // namespace
}  // namespace mesh::e2e
