// What a user.* event does to an index; one reading for the stage and for verification.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/domain/event.h"

namespace mesh::pipeline {

struct UserChange {
  std::int64_t user_id = 0;
  bool deleted = false;
  std::string email;  // empty where deleted
  std::string name;
};

bool is_user_event(const Event& event);
// `unprocessable` where the data is not a user of the event's tenant. A deletion needs the id only.
Result<UserChange> user_change(const Event& event);

}  // namespace mesh::pipeline
