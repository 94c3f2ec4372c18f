// Where a user is: in the store, on its way to the index, in the index.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/domain/search.h"
#include "common/ports/user_store.h"
#include "daemon/pipeline/trace/trace.h"

namespace mesh::pipeline {

struct UserState {
  TenantId tenant;
  std::int64_t id = 0;
  std::optional<User> user = {};               // as the store has it; nothing: it has none
  std::optional<GenerationInfo> serving = {};  // nothing: no generation of the index serves
  std::string no_embedder =
      {};  // why this process cannot ask that one, if so: searches are refused
  std::optional<IndexedUser> indexed = {};   // as the serving generation has it
  std::optional<OutboxPlace> outbox = {};    // its oldest change that is not in the log yet
  std::optional<StoredRecord> record = {};   // its last event, where it was found
  std::optional<StoredRecord> waiting = {};  // its first one that the generation has not done
  std::int64_t behind = 0;                   // events that the generation has to do before that
  std::optional<ParkedEvent> parked = {};    // its first event that failed and is tried again
  std::optional<DeadLetter> letter = {};     // its newest one, not settled
};
// {"tenant","user_id","email","name","version","event","index","text"}
Json to_json(const UserState& state);

struct UserPorts {
  UserStore& users;
  TracePorts trace;
};

// A user that the store has not may have been removed: then its last event in the log says so,
// while the log keeps it. Blocks while it reads.
Result<UserState> user_state(const UserPorts& ports, const TenantId& tenant, std::int64_t id);

// In one sentence: why searches find this state of the user, or why not.
std::string index_text(const UserState& state);
// Whether searches of the index see the user as the store has it.
bool is_searchable(const UserState& state);

// --- why a search does not find a user

struct WhyNotQuery {
  TenantId tenant;
  std::string query;
  std::string who;  // an id or an e-mail address
  int limit = 10;
  float min_score = 0.2F;
  std::optional<double> semantic_ratio = {};  // of Embedder::embed_query
};

struct WhyNot {
  // `found`: the search does find it. The others are the first thing that is in the way.
  enum class Reason {
    found,
    not_created,
    other_tenant,
    deleted,
    outbox,
    behind,
    retrying,
    dead,
    no_index,
    embedder,
    not_indexed,
    score,
    rank,
  };
  Reason reason = Reason::found;
  std::string text;                       // with the numbers
  std::optional<UserState> user = {};     // where the tenant has, or had, it
  std::vector<User> elsewhere = {};       // other tenants' of this address
  std::optional<float> score = {};        // of the user, for this query
  std::optional<std::int64_t> rank = {};  // from 1
};
std::string_view to_string(WhyNot::Reason reason);
Json to_json(const WhyNot& why, const WhyNotQuery& asked);

// How far down the order of hits a rank is looked for.
inline constexpr int kMaxRank = 1'000;
// The operator's question is no search of the tenant's: its usage has nothing of it.
// `invalid` as Embedder::embed_query.
Result<WhyNot> why_not(const UserPorts& ports, const WhyNotQuery& asked);

}  // namespace mesh::pipeline
