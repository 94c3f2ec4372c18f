#include "daemon/pipeline/retention/retentions.h"

namespace mesh::pipeline {
namespace {

constexpr int kTenantsAtOnce = 1'000;

}  // namespace

Result<Retentions> retentions_of(TenantStore& tenants) {
  Retentions all;
  for (std::string after;;) {
    const auto page = MESH_TRY(tenants.list(after, kTenantsAtOnce));
    for (const Tenant& tenant : page) {
      if (tenant.retention) all.emplace(tenant.id.str(), *tenant.retention);
    }
    if (page.size() < kTenantsAtOnce) return all;
    after = page.back().id.str();
  }
}

}  // namespace mesh::pipeline
