// The benchmarks of single engines, as groups: each is a program of its own.
#include "tests/bench/groups/groups.h"

namespace mesh::bench {
namespace {

void run_engine(Bench& bench, std::vector<std::string> command) {
  const test::TempDir dir;
  const std::string rows = dir.file("rows.json");
  command.insert(command.begin() + 1, {"--json", rows});
  run_program(command);
  bench.report.add_file(rows);
}

}  // namespace

void engine_log(Bench& bench) {
  bench.report.group(
      "log", "the embedded log alone, in process",
      "the same bytes to a plain file, one fdatasync for as many records as one append");
  std::vector<std::string> command{"log_bench"};
  if (bench.quick) command.push_back("--quick");
  run_engine(bench, std::move(command));
}

void engine_store(Bench& bench) {
  bench.report.group("store", "the embedded store alone, in process", "");
  std::vector<std::string> command{"store_bench"};
  if (bench.quick) command.push_back("--quick");
  run_engine(bench, std::move(command));
}

void engine_vectors(Bench& bench) {
  bench.report.group("vectors", "the embedded index alone, in process, on clustered vectors",
                     "the exact scan of the same run");
  std::vector<std::string> command{"vector_bench"};
  if (bench.quick) {
    command.insert(command.end(), {"clustered:1000", "clustered:10000", "clustered:100000"});
  }
  run_engine(bench, std::move(command));
}

}  // namespace mesh::bench
