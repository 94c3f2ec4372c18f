#include "common/engines/postgres/transaction_fate.h"

namespace mesh::postgres {

// A server that takes another's place goes on from where it knew of it, on a timeline of its own,
// which the names of its log files begin with.
#define MESH_TIMELINE "substr(pg_walfile_name(pg_current_wal_lsn()),1,8)"

Query transaction_id_query() { return query("SELECT pg_current_xact_id()::text," MESH_TIMELINE); }

TransactionId transaction_id(const Rows& rows) { return {rows.string(0, 0), rows.string(0, 1)}; }

Fate fate_of(Pool& pool, const TransactionId& transaction) {
  if (transaction.number.empty()) return Fate::unknown;
  const auto rows = pool.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT pg_xact_status($1::text::xid8)," MESH_TIMELINE, transaction.number));
  });
  if (!rows || rows->text(0, 1) != transaction.timeline) return Fate::unknown;
  const std::string_view status = rows->text(0, 0);
  return status == "committed" ? Fate::committed
         : status == "aborted" ? Fate::aborted
                               : Fate::unknown;
}

}  // namespace mesh::postgres
