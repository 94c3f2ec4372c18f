// The files of the web console, as they were compiled in.
#pragma once

#include <span>
#include <string_view>

namespace mesh::console {

struct Asset {
  std::string_view name;   // "index.html", the page; others have a digest of their bytes in it
  std::string_view media;  // "text/html; charset=utf-8"
  std::string_view etag;   // of the bytes, in quotes: strong
  std::string_view gzip;   // the bytes, compressed
};

// None where this build has no console.
std::span<const Asset> assets();

}  // namespace mesh::console
