// Answers that were paid for, by what they answer. A cache: what is lost is asked for again.
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

// SHA-256 of tenant, of what was asked (its id) and of the text: no text is kept, and no tenant
// finds another's.
std::string cache_key(const TenantId& tenant, std::string_view asked, std::string_view text);

// Any thread; may block on the disk. Nothing fails: an answer that cannot be read is not there, one
// that cannot be written is not kept.
class AnswerCache {
 public:
  using Entry = std::pair<std::string, std::string>;  // key, answer

  virtual ~AnswerCache() = default;
  virtual std::optional<std::string> find(const std::string& key) = 0;
  virtual void keep(const std::vector<Entry>& entries) = 0;
};

// In the SQLite file `path`, which outlives the process, of about `max_bytes`: beyond it what was
// not used for longest goes. A file that is damaged, or is another's, is put aside as
// "<path>.unusable", with a warning, and a new one made. One process at a time.
std::unique_ptr<AnswerCache> open_disk_cache(std::string path, std::uint64_t max_bytes,
                                             Clock& clock);
// In memory, bounded likewise.
inline constexpr std::uint64_t kMemoryCacheBytes = 16 << 20;
std::unique_ptr<AnswerCache> make_memory_cache(std::uint64_t max_bytes);

}  // namespace mesh::openai
