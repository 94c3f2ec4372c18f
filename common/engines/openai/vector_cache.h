// Vectors that were paid for, by what they are of. A cache: what is lost is asked for again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/tenant.h"

namespace mesh::openai {

// SHA-256 of tenant, embedder and text: no text is kept, and no tenant finds another's.
std::string cache_key(const TenantId& tenant, std::string_view embedder, std::string_view text);

// Any thread; may block on the disk. Nothing fails: a vector that cannot be read is not there, one
// that cannot be written is not kept.
class VectorCache {
 public:
  using Entry = std::pair<std::string, const std::vector<float>*>;  // key, vector

  virtual ~VectorCache() = default;
  virtual std::optional<std::vector<float>> find(const std::string& key) = 0;
  virtual void keep(const std::vector<Entry>& entries) = 0;
};

// In the SQLite file `path`, which outlives the process, of about `max_bytes`: beyond it what was
// not used for longest goes. A file that is damaged, or is another's, is put aside as
// "<path>.unusable", with a warning, and a new one made. One process at a time.
std::unique_ptr<VectorCache> open_disk_cache(std::string path, std::uint64_t max_bytes,
                                             Clock& clock);
// In memory, bounded likewise.
std::unique_ptr<VectorCache> make_memory_cache(std::uint64_t max_bytes);

}  // namespace mesh::openai
