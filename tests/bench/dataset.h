// Populations of users, made as in life but faster: the users go into store.db through the store
// engine, then meshd itself moves them to the log and indexes them.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/harness.h"

namespace mesh::bench {

struct TenantUsers {
  std::string tenant;
  std::uint64_t users = 0;  // person(tenant, 0), person(tenant, 1), …
};

// Adds the users to the store in `data_dir`, without a meshd; their events wait in the outbox.
void store_users(const std::string& data_dir, const std::vector<TenantUsers>& population);
// store_users, and a meshd that runs until all are indexed. Answers the seconds that took it.
double index_users(const std::string& data_dir, const std::vector<TenantUsers>& population);

// Publishes `count` analytics events of `tenant` as NDJSON; answers the seconds that took.
double publish_lines(Meshd& meshd, const std::string& tenant, std::uint64_t count);

// recall@10 of searches over HTTP against an exact scan of 32-bit vectors, over the tenant's
// persons 0 … users-1.
double recall_at_10(Meshd& meshd, const TenantUsers& tenant, int queries);

}  // namespace mesh::bench
