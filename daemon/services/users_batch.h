// POST /users/batch: many users in one request, in the order of their lines.
#pragma once

#include "common/http/route.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/user_store.h"
#include "common/telemetry/usage.h"
#include "daemon/services/admission.h"
#include "daemon/services/write_wait.h"

namespace mesh::services {

// Lines of {"email","name"} (application/x-ndjson, at most 1,000): each is taken or refused by
// itself, and ids rise with the lines. Answers, once all that was taken is durable,
// {"results":[{"line","outcome","id"} | {"line","outcome":"failed","status","detail","errors"}]}
// with an outcome per line: `created`, `existing` (the tenant has the address), `updated` (with
// existing=update: its name was another), `failed`. Under an Idempotency-Key every line that
// creates is remembered in the transaction of its user, so a repeated request creates nothing
// twice, also after a crash in its middle; a line that updates is not, and sets its name again
// where another request has changed it since. dry_run=true answers what would be and changes
// nothing.
http::Route users_batch_route(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage, WriteWaits& waits);

}  // namespace mesh::services
