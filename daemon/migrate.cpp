#include "daemon/migrate.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "common/telemetry/log.h"
#include "daemon/engines.h"
#include "daemon/migration/migration.h"
#include "daemon/pipelines.h"
#include "daemon/tell_error.h"

namespace mesh {
namespace {

constexpr Duration kTellInterval{500};

constexpr std::string_view kNotKept[] = {
    "offsets: records have those of the new log; whatever names one was translated",
    "the index: the first start builds it from the log",
    "operator.token, unless auth.operator_token_file names it",
};

// Names the engines, without secrets.
std::string name_of(const config::Config& config) {
  std::string log = "log.db of " + config.data_dir, store = "store.db of " + config.data_dir;
  if (config.log.engine == "kafka") {
    log = "Kafka at";
    for (const auto& broker : config.kafka.brokers) log += " " + broker;
    if (config.kafka.prefix) log += ", prefix " + *config.kafka.prefix;
  }
  if (config.store.engine == "postgres") {
    store = "PostgreSQL, schema " + config.postgres.schema;
  }
  return log + "; " + store;
}

// On a terminal one line that changes, else one for each thing that is begun.
class ProgressLine {
 public:
  void tell(const std::string& doing, std::int64_t done, std::int64_t total) {
    const auto now = system_clock().steady();
    const bool begun = doing != doing_;
    if (!begun && (!terminal_ || now < next_)) return;
    doing_ = doing;
    next_ = now + kTellInterval;
    if (!terminal_) {
      std::cerr << doing << "\n";
      return;
    }
    const auto percent = total > 0 ? std::min<std::int64_t>(100, 100 * done / total) : 100;
    std::cerr << "\r" << percent << "% " << doing << "\x1b[K" << std::flush;
  }
  ~ProgressLine() {
    if (terminal_ && !doing_.empty()) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  std::string doing_;
  SteadyTime next_{};
};

Result<Json> run(const config::Config& from, const config::Config& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::weakly_canonical(from.data_dir, error) == fs::weakly_canonical(to.data_dir, error)) {
    return fail(ErrorKind::conflict, "both configurations name the data_dir " + to.data_dir +
                                         ": the new one needs its own");
  }
  Clock& clock = system_clock();
  Metrics metrics;
  Usage usage(clock);
  const auto left = MESH_TRY(EnginesOfRecord::open(from, true, die, clock, metrics, usage));
  const auto filled = MESH_TRY(EnginesOfRecord::open(to, false, die, clock, metrics, usage));
  const auto side = [](EnginesOfRecord& engines) {
    return migration::Side{engines.log(), engines.admin(), engines.import(), engines.stores(),
                           engines.cipher()};
  };
  ProgressLine progress;
  const auto topic = [&](const std::string& name, TopicKind kind) {
    return topic_spec(to.log, name, kind);
  };
  return migration::migrate(side(*left), side(*filled),
                            {{{"from", name_of(from)}, {"to", name_of(to)}},
                             topic,
                             [&](const std::string& doing, std::int64_t done, std::int64_t total) {
                               progress.tell(doing, done, total);
                             },
                             clock});
}

void print(const Json& report) {
  for (const auto& [part, title] : {std::pair("topics", "topic"), {"tables", "table"}}) {
    for (const Json& row : report[part]) {
      std::cout << title << " " << row["name"].get<std::string>() << ": " << row["count"] << ", "
                << row["state"].get<std::string>();
      if (const auto expired = row.value("expired", 0); expired > 0) {
        std::cout << "; " << expired << " of them have expired in the old log since";
      }
      std::cout << "\n";
    }
  }
  for (const Json& kept : report["not_kept"]) {
    std::cout << "not kept: " << kept.get<std::string>() << "\n";
  }
}

}  // namespace

int migrate(const config::Config& from, const config::Config& to, bool json) {
  auto report = run(from, to);
  log::flush();
  if (!report) {
    tell_error(report.error(), json);
    return 3;
  }
  (*report)["not_kept"] = kNotKept;
  if (json) {
    std::cout << dump(*report) << "\n";
  } else {
    print(*report);
  }
  return (*report)["state"] == "equal" ? 0 : 1;
}

}  // namespace mesh
