// Shared by the parts of the admin API that start long work: dead letters; indexes, replays, tasks.
#pragma once

#include <memory>

#include "daemon/services/admin.h"

namespace mesh::services {

// 202 with the task and where it is.
http::Response task_answer(const Result<Task>& task);
// Who asks, as the audit log names him.
std::string started_by(const http::Request& request);

http::RouteTable letter_routes(const std::shared_ptr<const WorkAdminDeps>& deps);

}  // namespace mesh::services
