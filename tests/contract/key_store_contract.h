// What every KeyStore must do.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class KeyStoreContract : public StoreContract {
 protected:
  KeyStore& keys() { return store_->stores().keys(); }
};

}  // namespace mesh::test
