#include <unistd.h>

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
  // "line:email/name" or "line!reason" per row.
  std::vector<std::string> rows(RowFormat format, const std::string& text) {
    LineReader lines = reader(text);
    const auto source = make_row_reader(format, lines);
    std::vector<std::string> seen;
    while (true) {
      auto row = source->next();
      if (!row) {
        seen.push_back("stopped: " + row.error().message);
        return seen;
      }
      if (!*row) return seen;
      const auto* user = std::get_if<NewUser>(&(*row)->content);
      seen.push_back(std::to_string((*row)->line) +
                     (user != nullptr ? ":" + user->email + "/" + user->name
                                      : "!" + std::get<BrokenRow>((*row)->content).reason));
    }
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
  EXPECT_EQ(lines.bytes_read(), 4);
  EXPECT_EQ(lines.size(), 4);
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

using CsvTest = FileTest;

TEST_F(CsvTest, ColumnsAreFoundByNameInAnyOrder) {
  EXPECT_THAT(rows(RowFormat::csv, "Name,team,EMAIL\nAlice,x,a@b.c\n\"Bob, B\",y,b@b.c\n"),
              ElementsAre("2:a@b.c/Alice", "3:b@b.c/Bob, B"));
}

TEST_F(CsvTest, QuotedFieldsMayHoldQuotesAndLineEnds) {
  EXPECT_THAT(rows(RowFormat::csv, "email,name\na@b.c,\"Al\n\"\"ice\"\"\"\nb@b.c,Bob\n"),
              ElementsAre("2:a@b.c/Al\n\"ice\"", "4:b@b.c/Bob"));
}

TEST_F(CsvTest, TakesCarriageReturnsByteOrderMarksAndEmptyLines) {
  EXPECT_THAT(rows(RowFormat::csv,
                   "\xef\xbb\xbf"
                   "email,name\r\n\r\na@b.c,Alice\r\n"),
              ElementsAre("3:a@b.c/Alice"));
}

TEST_F(CsvTest, ABrokenRowCostsOnlyItself) {
  const auto seen = rows(RowFormat::csv,
                         "email,name\n"
                         "a@b.c\n"
                         "b@b.c,x,y\n"
                         ",Nobody\n"
                         "c\"c@b.c,Quote\n"
                         "d@b.c,\xff\n"
                         "e@b.c,Eve");
  ASSERT_EQ(seen.size(), 6u);
  EXPECT_EQ(seen[0], "2!1 fields where the header has 2");
  EXPECT_EQ(seen[1], "3!3 fields where the header has 2");
  EXPECT_EQ(seen[2], "4!the email is empty");
  EXPECT_TRUE(seen[3].starts_with("5!a quote")) << seen[3];
  EXPECT_EQ(seen[4], "6!the text is not UTF-8");
  EXPECT_EQ(seen[5], "7:e@b.c/Eve");
}

TEST_F(CsvTest, AQuoteThatNeverEndsIsBoundedAndNamed) {
  std::string text = "email,name\na@b.c,\"open\n";
  for (int i = 0; i < 200'000; ++i) text += "b@b.c,filler\n";
  const auto seen = rows(RowFormat::csv, text);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen[0],
            "2!the row is longer than 1 MiB; is the quote that opens in line 2 ever closed?");
  EXPECT_GT(seen.size(), 100u) << "reading goes on behind the bound";
  EXPECT_THAT(rows(RowFormat::csv, "email,name\na@b.c,\"open\n"),
              ElementsAre("2!the quote that opens in line 2 is never closed: all up to the end of "
                          "the file is its field"));
}

TEST_F(CsvTest, TheQuoteThatWentWrongIsNamedByItsLine) {
  const std::string sound = "email,name\n\"a@b.c\",\"Al\n\"\"ice\"\" B\"\n";
  EXPECT_THAT(rows(RowFormat::csv, sound + "\"b@b\n.c\",\"Bo\nsaid \"\"hi\"\"\"\"\nc@b.c,Cid\n"),
              ElementsAre("2:a@b.c/Al\n\"ice\" B",
                          StartsWith("4!the quote that opens in line 5 is never closed")));
  EXPECT_THAT(rows(RowFormat::csv, "email,name\na@b.c,\"open\nb@b.c,\"Bob\"\nc@b.c,Cid\n"),
              ElementsAre("2!a quote stands where none may stand; quotes within a field are "
                          "doubled; is the quote that "
                          "opens in line 2 closed where it should be?",
                          "4:c@b.c/Cid"));
}

TEST_F(CsvTest, ARowKeepsItsText) {
  LineReader lines = reader("email,name\na@b.c,\"Al\nice\"\nbroken\n");
  const auto source = make_row_reader(RowFormat::csv, lines);
  EXPECT_EQ((**source->next()).text, "a@b.c,\"Al\nice\"");
  EXPECT_EQ((**source->next()).text, "broken");
}

TEST_F(CsvTest, AHeaderWithoutTheColumnsStops) {
  EXPECT_EQ(rows(RowFormat::csv, "mail,name\nx,y\n").size(), 1u);
  EXPECT_TRUE(rows(RowFormat::csv, "mail,name\nx,y\n")[0].starts_with("stopped: "));
}

TEST_F(CsvTest, AFileWithoutAHeaderStops) {
  EXPECT_THAT(rows(RowFormat::csv, ""),
              ElementsAre(HasSubstr("the first row must name the columns")));
  EXPECT_THAT(rows(RowFormat::csv, "\r\n\n"),
              ElementsAre(HasSubstr("the first row must name the columns")));
}

TEST_F(CsvTest, ACarriageReturnAloneEndsALine) {
  EXPECT_THAT(rows(RowFormat::csv, "email,name\ra@b.c,Alice\rb@b.c\r\rc@b.c,Cid\r"),
              ElementsAre("2:a@b.c/Alice", "3!1 fields where the header has 2", "5:c@b.c/Cid"));
  EXPECT_THAT(rows(RowFormat::csv, "email,name\ra@b.c,Alice\nb@b.c,Bob\r\nc@b.c,Cid"),
              ElementsAre("2:a@b.c/Alice", "3:b@b.c/Bob", "4:c@b.c/Cid"));
}

TEST_F(CsvTest, ACarriageReturnWithinQuotesStays) {
  EXPECT_THAT(rows(RowFormat::csv, "email,name\na@b.c,\"Al\rice\"\nb@b.c,\"B\r\nob\"\n"),
              ElementsAre("2:a@b.c/Al\rice", "4:b@b.c/B\r\nob"));
}

TEST_F(CsvTest, CarriageReturnsEndLinesInAFileOfAnySize) {
  // Rows of seven lengths: line ends fall on every side of a chunk's end.
  for (const char* end : {"\r", "\r\n"}) {
    std::string text = std::string("email,name") + end;
    for (int i = 0; i < 100'000; ++i) text += "a@b.c," + std::string(1 + i % 7, 'n') + end;
    const auto seen = rows(RowFormat::csv, text);
    ASSERT_EQ(seen.size(), 100'000u);
    EXPECT_EQ(seen.back(), "100001:a@b.c/" + std::string(1 + 99'999 % 7, 'n'));
  }
}

using NdjsonTest = FileTest;

TEST_F(NdjsonTest, ReadsObjectsAndNamesBrokenLines) {
  const auto seen = rows(RowFormat::ndjson,
                         "{\"id\":9,\"email\":\"a@b.c\",\"name\":\"Alice\",\"tenantId\":\"x\"}\n"
                         "\n"
                         "{\"email\":\"b@b.c\"}\n"
                         "not json\n"
                         "[1]\n"
                         "{\"email\":\"c@b.c\",\"name\":\" Cid \"}");
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[0], "1:a@b.c/Alice");
  EXPECT_EQ(seen[1], "3!\"name\" must be a text that is not empty");
  EXPECT_TRUE(seen[2].starts_with("4!")) << seen[2];
  EXPECT_EQ(seen[3], "5!not a JSON object");
  EXPECT_EQ(seen[4], "6:c@b.c/Cid");
}

TEST(RowFormatOf, IsTheEndingOfTheName) {
  EXPECT_EQ(row_format_of("a/B.CSV"), RowFormat::csv);
  EXPECT_EQ(row_format_of("x.jsonl"), RowFormat::ndjson);
  EXPECT_EQ(row_format_of("x.ndjson"), RowFormat::ndjson);
  EXPECT_EQ(row_format_of("-"), std::nullopt);
}

// Rows from a list.
class Rows final : public RowReader {
 public:
  explicit Rows(std::vector<UserRow> rows) : rows_(rows.begin(), rows.end()) {}
  Result<std::optional<UserRow>> next() override {
    if (rows_.empty()) return std::nullopt;
    UserRow row = std::move(rows_.front());
    rows_.pop_front();
    return row;
  }
  std::size_t left() const { return rows_.size(); }

 private:
  std::deque<UserRow> rows_;
};

class ImporterTest : public ::testing::Test {
 protected:
  ImporterTest() {
    hooks.failed = [this](const RowFailure& failure) { failures.push_back(failure); };
    hooks.progressed = [](const ImportCounts&) {};
    hooks.sleep = [this](Duration d) {
      const std::lock_guard lock(mutex);
      naps.push_back(d);
      return true;
    };
  }
  static std::vector<UserRow> numbered(int n) {
    std::vector<UserRow> rows;
    for (int i = 1; i <= n; ++i) rows.push_back({i, NewUser{std::to_string(i) + "@b.c", "N"}});
    return rows;
  }
  static Result<client::CreatedUser> created(const NewUser& user) {
    return client::CreatedUser{{1, user.email, user.name, *TenantId::parse("acme")}, false};
  }
  ImportResult run(std::vector<UserRow> list, const CreateUser& create,
                   ImportOptions options = {}) {
    Rows rows(std::move(list));
    return import_users(rows, create, options, hooks);
  }
  std::mutex mutex;
  std::vector<Duration> naps;
  std::vector<RowFailure> failures;
  ImportHooks hooks;
};

TEST_F(ImporterTest, EveryRowIsSentOnceAndCounted) {
  std::set<std::string> sent;
  const auto result = run(numbered(500), [&](const NewUser& user, const std::string&) {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(sent.insert(user.email).second);
    return created(user);
  });
  EXPECT_EQ(sent.size(), 500u);
  EXPECT_EQ(result.counts.created, 500);
  EXPECT_EQ(result.counts.rows, 500);
  EXPECT_FALSE(result.stopped);
}

TEST_F(ImporterTest, ConflictsAreExistingRowsUnlessTheyAreToFail) {
  const CreateUser conflict = [](const NewUser&, const std::string&) {
    return fail(ErrorKind::conflict, "there is one");
  };
  EXPECT_EQ(run(numbered(3), conflict).counts.existing, 3);
  EXPECT_EQ(run(numbered(3), conflict, {.parallel = 1, .existing_fails = true}).counts.failed, 3);
}

TEST_F(ImporterTest, AReplayedAnswerIsAnExistingRow) {
  const auto result = run(numbered(1), [](const NewUser& user, const std::string&) {
    auto answer = created(user);
    answer->replayed = true;
    return answer;
  });
  EXPECT_EQ(result.counts.existing, 1);
}

TEST_F(ImporterTest, BrokenAndRefusedRowsFailWithTheirLineAndReason) {
  auto rows = numbered(2);
  rows.back().text = "2@b.c,N";
  rows.push_back({9, BrokenRow{"not JSON"}, "{"});
  const auto result =
      run(rows,
          [](const NewUser& user, const std::string&) -> Result<client::CreatedUser> {
            if (user.email == "1@b.c") return created(user);
            return fail({ErrorKind::unprocessable, "bad", "request id r", {{"/email", "no"}}, {}});
          },
          {.parallel = 1});
  EXPECT_EQ(result.counts.created, 1);
  EXPECT_EQ(result.counts.failed, 2);
  ASSERT_EQ(failures.size(), 2u);
  std::sort(failures.begin(), failures.end(),
            [](const auto& a, const auto& b) { return a.line < b.line; });
  EXPECT_EQ(failures[0].line, 2);
  EXPECT_EQ(failures[0].reason, "bad; /email: no (request id r)");
  EXPECT_EQ(failures[0].text, "2@b.c,N");
  EXPECT_EQ(failures[1].line, 9);
  EXPECT_EQ(failures[1].text, "{");
}

TEST_F(ImporterTest, RateLimitsAreWaitedForAsLongAsTheServerSays) {
  std::atomic<int> calls = 0;
  const auto result =
      run(numbered(1), [&](const NewUser& user, const std::string&) -> Result<client::CreatedUser> {
        if (++calls <= 20)
          return fail({ErrorKind::rate_limited, "slow down", {}, {}, Duration{7000}});
        return created(user);
      });
  EXPECT_EQ(result.counts.created, 1);
  EXPECT_EQ(naps, std::vector<Duration>(20, Duration{7000}));
}

TEST_F(ImporterTest, ABadCredentialStopsAtOnce) {
  Rows rows(numbered(10'000));
  std::atomic<int> calls = 0;
  const CreateUser refuse = [&](const NewUser&, const std::string&) -> Result<client::CreatedUser> {
    ++calls;
    return fail(ErrorKind::unauthenticated, "who are you");
  };
  const auto result = import_users(rows, refuse, {.parallel = 4}, hooks);
  ASSERT_TRUE(result.stopped);
  EXPECT_EQ(result.stopped->kind, ErrorKind::unauthenticated);
  EXPECT_LE(calls, 4);
  EXPECT_GT(rows.left(), 9'000u);
  EXPECT_EQ(result.counts.failed, 0);
}

TEST_F(ImporterTest, AServerThatStaysAwayStopsAfterItsRetries) {
  std::atomic<int> calls = 0;
  const auto result =
      run(numbered(1), [&](const NewUser&, const std::string&) -> Result<client::CreatedUser> {
        ++calls;
        return fail(ErrorKind::unavailable, "nobody there");
      });
  ASSERT_TRUE(result.stopped);
  EXPECT_EQ(calls, 8);
}

TEST_F(ImporterTest, AnInterruptEndsItWithoutFailingRows) {
  std::atomic<int> calls = 0;
  hooks.interrupted = [&] { return calls > 3; };
  const auto result = run(numbered(100'000),
                          [&](const NewUser& user, const std::string&) {
                            ++calls;
                            return created(user);
                          },
                          {.parallel = 2});
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.counts.failed, 0);
  EXPECT_LT(result.counts.done(), 100'000);
}

TEST(ImportKey, DependsOnTheRowAlone) {
  EXPECT_EQ(import_key({"a@b.c", "Alice"}), import_key({"a@b.c", "Alice"}));
  EXPECT_NE(import_key({"A@b.c", "Alice"}), import_key({"a@b.c", "Alice"})) << "another payload";
  EXPECT_NE(import_key({"a@b.c", "Alice"}), import_key({"a@b.c", "Bob"}));
}

TEST(RetryDelay, OnlyPassingFaultsAreTriedAgain) {
  EXPECT_FALSE(retry_delay({ErrorKind::invalid, "", "", {}, {}}, 1, 0));
  EXPECT_EQ(retry_delay({ErrorKind::rate_limited, "", "", {}, {}}, 1, 0), Duration{1000});
  EXPECT_EQ(retry_delay({ErrorKind::rate_limited, "", "", {}, std::chrono::hours{1}}, 1, 0),
            Duration{60'000});
  EXPECT_FALSE(retry_delay({ErrorKind::rate_limited, "", "", {}, {}}, 1001, 0));
  EXPECT_GE(*retry_delay({ErrorKind::unavailable, "", "", {}, Duration{500}}, 1, 3), Duration{500});
  EXPECT_FALSE(retry_delay({ErrorKind::timeout, "", "", {}, {}}, 8, 0));
}

// --- the command

class ImportCommandTest : public CliTest {
 protected:
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

TEST_F(ImportCommandTest, FailedRowsReplaceAnOlderReport) {
  fake.on("POST", "/users/create", 201,
          Json{{"id", 1}, {"email", "a@b.c"}, {"name", "Alice"}, {"tenantId", "acme"}});
  const std::string csv = file("users.csv", kText);
  EXPECT_EQ(at_fake({"users", "import", csv, "--errors", file("failed", "old\n")}), 0) << err;
  EXPECT_EQ(contents("failed"), "");
  EXPECT_EQ(contents("users.csv"), kText);
}

TEST_F(ImportCommandTest, AnEmptyCsvIsWrongUsage) {
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

TEST(EventLine, BareDataNeedsAType) {
  EXPECT_TRUE(event(R"({"user_id":"1"})").is_string());
  EXPECT_EQ(
      dump(event(R"({"user_id":1.10})", {.type = "analytics.recorded"})),
      R"({"specversion":"1.0","data":{"user_id":1.10},"id":"new-id","source":"mesh-cli","type":"analytics.recorded"})");
}

TEST(EventLine, BrokenTextIsRefused) { EXPECT_TRUE(event("{").is_string()); }

}  // namespace
}  // namespace mesh::cli
