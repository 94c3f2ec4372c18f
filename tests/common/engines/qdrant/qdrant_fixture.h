// An index over a scripted server.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/engines/qdrant/qdrant_index.h"
#include "tests/common/engines/qdrant/scripted_server.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_epochs.h"

namespace mesh::qdrant {

inline TenantId tenant(const std::string& name) { return TenantId::parse(name).value(); }

inline VectorChange change_of(std::int64_t user, std::int64_t version,
                              std::vector<float> vector = {1, 0}) {
  return {tenant("acme"),
          user,
          version,
          std::move(vector),
          std::to_string(user) + "@x.dev",
          "User " + std::to_string(user),
          "event"};
}
inline VectorChange removal_of(std::int64_t user, std::int64_t version) {
  return {tenant("acme"), user, version, {}, "", "", "event"};
}

class QdrantTest : public testing::Test {
 protected:
  static constexpr const char* kEmbedder = "test-embedder";

  IndexOptions options() const {
    IndexOptions options;
    options.url = server.url();
    options.api_key = "secret";
    options.timeout = Duration{30'000};  // that only a hanging test reaches
    return options;
  }
  std::unique_ptr<QdrantIndex> open(IndexOptions options, Clock& clock = system_clock()) {
    return QdrantIndex::open(std::move(options), epochs, clock).value();
  }
  std::unique_ptr<QdrantIndex> open() { return open(options()); }

  int make_serving(VectorIndex& index) {
    const int number = index.create_generation({2, kEmbedder}, 0).value().number;
    EXPECT_TRUE(index.serve(number, 0));
    return number;
  }
  static Status apply(VectorIndex& index, int generation, const VectorChange& change) {
    return index.apply(generation, {&change, 1});
  }
  static Result<std::vector<SearchHit>> search(VectorIndex& index) {
    const std::vector<float> vector{1, 0};
    return index.search(tenant("acme"), {vector, kEmbedder}, 3, 0);
  }
  std::size_t upserts() const { return server.asked("PUT", "/points").size(); }

  ScriptedServer server;
  test::FakeEpochStore epochs;
};

}  // namespace mesh::qdrant
