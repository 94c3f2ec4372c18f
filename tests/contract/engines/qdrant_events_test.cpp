#include "common/engines/qdrant/event_index.h"
#include "common/engines/qdrant/event_points.h"
#include "tests/contract/event_index_contract.h"
#include "tests/support/fake_epochs.h"
#include "tests/support/qdrant_server.h"

namespace mesh::test {
namespace {

// A prefix of its own stands for an empty server; the server is started once.
class QdrantEventsHost final : public EventIndexHost {
 public:
  QdrantEventsHost(QdrantServer& server, bool own_idf) : server_(server), own_idf_(own_idf) {
    reopen();
  }
  ~QdrantEventsHost() override { server_.drop_collections(prefix_); }
  EventIndex& index() override { return *index_; }
  void reopen() override {
    index_.reset();
    qdrant::IndexOptions options;
    options.url = server_.url();
    options.api_key = server_.api_key();
    options.prefix = prefix_;
    // However late the machine runs the server.
    options.timeout = Duration{60'000};
    index_ = qdrant::open_event_index(options, epochs_, system_clock()).value();
  }
  double average_length(double) const override { return qdrant::kAverageLength; }
  bool counts_tenants_apart() const override { return own_idf_; }
  bool counts_what_is_gone() const override { return QdrantServer::real() && !own_idf_; }

 private:
  QdrantServer& server_;
  const bool own_idf_;
  const std::string prefix_ = own_prefix();
  FakeEpochStore epochs_;
  std::unique_ptr<qdrant::QdrantEvents> index_;
};

// A real server is of one version, which is asked for it.
bool own_idf_of(QdrantServer& server) {
  const auto version = server.ask("GET", "/").value("version", std::string("1.0.0"));
  return std::stoi(version.substr(version.find('.') + 1)) >= 19;
}

std::unique_ptr<EventIndexHost> oldest_events() {
  if (!QdrantServer::installed()) return nullptr;
  static QdrantServer server("1.16.0");
  return std::make_unique<QdrantEventsHost>(server, own_idf_of(server));
}
std::unique_ptr<EventIndexHost> newest_events() {
  if (!QdrantServer::installed()) return nullptr;
  static QdrantServer server("1.19.0", "secret");
  return std::make_unique<QdrantEventsHost>(server, own_idf_of(server));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(QdrantOldest, EventIndexContract, testing::Values(&oldest_events));
INSTANTIATE_TEST_SUITE_P(QdrantNewest, EventIndexContract, testing::Values(&newest_events));

}  // namespace mesh::test
