// Where the points of an index in memory are kept: what memory asks of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh::vectors {

// The points of one tenant in one generation.
struct StoredPartition {
  std::int64_t id = 0;
  int generation = 0;
  TenantId tenant;
};

// A live point as it is read back; the views hold until the callback that got them returns.
struct StoredPoint {
  std::int64_t user_id = 0;
  std::int64_t version = 0;
  std::string_view code;  // codes.h
  std::string_view email;
  std::string_view name;
};

class PointStore {
 public:
  virtual ~PointStore() = default;
  // Every live point, one partition after the other; the partitions stay valid when it returns.
  // `corrupt` where one point is damaged. One call at a time, before anything else.
  virtual Status each_point(
      const std::function<void(const StoredPartition&, const StoredPoint&)>& use) = 0;
  // The points of those users that the partition has now. Any thread.
  virtual Status read_points(std::int64_t partition, int dimension,
                             std::span<const std::int64_t> users,
                             const std::function<void(const StoredPoint&)>& use) = 0;
};

}  // namespace mesh::vectors
