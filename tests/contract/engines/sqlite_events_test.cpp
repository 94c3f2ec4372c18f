#include "common/engines/sqlite/events/event_index.h"
#include "tests/contract/event_index_contract.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

class EmbeddedEventsHost final : public EventIndexHost {
 public:
  EmbeddedEventsHost() { reopen(); }
  EventIndex& index() override { return *index_; }
  void reopen() override {
    index_.reset();
    index_ = sqlite::open_event_index(dir_.path(), {}).value();
  }

 private:
  TempDir dir_;
  std::unique_ptr<EventIndex> index_;
};

std::unique_ptr<EventIndexHost> embedded_events() { return std::make_unique<EmbeddedEventsHost>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Embedded, EventIndexContract, testing::Values(&embedded_events));

}  // namespace mesh::test
