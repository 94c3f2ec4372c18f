#include "daemon/pipeline/stages/user_change.h"

#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/domain/user.h"

namespace mesh::pipeline {

bool is_user_event(const Event& event) {
  return event.type == "user.created" || event.type == "user.updated" ||
         event.type == "user.deleted";
}

Result<UserChange> user_change(const Event& event) {
  UserChange change;
  change.deleted = event.type == "user.deleted";
  auto data = parse_json(event.data);
  if (change.deleted) {
    const bool has_id =
        data && data->is_object() && data->contains("id") && (*data)["id"].is_number_integer();
    // As text, for a number beyond 63 bits is no id.
    const auto id = parse_int(has_id ? (*data)["id"].dump() : event.subject);
    if (!id || *id < 1) return fail(ErrorKind::unprocessable, "the deleted user has no id");
    change.user_id = *id;
    return change;
  }
  if (!data) return fail(ErrorKind::unprocessable, data.error().message);
  auto user = user_from_json(*data);
  if (!user) return fail(ErrorKind::unprocessable, user.error().message, user.error().cause);
  // The index is written under the event's tenant: the data must not bring in another one's user.
  if (user->tenant != event.tenant) {
    return fail(ErrorKind::unprocessable, "the data names tenant " + user->tenant.str() +
                                              ", the event " + event.tenant.str());
  }
  change.user_id = user->id;
  change.email = std::move(user->email);
  change.name = std::move(user->name);
  return change;
}

}  // namespace mesh::pipeline
