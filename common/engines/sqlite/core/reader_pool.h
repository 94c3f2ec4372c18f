// Connections for reads, kept from one call to the next.
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
  Result<Connection> connection();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::sqlite
