// A checksum in every page of a database file, by a VFS between SQLite and the disk.
//
// The last 8 bytes of a page (reserved for it when the file is made) hold an XXH64 of the rest,
// mixed with the page's number. They are written whenever a page goes into the database file and
// checked whenever one is read from it, so a byte that changed on the disk is SQLITE_CORRUPT and
// never a wrong answer. Pages in the write-ahead log are guarded by its own checksums, which
// recovery and verify_wal() check. A file that was made without the reserved bytes is served as it
// is. Other programs may read such a file; what they write to it counts as damage. A copy that they
// make of it is another thing: plain_copy.h takes it over.
//
// Page 1 is summed without the fields of its header that any program changes that copies a file
// page by page (the change counter and what goes with it, the schema cookie): nothing that is read
// depends on their values. Where the header has the number of the SQLite that wrote it last, which
// nobody reads, stands a mark; a copy made by another program has not got it.
// SQLite's own cksumvfs is an extension that its library is not built with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;

namespace mesh::sqlite {

inline constexpr int kPageSumBytes = 8;

// The name of a VFS that adds checksums to the one which is SQLite's default now; registered at
// first use, for the life of the process.
const char* page_sums_vfs();
// Reserves the bytes, where the file is still to be made. Before anything else is done with `db`.
void reserve_page_sums(sqlite3* db);

// For tools that move pages themselves. `page` has `size` bytes, `number` counts from 1.
void seal_page(char* page, std::size_t size, std::int64_t number);
bool page_is_whole(const char* page, std::size_t size, std::int64_t number);
// Which of the pages in `pages`, the first of them `number`, is the first that is not whole; 0:
// none.
std::int64_t first_broken_page(std::string_view pages, std::size_t size, std::int64_t number);
// SQLite has its locks in this page, from 1 GiB on, and uses it for nothing: it has no sum.
bool is_lock_page(std::size_t size, std::int64_t number);
// How many of the bytes of the page's sum are right.
int right_sum_bytes(const char* page, std::size_t size, std::int64_t number);
// A page as other programs leave it in a copy: without a sum (it came from a write-ahead log, or
// was written anew). Page 1 may have its sum, and has no mark. Of a page of meshd's own file this
// proves nothing: ask page 1 first.
bool is_unsealed(const char* page, std::size_t size, std::int64_t number);

}  // namespace mesh::sqlite
