#include "common/models/json_file.h"

#include "common/models/files.h"

namespace mesh::models {

Result<Json> read_json_file(const std::string& path) {
  const std::string text = MESH_TRY(read_whole(path, kMaxJsonBytes));
  auto document = parse_json(text, {.max_bytes = kMaxJsonBytes});
  if (!document) return fail(ErrorKind::invalid, path + ": " + document.error().message);
  if (!document->is_object()) return fail(ErrorKind::invalid, path + " is no JSON object");
  return document;
}

}  // namespace mesh::models
