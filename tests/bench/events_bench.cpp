// Searches of events over an index of one tenant: how long the 100,000 documents of the plan take.
//
//   events_bench [DOCUMENTS [DIMENSION]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include "common/engines/sqlite/events/event_index.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace mesh;

constexpr const char* kType = "analytics.recorded";
constexpr int kBatch = 500;

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

std::vector<float> random_vector(std::mt19937& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  for (auto& v : vector) v = normal(random);
  return vector;
}

void report(const char* what, const std::function<std::size_t()>& search) {
  std::size_t hits = 0;
  std::vector<double> times;
  for (int i = 0; i < 15; ++i) times.push_back(milliseconds([&] { hits = search(); }));
  std::sort(times.begin() + 1, times.end());  // the first one is cold
  std::printf("%-44s first %7.1f ms, median %7.1f ms, most %7.1f ms, %zu hits\n", what, times[0],
              times[8], times.back(), hits);
}

}  // namespace

int main(int argc, char** argv) {
  const int documents = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const int dimension = argc > 2 ? std::atoi(argv[2]) : 640;
  test::TempDir dir;
  auto index = sqlite::open_event_index(dir.path(), {}).value();
  (void)index->create(kType, {.dimension = dimension, .embedder = "bench"}).value();
  (void)index->serve(kType, 1);
  const auto tenant = TenantId::parse("acme").value();
  std::mt19937 random(1);
  const char* countries[] = {"DE", "AT", "CH", "FR", "IT", "ES", "PL", "NL"};
  double writing = 0;
  for (int from = 0; from < documents; from += kBatch) {
    std::vector<EventDocument> batch;
    for (int n = from; n < std::min(from + kBatch, documents); ++n) {
      std::string text = "page view of the shop";
      for (int i = 0; i < 8; ++i) text += " w" + std::to_string(random() % 5'000);
      batch.push_back({.tenant = tenant,
                       .type = kType,
                       .event_id = "0190a5f2-7c1e-7000-8000-" + std::to_string(100'000'000 + n),
                       .subject = "user-" + std::to_string(random() % 1'000),
                       .position = {"analytics.events", n % 8, n / 8},
                       .time = Timestamp{std::chrono::seconds{n}},
                       .title = "page_view",
                       .fields = {{"event_type", "page_view"},
                                  {"metadata.country", countries[random() % 8]},
                                  {"metadata.amount", static_cast<double>(random() % 1'000)}},
                       .terms = terms_of(text),
                       .vectors = {{"bench", random_vector(random, dimension)}}});
    }
    writing += milliseconds([&] { (void)index->apply(batch); });
  }
  std::printf("%d documents of %d dimensions: written at %.0f/s, %.0f MiB\n", documents, dimension,
              documents / writing * 1000,
              static_cast<double>(std::filesystem::file_size(dir.file("events.db"))) / (1 << 20));
  const auto query = random_vector(random, dimension);
  const auto near = [&](const EventScope& scope) {
    return index->search_vectors(tenant, scope, {query, "bench"}, 10, -100).value().size();
  };
  const auto words = [&](const EventScope& scope, const char* text) {
    return index->search_words(tenant, scope, terms_of(text), 10).value().size();
  };
  const EventScope all{kType};
  EventScope german{kType}, rare{kType}, late{kType};
  german.filter = {{"metadata.country", Condition::Op::equal, {"DE"}}};
  rare.filter = {{"metadata.amount", Condition::Op::equal, {7.0}}};
  late.from = Timestamp{std::chrono::seconds{documents - documents / 10}};
  report("vectors", [&] { return near(all); });
  report("vectors, a filter that takes an eighth", [&] { return near(german); });
  report("vectors, a filter that takes a thousandth", [&] { return near(rare); });
  report("vectors, the last tenth by time", [&] { return near(late); });
  report("words, rare", [&] { return words(all, "w17 w4711"); });
  report("words, in every document", [&] { return words(all, "page view"); });
  report("words, in every document, filter of a 1000th", [&] { return words(rare, "page"); });
}
