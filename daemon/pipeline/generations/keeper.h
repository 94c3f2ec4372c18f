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
// Each change renews it first. Since its holder may sleep between the renewal and the change, the
// index compares epochs as well (VectorIndex::take_over): one that lost the lease changes nothing
// (`conflict`), wherever it slept, once the next holder has acquired it.
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

  // Null while another holds the lease. What is read of the index from here on is changed by
  // nobody else, as long as changes succeed.
  static Result<std::unique_ptr<Keeper>> acquire(Deps deps);
  ~Keeper();  // gives it up
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  Status renew();
  // Whether a renewal or a change found that another may hold it by now.
  bool lost() const { return lost_; }
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
  template <typename Answer>
  Answer note(Answer answer) {
    if (!answer && answer.error().kind == ErrorKind::conflict) lost_ = true;
    return answer;
  }

  const Deps deps_;
  const Lease lease_;
  std::int64_t epoch_ = 0;
  bool lost_ = false;
};

// The groups "<prefix>-<n>" of which there is no generation n.
std::vector<std::string> groups_left(const std::vector<GroupInfo>& groups,
                                     const std::string& prefix,
                                     const std::vector<GenerationInfo>& all);

}  // namespace mesh::pipeline
