// The embedded index at several sizes: search latency, recall against f32 brute force, memory, load
// time. Usage: vector_bench [SIZE…] (default 1000 10000 100000), `tenants` for 10,000 × 100.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "common/engines/sqlite/vectors/dot.h"
#include "common/engines/sqlite/vectors/embedded_index.h"
#include "tests/common/engines_vectors/vectors.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace mesh;
using Clk = std::chrono::steady_clock;

constexpr int kDimension = 384;

double seconds_since(Clk::time_point start) {
  return std::chrono::duration<double>(Clk::now() - start).count();
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<VectorIndex> open(const test::TempDir& dir) {
  auto index = sqlite::open_embedded_index(dir.path(), {});
  if (!index) {
    std::fprintf(stderr, "%s\n", index.error().to_string().c_str());
    std::exit(1);
  }
  return std::move(*index);
}

TenantId tenant_of(int user, int tenants) {
  return TenantId::parse("tenant-" + std::to_string(user % tenants)).value();
}

float dot_f32(const float* a, const float* b) {
  float sums[16] = {};
  for (int i = 0; i < kDimension; i += 16) {
    for (int j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  }
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

struct Searches {
  double p50 = 0, p99 = 0, brute = 0, recall = 0;
};

Searches run_searches(VectorIndex& index, test::ClusteredVectors& vectors, int tenants, int count,
                      const std::vector<float>& raw) {
  Searches result;
  std::vector<double> took;
  int found = 0;
  for (int i = 0; i < count; ++i) {
    const auto query = vectors.next();
    const auto start = Clk::now();
    const auto hits = index.search(tenant_of(i, tenants), query, 10, -1);
    took.push_back(seconds_since(start));
    if (raw.empty() || tenants > 1) continue;
    std::vector<std::pair<float, std::int64_t>> all(raw.size() / kDimension);
    const auto brute = Clk::now();
    for (std::size_t user = 0; user < all.size(); ++user) {
      all[user] = {-dot_f32(query.data(), raw.data() + user * kDimension),
                   static_cast<std::int64_t>(user)};
    }
    result.brute += seconds_since(brute) / count;
    std::partial_sort(all.begin(), all.begin() + 10, all.end());
    for (const auto& hit : *hits) {
      found += std::any_of(all.begin(), all.begin() + 10,
                           [&](const auto& best) { return best.second == hit.user_id; });
    }
  }
  std::sort(took.begin(), took.end());
  result.p50 = took[took.size() / 2];
  result.p99 = took[took.size() * 99 / 100];
  result.recall = found / (10.0 * count);
  return result;
}

void run(int users, int tenants) {
  test::TempDir dir;
  test::ClusteredVectors vectors(1, kDimension, 1 + users / 100, 0.7F);
  std::vector<float> raw;
  double apply = 0;
  {
    auto index = open(dir);
    const int generation = index->create_generation({kDimension, "bench"})->number;
    (void)index->serve(generation);
    std::vector<VectorChange> batch;
    for (int user = 0; user < users; ++user) {
      auto vector = vectors.next();
      if (users <= 100'000) raw.insert(raw.end(), vector.begin(), vector.end());
      const auto id = std::to_string(user);
      batch.push_back({tenant_of(user, tenants), user, 1, std::move(vector),
                       "user" + id + "@tenant.example", "User Number " + id,
                       "019aa111-2222-7333-8444-555566667777"});
      if (batch.size() == 256 || user + 1 == users) {
        const auto start = Clk::now();
        if (!index->apply(generation, batch)) std::exit(1);
        apply += seconds_since(start);
        batch.clear();
      }
    }
  }
  const double before = resident_bytes();
  const auto start = Clk::now();
  const auto index = open(dir);
  const double load = seconds_since(start);
  const double memory = resident_bytes() - before;
  const auto pools = static_cast<double>(index->generations()->at(0).bytes);
  const int searches = users >= 1'000'000 ? 200 : 1000;
  const auto found = run_searches(*index, vectors, tenants, searches, raw);
  std::printf("%9d %7d %9.3f %9.3f %9.3f %7.4f %8.0f %8.0f %8.2f %10.0f\n", users, tenants,
              found.p50 * 1e3, found.p99 * 1e3, found.brute * 1e3, found.recall, memory / users,
              pools / users, load, users / apply);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("kernels: %s, dimension %d\n", sqlite::dot_target(), kDimension);
  std::printf("%9s %7s %9s %9s %9s %7s %8s %8s %8s %10s\n", "users", "tenants", "p50 ms", "p99 ms",
              "f32 ms", "recall", "rss B/u", "pool B/u", "load s", "applied/s");
  std::vector<std::string_view> sizes(argv + 1, argv + argc);
  if (sizes.empty()) sizes = {"1000", "10000", "100000"};
  for (const auto size : sizes) {
    if (size == "tenants") {
      run(1'000'000, 10'000);
    } else {
      run(std::atoi(size.data()), 1);
    }
  }
}
