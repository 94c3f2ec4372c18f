#include "common/engines/sqlite/vfs/gathered_writes.h"

#include <sqlite3.h>

#include <cstring>
#include <new>
#include <utility>

namespace mesh::sqlite {
namespace {

constexpr int kCapacity = 128 << 10;  // larger writes cost no less per page

}  // namespace

int GatheredWrites::write(const void* data, int size, std::int64_t offset) {
  // A write somewhere else, as of a new header or over the frames of an undone commit: what was
  // gathered goes first, so that writes keep their order.
  if (size_ > 0 && (offset != offset_ + size_ || size_ + size > kCapacity)) {
    if (const int code = flush(); code != SQLITE_OK) return code;
  }
  if (size > kCapacity) return file_->pMethods->xWrite(file_, data, size, offset);
  if (!pieces_) pieces_.reset(new (std::nothrow) char[kCapacity]);
  // Without memory for the buffer it works as without this class.
  if (!pieces_) return file_->pMethods->xWrite(file_, data, size, offset);
  if (size_ == 0) offset_ = offset;
  std::memcpy(pieces_.get() + size_, data, static_cast<std::size_t>(size));
  size_ += size;
  return SQLITE_OK;
}

int GatheredWrites::flush() {
  if (size_ == 0) return SQLITE_OK;
  return file_->pMethods->xWrite(file_, pieces_.get(), std::exchange(size_, 0), offset_);
}

}  // namespace mesh::sqlite
