// What only one process at a time may do with generations: make, serve and drop them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

// Holds the lease "generations" until its end. One thread at a time.
//
// An index knows no lease, so each change renews it first: a holder that lost it while it slept
// changes nothing (`conflict`).
class Keeper {
 public:
  struct Deps {
    VectorIndex& index;
    LogAdmin& admin;
    RetryStore& retries;
    LeaseStore& leases;
    std::string process;  // who holds the lease
    std::string prefix;   // the group of generation n is "<prefix>-<n>"
    std::vector<std::string> topics;
  };

  // Null while another holds the lease.
  static Result<std::unique_ptr<Keeper>> acquire(Deps deps);
  ~Keeper();  // gives it up
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  Status renew();
  Result<GenerationInfo> make(const GenerationSpec& spec);
  Status serve(int number);
  // With its group. Where processes still read for the group it stays for drop_groups: they let go
  // once they see that its generation is gone.
  Status drop(int number);
  // Drops the groups whose generation is gone and that nobody reads. Such a group stands beyond
  // what a new generation of its number has to read.
  Status drop_groups(const std::vector<GenerationInfo>& all);

 private:
  Keeper(Deps deps, Lease lease) : deps_(std::move(deps)), lease_(std::move(lease)) {}
  Status drop_group(const std::string& group);

  const Deps deps_;
  const Lease lease_;
};

// The groups "<prefix>-<n>" of which there is no generation n.
std::vector<std::string> groups_left(const std::vector<GroupInfo>& groups,
                                     const std::string& prefix,
                                     const std::vector<GenerationInfo>& all);

}  // namespace mesh::pipeline
