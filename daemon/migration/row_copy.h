// The stores' part of a migration: all their rows.
#pragma once

#include "common/ports/store_transfer.h"
#include "daemon/migration/journal.h"
#include "daemon/migration/places.h"

namespace mesh::migration {

// Wants the places that rows of the stores name. `conflict` where a task has not ended, since its
// checkpoint names others.
Status want_places(StoreTransfer& from, Places& places);

// `conflict` where the stores hold something already, but for tasks that are migrations.
Status insist_on_empty(StoreTransfer& to);

// Copies all rows but tasks that are migrations; what names offsets names those of the other log.
// Callable again after it failed.
Status copy_rows(StoreTransfer& from, StoreTransfer& to, const Places& places, Journal& journal);

// Reads both, and compares: {"name","count","tenants","state"} for each table.
Result<Json> verify_rows(StoreTransfer& from, StoreTransfer& to, const Places& places,
                         Journal& journal);

}  // namespace mesh::migration
