#include "daemon/services/change_tenant.h"

namespace mesh::services {

Result<ChangedTenant> change_tenant(TenantStore& tenants, TenantDirectory& directory,
                                    const TenantId& id,
                                    const std::function<Status(Tenant&)>& change) {
  for (int tries = 8;; --tries) {
    auto tenant = MESH_TRY(tenants.get(id));
    MESH_TRY(change(tenant));
    auto stored = tenants.update(std::move(tenant));
    // Also after an error: a conflict says that another changed the record, which is read anew
    // then.
    directory.note_change(id);
    if (stored || stored.error().kind != ErrorKind::conflict || tries == 1) return stored;
  }
}

}  // namespace mesh::services
