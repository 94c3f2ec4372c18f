#include <algorithm>

#include "cli/commands/purge.h"
#include "cli/files.h"
#include "common/base/document_signature.h"
#include "common/domain/erasure.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxReceipt = 1 << 20;

struct Args {
  std::string file, key;
};

Result<Json> read_receipt(const std::string& file) {
  auto text = MESH_TRY(read_file(file, kMaxReceipt));
  auto document = parse_json(text);
  if (!document) return fail(ErrorKind::invalid, file + ": " + document.error().message);
  if (!at_path(*document, "receipt").is_object() || !at_path(*document, "signature").is_string()) {
    return fail(ErrorKind::invalid,
                file + " is no receipt of a purge: it has no \"receipt\" and \"signature\"");
  }
  return document;
}

// With a key of one's own the server is asked for counts alone, and not believed about the rest.
Result<Json> checked_by(Session& session, const std::string& key_file, const Json& document) {
  const auto pem = MESH_TRY(read_file(key_file, kMaxReceipt));
  const auto key = VerifyingKey::from_pem(pem);
  if (!key) return fail(ErrorKind::invalid, key_file + ": " + key.error().message);
  const Json& receipt = at_path(document, "receipt");
  MESH_TRY(key->check(receipt, at_path(document, "signature").get<std::string>()));
  const auto target = MESH_TRY(erasure_target_from_json(at_path(receipt, "target")));
  return session.mesh->purge_tenant(target.tenant.str(), target.subject.value_or(""), true);
}

// Of what is counted, that which the mesh itself goes on to write: this count is a task, the record
// of a tenant went behind the count, use comes a minute late, and a rebuild of the index repeats
// what the log says of removed users.
bool may_grow(std::string_view place) {
  constexpr std::string_view kAccounts[] = {"log/task.events", "log/tenant.events", "store/usage"};
  return std::ranges::find(kAccounts, place) != std::end(kAccounts) ||
         (place.starts_with("index/") && place.ends_with(" (removals)"));
}

// Whether the receipt says that so much of it remains.
bool is_explained(const Json& place, const Json& receipt) {
  if (can_go(place)) return false;
  const std::string name = plain_text(at_path(place, "place"));
  if (may_grow(name)) return true;
  const Json& remains = at_path(receipt, "remains");
  return remains.is_array() && std::ranges::any_of(remains, [&](const Json& said) {
           return at_path(said, "place") == name && at_path(said, "count").is_number_integer() &&
                  at_path(place, "count") <= at_path(said, "count");
         });
}

Outcome verify(Session& session, const Args& args) {
  const auto document = MESH_TRY(read_receipt(args.file));
  const auto counted =
      counted_places(session, args.key.empty() ? session.mesh->verify_receipt(document)
                                               : checked_by(session, args.key, document));
  if (!counted.places) return counted.left;
  std::vector<Json> back, remaining;
  for (const Json& place : *counted.places) {
    if (at_path(place, "count") == 0) continue;
    (is_explained(place, at_path(document, "receipt")) ? remaining : back).push_back(place);
  }
  const std::string whose =
      to_string(MESH_TRY(erasure_target_from_json(at_path(document, "receipt.target"))));
  std::vector<Json> shown = back;
  shown.insert(shown.end(), remaining.begin(), remaining.end());
  session.out.items(place_view(), shown);
  if (!back.empty()) {
    session.out.note("mesh: the signature is good, but " + std::to_string(back.size()) +
                     (back.size() == 1 ? " place has" : " places have") + " something of " + whose +
                     " that the receipt does not say remains: it came after that was written");
    return Exit::failure;
  }
  session.out.note("the signature is good, and nothing is kept of " + whose +
                   (remaining.empty() ? "" : " but what the receipt says remains"));
  return Exit::ok;
}

}  // namespace

void add_verify_receipt(Commands& commands) {
  auto args = std::make_shared<Args>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "verify-receipt",
       .summary = "Check the receipt of a purge, and count again",
       .details =
           "The server checks the signature with its key, or this tool with --key. Exit code "
           "1 where the signature is not good, or something is there that the receipt does not "
           "say remains.",
       .examples = "mesh verify-receipt purge-acme-2026-11-28.json\n"
                   "mesh verify-receipt purge-acme-2026-11-28.json --key receipt-key.pub.pem\n",
       .tenant = TenantUse::argument,
       .view = &place_view(),
       .run = [args](Session& session) { return verify(session, *args); }},
      purpose::kTenancy);
  verb.add_option("FILE", args->file, "The receipt")->required();
  verb.add_option("--key", args->key, "The public key (PEM), from `openssl pkey -pubout`")
      ->type_name("FILE");
}

}  // namespace mesh::cli
