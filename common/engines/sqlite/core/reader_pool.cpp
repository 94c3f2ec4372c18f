#include "common/engines/sqlite/core/reader_pool.h"

#include <mutex>
#include <utility>
#include <vector>

namespace mesh::sqlite {

struct ReaderPool::Impl {
  const std::string path;
  const std::size_t max;
  std::mutex mutex;
  std::vector<std::unique_ptr<Database>> idle;  // guarded by mutex
};

ReaderPool::ReaderPool(std::string path, int max)
    : impl_(new Impl{std::move(path), static_cast<std::size_t>(max), {}, {}}) {}
ReaderPool::~ReaderPool() = default;

ReaderPool::Connection::Connection(ReaderPool* pool, std::unique_ptr<Database> db)
    : pool_(pool), db_(std::move(db)) {}
ReaderPool::Connection::Connection(Connection&&) noexcept = default;
ReaderPool::Connection::~Connection() {
  if (!db_) return;
  std::lock_guard lock(pool_->impl_->mutex);
  // More are opened where many read at once, and closed again after: the bound is of what is kept.
  if (pool_->impl_->idle.size() < pool_->impl_->max) pool_->impl_->idle.push_back(std::move(db_));
}

Result<ReaderPool::Connection> ReaderPool::connection() {
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->idle.empty()) {
      // The last that came back: its pages and statements are the warmest.
      auto db = std::move(impl_->idle.back());
      impl_->idle.pop_back();
      return Connection(this, std::move(db));
    }
  }
  auto db = MESH_TRY(Database::open(impl_->path, Database::Mode::read_only));
  return Connection(this, std::move(db));
}

}  // namespace mesh::sqlite
