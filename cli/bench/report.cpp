#include "cli/bench/report.h"

#include <cmath>
#include <cstdio>

#include "cli/render/number.h"

namespace mesh::cli {
namespace {

double rounded(double value, double digits) { return std::round(value * digits) / digits; }
double millis(std::uint64_t microseconds) { return static_cast<double>(microseconds) / 1000; }

// Two digits where they say something: duration_text would call all below a millisecond "<1ms".
std::string millis_text(const Json& value) {
  if (!value.is_number()) return "-";
  const double number = value.get<double>();
  char text[32];
  std::snprintf(text, sizeof text,
                number < 10    ? "%.2fms"
                : number < 100 ? "%.1fms"
                               : "%.0fms",
                number);
  return text;
}

std::string megabytes_text(const Json& value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value.is_number() ? value.get<double>() : 0.0);
  return text;
}

std::uint64_t count_of(const load::Outcome& outcome, int status) {
  const auto it = outcome.statuses.find(status);
  return it == outcome.statuses.end() ? 0 : it->second;
}

std::string counted(std::uint64_t count) {
  return with_thousands(static_cast<std::int64_t>(count));
}

}  // namespace

const View& bench_view() {
  using Show = Field::Show;
  using Kind = Field::Kind;
  static const View view{
      "bench",
      {{"bench", "BENCH", "what was asked for", Show::wide},
       {"requests", "REQUESTS", "answered as they should be", Show::always, Kind::count},
       {"rate", "RATE/S", "of these, in a second", Show::always, Kind::rate},
       {"items_per_second", "ITEMS/S", "events, users or searches in a second", Show::wide,
        Kind::rate},
       {"mb_per_second", "MB/S",
        "bytes of requests and answers, heads too, in a second, in millions", Show::always,
        Kind::text, megabytes_text},
       {"errors", "ERRORS", "other answers, and requests without one", Show::always, Kind::count},
       {"p50_ms", "P50", "half of all answers came within this time", Show::always, Kind::text,
        millis_text},
       {"p90_ms", "P90", "nine of ten", Show::wide, Kind::text, millis_text},
       {"p99_ms", "P99", "99 of 100", Show::always, Kind::text, millis_text},
       {"p999_ms", "P99.9", "999 of 1,000", Show::always, Kind::text, millis_text},
       {"max_ms", "MAX", "the slowest", Show::always, Kind::text, millis_text},
       {"seconds", "SECONDS", "how long it ran", Show::wide},
       {"tenants", "TENANTS", "in whose name", Show::wide, Kind::count},
       {"connections", "CONNECTIONS", "at most so many requests at a time", Show::wide,
        Kind::count},
       {"target_rate", "TARGET/S", "requests a second that were due; null: as fast as answered",
        Show::wide},
       {"late_p99_ms", "LATE", "how late 99 of 100 were sent (--rate); null without", Show::wide,
        Kind::text, millis_text},
       {"statuses", "STATUSES", "answers by status", Show::wide, Kind::counts},
       {"broken", "BROKEN", "requests whose connection ended before an answer that can be read",
        Show::wide, Kind::count},
       {"unanswered", "UNANSWERED", "requests without an answer when it ended", Show::wide,
        Kind::count}}};
  return view;
}

Json bench_row(const BenchRun& run, const load::Outcome& outcome) {
  const auto latency = [&](double share) { return millis(outcome.latency.percentile(share)); };
  const double seconds = outcome.seconds;
  const auto bytes = static_cast<double>(outcome.bytes_sent + outcome.bytes_received);
  Json statuses = Json::object();
  for (const auto& [status, count] : outcome.statuses) statuses[std::to_string(status)] = count;
  Json row{{"bench", run.what},
           {"requests", outcome.answered},
           {"rate", rounded(outcome.rate(), 10)},
           {"items_per_second", rounded(outcome.rate() * run.per_request, 10)},
           {"mb_per_second", seconds > 0 ? rounded(bytes / seconds / 1e6, 1000) : 0},
           {"errors", outcome.failed()},
           {"p50_ms", latency(0.5)},
           {"p90_ms", latency(0.9)},
           {"p99_ms", latency(0.99)},
           {"p999_ms", latency(0.999)},
           {"max_ms", millis(outcome.latency.max())},
           {"seconds", rounded(seconds, 1000)},
           {"tenants", run.tenants},
           {"connections", run.connections},
           {"target_rate", nullptr},
           {"late_p99_ms", nullptr},
           {"statuses", std::move(statuses)},
           {"broken", outcome.broken},
           {"unanswered", outcome.unanswered}};
  if (run.rate > 0) {
    row["target_rate"] = run.rate;
    row["late_p99_ms"] = millis(outcome.late.percentile(0.99));
  }
  return row;
}

std::vector<std::string> bench_notes(const BenchRun& run, const load::Outcome& outcome) {
  std::vector<std::string> notes;
  for (const auto& [status, count] : outcome.statuses) {
    if (status / 100 == 2) continue;
    std::string line =
        counted(count) + (count == 1 ? " answer was " : " answers were ") + std::to_string(status);
    if (status == 429) {
      line += ": the rate limit of the tenant; `mesh ratelimit show " + run.tenant +
              "` shows it, `mesh ratelimit set " + run.tenant + " " + run.scope +
              " RATE/PER` raises it";
    } else if (status == 401 || status == 403) {
      line += ": the server does not take this credential; see --token and --data-dir";
    } else if (status == 404) {
      line += ": the address is no " + run.what + " listener of a meshd";
    } else if (status == 503) {
      line += ": the mesh is overloaded or something behind it is away; `mesh check` says what";
    }
    notes.push_back(std::move(line));
  }
  if (outcome.broken > 0) {
    notes.push_back(counted(outcome.broken) +
                    " requests got no answer that can be read: the server refused or ended the "
                    "connection, or answered in chunks");
  }
  if (outcome.unanswered > 0)
    notes.push_back(counted(outcome.unanswered) + " requests had no answer when it ended");
  if (outcome.unexpected > 0) notes.push_back("latencies are of all answers, these among them");
  // A loop that cannot keep its rate measures its own queue.
  if (run.rate > 0 && outcome.late.percentile(0.99) > 10'000) {
    notes.push_back("99 of 100 requests were sent up to " +
                    millis_text(millis(outcome.late.percentile(0.99))) +
                    " late: all connections were busy, or this machine was; more --connections "
                    "help where the server is not at its limit");
  }
  return notes;
}

Exit bench_exit(const load::Outcome& outcome) {
  if (outcome.failed() == 0) return Exit::ok;
  if (outcome.answered > 0) return Exit::partly;
  if (count_of(outcome, 429) == outcome.failed()) return Exit::rate_limited;
  if (count_of(outcome, 401) + count_of(outcome, 403) == outcome.failed()) return Exit::auth;
  return Exit::failure;
}

}  // namespace mesh::cli
