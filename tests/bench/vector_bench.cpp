// The embedded index by size and kind of data: latency and throughput of searches, against the
// exact scan of the same run; recall, build rate, start, memory. Printed, never asserted.
//
//   vector_bench [--json FILE] [CASE…]
//   CASE: DATA:VECTORS[xTENANTS], DATA one of clustered, people, random; or `threshold`, the sweep
//   that IndexOptions::approximate_from comes from. Without: those of kCases.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

#include <hwy/targets.h>

#include "common/domain/search.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "tests/common/engines/vectors/crowd.h"
#include "tests/common/engines/vectors/vectors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tenant_texts.h"

namespace {

using namespace mesh;
using Clk = std::chrono::steady_clock;

constexpr int kDimension = 384;
constexpr int kK = 10;
constexpr std::size_t kNever = SIZE_MAX;
constexpr const char* kCases[] = {
    "clustered:1000",          "clustered:10000",   "clustered:100000",
    "people:100000",           "random:100000",     "people:1000000",
    "clustered:1000000x10000", "clustered:1000000", "threshold"};

double seconds_since(Clk::time_point start) {
  return std::chrono::duration<double>(Clk::now() - start).count();
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

Json figures = Json::array();

// `baseline` 0: there is none.
void record(const std::string& name, double value, const char* unit, double baseline = 0) {
  Json figure{
      {"name", name}, {"value", value}, {"unit", unit}, {"baseline", nullptr}, {"ratio", nullptr}};
  if (baseline > 0) {
    figure["baseline"] = baseline;
    figure["ratio"] = value / baseline;
  }
  figures.push_back(std::move(figure));
}

std::unique_ptr<VectorIndex> open(const test::TempDir& dir, std::size_t approximate_from) {
  sqlite::IndexOptions options;
  options.approximate_from = approximate_from;
  auto index = sqlite::open_embedded_index(dir.path(), std::move(options));
  if (!index) {
    std::fprintf(stderr, "%s\n", index.error().to_string().c_str());
    std::exit(1);
  }
  return std::move(*index);
}

TenantId tenant_of(int user, int tenants) {
  return TenantId::parse("tenant-" + std::to_string(user % tenants)).value();
}

class Data {
 public:
  virtual ~Data() = default;
  virtual std::vector<float> next() = 0;
  virtual std::vector<float> query() { return next(); }
};

class Clustered final : public Data {
 public:
  explicit Clustered(int vectors) : vectors_(1, kDimension, 1 + vectors / 100, 0.7F) {}
  std::vector<float> next() override { return vectors_.next(); }

 private:
  test::ClusteredVectors vectors_;
};

class Randoms final : public Data {
 public:
  std::vector<float> next() override { return test::random_unit(random_, kDimension); }

 private:
  test::Random random_{1};
};

// What the product indexes: users through the hashing embedder, and what people type for them.
class People final : public Data {
 public:
  std::vector<float> next() override {
    auto who = crowd_.next();
    auto vector = embed(embedding_text(who.name(), who.email));
    if (some_.size() < 1000) some_.push_back(std::move(who));
    return vector;
  }
  std::vector<float> query() override {
    const auto ask = static_cast<test::Crowd::Ask>(asked_ % test::Crowd::kAsks);
    return embed(crowd_.query(some_[asked_++ * 7 % some_.size()], ask));
  }

 private:
  std::vector<float> embed(const std::string& text) { return test::vector_of(*embedder_, text); }
  const std::unique_ptr<Embedder> embedder_ = hashing::make_embedder(kDimension);
  test::Crowd crowd_{5};
  std::vector<test::Crowd::Person> some_;
  std::size_t asked_ = 0;
};

std::unique_ptr<Data> make_data(std::string_view kind, int vectors) {
  if (kind == "people") return std::make_unique<People>();
  if (kind == "random") return std::make_unique<Randoms>();
  return std::make_unique<Clustered>(vectors);
}

// Vectors per second.
double fill(const test::TempDir& dir, Data& data, int users, int tenants) {
  double apply = 0;
  auto index = open(dir, sqlite::IndexOptions{}.approximate_from);
  const int generation = index->create_generation({kDimension, "bench"}, 0)->number;
  if (!index->serve(generation, 0)) std::exit(1);
  std::vector<VectorChange> batch;
  for (int user = 0; user < users; ++user) {
    const auto id = std::to_string(user);
    batch.push_back({tenant_of(user, tenants), user, 1, data.next(),
                     "user" + id + "@tenant.example", "User Number " + id,
                     "019aa111-2222-7333-8444-555566667777"});
    if (batch.size() == 256 || user + 1 == users) {
      const auto start = Clk::now();
      if (!index->apply(generation, batch)) std::exit(1);
      apply += seconds_since(start);
      batch.clear();
    }
  }
  return users / apply;
}

struct Searches {
  double p50 = 0, p99 = 0;
  double per_second[2] = {0, 0};  // with one thread, with two
  std::vector<std::vector<SearchHit>> hits;
};

Searches search_all(VectorIndex& index, const std::vector<std::vector<float>>& queries,
                    const std::vector<TenantId>& tenants) {
  Searches result;
  std::vector<double> took;
  const auto ask = [&](std::size_t i) {
    return std::move(*index.search(tenants[i % tenants.size()], {queries[i], "bench"}, kK, -1));
  };
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto start = Clk::now();
    auto hits = ask(i);
    took.push_back(seconds_since(start));
    result.hits.push_back(std::move(hits));
  }
  std::sort(took.begin(), took.end());
  result.p50 = took[took.size() / 2];
  result.p99 = took[took.size() * 99 / 100];
  for (const std::size_t threads : {1U, 2U}) {
    const auto start = Clk::now();
    std::vector<std::thread> searchers;
    for (std::size_t t = 0; t < threads; ++t) {
      searchers.emplace_back([&] {
        for (std::size_t i = 0; i < queries.size(); ++i) ask(i);
      });
    }
    for (auto& searcher : searchers) searcher.join();
    result.per_second[threads - 1] =
        static_cast<double>(threads * queries.size()) / seconds_since(start);
  }
  return result;
}

// A hit that scores like the exact scan's k-th is as good as that.
double recall(const Searches& got, const Searches& exact) {
  double found = 0, wanted = 0;
  for (std::size_t i = 0; i < exact.hits.size(); ++i) {
    const auto& want = exact.hits[i];
    wanted += static_cast<double>(want.size());
    if (want.empty()) continue;
    found += static_cast<double>(std::count_if(
        got.hits[i].begin(), got.hits[i].end(),
        [&](const SearchHit& hit) { return hit.score >= want.back().score - 1e-5F; }));
  }
  return found / wanted;
}

void run(const std::string& name, std::string_view kind, int users, int tenant_count) {
  test::TempDir dir;
  const auto data = make_data(kind, users);
  const double rate = fill(dir, *data, users, tenant_count);
  std::vector<std::vector<float>> queries;
  for (int i = 0; i < (users >= 1'000'000 && tenant_count == 1 ? 300 : 1200); ++i) {
    queries.push_back(data->query());
  }
  std::vector<TenantId> tenants;
  for (int i = 0; i < tenant_count; ++i) tenants.push_back(tenant_of(i, tenant_count));

  const auto exact = search_all(*open(dir, kNever), queries, tenants);
  const double before = resident_bytes();
  const auto start = Clk::now();
  const auto index = open(dir, sqlite::IndexOptions{}.approximate_from);
  const double load = seconds_since(start);
  const double memory = resident_bytes() - before;
  const auto found = search_all(*index, queries, tenants);
  const double share = recall(found, exact);
  std::printf("%-24s %8.1f %8.1f %8.0f %8.0f %9.1f %6.1f %7.4f %7.0f %7.2f %9.0f\n", name.c_str(),
              found.p50 * 1e6, found.p99 * 1e6, found.per_second[0], found.per_second[1],
              exact.p50 * 1e6, exact.p50 / found.p50, share, memory / 1e6, load, rate);
  std::fflush(stdout);
  record(name + "/p50", found.p50 * 1e6, "us", exact.p50 * 1e6);
  record(name + "/p99", found.p99 * 1e6, "us", exact.p99 * 1e6);
  record(name + "/searches, 1 thread", found.per_second[0], "1/s", exact.per_second[0]);
  record(name + "/searches, 2 threads", found.per_second[1], "1/s", exact.per_second[1]);
  record(name + "/recall@10", share, "", 1);
  record(name + "/resident", memory / 1e6, "MB");
  record(name + "/load", load, "s");
  record(name + "/applied", rate, "1/s");
}

// Where sketches begin to pay: the same partition with and without.
void run_threshold() {
  std::printf("\nthreshold sweep, p50 in us\n%-10s %8s %9s %9s %6s %7s\n", "data", "vectors",
              "exact", "sketched", "times", "recall");
  for (const std::string_view kind : {"clustered", "people", "random"}) {
    for (int users = 1024; users <= 16'384; users *= 2) {
      test::TempDir dir;
      const auto data = make_data(kind, users);
      fill(dir, *data, users, 1);
      std::vector<std::vector<float>> queries;
      for (int i = 0; i < 1200; ++i) queries.push_back(data->query());
      const std::vector<TenantId> tenants{tenant_of(0, 1)};
      const auto exact = search_all(*open(dir, kNever), queries, tenants);
      const auto found = search_all(*open(dir, 1), queries, tenants);
      std::printf("%-10s %8d %9.1f %9.1f %6.1f %7.4f\n", kind.data(), users, exact.p50 * 1e6,
                  found.p50 * 1e6, exact.p50 / found.p50, recall(found, exact));
      std::fflush(stdout);
      record("threshold/" + std::string(kind) + ":" + std::to_string(users), found.p50 * 1e6, "us",
             exact.p50 * 1e6);
    }
  }
}

void run_case(const std::string& name) {
  if (name == "threshold") return run_threshold();
  const auto colon = name.find(':');
  const auto times = name.find('x', colon);
  if (colon == std::string::npos) {
    std::fprintf(stderr, "vector_bench: %s is no case: DATA:VECTORS[xTENANTS] or threshold\n",
                 name.c_str());
    std::exit(2);
  }
  run(name, std::string_view(name).substr(0, colon), std::atoi(name.c_str() + colon + 1),
      times == std::string::npos ? 1 : std::atoi(name.c_str() + times + 1));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> cases(argv + 1, argv + argc);
  std::string json;
  if (cases.size() >= 2 && cases[0] == "--json") {
    json = cases[1];
    cases.erase(cases.begin(), cases.begin() + 2);
  }
  if (cases.empty()) cases.assign(std::begin(kCases), std::end(kCases));
  std::printf("kernels: %s, dimension %d, %d best\n",
              hwy::TargetName(hwy::SupportedTargets() & -hwy::SupportedTargets()), kDimension, kK);
  std::printf("%-24s %8s %8s %8s %8s %9s %6s %7s %7s %7s %9s\n", "case", "p50 us", "p99 us", "1/s",
              "2 thr/s", "exact us", "times", "recall", "rss MB", "load s", "applied/s");
  for (const auto& name : cases) run_case(name);
  if (!json.empty()) std::ofstream(json) << figures.dump(2) << "\n";
}
