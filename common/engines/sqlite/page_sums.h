// A checksum in every page of a database file, by a VFS between SQLite and the disk.
//
// The last 8 bytes of a page (reserved for it when the file is made) hold an XXH64 of the rest,
// mixed with the page's number. They are written whenever a page goes into the database file and
// checked whenever one is read from it, so a byte that changed on the disk is SQLITE_CORRUPT and
// never a wrong answer. Pages in the write-ahead log are guarded by its own checksums, which
// recovery and verify_wal() check. A file that was made without the reserved bytes is served as it
// is. Other programs may read such a file; what they write to it counts as damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct sqlite3;

namespace mesh::sqlite {

inline constexpr int kPageSumBytes = 8;

// The name of a VFS that adds checksums to the VFS `below` ("": SQLite's own); registered at first
// use, for the life of the process.
std::string page_sums_over(const std::string& below);
// Reserves the bytes, where the file is still to be made. Before anything else is done with `db`.
void reserve_page_sums(sqlite3* db);

// For tools that move pages themselves. `page` has `size` bytes, `number` counts from 1.
void seal_page(char* page, std::size_t size, std::int64_t number);
bool page_is_whole(const char* page, std::size_t size, std::int64_t number);

}  // namespace mesh::sqlite
