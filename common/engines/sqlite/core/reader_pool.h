// Connections for reads, kept from one call to the next. SOCI has a pool as well; it is of sessions
// with its own mapping of rows, and whoever finds none free waits.
#pragma once

#include <memory>
#include <string>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

// Read connections, handed out one per call and given back by the handle; opened as needed, at most
// `max` kept. Any thread.
class ReaderPool {
 public:
  ReaderPool(std::string path, int max);
  ~ReaderPool();
  class Connection {
   public:
    Connection(ReaderPool* pool, std::unique_ptr<Database> db);
    Connection(Connection&&) noexcept;
    ~Connection();
    Database& operator*() const { return *db_; }
    Database* operator->() const { return db_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Database> db_;
  };
  // Never waits for others; opens the file where no connection is kept, and then fails as
  // Database::open does. Must not outlive the pool, and is used by one thread at a time.
  Result<Connection> connection();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::sqlite
