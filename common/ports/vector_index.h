// Vectors of users, searched within one tenant, in generations behind an alias.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/domain/search.h"
#include "common/domain/tenant.h"

namespace mesh {

// One change of an index. An older version never overwrites a newer one, also not a newer removal.
struct VectorChange {
  TenantId tenant;
  std::int64_t user_id = 0;
  std::int64_t version = 0;
  std::vector<float> vector;  // unit length; empty: remove
  std::string email;
  std::string name;
  std::string event_id;
};

struct GenerationSpec {
  int dimension = 384;
  std::string embedder;  // Embedder::id(); vectors of different embedders never mix
  // Where that embedder's model lies, an absolute path of a folder; empty where it has none. It is
  // what a process opens the embedder from, and no part of what tells embedders apart.
  std::string model = {};
  // Made to be compared with what serves: until it is served or dropped on purpose it is neither
  // what a rollback goes back to nor what a rebuild tidies up. serve() takes the mark off.
  bool shadow = false;
};

struct GenerationInfo {
  std::string name;  // "user_embeddings-3"
  int number = 0;    // 3
  GenerationSpec spec;
  bool serving = false;
  std::int64_t vectors = 0;  // live ones
  std::int64_t tenants = 0;
  std::uint64_t bytes = 0;
};

// What a search compares with.
struct QueryVector {
  std::span<const float> values;  // of Embedder::embed_query: of any length
  std::string_view embedder;      // Embedder::id()
};

// What search() answers where the serving generation was made with another embedder than the query:
// `unavailable`. `cause` names both.
inline constexpr std::string_view kOtherEmbedder =
    "the index that serves was made with another embedder than the query: try again";
inline tl::unexpected<Error> other_embedder(const std::string& generation,
                                            const std::string& made_with,
                                            std::string_view asked_with) {
  return fail(
      ErrorKind::unavailable, std::string(kOtherEmbedder),
      generation + " was made with " + made_with + ", the query with " + std::string(asked_with));
}
inline bool is_other_embedder(const Error& error) {
  return error.kind == ErrorKind::unavailable && error.message == kOtherEmbedder;
}

struct IndexedUser {
  std::int64_t user_id = 0;
  std::int64_t version = 0;
  std::string email;
  std::string name;
  std::string event_id = {};  // of the change that it is of
};

// Of a tenant, or of one user of it.
struct KeptPoints {
  std::int64_t vectors = 0;
  std::int64_t removals = 0;  // what is remembered of removed users: id and version
  bool operator==(const KeptPoints&) const = default;
};

// Any thread. Changes are durable before they answer; searches see them from then on.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;
  // Generations are changed by one hand at a time: whoever takes over gets an epoch, higher than
  // all before, also over restarts. From then on a change with an older one is `conflict` and
  // changes nothing, however late it arrives. Before the first taking over the epoch is 0.
  //
  // The epoch is compared in the change's own commit. A server that cannot do so (Qdrant moves an
  // alias whatever it named before, and drops what it is told to) keeps the epoch, the numbers and
  // which of them serves where it can, as in a row of the store that the processes share, changed
  // by one statement that names the epoch; generations() and search() go by that row, and
  // collections follow it: made before they are entered, dropped after they are struck out.
  virtual Result<std::int64_t> take_over() = 0;
  // The next number; empty; not serving.
  virtual Result<GenerationInfo> create_generation(const GenerationSpec& spec,
                                                   std::int64_t epoch) = 0;
  // `conflict` also for the serving one.
  virtual Status drop_generation(int number, std::int64_t epoch) = 0;
  // Flips the alias, atomically and durably; it is no shadow from then on.
  virtual Status serve(int number, std::int64_t epoch) = 0;
  virtual Result<std::vector<GenerationInfo>> generations() = 0;  // by number
  virtual Status apply(int generation, std::span<const VectorChange> changes) = 0;
  // The k best of the tenant in the serving generation. First those whom `text` matches exactly,
  // whatever they score (of more than 1000 of them any), then those with score >= min_score: of the
  // best by score, at least ten and k, those who match as a prefix, then by score; ties by user id.
  // Empty without a serving generation or for a tenant without vectors. other_embedder() where the
  // serving generation was made with another one: its vectors mean something else. `invalid` for
  // another dimension.
  virtual Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query,
                                                int k, float min_score,
                                                const SearchText& text = {}) = 0;
  // The same in any generation, whether it serves or not; `not_found` where there is none.
  virtual Result<std::vector<SearchHit>> search_in(int generation, const TenantId& tenant,
                                                   const QueryVector& query, int k, float min_score,
                                                   const SearchText& text = {}) = 0;
  // What a generation holds of a tenant beyond user id `after`, by id; for verification.
  virtual Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant,
                                                std::int64_t after, int limit) = 0;
  // What a generation keeps of a tenant, or of one user of it.
  virtual Result<KeptPoints> kept(int generation, const TenantId& tenant,
                                  std::optional<std::int64_t> user_id) = 0;
  // Takes all of them out, with what is remembered of removed ones: a change of any version that
  // comes later is taken. A tenant that has none is no error.
  virtual Status erase(int generation, const TenantId& tenant,
                       std::optional<std::int64_t> user_id) = 0;
};

}  // namespace mesh
