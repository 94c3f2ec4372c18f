#include "cli/import/event_ids.h"

#include <filesystem>
#include <fstream>

#include "cli/files.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/domain/event.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kBlock = 1 << 20;

// A digest of the whole content, a block at a time.
Result<std::string> digest_of(const std::string& file) {
  std::error_code missing;
  if (file == "-" || !std::filesystem::is_regular_file(file, missing)) {
    return fail(ErrorKind::invalid,
                "--id-from line makes the ids of the file's content, so it needs a file that can "
                "be read twice; --id-from FIELD takes any input");
  }
  std::ifstream in(file, std::ios::binary);
  std::string digest, block(kBlock, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(kBlock)) || in.gcount() > 0)
    // A chain of blocks, not one hash: sha256_hex takes a whole text, and the file may be of any
    // size.
    digest = sha256_hex(digest + block.substr(0, static_cast<std::size_t>(in.gcount())));
  if (!in.eof()) return system_error("read", file);
  return digest;
}

// A member's name as a pointer; a pointer as it is.
std::string pointer_of(const std::string& field) {
  if (field.starts_with('/')) return field;
  std::string pointer = "/";
  for (const char c : field) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
  return pointer;
}

}  // namespace

Result<EventIds> EventIds::make(const std::string& from, const std::string& file,
                                const std::string& source, Clock& clock) {
  if (from.empty()) return EventIds({}, {}, clock);
  if (from == "line") {
    auto digest = MESH_TRY(digest_of(file));
    return EventIds("publish-line:" + source + ":" + digest + ":", {}, clock);
  }
  const std::string pointer = pointer_of(from);
  try {
    // Its constructor is the check.
    (void)Json::json_pointer(pointer);
  } catch (const Json::exception&) {
    return fail(ErrorKind::invalid,
                "--id-from " + from + " is neither a member nor a JSON pointer");
  }
  return EventIds({}, pointer, clock);
}

Result<std::string> EventIds::of(const JsonText& record) const {
  if (!pointer_.empty()) {
    auto json = MESH_TRY(parse_json(record.text));
    const Json::json_pointer pointer(pointer_);
    const Json* value = json.contains(pointer) ? &json.at(pointer) : nullptr;
    if (value != nullptr && value->is_number_integer()) return dump(*value);
    if (value != nullptr && value->is_string() && !value->get_ref<const std::string&>().empty())
      return value->get<std::string>();
    return fail(ErrorKind::invalid,
                "no text and no whole number at " + pointer_ + " to make the event's id of");
  }
  if (name_.empty()) return new_uuid_v7(clock_.now());
  // Line and column: several records may stand in one line.
  return uuid_v5(kMeshNamespace,
                 name_ + std::to_string(record.line) + ":" + std::to_string(record.column));
}

}  // namespace mesh::cli
