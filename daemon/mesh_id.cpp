#include "daemon/mesh_id.h"

#include "common/base/ids.h"

namespace mesh {
namespace {

constexpr const char* kDocument = "mesh";
constexpr std::size_t kBytes = 8;
constexpr int kTries = 10;  // others write only while they start

}  // namespace

Result<std::string> mesh_id(EpochStore& store) {
  if (auto known = MESH_TRY(store.read(kDocument)); !known.body.empty()) return known.body;
  for (int i = 1;; ++i) {
    auto own = MESH_TRY(store.take_over(kDocument));
    if (!own.body.empty()) return own.body;
    std::string id = random_hex(kBytes);
    const Status written = store.write(kDocument, own.epoch, id);
    if (written) return id;
    if (written.error().kind != ErrorKind::conflict || i == kTries) return fail(written.error());
  }
}

}  // namespace mesh
