#include "common/models/json_file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace mesh::models {

constexpr std::size_t kMaxJsonFile = 64 << 20;  // a tokenizer's vocabulary is a megabyte or so

Result<Json> read_json_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    return fail(ErrorKind::not_found, "there is no " + path);
  }
  if (error) return fail(ErrorKind::invalid, "cannot read " + path + ": " + error.message());
  if (size > kMaxJsonFile) {
    return fail(ErrorKind::invalid, path + " is larger than 64 MiB: it is no model's");
  }
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  if (size > 0) text << stream.rdbuf();
  if (!stream) return fail(ErrorKind::invalid, "cannot read " + path);
  auto document = parse_json(text.view(), {.max_bytes = kMaxJsonFile});
  if (!document) return fail(ErrorKind::invalid, path + ": " + document.error().message);
  if (!document->is_object()) return fail(ErrorKind::invalid, path + " is no JSON object");
  return document;
}

}  // namespace mesh::models
