// The users service: create, read, update, delete, list; each within the credential's tenant.
#pragma once

#include "common/http/route.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/user_store.h"
#include "common/telemetry/usage.h"
#include "daemon/services/admission.h"
#include "daemon/services/write_wait.h"

namespace mesh::services {

http::RouteTable users_routes(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage, WriteWaits& waits);

}  // namespace mesh::services
