#include "common/engines/sqlite/repair/bad_pages.h"

#include <bit>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/vfs/page_sums.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kHeaderBytes = 100;
// With so many bytes of its sum right a page is proven: it is the sum that was damaged.
constexpr int kProof = 4;
constexpr std::size_t kSector = 512;

struct Shape {
  std::size_t page = 0;    // bytes
  std::int64_t pages = 0;  // as page 1 says; 0: there are no sums to go by
};

Shape shape_of(std::string_view header, std::int64_t file_bytes) {
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + bytes; ++i) {
      value = value << 8 | static_cast<unsigned char>(header[i]);
    }
    return value;
  };
  if (header.size() < kHeaderBytes || header[20] != kPageSumBytes) return {};
  const std::size_t page = number(16, 2) == 1 ? 65536 : number(16, 2);
  if (page < 512 || !std::has_single_bit(page)) return {};
  // The file format's own rule for when the size in the header counts.
  const bool count_is_valid = number(24, 4) == number(92, 4);
  const auto size = static_cast<std::int64_t>(page);
  return {page, count_is_valid ? number(28, 4) : (file_bytes + size - 1) / size};
}

std::int64_t bytes_in(const std::string& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : static_cast<std::int64_t>(size);
}

bool read_page(std::istream& in, std::int64_t number, std::string& page) {
  in.clear();
  // What is cut off reads as zeros, as SQLite would take it.
  page.assign(page.size(), '\0');
  in.seekg((number - 1) * static_cast<std::streamoff>(page.size()));
  in.read(page.data(), static_cast<std::streamsize>(page.size()));
  return in.gcount() == static_cast<std::streamsize>(page.size());
}

int right_bytes(const std::string& page, std::int64_t number) {
  return right_sum_bytes(page.data(), page.size(), number);
}

bool is_whole(const std::string& page, std::int64_t number) {
  return page_is_whole(page.data(), page.size(), number);
}

// Made by another program: any of its pages may be without a sum.
bool is_plain_copy(std::istream& in, std::size_t page_bytes) {
  std::string first(page_bytes, '\0');
  return page_bytes > 0 && read_page(in, 1, first) && is_unsealed(first.data(), first.size(), 1);
}

// The sum alone is damaged, or missing: another program wrote the page (one that closes a file
// after a crash moves its write-ahead log into it). A sector that the disk lost has no sum either;
// it is all zeros.
bool is_mendable(const std::string& page, std::int64_t number, bool plain_copy) {
  if (right_bytes(page, number) >= kProof) return true;
  if (!is_unsealed(page.data(), page.size(), number)) return false;
  return plain_copy || page.find_first_not_of('\0', page.size() - kSector) != std::string::npos;
}

// `header`: of a newer page 1, from the log; else empty. What a page 1 that is not proven says of
// the file's size counts for nothing.
Shape shape_of_file(std::istream& in, const std::string& path, std::string header) {
  const auto bytes = bytes_in(path);
  const bool from_file = header.empty();
  if (from_file) {
    header.resize(kHeaderBytes);
    if (!in.read(header.data(), kHeaderBytes)) return {};
  }
  auto shape = shape_of(header, bytes);
  if (!from_file || shape.page == 0) return shape;
  std::string first(shape.page, '\0');
  read_page(in, 1, first);
  const auto size = static_cast<std::int64_t>(shape.page);
  if (right_bytes(first, 1) < kProof) shape.pages = (bytes + size - 1) / size;
  return shape;
}

}  // namespace

BadPages bad_pages(const std::string& path) {
  std::set<std::int64_t> newer;  // pages that the log holds
  std::string header;
  each_whole_frame(path, [&](std::uint32_t number, std::string_view page) {
    newer.insert(number);
    if (number == 1) header = page.substr(0, kHeaderBytes);
  });
  BadPages bad;
  std::ifstream in(path, std::ios::binary);
  const auto shape = shape_of_file(in, path, header);
  const bool plain_copy = header.empty() && is_plain_copy(in, shape.page);
  std::string page(shape.page, '\0');
  for (std::int64_t number = 1; number <= shape.pages; ++number) {
    // A page that the log holds is read from there, whatever the file says.
    if (is_lock_page(shape.page, number) || newer.contains(number)) continue;
    const bool all_there = read_page(in, number, page);
    if (all_there && is_whole(page, number)) continue;
    if (bad.count++ == 0) bad.first = number;
    // A file that was cut is made as long again, so that the pages before the cut can be read.
    bad.mendable |= !all_there || is_mendable(page, number, plain_copy);
  }
  return bad;
}

Status mend_pages(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto shape = shape_of_file(file, path, {});
  const auto bytes = static_cast<std::uintmax_t>(shape.pages) * shape.page;
  std::error_code error;
  if (static_cast<std::uintmax_t>(bytes_in(path)) < bytes) {
    std::filesystem::resize_file(path, bytes, error);
  }
  const bool plain_copy = is_plain_copy(file, shape.page);
  std::string page(shape.page, '\0');
  for (std::int64_t number = 1; number <= shape.pages && !error; ++number) {
    if (is_lock_page(shape.page, number)) continue;
    read_page(file, number, page);
    if (is_whole(page, number) || !is_mendable(page, number, plain_copy)) continue;
    seal_page(page.data(), page.size(), number);
    file.clear();
    file.seekp((number - 1) * static_cast<std::streamoff>(page.size()));
    file.write(page.data(), static_cast<std::streamsize>(page.size()));
    if (!file.flush()) error = std::make_error_code(std::errc::io_error);
  }
  if (error) return fail(ErrorKind::unavailable, path + " cannot be written: " + error.message());
  return {};
}

void tell_bad_pages(const BadPages& bad, const std::string& why, FileReport& report) {
  if (bad.count == 0 || !report.damages.empty()) return;
  const auto first = std::to_string(bad.first);
  const auto several = std::to_string(bad.count) + " pages from " + first + " on";
  report.damages.push_back({bad.count == 1 ? "page " + first : several,
                            "missing, cut off, or the checksum is wrong",
                            {},
                            why,
                            true});
}

}  // namespace mesh::sqlite
