#include "cli/commands/deploy/source.h"

#include <algorithm>
#include <filesystem>

#include "cli/files.h"
#include "common/base/sha256.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

namespace fs = std::filesystem;

bool is_source(const fs::path& folder) {
  std::error_code none;
  return fs::is_directory(folder / "manifests" / "base", none);
}

// What is left in a checkout where somebody worked by hand: by terraform, by stack/make-secrets.
bool is_left_over(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == ".terraform" || name == "secrets" || name.find(".tfstate") != name.npos;
}

std::vector<fs::path> files_of(const fs::path& folder, std::error_code& failed) {
  std::vector<fs::path> files;
  for (auto at = fs::recursive_directory_iterator(folder, failed);
       !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    if (is_left_over(at->path())) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      files.push_back(at->path());
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::string> find_source(const std::string& given) {
  if (!given.empty()) {
    const auto folder = fs::absolute(given).lexically_normal();
    if (is_source(folder)) return folder.string();
    return fail(ErrorKind::not_found, "--source " + given +
                                          " has no manifests/base: name a "
                                          "checkout, or the folder share/mesh of an installation");
  }
  std::vector<std::string> looked;
  std::error_code none;
  const auto self = fs::read_symlink("/proc/self/exe", none).parent_path();
  // PREFIX/bin/mesh and PREFIX/share/mesh; build/bin/mesh in a checkout.
  for (const auto& folder : {self / ".." / "share" / "mesh", self / ".." / ".."}) {
    const auto place = folder.lexically_normal();
    if (is_source(place)) return fs::canonical(place).string();
    looked.push_back(place.string());
  }
  return fail(ErrorKind::not_found, "no manifests: neither " + join(looked, " nor ") +
                                        " has manifests/base; name their folder with --source");
}

bool is_checkout(const std::string& source) {
  std::error_code none;
  return fs::exists(source + "/CMakeLists.txt", none) && fs::exists(source + "/scripts", none);
}

Status copy_part(const std::string& source, const std::string& part, const Workplace& place) {
  const fs::path from = fs::path(source) / part, to = place.file(part);
  std::error_code failed;
  fs::remove_all(to, failed);
  if (failed) return system_error("remove", to.string(), failed.value());
  const auto files = files_of(from, failed);
  if (failed) return system_error("read", from.string(), failed.value());
  for (const auto& file : files) {
    const fs::path copy = to / file.lexically_relative(from);
    fs::create_directories(copy.parent_path(), failed);
    if (!failed) fs::copy_file(file, copy, failed);
    // An installed file may be read-only, and its copy is to be replaced some day.
    if (!failed) fs::permissions(copy, fs::perms::owner_write, fs::perm_options::add, failed);
    if (failed) return system_error("copy", file.string(), failed.value());
  }
  return {};
}

Result<std::string> fingerprint(const std::string& folder) {
  std::error_code failed;
  const auto files = files_of(folder, failed);
  if (failed) return system_error("read", folder, failed.value());
  Sha256 sum;
  for (const auto& file : files) {
    const std::string text = MESH_TRY(read_file(file.string(), std::size_t{16} << 20));
    sum.add(file.lexically_relative(folder).string() + "\n" + std::to_string(text.size()) + "\n");
    sum.add(text);
  }
  return sum.hex();
}

}  // namespace mesh::cli::deploy
