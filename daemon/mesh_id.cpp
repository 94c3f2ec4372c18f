#include "daemon/mesh_id.h"

#include "common/base/ids.h"
#include "common/ports/written_once.h"

namespace mesh {
namespace {

constexpr const char* kDocument = "mesh";
constexpr std::size_t kBytes = 8;

}  // namespace

Result<std::string> mesh_id(EpochStore& store) {
  return written_once(store, kDocument, []() -> Result<std::string> { return random_hex(kBytes); });
}

}  // namespace mesh
