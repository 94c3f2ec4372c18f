// The log, the store and the indexes as one thing: numbered writes that are there or not.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::test {

class Subject {
 public:
  virtual ~Subject() = default;
  // Opens the engine's file in `dir`, made where it is missing; closes the one before.
  virtual Status open(const std::string& dir) = 0;
  virtual void close() = 0;
  virtual Status write(int number) = 0;  // blocks until it is durable
  // Everything that is there, each checked against what was written; damage is an error.
  virtual Result<std::set<int>> read() = 0;
  virtual std::string file() const = 0;  // "log.db"
  int fatal = 0;                         // how often the engine said that it cannot go on
};

struct SubjectKind {
  std::string name;
  std::unique_ptr<Subject> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const SubjectKind& kind) {
  return out << kind.name;
}

std::unique_ptr<Subject> make_log_subject();
std::unique_ptr<Subject> make_store_subject();
std::unique_ptr<Subject> make_index_subject();
std::unique_ptr<Subject> make_events_subject();

inline const auto kSubjects = ::testing::Values(
    SubjectKind{"log", make_log_subject}, SubjectKind{"store", make_store_subject},
    SubjectKind{"index", make_index_subject}, SubjectKind{"events", make_events_subject});

}  // namespace mesh::test
