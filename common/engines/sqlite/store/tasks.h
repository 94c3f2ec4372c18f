// Tasks in SQLite.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/task_store.h"

namespace mesh::sqlite {

class SqliteTasks final : public TaskStore {
 public:
  SqliteTasks(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}

  Status put(const Task& task) override;
  Result<Task> get(const std::string& id) override;
  Result<std::vector<Task>> list(int limit) override;
  Status request_cancel(const std::string& id) override;

 private:
  Committer& committer_;
  ReaderPool& readers_;
};

}  // namespace mesh::sqlite
