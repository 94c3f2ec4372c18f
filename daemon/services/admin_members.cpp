#include "common/base/time.h"
#include "daemon/services/admin.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

Json member_json(const MemberInfo& info, const std::vector<LeaseInfo>& leases) {
  const Member& member = info.member;
  Json held = Json::array();
  for (const auto& lease : leases) {
    if (lease.holder == member.id) held.push_back(lease.name);
  }
  return {{"id", member.id},
          {"roles", member.roles},
          {"addresses", member.addresses},
          {"version", member.version},
          {"since", format_rfc3339(member.since)},
          {"seen", format_rfc3339(info.seen)},
          {"feeds", member.feeds},
          {"leases", std::move(held)}};
}

Result<http::Response> list(const MemberAdminDeps& deps, const http::Request&) {
  auto all = MESH_TRY(deps.members.list());
  const auto leases = MESH_TRY(deps.leases.list());
  Json items = Json::array();
  for (const auto& member : all) items.push_back(member_json(member, leases));
  return page(std::move(items));
}

}  // namespace

http::RouteTable member_routes(MemberAdminDeps deps) {
  const auto shared = std::make_shared<const MemberAdminDeps>(deps);
  return api::for_operators(
      "process", {{.method = "GET",
                   .pattern = "/admin/v1/members",
                   .pool = http::Pool::quick,
                   .operation = "listMembers",
                   .summary = "The processes that share the stores",
                   .details = "One that stopped is gone at once, one that fell silent after a "
                              "while.",
                   .answers = {api::gives("MemberPage", "Those that are there, by id.")},
                   .handler = answering(shared, list)}});
}

}  // namespace mesh::services
