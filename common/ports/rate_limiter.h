// Rate limits per (tenant, scope).
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/rate_policy.h"
#include "common/domain/tenant.h"

namespace mesh {

// Any thread.
class RateLimiter {
 public:
  using Done = std::function<void(Result<RateDecision>)>;
  // Makes the completion of one call. It is called where one is needed only, so that a decision
  // that comes at once costs none.
  using Later = std::function<Done()>;

  virtual ~RateLimiter() = default;
  // Consumes `cost` units or, when denied, nothing. Does not block: whoever decides in memory
  // answers at once; whoever asks a server answers nothing, and calls what `later` made, once, from
  // any thread, also before this has returned. `later` is valid during the call alone. An error
  // says that nobody knows: units may have been consumed.
  virtual std::optional<Result<RateDecision>> take(const TenantId& tenant, std::string_view scope,
                                                   const RatePolicy& policy, std::int64_t cost,
                                                   const Later& later) = 0;
  // The state without consuming or writing anything. Blocks for a round trip at most.
  virtual Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                                    const RatePolicy& policy) = 0;
  // Full again. Blocks likewise.
  virtual Status reset(const TenantId& tenant, std::string_view scope) = 0;
};

}  // namespace mesh
