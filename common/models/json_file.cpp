#include "common/models/json_file.h"

#include "common/models/files.h"

namespace mesh::models {

constexpr std::size_t kMaxJsonFile = 64 << 20;  // a tokenizer's vocabulary is a megabyte or so

Result<Json> read_json_file(const std::string& path) {
  const std::string text = MESH_TRY(read_whole(path, kMaxJsonFile));
  auto document = parse_json(text, {.max_bytes = kMaxJsonFile});
  if (!document) return fail(ErrorKind::invalid, path + ": " + document.error().message);
  if (!document->is_object()) return fail(ErrorKind::invalid, path + " is no JSON object");
  return document;
}

}  // namespace mesh::models
