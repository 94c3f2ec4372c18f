// Erasing what the mesh keeps of a tenant or of one of its users. Shared by `mesh tenants`, `mesh
// users` and `mesh verify-receipt`.
#pragma once

#include <optional>
#include <string>

#include "cli/commands/verb.h"

namespace mesh::cli {

struct PurgeArgs {
  std::string tenant;
  std::int64_t user = 0;  // 0: the whole tenant
  std::string confirm;    // the name, where nobody is asked for it
  std::string receipt;    // the file to write; empty: one with a name of its own
  bool dry_run = false, no_wait = false;
};

// Shows what is kept, asks for the name, erases, and writes the receipt.
Outcome purge(Session& session, const PurgeArgs& args);

// The places of an erasure's task, once it has ended well; nothing where it goes on, and `left` is
// how the command ends.
struct CountedPlaces {
  std::optional<std::vector<Json>> places;
  Outcome left = Exit::ok;
};
CountedPlaces counted_places(Session& session, const Result<Json>& task);

// Whether a purge takes what is there; else `remains` says why not.
bool can_go(const Json& place);

const View& place_view();

// The options that both verbs have, and TENANT.
void add_purge_options(CLI::App& verb, PurgeArgs& args, const std::string& name);

}  // namespace mesh::cli
