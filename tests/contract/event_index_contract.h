// What every EventIndex must do. An engine instantiates the suite with its factory:
//   INSTANTIATE_TEST_SUITE_P(Embedded, EventIndexContract, testing::Values(&make_embedded_host));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/ports/event_index.h"

namespace mesh::test {

// An index without generations, and the storage behind it.
class EventIndexHost {
 public:
  virtual ~EventIndexHost() = default;
  virtual EventIndex& index() = 0;
  virtual void reopen() = 0;  // closes the index and opens another one on the same storage
  // The average that scores of words go by, where that of the tenant's events is `own`.
  virtual double average_length(double own) const { return own; }
  // Whether N and n(t) of such a score are of the tenant's events alone.
  virtual bool counts_tenants_apart() const { return true; }
  // Whether they may hold what was replaced or erased, too, until the engine tidies up.
  virtual bool counts_what_is_gone() const { return false; }
};
// Null where the engine's server cannot be had here: the tests are skipped.
using MakeEventIndexHost = std::unique_ptr<EventIndexHost> (*)();

class EventIndexContract : public testing::TestWithParam<MakeEventIndexHost> {
 protected:
  static constexpr int kDimension = 8;
  static constexpr const char* kEmbedder = "test-embedder";
  static constexpr const char* kType = "order.placed";

  void SetUp() override {
    host_ = GetParam()();
    if (!host_) GTEST_SKIP() << "no server of this engine here";
  }
  EventIndex& index() { return host_->index(); }
  void reopen() { host_->reopen(); }
  // bm25() as the engine knows it.
  double score_of(double documents, double with, double count, double length,
                  double average) const {
    return bm25(documents, with, count, length, host_->average_length(average));
  }
  bool counts_tenants_apart() const { return host_->counts_tenants_apart(); }
  bool counts_what_is_gone() const { return host_->counts_what_is_gone(); }

  int make_generation(const std::string& type = kType, const std::string& embedder = kEmbedder,
                      int dimension = kDimension);
  int make_serving_generation(const std::string& type = kType);
  void apply(std::vector<EventDocument> documents);
  // Ids of what is found, in order.
  using Ids = std::vector<std::string>;
  std::vector<EventHit> near(const std::string& tenant, double degrees, EventScope scope = {kType},
                             int k = 100, float min_score = -1);
  Ids near_ids(const std::string& tenant, double degrees = 0, EventScope scope = {kType},
               int k = 100, float min_score = -1);
  std::vector<EventHit> words(const std::string& tenant, const std::string& query,
                              EventScope scope = {kType}, int k = 100);
  Ids word_ids(const std::string& tenant, const std::string& query, EventScope scope = {kType},
               int k = 100);
  std::int64_t kept(const std::string& tenant, std::optional<std::string_view> subject = {});
  GenerationInfo info(int generation, const std::string& type = kType);

 private:
  std::unique_ptr<EventIndexHost> host_;
};

TenantId event_tenant(const std::string& text);
Timestamp second(int number);
// An event of EventIndexContract::kType that happened at second(number), at that offset of
// order.events/0, with the vector at `degrees` and `text`; its id is "e<number>".
EventDocument event(const std::string& tenant, int number, double degrees,
                    const std::string& text = "plain");

}  // namespace mesh::test
