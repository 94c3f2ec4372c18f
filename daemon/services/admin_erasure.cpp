#include "daemon/pipeline/erasure/erasure.h"
#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

// The operator's own events are under this name, and what they tell must not go.
Status may_go(const ErasureTarget& target) {
  if (target.tenant.str() != pipeline::kTaskTenant) return {};
  return fail(ErrorKind::forbidden,
              "\"" + target.tenant.str() + "\" is no tenant: the operator's events are under it");
}

Result<Response> submit(const ErasureAdminDeps& deps, const http::Request& request,
                        const ErasureTarget& target, bool dry_run) {
  return task_answer(deps.runner.submit("erasure", pipeline::erasure_spec(target, dry_run), 0,
                                        started_by(request)));
}

Result<Response> purge(const ErasureAdminDeps& deps, const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"subject", "dry_run"}));
  const bool dry_run = MESH_TRY(bool_member(body, "dry_run"));
  body["tenant"] = request.path_params.at("tenant");
  const auto target = MESH_TRY(erasure_target_from_json(body));
  MESH_TRY(may_go(target));
  if (dry_run) return submit(deps, request, target, true);
  if (deps.receipt_key == nullptr) return pipeline::no_receipt_key();
  // A count of a tenant that nobody knows says that nothing is kept of it; to purge it is a slip.
  MESH_TRY(deps.directory.require(target.tenant));
  return submit(deps, request, target, false);
}

// The body is what `mesh tenants purge` wrote: it is what is signed, and not what a schema says.
Result<Response> verify(const ErasureAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"receipt", "signature"}));
  const auto signature = MESH_TRY(text_member(body, "signature"));
  if (!signature) return bad_member("signature", "is missing");
  const auto receipt = body.find("receipt");
  if (receipt == body.end() || !receipt->is_object()) {
    return bad_member("receipt", "must be the receipt, an object");
  }
  if (deps.receipt_key == nullptr) return pipeline::no_receipt_key();
  MESH_TRY(deps.receipt_key->verifying().check(*receipt, *signature));
  const auto named = receipt->find("target");
  const auto target =
      MESH_TRY(erasure_target_from_json(named == receipt->end() ? Json() : Json(*named)));
  return submit(deps, request, target, true);
}

}  // namespace

http::RouteTable erasure_routes(ErasureAdminDeps deps) {
  const auto shared = std::make_shared<const ErasureAdminDeps>(deps);
  return api::for_operators(
      "purges",
      {{.method = "POST",
        .pattern = "/admin/v1/tenants/{tenant}/purge",
        .body = http::Body::json,
        .pool = http::Pool::slow,
        .operation = "purgeTenant",
        .summary = "Erases all that is kept of a tenant, or of one of its users",
        .details =
            "The task's result has `parts`, place by place, and at its end the signed `receipt`. "
            "A tenant is closed from the start on: requests of it are 403. With `dry_run` the task "
            "counts alone, of a tenant that does not exist as well.",
        .parameters = {api::tenant_of_path()},
        .request = api::json("TenantPurge"),
        .answers = {api::starts_task("The task that erases, or counts.")},
        .problems = {404, 409, 422},
        .handler = answering(shared, purge)},
       {.method = "POST",
        .pattern = "/admin/v1/receipts/verify",
        .body = http::Body::json,
        .pool = http::Pool::slow,
        .operation = "verifyReceipt",
        .summary = "Checks a receipt's signature, and counts again what it says is gone",
        .details = "422 where the signature is not this mesh's, or the receipt was changed. What "
                   "is there again stands in the task's `parts`, with a count and no reason why it "
                   "remains.",
        .request = api::json("SignedReceipt"),
        .answers = {api::starts_task("The task that counts.")},
        .problems = {409, 422},
        .handler = answering(shared, verify)}});
}

}  // namespace mesh::services
