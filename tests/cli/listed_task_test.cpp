// Imports and exports in the server's list of tasks.
#include <csignal>
#include <future>

#include "tests/cli/cli_fixture.h"
#include "tests/support/manual_clock.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A server that lists what clients do, and takes users in batches of 500.
class ListedTaskTest : public CliTest {
 protected:
  ListedTaskTest() {
    clock = &time;
    begin = [](const http::Request&) {
      return http::Response::json(202, Json{{"id", "t1"}, {"state", "running"}});
    };
    fake.on("POST", "/admin/v1/tasks",
            [this](const http::Request& request) { return begin(request); });
    fake.on("PUT", "/admin/v1/tasks/{id}/progress", [this](const http::Request& request) {
      const std::lock_guard lock(mutex);
      reports.push_back(Json::parse(request.body));
      changed.notify_all();
      return http::Response::json(200, Json{{"cancel", cancel}});
    });
    fake.on("POST", "/admin/v1/tasks/{id}/end", [this](const http::Request& request) {
      if (refused_ends-- > 0) return http::Response::problem({ErrorKind::conflict, "it has ended"});
      end = Json::parse(request.body);
      return http::Response::json(200, Json{{"id", "t1"}});
    });
    fake.on("POST", "/users/batch", [this](const http::Request& request) {
      ++batches;
      if (refuses_users) {
        return http::Response::problem({ErrorKind::forbidden, "the token ran out", {}, {}, {}});
      }
      if (during_batch) during_batch();
      Json results = Json::array();
      for (const char c : request.body)
        if (c == '\n') results.push_back({{"outcome", "created"}});
      return http::Response::json(200, Json{{"results", results}});
    });
    fake.on("GET", "/admin/v1/topics/a.events", 200,
            Json{{"name", "a.events"},
                 {"partition_offsets", {{{"partition", 0}, {"start", 0}, {"end", 3}}}}});
    fake.on("GET", "/admin/v1/topics/a.events/records", [](const http::Request& request) {
      Json items = Json::array();
      if (*request.param("positions") == "0:0") {
        for (int at = 0; at < 3; ++at) {
          items.push_back(
              {{"topic", "a.events"}, {"partition", 0}, {"offset", at}, {"value", "v"}});
        }
      }
      return http::Response::json(200, Json{{"items", items}, {"next", "0:3"}});
    });
  }
  int as_operator(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", fake.url(), "--token", "of-the-operator"});
    env["MESH_TENANT"] = "acme";
    return mesh(std::move(arguments));
  }
  std::string users(int count) {
    std::string text = "name,email\n";
    for (int i = 0; i < count; ++i) text += "U,u" + std::to_string(i) + "@acme.dev\n";
    return file("users.csv", text);
  }
  std::vector<std::string> import(int count) {
    return {"users", "import", users(count), "-o", "json"};
  }
  Json begun() {
    for (const auto& request : fake.requests()) {
      if (request.method == "POST" && request.path == "/admin/v1/tasks")
        return Json::parse(request.body);
    }
    return nullptr;
  }
  // The next second's report has been answered.
  void await_report() {
    const auto before = reports_so_far();
    time.await_waiters(1);
    time.advance(Duration{1'000});
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reports.size() > before; });
    lock.unlock();
    time.await_waiters(1);
  }
  std::size_t reports_so_far() {
    const std::lock_guard lock(mutex);
    return reports.size();
  }

  ManualClock time;
  std::function<http::Response(const http::Request&)> begin;
  std::function<void()> during_batch;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Json> reports;  // guarded by mutex, as is the next
  bool cancel = false;
  int batches = 0, refused_ends = 0;
  bool refuses_users = false;
  Json end;
};

TEST_F(ListedTaskTest, AnImportIsATaskThatReportsAndEndsWithItsCounts) {
  during_batch = [this] {
    if (batches == 2) await_report();
  };
  EXPECT_EQ(as_operator(import(1'000)), 0) << err;
  EXPECT_EQ(begun(), (Json{{"kind", "import"},
                           {"spec", {{"file", dir.file("users.csv")}, {"tenant", "acme"}}}}));
  EXPECT_EQ(reports.back()["done"], 500) << "while the second batch is under way";
  const Json counts{{"created", 1'000}, {"updated", 0}, {"existing", 0}, {"failed", 0}};
  EXPECT_EQ(end, (Json{{"done", 1'000}, {"total", 1'000}, {"result", counts}, {"state", "done"}}));
}

TEST_F(ListedTaskTest, AnImportWhoseTaskIsCancelledStopsBehindItsBatchAsAtCtrlC) {
  during_batch = [this] {
    {
      const std::lock_guard lock(mutex);
      cancel = true;
    }
    await_report();
  };
  EXPECT_EQ(as_operator(import(1'501)), 1);
  EXPECT_EQ(batches, 1);
  EXPECT_EQ(json()["created"], 500);
  EXPECT_THAT(err,
              HasSubstr("its task was cancelled: 500 rows are done; the same command goes on"));
  EXPECT_EQ(end["state"], "cancelled");
  EXPECT_EQ(end["done"], 500);
}

TEST_F(ListedTaskTest, AnImportThatCtrlCEndsIsCancelledInTheList) {
  during_batch = [] { ::raise(SIGINT); };
  EXPECT_EQ(as_operator(import(1'501)), 130);
  EXPECT_EQ(end["state"], "cancelled");
}

TEST_F(ListedTaskTest, AnImportThatStoppedSaysWhyInTheList) {
  refuses_users = true;
  EXPECT_EQ(as_operator(import(3)), 4);
  EXPECT_EQ(end["state"], "failed");
  EXPECT_EQ(end["error"], "the token ran out");
}

TEST_F(ListedTaskTest, ATenantsImportAndADryRunAreNoTasks) {
  EXPECT_EQ(at_fake({"users", "import", users(1)}), 0) << err;
  EXPECT_EQ(as_operator({"users", "import", users(1), "--dry-run"}), 0) << err;
  EXPECT_EQ(begun(), Json(nullptr));
}

// An older server, or a token that opens less than the admin API.
TEST_F(ListedTaskTest, WhereTheServerListsNoSuchTasksNothingIsSaid) {
  for (const auto kind : {ErrorKind::unsupported, ErrorKind::not_found, ErrorKind::forbidden}) {
    begin = [kind](const http::Request&) { return http::Response::problem({kind, "no"}); };
    EXPECT_EQ(as_operator(import(3)), 0);
    EXPECT_EQ(json()["created"], 3);
    EXPECT_THAT(err, Not(HasSubstr("list of tasks")));
  }
  EXPECT_EQ(reports_so_far(), 0u);
}

TEST_F(ListedTaskTest, AListThatFailsIsANoteAndTheImportGoesOn) {
  begin = [](const http::Request&) {
    return http::Response::problem({ErrorKind::unavailable, "too many tasks wait"});
  };
  EXPECT_EQ(as_operator(import(3)), 0);
  EXPECT_EQ(json()["created"], 3);
  EXPECT_THAT(err, HasSubstr("this import is not in the list of tasks: too many tasks wait"));
}

TEST_F(ListedTaskTest, AnEndThatTheListDoesNotTakeIsANote) {
  refused_ends = 1;
  EXPECT_EQ(as_operator(import(3)), 0);
  EXPECT_THAT(err,
              HasSubstr("this import has no end in the list of tasks, as task t1: it has ended"));
}

TEST_F(ListedTaskTest, AnExportIsATaskToo) {
  EXPECT_EQ(as_operator({"events", "export", "--topic", "a.events", "-O", dir.file("out")}), 0)
      << err;
  EXPECT_EQ(begun()["kind"], "export");
  EXPECT_EQ(begun()["spec"], (Json{{"topic", "a.events"},
                                   {"from", "start"},
                                   {"to", "end"},
                                   {"tenant", "acme"},
                                   {"file", dir.file("out")}}));
  EXPECT_EQ(end,
            (Json{{"done", 3}, {"total", 3}, {"result", {{"records", 3}}}, {"state", "done"}}));
}

TEST_F(ListedTaskTest, AnExportWhoseTaskIsCancelledLeavesNoFile) {
  cancel = true;  // the first report tells it
  EXPECT_EQ(as_operator({"events", "export", "--topic", "a.events", "-O", dir.file("out")}), 1);
  EXPECT_THAT(err, HasSubstr("its task was cancelled: the export is not whole"));
  EXPECT_EQ(end["state"], "cancelled");
  EXPECT_FALSE(std::filesystem::exists(dir.file("out")));
}

}  // namespace
}  // namespace mesh::cli
