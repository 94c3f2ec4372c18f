// What every LogImport must do. An engine instantiates the suite with the hosts of
// EventLogContract.
#pragma once

#include "tests/contract/event_log_contract.h"

namespace mesh::test {

class LogImportContract : public EventLogContract {
 protected:
  LogImport& import() { return host().import(); }
};

}  // namespace mesh::test
