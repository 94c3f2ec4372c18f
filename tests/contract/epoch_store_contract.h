// What every EpochStore must do.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class EpochStoreContract : public StoreContract {
 protected:
  EpochStore& epochs() { return store_->epochs(); }
};

}  // namespace mesh::test
