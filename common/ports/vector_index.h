// Vectors of users, searched within one tenant, in generations behind an alias.
#pragma once

#include <cstdint>
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
  std::span<const float> values;
  std::string_view embedder;  // Embedder::id()
};

struct IndexedUser {
  std::int64_t user_id = 0;
  std::int64_t version = 0;
  std::string email;
  std::string name;
};

// Any thread. Changes are durable before they answer; searches see them from then on.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;
  // The next number; empty; not serving.
  virtual Result<GenerationInfo> create_generation(const GenerationSpec& spec) = 0;
  virtual Status drop_generation(int number) = 0;  // `conflict` for the serving one
  virtual Status serve(int number) = 0;            // flips the alias, atomically and durably
  virtual Result<std::vector<GenerationInfo>> generations() = 0;  // by number
  virtual Status apply(int generation, std::span<const VectorChange> changes) = 0;
  // The k best of the tenant in the serving generation. First those whom `text` matches exactly,
  // whatever they score (of more than 1000 of them any), then those with score >= min_score: of the
  // best by score, at least ten and k, those who match as a prefix, then by score; ties by user id.
  // Empty without a serving generation or for a tenant without vectors. `unavailable` where the
  // serving generation was made with another embedder: its vectors mean something else. `invalid`
  // for another dimension.
  virtual Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query,
                                                int k, float min_score,
                                                const SearchText& text = {}) = 0;
  // What a generation holds of a tenant beyond user id `after`, by id; for verification.
  virtual Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant,
                                                std::int64_t after, int limit) = 0;
};

}  // namespace mesh
