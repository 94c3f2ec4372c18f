// A full disk, a disk whose fsync fails, and damaged files, with the real meshd and mesh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "common/engines/sqlite/repair/salvage_log.h"
#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::crash {
namespace {

using e2e::Answer;
using e2e::Daemon;
using testing::HasSubstr;

constexpr const char* kToken = "acme:alice";

// Every route that writes, with what makes each of its requests another.
struct WriteRoute {
  const char* role;
  const char* method;
  const char* target;
  const char* media;
  std::function<std::string(int)> body;
};

const std::vector<WriteRoute>& write_routes() {
  static const auto analytics = [](int n) {
    return R"({"user_id":"u1","event_type":"view","metadata":{"n":)" + std::to_string(n) + "}}";
  };
  static const std::vector<WriteRoute> all{
      {"users", "POST", "/users/create", "application/json",
       [](int n) {
         return R"({"email":"u)" + std::to_string(n) + R"(@acme.dev","name":"Person"})";
       }},
      {"users", "PATCH", "/users/1", "application/json",
       [](int n) { return R"({"name":"Name )" + std::to_string(n) + "\"}"; }},
      {"publisher", "POST", "/api/v1/events/analytics", "application/json", analytics},
      {"publisher", "POST", "/api/v1/events/chemical", "application/json",
       [](int) {
         return std::string(R"({"molecule_id":"m","researcher":"r","data":{"formula":"C9H8O4"}})");
       }},
      {"publisher", "POST", "/api/v1/events", "application/cloudevents+json",
       [](int n) {
         return R"({"specversion":"1.0","id":"s)" + std::to_string(n) +
                R"(","source":"/t","type":"analytics.recorded","data":)" + analytics(n) + "}";
       }},
      {"publisher", "POST", "/api/v1/events", "application/cloudevents-batch+json",
       [](int n) {
         return R"([{"specversion":"1.0","id":"b)" + std::to_string(n) +
                R"(","source":"/t","type":"analytics.recorded","data":)" + analytics(n) + "}]";
       }},
      {"publisher", "POST", "/api/v1/events", "application/x-ndjson",
       [](int n) { return R"({"type":"analytics.recorded","data":)" + analytics(n) + "}\n"; }},
      {"admin", "POST", "/admin/v1/tenants", "application/json",
       [](int n) { return R"({"id":"t)" + std::to_string(n) + "\"}"; }},
  };
  return all;
}

Answer send(Daemon& daemon, const WriteRoute& route, int n) {
  const std::string token = std::string(route.role) == "admin" ? daemon.operator_token() : kToken;
  return daemon.call(route.role, route.method, route.target, token, route.body(n),
                     {{"Content-Type", route.media}});
}

// Where the data is, and how its disk becomes full and empty again.
struct Disk {
  std::string data;
  std::map<std::string, std::string> environment;
  std::function<void()> fill, empty;
};

std::map<std::string, std::string> with_shim(const std::string& variable, const std::string& path) {
  return {{"LD_PRELOAD", MESH_FAULT_SHIM},
          {variable, path},
          {"ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0"}};
}

void expect_a_full_disk_to_be_survived(const Disk& disk) {
  Daemon daemon(disk.data, "rate_limits: {search: null, publish: null, users: null}\n",
                disk.environment);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  int n = 0;
  std::map<std::string, int> acknowledged;  // by route
  const auto count = [&](const WriteRoute& route, const Answer& answer) {
    if (answer.status < 300) ++acknowledged[std::string(route.target) + " " + route.media];
  };
  for (const auto& route : write_routes()) {
    for (int i = 0; i < 5; ++i) {
      const auto answer = send(daemon, route, ++n);
      ASSERT_LT(answer.status, 300) << route.target << answer.body;
      count(route, answer);
    }
  }
  daemon.await_idle();
  disk.fill();
  for (const auto& route : write_routes()) {
    // The write-ahead log may have room left from before; it runs out.
    Answer answer;
    for (int tries = 0; tries < 2'000 && answer.status != 503; ++tries) {
      answer = send(daemon, route, ++n);
      ASSERT_TRUE(answer.status < 300 || answer.status == 503) << route.target << answer.body;
      count(route, answer);
    }
    ASSERT_EQ(answer.status, 503) << route.target << " never said that the disk is full";
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_NE(answer.header("Retry-After"), "") << route.target;
    EXPECT_THAT(answer.body, HasSubstr("the disk is full")) << route.target;
  }
  EXPECT_EQ(daemon.call("users", "GET", "/users/1", kToken).status, 200);
  EXPECT_EQ(daemon.call("gateway", "GET", "/ai/users/search?query=person", kToken).status, 200);
  EXPECT_EQ(daemon.call("subscriber", "GET", "/api/v1/analytics/user/u1", kToken).status, 200);
  EXPECT_EQ(daemon.call("users", "GET", "/livez", "").status, 200);
  disk.empty();
  for (const auto& route : write_routes()) {
    Answer answer;
    EXPECT_TRUE(test::eventually([&] {
      answer = send(daemon, route, ++n);
      count(route, answer);
      return answer.status < 300;
    })) << route.target
        << answer.body;
  }
  daemon.await_idle();
  int events = 0;
  for (const auto& [route, times] : acknowledged) {
    if (route.starts_with("/api/v1/events") && route.find("chemical") == std::string::npos)
      events += times;
  }
  EXPECT_EQ(
      daemon.call("subscriber", "GET", "/api/v1/analytics/user/u1", kToken).json()["total_events"],
      events);
  EXPECT_EQ(daemon.call("users", "GET", "/users?limit=1000", kToken).json().size(),
            static_cast<std::size_t>(acknowledged["/users/create application/json"]));
  for (const char* fault : {"missing", "extra", "stale"}) {
    EXPECT_EQ(
        daemon.call("admin", "POST", "/admin/v1/indexes/verify", daemon.operator_token(), "{}")
            .json()[fault],
        0)
        << fault;
  }
  const Json letters = daemon.call("admin", "GET", "/admin/v1/dlq", daemon.operator_token()).json();
  for (const auto& topic : letters["items"]) EXPECT_EQ(topic["letters"], 0) << topic.dump();
  EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
}

TEST(FullDisk, WritesAre503ReadsGoOnAndServiceResumes) {
  test::TempDir dir;
  const std::string full = dir.file("full");
  expect_a_full_disk_to_be_survived({dir.file("data"), with_shim("MESH_DISK_FULL", full),
                                     [&] { std::ofstream(full) << "yes"; },
                                     [&] { std::filesystem::remove(full); }});
}

// In a mount namespace of this process, which only root or a permitted user may make. Last of this
// suite's tests to look at other folders.
TEST(FullDisk, OfASmallFileSystemIsTheSame) {
  test::TempDir dir;
  const uid_t user = getuid();
  const gid_t group = getgid();
  bool alone = unshare(CLONE_NEWNS) == 0;
  if (!alone && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
    std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
    alone = true;
  }
  const bool mounted = alone && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=24m") == 0;
  if (!mounted) GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
  const std::string filler = dir.file("filler");
  const auto fill = [&] {
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  };
  expect_a_full_disk_to_be_survived(
      {dir.file("data"), {}, fill, [&] { std::filesystem::remove(filler); }});
  umount2(dir.path().c_str(), MNT_DETACH);
}

class FailedSync : public ::testing::TestWithParam<const char*> {};

TEST_P(FailedSync, EndsTheProcessAndARestartHasWhatWasAcknowledged) {
  test::TempDir dir;
  const std::string failing = dir.file("failing");
  Daemon daemon(dir.file("data"), "", with_shim("MESH_FAIL_SYNC", failing));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  for (int n = 1; n <= 20; ++n) {
    for (const auto& route : write_routes())
      ASSERT_LT(send(daemon, route, n).status, 300) << route.target;
  }
  std::ofstream(failing) << "yes";
  const auto route = std::ranges::find_if(
      write_routes(), [](const auto& r) { return std::string(r.target) == GetParam(); });
  try {
    EXPECT_GE(send(daemon, *route, 1'000).status, 500) << "acknowledged without an fsync";
  } catch (const std::exception&) {
    // The connection went with the process.
  }
  EXPECT_EQ(daemon.wait(), 70);
  EXPECT_THAT(daemon.errors(), HasSubstr("cannot be trusted"));
  EXPECT_THAT(daemon.errors(), HasSubstr("restart"));
  std::filesystem::remove(failing);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  const auto users = daemon.call("users", "GET", "/users?limit=1000", kToken).json();
  EXPECT_GE(users.size(), 20u);
  EXPECT_LE(users.size(), 21u);
  const int events =
      daemon.call("subscriber", "GET", "/api/v1/analytics/user/u1", kToken).json()["total_events"];
  EXPECT_GE(events, 80);
  EXPECT_LE(events, 81);
  EXPECT_EQ(daemon.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Of, FailedSync,
                         ::testing::Values("/users/create", "/api/v1/events/analytics"),
                         [](const auto& of) {
                           return std::string(of.param).starts_with("/users") ? "TheStore"
                                                                              : "TheLog";
                         });

class DamagedFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    Daemon daemon(data_);
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    for (int n = 1; n <= 40; ++n) {
      for (const auto& route : write_routes())
        ASSERT_LT(send(daemon, route, n).status, 300) << route.target;
    }
    daemon.await_idle();
    name_of_first_ = daemon.call("users", "GET", "/users/1", kToken).json()["name"];
    ASSERT_EQ(daemon.stop(), 0) << daemon.errors();
  }
  // Changes a byte of the n-th place where `text` stands in the file.
  void flip(const std::string& file, const std::string& text, int nth = 1) {
    std::fstream stream(data_ + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    std::size_t at = bytes.find(text);
    while (--nth > 0 && at != std::string::npos) at = bytes.find(text, at + 1);
    ASSERT_NE(at, std::string::npos) << text;
    stream.clear();
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put('~');
  }
  e2e::Outcome mesh(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {MESH_BIN_DIR "/mesh", "--data-dir", data_});
    return e2e::run(arguments, "", {{"HOME", dir_.path()}});
  }

  void expect_all_users_found(Daemon& daemon) {
    const Json report =
        daemon.call("admin", "POST", "/admin/v1/indexes/verify", daemon.operator_token(), "{}")
            .json();
    for (const auto& [name, count] :
         {std::pair{"found", 40}, {"missing", 0}, {"extra", 0}, {"stale", 0}}) {
      EXPECT_EQ(report[name], count) << report.dump();
    }
    const Json found =
        daemon.call("gateway", "GET", "/ai/users/search?query=u7%40acme.dev&limit=1", kToken)
            .json();
    ASSERT_EQ(found["results"].size(), 1u) << found.dump();
    EXPECT_EQ(found["results"][0]["email"], "u7@acme.dev");
  }

  test::TempDir dir_;
  const std::string data_ = dir_.file("data");
  std::string name_of_first_;
};

TEST_F(DamagedFolder, AWholeFolderIsSaidToBeWhole) {
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("OK"));
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.kill();
  const auto after = mesh({"check"});
  EXPECT_EQ(after.exit_code, 2) << "who watches must hear of it";
  EXPECT_THAT(after.out, HasSubstr("without a clean stop"));
}

TEST_F(DamagedFolder, ARunningMeshdIsNotLookedAtFromOutside) {
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(mesh({"check"}).exit_code, 0);
  const auto looked = e2e::run({MESH_BIN_DIR "/meshd", "--data-dir", data_, "--check-data"});
  EXPECT_EQ(looked.exit_code, 3);
  EXPECT_THAT(looked.err, HasSubstr(std::to_string(daemon.pid())));
}

TEST_F(DamagedFolder, ADamagedRecordIsNamedRepairedAndTheRestIsServed) {
  flip("log.db", R"("metadata":{"n":17})");
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 2) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("analytics.events/"));
  EXPECT_THAT(checked.out, HasSubstr("1 event of tenant acme"));
  const Json report = Json::parse(mesh({"check", "-o", "json"}).out, nullptr, false);
  EXPECT_EQ(report["state"], "damaged") << report.dump();
  EXPECT_NE(mesh({"check", "--repair"}).exit_code, 0) << "nobody was asked";
  const auto repaired = mesh({"check", "--repair", "--yes"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  EXPECT_THAT(repaired.err, HasSubstr("damaged-"));
  EXPECT_EQ(mesh({"check"}).exit_code, 0);
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const Json groups =
      daemon.call("admin", "GET", "/admin/v1/groups", daemon.operator_token()).json();
  for (const auto& group : groups["items"]) EXPECT_EQ(group["lag"], 0) << group.dump();
  const auto topic =
      daemon.call("admin", "GET", "/admin/v1/topics/analytics.events/records?from=start&limit=1000",
                  daemon.operator_token());
  ASSERT_EQ(topic.status, 200) << topic.body;
  EXPECT_EQ(topic.json()["items"].size(), 40u * 4 - 1);
  EXPECT_LT(send(daemon, write_routes()[2], 5'000).status, 300);
  daemon.await_idle();
}

TEST_F(DamagedFolder, WhatRootRepairsBelongsToTheOwnerOfTheFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root repairs another user's folder";
  constexpr uid_t kNobody = 65534;
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
  ASSERT_EQ(::chown(data_.c_str(), kNobody, kNobody), 0);
  for (const auto& file : std::filesystem::directory_iterator(data_)) {
    ASSERT_EQ(::chown(file.path().c_str(), kNobody, kNobody), 0);
  }
  std::filesystem::remove(data_ + "/LOCK");
  flip("log.db", R"("metadata":{"n":17})");
  const auto repaired = mesh({"check", "--repair", "--yes"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  for (const auto& file : std::filesystem::directory_iterator(data_)) {
    struct stat info {};
    ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, kNobody) << file.path();
  }
}

// Symptom: an index that was built again after a repair had forgotten the user whose record was
// lost.
TEST_F(DamagedFolder, AUserWhoseLastRecordIsLostIsInARebuiltIndex) {
  flip("log.db", "u7@acme.dev");
  EXPECT_THAT(mesh({"check"}).out, HasSubstr("user.events/"));
  const auto repaired = mesh({"check", "--repair", "--yes"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  EXPECT_THAT(repaired.err, HasSubstr("into the log"));
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  const auto rebuilt = mesh({"index", "rebuild"});
  EXPECT_EQ(rebuilt.exit_code, 0) << rebuilt.out << rebuilt.err;
  expect_all_users_found(daemon);
}

// Without one of its files a folder in use is no new one.
class MissingFile : public DamagedFolder, public ::testing::WithParamInterface<const char*> {};

TEST_P(MissingFile, StopsTheStartAndARepairTakesUsersFromTheOther) {
  const std::string file = data_ + "/" + GetParam();
  for (const bool empty : {false, true}) {
    std::filesystem::rename(file, file + ".aside");
    if (empty) std::ofstream(file).flush();
    Daemon daemon(data_);
    EXPECT_FALSE(daemon.start());
    EXPECT_THAT(daemon.errors(), HasSubstr(GetParam()));
    EXPECT_THAT(daemon.errors(), HasSubstr("backup"));
    EXPECT_THAT(daemon.errors(), HasSubstr("mesh check --data-dir " + data_));
    std::filesystem::rename(file + ".aside", file);
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    ASSERT_EQ(daemon.stop(), 0);
  }
  std::filesystem::remove(file);
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 2) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("missing"));
  const auto repaired = mesh({"check", "--repair", "--yes"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  EXPECT_EQ(daemon.call("users", "GET", "/users?limit=1000", kToken).json().size(), 40u);
  EXPECT_EQ(daemon.call("users", "GET", "/users/1", kToken).json()["name"], name_of_first_);
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/tenants/t9", daemon.operator_token()).status,
            200);
  // Users removed a while ago are in no file, where that of the store is lost.
  const int next = std::string_view(GetParam()) == "store.db" ? 1041 : 41;
  EXPECT_EQ(daemon
                .call("users", "POST", "/users/create", kToken,
                      R"({"email":"new@acme.dev","name":"New"})")
                .json()["id"],
            next);
  daemon.await_idle();
  EXPECT_EQ(daemon.call("users", "DELETE", "/users/" + std::to_string(next), kToken).status, 204);
  daemon.await_idle();
  expect_all_users_found(daemon);
}

INSTANTIATE_TEST_SUITE_P(Of, MissingFile, ::testing::Values("log.db", "store.db"),
                         [](const auto& of) {
                           return std::string(of.param).substr(0, std::string(of.param).find('.'));
                         });

TEST_F(DamagedFolder, WhereLogAndStoreAreLostNothingIsPromised) {
  std::filesystem::remove(data_ + "/log.db");
  std::filesystem::remove(data_ + "/store.db");
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 2) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("loses every user and tenant"));
}

TEST_F(DamagedFolder, AFirstStartThatWasCutOffIsGoneOnWith) {
  std::filesystem::create_directory(dir_.file("new"));
  ASSERT_TRUE(sqlite::make_empty_log(dir_.file("new") + "/log.db"));
  Daemon daemon(dir_.file("new"));
  EXPECT_TRUE(daemon.start()) << daemon.errors();
}

// A number that another process has by now says nothing.
TEST_F(DamagedFolder, AProcessOfTheOldNumberIsNoMeshd) {
  std::ofstream(data_ + "/run.json") << R"({"pid":)" << getpid() << R"(,"addresses":{}})";
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 2);
  EXPECT_THAT(checked.out, HasSubstr("without a clean stop"));
}

TEST_F(DamagedFolder, AMissingIndexIsBuiltAgainFromTheLog) {
  for (const char* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(data_ + "/vectors.db" + suffix);
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  const auto found =
      daemon.call("gateway", "GET", "/ai/users/search?query=u7%40acme.dev&limit=1", kToken);
  ASSERT_EQ(found.status, 200) << found.body;
  ASSERT_EQ(found.json()["results"].size(), 1u);
  EXPECT_EQ(found.json()["results"][0]["email"], "u7@acme.dev");
}

TEST_F(DamagedFolder, ARepairThatWasCutOffStopsTheStart) {
  std::ofstream(data_ + "/repair-unfinished") << data_ << "/damaged-x\n";
  Daemon daemon(data_);
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.errors(), HasSubstr("damaged-x"));
}

TEST_F(DamagedFolder, AMarkerWhoseTextAPowerCutTookStopsTheStartToo) {
  std::ofstream(data_ + "/repair-unfinished").flush();
  Daemon daemon(data_);
  EXPECT_FALSE(daemon.start());
  EXPECT_THAT(daemon.errors(), HasSubstr("the newest folder " + data_ + "/damaged-*"));
  const auto repaired = mesh({"check", "--repair", "--yes"});
  EXPECT_NE(repaired.exit_code, 0) << repaired.out;
}

// A damaged index needs no copy: what says that the repair began is the first that is written.
TEST_F(DamagedFolder, ARepairThatCannotSayThatItBeganChangesNothing) {
  flip("vectors.db", "u7@acme.dev");
  const std::vector<std::string> repair{MESH_BIN_DIR "/meshd", "--data-dir", data_,
                                        "--repair-data"};
  const std::string failing = dir_.file("failing");
  std::ofstream(failing) << "yes";
  const auto failed = e2e::run(repair, "", with_shim("MESH_FAIL_SYNC", failing));
  EXPECT_NE(failed.exit_code, 0) << failed.out;
  EXPECT_THAT(failed.err, HasSubstr(data_ + "/repair-unfinished cannot be written"));
  EXPECT_FALSE(std::filesystem::exists(data_ + "/repair-unfinished"));
  EXPECT_TRUE(std::filesystem::exists(data_ + "/vectors.db"));
  const auto repaired = e2e::run(repair);
  EXPECT_EQ(repaired.exit_code, 0) << repaired.err;
}

TEST_F(DamagedFolder, ADamagedIndexIsBuiltAgainFromTheLog) {
  flip("vectors.db", "u7@acme.dev");
  Daemon daemon(data_);
  EXPECT_FALSE(daemon.start()) << "a damaged file must stop the start";
  EXPECT_THAT(daemon.errors(), HasSubstr("mesh check --data-dir " + data_));
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 1) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("nothing"));
  EXPECT_EQ(mesh({"check", "--repair", "--yes"}).exit_code, 0);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  const Json report =
      daemon.call("admin", "POST", "/admin/v1/indexes/verify", daemon.operator_token(), "{}")
          .json();
  EXPECT_EQ(report["missing"], 0) << report.dump();
  EXPECT_EQ(report["found"], 40) << report.dump();
}

TEST_F(DamagedFolder, ARebuildOverADamagedRecordFailsAndNamesIt) {
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  flip("log.db", "u7@acme.dev");
  const auto rebuilt = mesh({"index", "rebuild"});
  EXPECT_EQ(rebuilt.exit_code, 1);
  EXPECT_THAT(rebuilt.err, HasSubstr("log.db is damaged at user.events/"));
}

TEST_F(DamagedFolder, DamagedUsersStopNothingElseAndAreNamed) {
  flip("store.db",
       "u7@acme.devu7@acme.dev");  // address and its folded form: the table, not an index
  const auto checked = mesh({"check"});
  EXPECT_EQ(checked.exit_code, 2) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("users of tenant acme"));
  {
    Daemon daemon(data_);
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    EXPECT_EQ(daemon.call("users", "GET", "/users/7", kToken).status, 500) << "served in silence";
    const auto met = mesh({"check"});
    EXPECT_EQ(met.exit_code, 2) << "who watches must hear of it";
    EXPECT_THAT(met.out, HasSubstr("store.db: damaged"));
    EXPECT_THAT(met.out, HasSubstr("mesh check --data-dir " + data_));
    EXPECT_TRUE(test::eventually([&] {  // sampled every few seconds
      return daemon.call("admin", "GET", "/metrics", "").body.find("mesh_damaged_files 1") !=
             std::string::npos;
    }));
    EXPECT_EQ(daemon.call("gateway", "GET", "/ai/users/search?query=person", kToken).status, 200);
  }
  EXPECT_EQ(mesh({"check", "--repair", "--yes"}).exit_code, 0);
  Daemon daemon(data_);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(daemon.call("users", "GET", "/users/7", kToken).status, 200) << "the log has it";
  EXPECT_EQ(daemon
                .call("users", "POST", "/users/create", kToken,
                      R"({"email":"new@acme.dev","name":"New"})")
                .json()["id"],
            41);
}

}  // namespace
}  // namespace mesh::crash
