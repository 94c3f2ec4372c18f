#include "common/engines/sqlite/backup/manifest.h"

#include <algorithm>
#include <filesystem>

namespace mesh::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxManifest = 1 << 20;

tl::unexpected<Error> cannot_look(const std::string& path, const std::error_code& error) {
  return fail(ErrorKind::unavailable, path + " cannot be looked at: " + error.message());
}

Result<Manifest> parse_manifest(const Json& json, const std::string& path) {
  const auto broken = [&](const std::string& why) {
    return fail(ErrorKind::corrupt, path + " is not the manifest of a backup: " + why);
  };
  const auto text = [](const Json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
  };
  const auto integer = [](const Json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_number_integer() ? at->get<std::int64_t>() : -1;
  };
  if (!json.is_object() || text(json, "format") != kBackupFormat) return broken("no \"format\"");
  // Before the rest, since a newer manifest may mean something else by any of its members.
  if (integer(json, "version") > kBackupVersion) {
    return fail(ErrorKind::conflict, path + " was written by a newer program (meshd " +
                                         text(json, "meshd_version") + "): use that one");
  }
  const auto files = json.find("files");
  if (integer(json, "version") != kBackupVersion || files == json.end() || !files->is_array()) {
    return broken("no \"version\" or no \"files\"");
  }
  Manifest manifest{text(json, "made_at"), text(json, "meshd_version"), {}};
  for (const auto& file : *files) {
    if (!file.is_object()) return broken("\"files\" holds something else");
    ManifestFile entry{text(file, "name"), integer(file, "bytes"), text(file, "sha256"),
                       integer(file, "schema_version")};
    // The names are used in paths: nothing but the files of a backup may stand there.
    const bool known = std::ranges::any_of(
        kBackedUp, [&](const BackedUp& kind) { return kind.name == entry.name; });
    if (!known || entry.bytes < 0 || entry.sha256.size() != 64) {
      return broken("what it says of a file is not usable");
    }
    manifest.files.push_back(std::move(entry));
  }
  for (const auto& kind : kBackedUp) {
    // Twice would copy one over the other.
    const auto count = std::ranges::count(manifest.files, kind.name, &ManifestFile::name);
    if (count > 1 || (count == 0 && kind.required)) {
      return broken(std::string(kind.name) + " is named " + std::to_string(count) + " times");
    }
  }
  return manifest;
}

}  // namespace

Result<Manifest> read_manifest(const std::string& folder) {
  std::error_code error;
  const auto found = fs::status(folder, error).type();
  if (found == fs::file_type::none) return cannot_look(folder, error);
  if (found != fs::file_type::directory) {
    return fail(ErrorKind::not_found, "there is no backup " + folder + ": no such folder");
  }
  const std::string path = folder + "/" + kManifest;
  // Written last, so that without it the backup was cut off, whatever else is there.
  const bool finished = fs::exists(path, error);
  if (error) return cannot_look(path, error);
  if (!finished) {
    return fail(ErrorKind::conflict, folder + " has no " + kManifest +
                                         ": a backup that was cut off, or none; make another one");
  }
  std::string text;
  (void)MESH_TRY(read_through(path, [&](std::string_view chunk) -> Status {
    text += chunk;
    // It may be any file: a large one must not fill the memory.
    if (text.size() <= kMaxManifest) return {};
    return fail(ErrorKind::corrupt, path + " is too large to be a manifest");
  }));
  auto json = parse_json(text);
  if (!json) {
    return fail(ErrorKind::corrupt, path + " is damaged: " + json.error().message);
  }
  return parse_manifest(*json, path);
}

std::optional<std::string> fault_of(const ManifestFile& entry, const Result<Digest>& digest) {
  if (!digest) return digest.error().message;
  if (digest->bytes != entry.bytes) {
    return "has " + std::to_string(digest->bytes) + " bytes instead of " +
           std::to_string(entry.bytes);
  }
  if (digest->sha256 != entry.sha256) return "has another checksum";
  return std::nullopt;
}

Json report_of(const std::string& folder, const Manifest& manifest) {
  return {{"backup", folder},
          {"state", "ok"},
          {"made_at", manifest.made_at},
          {"meshd_version", manifest.meshd_version},
          {"files", Json::array()}};
}

}  // namespace mesh::sqlite
