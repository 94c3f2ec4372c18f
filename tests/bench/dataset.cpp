#include "tests/bench/dataset.h"

#include <algorithm>
#include <atomic>
#include <queue>
#include <semaphore>
#include <stdexcept>

#include "common/base/strings.h"
#include "common/domain/search.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/bench/load/connection.h"
#include "tests/bench/requests.h"
#include "tests/support/tenant_texts.h"

namespace mesh::bench {
namespace {

constexpr int kInFlight = 4096;
constexpr int kDimension = 384;
constexpr int kLinesAtOnce = 10'000;

using Vectors = std::vector<std::vector<float>>;

float dot(const std::vector<float>& a, const std::vector<float>& b) {
  float sums[16] = {};
  for (std::size_t i = 0; i < kDimension; i += 16) {
    for (std::size_t j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  }
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

// The tenth best score of each query.
std::vector<float> exact_thresholds(Embedder& embedder, const TenantUsers& tenant,
                                    const Vectors& queries) {
  using Best = std::priority_queue<float, std::vector<float>, std::greater<>>;
  std::vector<Best> best(queries.size());
  std::vector<std::string> texts;
  for (std::uint64_t n = 0; n < tenant.users; ++n) {
    const NewUser user = person(tenant.tenant, n);
    texts.push_back(embedding_text(user.name, user.email));
    if (texts.size() < 1000 && n + 1 < tenant.users) continue;
    const Vectors people = *embedder.embed(test::texts_of_acme(texts));
    for (const auto& vector : people) {
      for (std::size_t q = 0; q < queries.size(); ++q) {
        const float score = dot(vector, queries[q]);
        if (best[q].size() == 10 && score <= best[q].top()) continue;
        best[q].push(score);
        if (best[q].size() > 10) best[q].pop();
      }
    }
    texts.clear();
  }
  std::vector<float> thresholds;
  for (const auto& b : best) thresholds.push_back(b.top());
  return thresholds;
}

}  // namespace

void store_users(const std::string& data_dir, const std::vector<TenantUsers>& population) {
  { Meshd meshd(data_dir, config()); }  // makes the folder whole, where it is new
  auto store = sqlite::SqliteStore::open(data_dir, {}, system_clock());
  if (!store) throw std::runtime_error(store.error().to_string());
  std::counting_semaphore<kInFlight> slots(kInFlight);
  std::atomic<int> failed{0};
  std::uint64_t most = 0;
  for (const auto& part : population) most = std::max(most, part.users);
  for (std::uint64_t n = 0; n < most; ++n) {  // tenants in turn, as in life
    for (const auto& part : population) {
      if (n >= part.users) continue;
      slots.acquire();
      (*store)->users().create(*TenantId::parse(part.tenant), person(part.tenant, n), {},
                               [&](Result<ChangedUser> user) {
                                 failed += !user;
                                 slots.release();
                               });
    }
  }
  for (int i = 0; i < kInFlight; ++i) slots.acquire();
  (*store)->close();
  if (failed > 0) throw std::runtime_error(std::to_string(failed) + " users could not be stored");
}

double index_users(const std::string& data_dir, const std::vector<TenantUsers>& population) {
  store_users(data_dir, population);
  Meshd meshd(data_dir, config());
  const auto start = load::SteadyClock::now();
  meshd.await_idle();
  return load::Seconds(load::SteadyClock::now() - start).count();
}

double publish_lines(Meshd& meshd, const std::string& tenant, std::uint64_t count) {
  const auto start = load::SteadyClock::now();
  load::Connection connection(meshd->address("publisher"));
  for (std::uint64_t sent = 0; sent < count; sent += kLinesAtOnce) {
    const int lines = static_cast<int>(std::min<std::uint64_t>(kLinesAtOnce, count - sent));
    const auto answer = connection.exchange(request(
        "POST", "/api/v1/events", tenant, event_lines(sent, lines), "application/x-ndjson"));
    if (answer.status != 202) throw std::runtime_error("publish: " + answer.body);
  }
  return load::Seconds(load::SteadyClock::now() - start).count();
}

double recall_at_10(Meshd& meshd, const TenantUsers& tenant, int queries) {
  const auto embedder = hashing::make_embedder(kDimension);
  std::vector<std::string> texts;
  for (int q = 0; q < queries; ++q) {
    const auto n = static_cast<std::uint64_t>(q) * 104'729 % tenant.users;
    texts.push_back(query_for(person(tenant.tenant, n), static_cast<std::uint64_t>(q)));
  }
  const Vectors vectors = *embedder->embed(test::texts_of_acme(texts));
  const auto thresholds = exact_thresholds(*embedder, tenant, vectors);
  load::Connection connection(meshd->address("gateway"));
  int found = 0;
  for (std::size_t q = 0; q < texts.size(); ++q) {
    const auto answer = connection.exchange(
        request("GET", "/ai/users/search?limit=10&min_score=-1&query=" + percent_encode(texts[q]),
                tenant.tenant));
    const Json found_now = Json::parse(answer.body);
    for (const auto& hit : found_now["results"]) {
      const std::string text =
          embedding_text(hit["name"].get<std::string>(), hit["email"].get<std::string>());
      // Scores closer than the last of 16 bits are equal.
      found += dot(test::vector_of(*embedder, text), vectors[q]) >= thresholds[q] - 3e-5F;
    }
  }
  return found / (10.0 * queries);
}

}  // namespace mesh::bench
