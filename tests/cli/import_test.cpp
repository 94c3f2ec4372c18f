#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "cli/import/event_line.h"
#include "cli/import/importer.h"
#include "cli/import/line_reader.h"
#include "cli/import/row_reader.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/temp_dir.h"

namespace mesh::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FileTest : public ::testing::Test {
 protected:
  LineReader reader(const std::string& text) {
    std::ofstream(dir.file("f"), std::ios::binary) << text;
    return *LineReader::open(dir.file("f"));
  }
  test::TempDir dir;
};

using LineReaderTest = FileTest;

TEST_F(LineReaderTest, GivesNumberedLinesAndTheLastOneWithoutItsEnd) {
  LineReader lines = reader("a\n\nb");
  const auto next = [&] { return **lines.next(); };
  EXPECT_EQ(next().text, "a");
  EXPECT_EQ(next().text, "");
  const auto last = next();
  EXPECT_EQ(last.text, "b");
  EXPECT_EQ(last.number, 3);
  EXPECT_FALSE(last.ended);
  EXPECT_FALSE(*lines.next());
  EXPECT_EQ(lines.input().bytes_read(), 4);
  EXPECT_EQ(lines.input().size(), 4);
}

TEST_F(LineReaderTest, ALineBeyondTheBoundIsCutAndTheNextIsWhole) {
  LineReader lines = reader(std::string(5 << 20, 'x') + "\nnext\n");
  const auto longest = **lines.next();
  EXPECT_TRUE(longest.too_long);
  EXPECT_EQ(longest.text.size(), LineReader::kMaxLine);
  EXPECT_EQ((**lines.next()).text, "next");
}

TEST_F(LineReaderTest, APipeIsReadyOnlyOnceALineIsThere) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  LineReader lines(ends[0], true, "pipe");
  EXPECT_FALSE(lines.ready(0));
  ASSERT_EQ(::write(ends[1], "a\n", 2), 2);
  EXPECT_TRUE(lines.ready(1000));
  EXPECT_EQ((**lines.next()).text, "a");
  ::close(ends[1]);
  EXPECT_TRUE(lines.ready(1000));
  EXPECT_FALSE(*lines.next());
}

TEST_F(LineReaderTest, AMissingFileIsNamed) {
  const auto missing = LineReader::open(dir.file("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

// ImportedRows from a list.
class ImportedRows final : public RowReader {
 public:
  explicit ImportedRows(std::vector<UserRow> rows) : rows_(rows.begin(), rows.end()) {}
  Result<std::optional<UserRow>> next() override {
    if (rows_.empty()) return std::nullopt;
    UserRow row = std::move(rows_.front());
    rows_.pop_front();
    return row;
  }
  std::string recognized() const override { return {}; }
  std::string failures_header() const override { return {}; }
  std::string failed_row(const UserRow&, const std::string&) const override { return {}; }
  std::size_t left() const { return rows_.size(); }

 private:
  std::deque<UserRow> rows_;
};

using client::BatchOutcome;
using client::BatchResult;
using Users = std::vector<NewUser>;
using Answer = Result<std::vector<BatchResult>>;

class ImporterTest : public ::testing::Test {
 protected:
  ImporterTest() {
    hooks.failed = [this](const UserRow& row, const std::string& reason) {
      failures.push_back(std::to_string(row.line) + ": " + reason);
    };
    hooks.progressed = [](const ImportCounts&) {};
    hooks.sleep = [this](Duration d) {
      naps.push_back(d);
      return true;
    };
  }
  static std::vector<UserRow> numbered(int n) {
    std::vector<UserRow> rows;
    for (int i = 1; i <= n; ++i) rows.push_back({i, NewUser{std::to_string(i) + "@b.c", "N"}});
    return rows;
  }
  static std::vector<UserRow> named(const std::vector<std::pair<std::string, std::string>>& users) {
    std::vector<UserRow> rows;
    for (const auto& [email, name] : users)
      rows.push_back({static_cast<std::int64_t>(rows.size()) + 1, NewUser{email, name}});
    return rows;
  }
  static Answer all(const Users& users, BatchOutcome outcome) {
    return std::vector<BatchResult>(users.size(), BatchResult{outcome});
  }
  ImportResult run(std::vector<UserRow> list, const CreateUsers& create,
                   ImportOptions options = {}) {
    ImportedRows rows(std::move(list));
    options.run = "r";
    return import_users(rows, create, options, hooks);
  }
  std::vector<Duration> naps;
  std::vector<std::string> failures;
  ImportHooks hooks;
};

TEST_F(ImporterTest, EveryRowIsSentOnceInTheOrderOfTheFile) {
  std::vector<std::string> sent;
  const auto result = run(numbered(1234), [&](const Users& users, const std::string&) {
    for (const auto& user : users) sent.push_back(user.email);
    return all(users, BatchOutcome::created);
  });
  ASSERT_EQ(sent.size(), 1234u);
  for (int i = 0; i < 1234; ++i)
    EXPECT_EQ(sent[static_cast<std::size_t>(i)], std::to_string(i + 1) + "@b.c");
  EXPECT_EQ(result.counts.created, 1234);
  EXPECT_EQ(result.counts.rows, 1234);
  EXPECT_FALSE(result.stopped);
}

TEST_F(ImporterTest, KeysNameTheRunAndTheLineAndStayTheSameOverRetries) {
  std::vector<std::string> keys;
  const auto lose_first = [&](const Users& users, const std::string& key) -> Answer {
    keys.push_back(key);
    if (keys.size() == 1) return fail(ErrorKind::timeout, "no answer");
    return all(users, BatchOutcome::created);
  };
  (void)run(numbered(501), lose_first);
  EXPECT_THAT(keys, ElementsAre("import-r-1", "import-r-1", "import-r-501"));
}

TEST_F(ImporterTest, ExistingRowsAreCountedOrFailAsAsked) {
  const CreateUsers existing = [](const Users& users, const std::string&) {
    return all(users, BatchOutcome::existing);
  };
  EXPECT_EQ(run(numbered(3), existing).counts.existing, 3);
  EXPECT_EQ(run(numbered(3), existing, {.run = {}, .existing_fails = true}).counts.failed, 3);
  EXPECT_EQ(run(numbered(3), [](const Users& users,
                                const std::string&) { return all(users, BatchOutcome::updated); })
                .counts.updated,
            3);
}

TEST_F(ImporterTest, BrokenAndRefusedRowsFailInTheOrderOfTheFile) {
  auto rows = numbered(2);
  rows.insert(rows.begin() + 1, UserRow{9, BrokenRow{"not JSON"}, "{"});
  const auto result = run(rows, [](const Users& users, const std::string&) -> Answer {
    EXPECT_EQ(users.size(), 2u);
    return std::vector<BatchResult>{
        {BatchOutcome::created},
        {BatchOutcome::failed, Error{ErrorKind::unprocessable, "bad", {}, {{"/email", "no"}}, {}}}};
  });
  EXPECT_EQ(result.counts.created, 1);
  EXPECT_EQ(result.counts.failed, 2);
  EXPECT_THAT(failures, ElementsAre("9: not JSON", "2: bad; /email: no"));
}

TEST_F(ImporterTest, RateLimitsAreWaitedForAsLongAsTheServerSays) {
  int calls = 0;
  const auto result = run(numbered(1), [&](const Users& users, const std::string&) -> Answer {
    if (++calls <= 20) return fail({ErrorKind::rate_limited, "slow down", {}, {}, Duration{7000}});
    return all(users, BatchOutcome::created);
  });
  EXPECT_EQ(result.counts.created, 1);
  EXPECT_EQ(naps, std::vector<Duration>(20, Duration{7000}));
}

TEST_F(ImporterTest, ABatchOverTheLimitIsSentInParts) {
  std::vector<std::size_t> sizes;
  const auto result = run(numbered(1000), [&](const Users& users, const std::string&) -> Answer {
    if (users.size() > 70) return fail(ErrorKind::too_large, "send fewer at a time");
    sizes.push_back(users.size());
    return all(users, BatchOutcome::created);
  });
  EXPECT_EQ(result.counts.created, 1000);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(sizes.front(), 62u);
}

TEST_F(ImporterTest, ABadCredentialStopsAtOnce) {
  ImportedRows rows(numbered(10'000));
  int calls = 0;
  const CreateUsers refuse = [&](const Users&, const std::string&) -> Answer {
    ++calls;
    return fail(ErrorKind::unauthenticated, "who are you");
  };
  const auto result = import_users(rows, refuse, {.run = "r"}, hooks);
  ASSERT_TRUE(result.stopped);
  EXPECT_EQ(result.stopped->kind, ErrorKind::unauthenticated);
  EXPECT_EQ(calls, 1);
  EXPECT_GT(rows.left(), 9'000u);
  EXPECT_EQ(result.counts.failed, 0);
}

TEST_F(ImporterTest, AServerThatStaysAwayStopsAfterItsRetries) {
  int calls = 0;
  const auto result = run(numbered(1), [&](const Users&, const std::string&) -> Answer {
    ++calls;
    return fail(ErrorKind::unavailable, "nobody there");
  });
  ASSERT_TRUE(result.stopped);
  EXPECT_EQ(calls, 8);
}

TEST_F(ImporterTest, AnInterruptEndsItWithoutFailingRows) {
  int calls = 0;
  hooks.interrupted = [&] { return calls > 3; };
  const auto result = run(numbered(100'000), [&](const Users& users, const std::string&) {
    ++calls;
    return all(users, BatchOutcome::created);
  });
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.counts.failed, 0);
  EXPECT_LT(result.counts.done(), 100'000);
  EXPECT_EQ(result.first_undone.value_or(result.counts.done() + 1), result.counts.done() + 1);
}

TEST_F(ImporterTest, ADryRunCountsRowsAsIfThoseBeforeHadBeenTaken) {
  const CreateUsers nobody = [](const Users& users, const std::string&) {
    return all(users, BatchOutcome::created);
  };
  const auto rows = named({{"a@b.c", "A"}, {"A@b.c", "A"}, {"a@b.c", "B"}, {"b@b.c", "B"}});
  const auto kept = run(rows, nobody, {.run = {}, .batch = {.dry_run = true}}).counts;
  EXPECT_EQ(kept.created, 2);
  EXPECT_EQ(kept.existing, 2);
  const auto updated = run(rows, nobody, {.run = {}, .batch = {.update = true, .dry_run = true}});
  EXPECT_EQ(updated.counts.created, 2);
  EXPECT_EQ(updated.counts.existing, 1);
  EXPECT_EQ(updated.counts.updated, 1);
}

TEST(RetryDelay, OnlyPassingFaultsAreTriedAgain) {
  EXPECT_FALSE(retry_delay({ErrorKind::invalid, "", "", {}, {}}, 1, 0));
  EXPECT_EQ(retry_delay({ErrorKind::rate_limited, "", "", {}, {}}, 1, 0), Duration{1000});
  EXPECT_EQ(retry_delay({ErrorKind::rate_limited, "", "", {}, std::chrono::hours{1}}, 1, 0),
            Duration{60'000});
  EXPECT_FALSE(retry_delay({ErrorKind::rate_limited, "", "", {}, {}}, 1001, 0));
  EXPECT_GE(*retry_delay({ErrorKind::unavailable, "", "", {}, Duration{500}}, 1, 3), Duration{500});
  EXPECT_TRUE(retry_delay({ErrorKind::uncertain, "", "", {}, {}}, 1, 3));
  EXPECT_FALSE(retry_delay({ErrorKind::timeout, "", "", {}, {}}, 8, 0));
}

// --- the command

class ImportCommandTest : public CliTest {
 protected:
  using Words = std::vector<std::string>;
  // Tries to have the failed rows written over the input.
  void expect_refused(const std::string& input, const std::string& errors) {
    EXPECT_EQ(at_fake({"users", "import", input, "--format", "csv", "--errors", errors}), 2)
        << errors;
    EXPECT_THAT(err, HasSubstr("--errors")) << errors;
    EXPECT_EQ(contents("users.csv"), kText) << errors;
  }
  static constexpr const char* kText = "email,name\na@b.c,Alice\n";
};

TEST_F(ImportCommandTest, FailedRowsAreNotWrittenOverTheInput) {
  const std::string csv = file("users.csv", kText);
  std::filesystem::create_symlink(csv, dir.file("link"));
  std::filesystem::create_hard_link(csv, dir.file("hard"));
  expect_refused(csv, csv);
  expect_refused(csv, dir.path() + "/./users.csv");
  expect_refused(csv, dir.file("link"));
  expect_refused(dir.file("link"), csv);
  expect_refused(csv, dir.file("hard"));
}

TEST_F(ImportCommandTest, AFolderIsCalledOneAndBringsNoAdviceOnServers) {
  for (const Words& words :
       {Words{"users", "import", dir.path()},
        Words{"events", "publish", dir.path(), "--type", "a.b"},
        Words{"token", "mint", "--user", "u", "--hs256-secret-file", dir.path()}}) {
    EXPECT_EQ(at_fake(words), 2) << words[0];
    EXPECT_EQ(err, "mesh: " + dir.path() + " is a directory: name a file in it\n");
  }
}

TEST_F(ImportCommandTest, ALineIsNamedOnce) {
  fake.on("POST", "/users/batch", 200, Json{{"results", Json::array()}});
  EXPECT_EQ(at_fake({"users", "import", file("users.csv", "email,name\na@b.c,J\xf6rg\n")}), 1);
  EXPECT_THAT(err, HasSubstr("line 2: column 8: the byte 0xF6"));
  EXPECT_THAT(err, Not(HasSubstr("line 2: line 2")));
}

// As the server answers a batch: who is called Dup exists, bad addresses are refused.
http::Response batch_answer(const http::Request& request) {
  Json results = Json::array();
  std::istringstream lines(request.body);
  for (std::string line; std::getline(lines, line);) {
    const Json user = Json::parse(line);
    const bool bad = user["email"].get<std::string>().find('@') == std::string::npos;
    Json result{{"outcome", bad ? "failed" : user["name"] == "Dup" ? "existing" : "created"}};
    if (bad) {
      result.update(Json{{"status", 422},
                         {"detail", "not valid"},
                         {"errors", {{{"pointer", "/email"}, {"detail", "is none"}}}}});
    }
    results.push_back(result);
  }
  return http::Response::json(200, Json{{"results", results}});
}

TEST_F(ImportCommandTest, FailedRowsReplaceAnOlderReport) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string csv = file("users.csv", kText);
  EXPECT_EQ(at_fake({"users", "import", csv, "--errors", file("failed", "old\n")}), 0) << err;
  EXPECT_EQ(contents("failed"), "");
  EXPECT_EQ(contents("users.csv"), kText);
}

// The last batch that wrote something tells of those before it.
TEST_F(ImportCommandTest, AnImportThatIsNotSeenInTimeIsSeven) {
  int batch = 0, unseen = 0;
  fake.on("POST", "/users/batch", [&](const http::Request& request) {
    auto response = batch_answer(request);
    const bool last = ++batch == 3;
    if (batch == unseen) {
      response.body.back() = ',';
      response.body += R"("pending":{"ack":"searchable","reached":"log","position":"p"}})";
      response.status = 202;
    }
    return std::move(response).with("Mesh-Position",
                                    last ? "~" : "outbox~" + std::to_string(batch));
  });
  std::string text = "name,email\n";
  for (int i = 0; i < 1001; ++i) text += "U,u" + std::to_string(i) + "@acme.dev\n";
  const std::string csv = file("users.csv", text);
  for (const auto& [not_seen, exit] : {std::pair{0, 0}, {1, 0}, {2, 7}}) {
    batch = 0, unseen = not_seen;
    EXPECT_EQ(at_fake({"users", "import", csv, "--wait=1s", "-o", "json"}), exit) << err;
    EXPECT_EQ(batch, 3);
    EXPECT_EQ(json()["position"], "outbox~2");
  }
  EXPECT_EQ(fake.last().header("Prefer"), "wait=1");
}

TEST_F(ImportCommandTest, ReportsAndExitsByWhatBecameOfTheRows) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string csv =
      file("users.csv", "name;team;email\nAlice;x;alice@acme.dev\nDup;y;dup@acme.dev\nBad;z;bad\n");
  EXPECT_EQ(at_fake({"users", "import", csv, "-o", "json"}), 6);
  EXPECT_EQ(json(), (Json{{"created", 1},
                          {"updated", 0},
                          {"existing", 1},
                          {"failed", 1},
                          {"rows", 3},
                          {"position", ""}}));
  EXPECT_THAT(err, HasSubstr("line 4: bad: not valid; /email: is none"));
  EXPECT_EQ(fake.requests().size(), 1u);
  EXPECT_THAT(std::string(*fake.last().header("Idempotency-Key")), StartsWith("\"import-"));
  EXPECT_EQ(
      at_fake({"users", "import", file("one.ndjson", "{\"email\":\"bad\",\"name\":\"x\"}\n")}), 1);
  EXPECT_EQ(at_fake({"users", "import", file("ok.csv", "email,name\na@b.c,A\n")}), 0);
  EXPECT_EQ(at_fake({"users", "import", dir.file("none.csv")}), 3);
}

TEST_F(ImportCommandTest, AnotherRunIsAnotherRequest) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string csv = file("users.csv", kText);
  EXPECT_EQ(at_fake({"users", "import", csv}), 0) << err;
  EXPECT_EQ(at_fake({"users", "import", csv}), 0) << err;
  const auto requests = fake.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_NE(*requests[0].header("Idempotency-Key"), *requests[1].header("Idempotency-Key"));
}

TEST_F(ImportCommandTest, FailedRowsAreWholeAndCanBeMendedAndImported) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string csv = file("users.csv",
                               "\xef\xbb\xbfTeam;Name;E-Mail\n\"a;b\";Alice;alice@acme.dev\n"
                               "\"c;\"\"d\";Bob;bob\nx;y\ne;\"Eve;f@acme.dev\n");
  EXPECT_EQ(at_fake({"users", "import", csv, "--errors", dir.file("failed.csv")}), 6) << err;
  std::string failed = contents("failed.csv");
  EXPECT_EQ(failed,
            "\xef\xbb\xbfimport_error;Team;Name;E-Mail\n"
            "\"line 3: not valid; /email: is none\";\"c;\"\"d\";Bob;bob\n"
            "\"line 4: 2 fields where the header has 3 (separator \"\";\"\")\";x;y\n"
            "line 5: the quote that opens in line 5 is never closed;\"e;\"\"Eve;f@acme.dev\"\n");
  // Not mended, they fail again, and the reasons do not pile up.
  EXPECT_EQ(at_fake({"users", "import", dir.file("failed.csv"), "--errors", dir.file("again.csv")}),
            1);
  EXPECT_THAT(contents("again.csv"), HasSubstr("is none\";\"c;\"\"d\";Bob;bob\n"));
  EXPECT_THAT(contents("again.csv"), StartsWith("\xef\xbb\xbfimport_error;Team;Name;E-Mail\n"));
  failed.replace(failed.find("Bob;bob\n"), 8, "Bob;bob@acme.dev\n");
  failed.replace(failed.find(";x;y\n"), 5, ";x;y;y@acme.dev\n");
  failed.erase(failed.find("line 5"));
  EXPECT_EQ(at_fake({"users", "import", file("mended.csv", failed), "-o", "json"}), 0) << err;
  EXPECT_EQ(json()["created"], 2);
}

TEST_F(ImportCommandTest, FailedObjectsKeepWhatTheyHaveAndCanBeImported) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string in =
      file("users.json", R"([{"email":"bad","name":"Bob","n":12345678901234567890.123},17])");
  EXPECT_EQ(at_fake({"users", "import", in, "--errors", dir.file("failed.json")}), 1) << err;
  EXPECT_EQ(contents("failed.json"),
            "{\"import_error\":\"line 1: not valid; /email: is none\",\"email\":\"bad\",\"name\":"
            "\"Bob\",\"n\":12345678901234567890.123}\n"
            "{\"import_error\":\"line 1: not a JSON object\",\"row\":\"17\"}\n");
  std::string mended = contents("failed.json");
  mended.replace(mended.find("bad"), 3, "b@b.c");
  mended.erase(mended.find('\n') + 1);
  EXPECT_EQ(at_fake({"users", "import", file("mended.json", mended)}), 0) << err;
}

TEST_F(ImportCommandTest, ADryRunSaysWhatWasRecognizedAndAsksTheServerForNoChange) {
  fake.on("POST", "/users/batch", batch_answer);
  const std::string csv = file("users.csv", "Vorname;Nachname;E-Mail-Adresse\nA;B;a@b.c\n");
  EXPECT_EQ(at_fake({"users", "import", csv, "--dry-run", "--update"}), 0) << err;
  EXPECT_EQ(fake.last().param("dry_run"), "true");
  EXPECT_EQ(fake.last().param("existing"), "update");
  EXPECT_THAT(err, HasSubstr("CSV in UTF-8, separator \";\", e-mail address from "
                             "\"E-Mail-Adresse\", name from \"Vorname\", \"Nachname\""));
  EXPECT_THAT(err, HasSubstr("nothing was changed"));
}

TEST_F(ImportCommandTest, WrongUsageIsSaid) {
  const std::string csv = file("users.csv", kText);
  EXPECT_EQ(at_fake({"users", "import", csv, "--delimiter", ";;"}), 2);
  EXPECT_THAT(err, HasSubstr("one ASCII character"));
  EXPECT_EQ(at_fake({"users", "import", csv, "--encoding", "klingon"}), 2);
  EXPECT_THAT(err, HasSubstr("--encoding klingon is not known"));
  EXPECT_EQ(at_fake({"users", "import", csv, "--update", "--fail-existing"}), 2);
  EXPECT_EQ(at_fake({"users", "import", file("users.csv", "")}), 2);
  EXPECT_THAT(err, HasSubstr("the file is empty"));
}

// --- lines of `events publish`

Json event(const char* line, const EventDefaults& defaults = {}) {
  auto parsed = event_of_line(line, defaults, "new-id");
  return parsed ? *parsed : Json(parsed.error().message);
}

TEST(EventLine, ACloudEventStaysAsItIs) {
  const char* text =
      R"({"specversion":"1.0","id":"e1","source":"/s","type":"a.b","x":1,"data":{"k":2}})";
  EXPECT_EQ(dump(event(text, {.type = "other"})), text);
}

// Numbers were rounded, dataschema, extensions and content type lost, text became an object.
TEST(EventLine, ARecordKeepsItsAttributesAndItsDataToTheByte) {
  const std::string head =
      R"({"topic":"order.events","partition":1,"offset":2,"time":"t0","key":"acme","id":"e1","type":"order.closed","tenant":"acme","subject":"","source":"/s","event_time":"2026-01-02T03:04:05.123456789+02:00","sequence":0,"traceparent":"","headers":{"ce_specversion":"1.0","ce_id":"e1","ce_type":"order.closed","ce_source":"/s","ce_time":"2026-01-02T03:04:05.123456789+02:00","ce_tenantid":"acme","content-type":")";
  const std::string attributes =
      R"(","ce_dataschema":"https://ex.org/s.json","ce_comexampleext":"x y","tracestate":"v=1","mesh_request":"r"},"value)";
  const std::string made =
      R"({"specversion":"1.0","id":"e1","type":"order.closed","source":"/s","time":"2026-01-02T03:04:05.123456789+02:00","datacontenttype":")";
  const std::string rest =
      R"(","dataschema":"https://ex.org/s.json","comexampleext":"x y","tracestate":"v=1",)";
  for (const auto& [type, value, data] :
       {std::tuple{"application/json", R"(":{"n":12345678901234567890123,"d":1.10})",
                   R"("data":{"n":12345678901234567890123,"d":1.10})"},
        {"text/plain", R"(":"{\"a\":1}")", R"("data":"{\"a\":1}")"},
        {"application/octet-stream", R"(_base64":"/wAB")", R"("data_base64":"/wAB")"},
        {"application/json", R"(":{"a":1},"value_base64":"eyJhIjoKMX0=")",
         R"("data_base64":"eyJhIjoKMX0=")"},
        {"application/json", R"(":{"a":2},"value_base64":"eyJhIjoKMX0=")", R"("data":{"a":2})"}}) {
    const std::string line = head + type + attributes + value + "}";
    EXPECT_EQ(dump(event(line.c_str())), made + type + rest + data + "}");
  }
}

TEST(EventLine, ARecordWithoutDataBecomesAnEventWithoutData) {
  const Json made = event(
      R"({"topic":"a.events","offset":2,"id":"e1","type":"a.b","source":"/s","headers":{},"value":null})");
  EXPECT_EQ(dump(made), R"({"specversion":"1.0","id":"e1","source":"/s","type":"a.b"})");
}

TEST(EventLine, TheTenantOfARecordIsKeptOnlyForTheOperator) {
  const char* line =
      R"({"topic":"a.events","offset":2,"id":"e1","type":"a.b","tenant":"beta","source":"/s","headers":{"ce_tenantid":"beta"},"value":{}})";
  EXPECT_FALSE(event(line).contains("tenantid"));
  EXPECT_EQ(event(line, {.keep_tenant = true})["tenantid"], "beta");
}

TEST(EventLine, ARecordOfTailBecomesItsEventAgain) {
  const Json made = event(
      R"({"topic":"analytics.events","partition":1,"offset":2,"time":"t0","key":"acme/1","id":"e1","type":"analytics.recorded","tenant":"acme","subject":"1","source":"/s","event_time":"2026-01-01T00:00:00Z","sequence":0,"traceparent":"","headers":{},"value":{"user_id":"1"}})");
  EXPECT_EQ(
      dump(made),
      R"({"specversion":"1.0","id":"e1","source":"/s","type":"analytics.recorded","time":"2026-01-01T00:00:00Z","subject":"1","data":{"user_id":"1"}})");
}

TEST(EventLine, ATimeInBareDataIsTheEventsTime) {
  const auto time_of = [](const std::string& data) {
    const auto event = event_of_line(data, {.type = "analytics.recorded"}, "e").value();
    return event.value("time", "");
  };
  EXPECT_EQ(time_of(R"({"user_id":"7","time":"2019-05-01T00:00:00.5+02:00"})"),
            "2019-05-01T00:00:00.5+02:00");
  EXPECT_EQ(time_of(R"({"user_id":"7","time":"noon"})"), "") << "that is no time";
  EXPECT_EQ(time_of(R"({"timestamp":"2020-05-01T00:00:00Z","time":"2019-05-01T00:00:00Z"})"), "")
      << "the server takes the timestamp";
}

TEST(EventLine, BareDataNeedsAType) {
  EXPECT_TRUE(event(R"({"user_id":"1"})").is_string());
  EXPECT_EQ(
      dump(event(R"({"user_id":1.10})", {.type = "analytics.recorded"})),
      R"({"specversion":"1.0","data":{"user_id":1.10},"id":"new-id","source":"mesh-cli","type":"analytics.recorded"})");
}

TEST(EventLine, BrokenTextIsRefused) { EXPECT_TRUE(event("{").is_string()); }

}  // namespace
}  // namespace mesh::cli
