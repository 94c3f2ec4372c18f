// What became of a transaction whose commit was not answered.
#pragma once

#include <string>

#include "common/engines/postgres/pool.h"

namespace mesh::postgres {

// Names a transaction, for another connection that asks what became of it.
struct TransactionId {
  std::string number;    // empty: it did not begin
  std::string timeline;  // of the server: another one's transactions have the same numbers
};

// To be asked within the transaction, and what is read of the answer.
Query transaction_id_query();
TransactionId transaction_id(const Rows& rows);

enum class Fate { committed, aborted, unknown };
// `unknown` also where that cannot be asked, or the transaction still runs. One round trip.
Fate fate_of(Pool& pool, const TransactionId& transaction);

}  // namespace mesh::postgres
