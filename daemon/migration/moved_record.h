// A record as it is written to another log: whatever in it names offsets names those there.
#pragma once

#include "common/cipher/tenant_cipher.h"
#include "common/domain/event.h"
#include "daemon/migration/places.h"

namespace mesh::migration {

// Which offsets the record names: of the letter that a marker settles, of the record that a letter
// is of.
void want_named(const StoredRecord& record, Places& places);

// An event that its position alone named, as it is read from `event_record`, keeps its id, type and
// time: they are written down. Not an entity's version: those that come count by the new offsets.
void keep_identity(StoredRecord& record, const StoredRecord& event_record);

// Its position names the partition that it goes to; the offset means nothing. Of what it names it
// was want_named, and is passed, but for what is behind it in its partition.
//
// A letter or marker that names a record which is not there any more names no place then. A record
// that went back from a letter keeps the word of it, which names a place no more.
//
// An encrypted value stays as it is; `cipher` reads it where it tells who the record is. `conflict`
// where that needs it, and it is null.
Result<StoredRecord> moved(StoredRecord record, const Places& places, cipher::TenantCipher* cipher);

}  // namespace mesh::migration
