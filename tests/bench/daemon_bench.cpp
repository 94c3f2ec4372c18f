// What meshd does per second, and how fast: see docs/performance.md.
//   daemon_bench [--list] [--quick] [--engines] [--json FILE] [GROUP…]
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "tests/bench/arguments.h"
#include "tests/bench/groups/groups.h"

namespace {

using mesh::bench::Bench;

struct Group {
  const char* name;
  void (*run)(Bench&);
  const char* what;
  void (*on_engines)(Bench&) = nullptr;  // with --engines; null: it has no figures on others
};
constexpr Group kGroups[] = {
    {"post", mesh::bench::post, "durable single POSTs at 1 to 1,000 connections",
     mesh::bench::post_on_engines},
    {"bulk", mesh::bench::bulk, "NDJSON ingest"},
    {"searchable", mesh::bench::searchable, "from a create to the search that shows it"},
    {"indexing", mesh::bench::indexing, "events beside the index of them"},
    {"search", mesh::bench::search, "searches by size of the tenant, and their recall"},
    {"replay", mesh::bench::replay, "replay and rebuild, and searches beside them"},
    {"fairness", mesh::bench::fairness, "a quiet tenant beside one that floods"},
    {"idle", mesh::bench::idle, "memory without work, idle connections"},
    {"start", mesh::bench::start, "time to readiness and memory by users indexed"},
    {"log", mesh::bench::engine_log, "the log engine alone"},
    {"store", mesh::bench::engine_store, "the store engine alone"},
    {"vectors", mesh::bench::engine_vectors, "the vector engine alone"},
};

const Group* find(const std::string& name) {
  for (const auto& group : kGroups) {
    if (name == group.name) return &group;
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = mesh::bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  if (arguments->list) {
    for (const auto& group : kGroups) {
      if (arguments->engines && group.on_engines == nullptr) continue;
      std::printf("%-11s %s\n", group.name, group.what);
    }
    return 0;
  }
  Bench bench;
  bench.quick = arguments->quick;
  std::vector<const Group*> wanted;
  for (const auto& word : arguments->words) {
    const Group* group = find(word);
    if (group == nullptr) {
      std::fprintf(stderr, "bench: no group %s; bench --list names them\n", word.c_str());
      return 2;
    }
    if (arguments->engines && group->on_engines == nullptr) {
      std::fprintf(stderr,
                   "bench: group %s has no figures on other engines; bench --engines --list names "
                   "those that have\n",
                   word.c_str());
      return 2;
    }
    wanted.push_back(group);
  }
  if (wanted.empty()) {
    for (const auto& group : kGroups) {
      if (!arguments->engines || group.on_engines != nullptr) wanted.push_back(&group);
    }
  }
  int failed = 0;
  for (const Group* group : wanted) {
    try {
      (arguments->engines ? group->on_engines : group->run)(bench);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "bench: %s: %s\n", group->name, error.what());
      failed = 1;
    }
    // After each, so that an interrupted run leaves what it has.
    if (!arguments->json.empty() && !bench.report.write_json(arguments->json)) {
      std::fprintf(stderr, "bench: cannot write %s\n", arguments->json.c_str());
      return 1;
    }
  }
  return failed;
}
