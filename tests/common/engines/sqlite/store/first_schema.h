// Files as older programs left them.
#pragma once

namespace mesh::test {

// Takes a store.db of today back to version 1 of its schema; a new step is undone here, too.
inline constexpr const char* kBackToFirstSchema =
    "DROP TABLE tenant_keys; DROP TABLE usage; DROP TABLE usage_ids; DROP TABLE epochs;"
    "DROP TABLE users_alike;"
    "ALTER TABLE retries DROP COLUMN history; ALTER TABLE tasks DROP COLUMN started_by;"
    "DROP INDEX activity_by_subject; ALTER TABLE activity DROP COLUMN event_time;"
    "CREATE INDEX activity_by_subject ON activity(subject);"
    "ALTER TABLE idempotency DROP COLUMN headers; ALTER TABLE idempotency DROP COLUMN user_id;"
    "PRAGMA user_version=1;";

}  // namespace mesh::test
