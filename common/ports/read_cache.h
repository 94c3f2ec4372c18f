// Answers to reads, kept for a short while for all processes: what one computed, another need not.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// What answers are about; those of one subject are forgotten together.
struct CacheSubject {
  TenantId tenant;
  std::string name;  // any bytes: "analytics/user-1"
};

// Any thread. Nothing fails: an answer that cannot be found is not there, one that cannot be kept
// is computed again. Whatever the cache does, a call takes no longer than a small bound.
class ReadCache {
 public:
  struct Found {
    std::optional<std::string> answer;
    // Without an answer: what keep() needs. Empty: it is not to be kept.
    std::string ticket;
  };

  virtual ~ReadCache() = default;
  virtual Found find(const CacheSubject& subject, std::string_view question) = 0;
  // Keeps what was computed after find() gave the ticket, unless the subject was forgotten since.
  // Does not wait.
  virtual void keep(const CacheSubject& subject, std::string_view question,
                    const std::string& ticket, std::string_view answer) = 0;
  // After a change of the subjects became durable, and before anybody is told of it: nothing that
  // was computed before is found any more. Where that cannot be done, for a time that the engine
  // bounds.
  virtual void forget(std::span<const CacheSubject> subjects) = 0;
  // All answers of the tenant are gone from where they are kept, when it returns. An error where
  // that is not sure; they then go by their age. Unlike the others it blocks for as long as it
  // takes to look at all that is kept there, of whatever tenant.
  virtual Status forget_all(const TenantId& tenant) = 0;
};

}  // namespace mesh
