// What every AnalyticsStore and ChemicalStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class AnalyticsStoreContract : public StoreContract {};
class ChemicalStoreContract : public StoreContract {};

}  // namespace mesh::test
