// A document that whoever needs it first writes, and nobody changes.
#pragma once

#include <string>

#include "common/ports/epoch_store.h"

namespace mesh {

// The body of the document `name`. Where it has none, that of `make`, a Result<std::string> that is
// not empty; of several that come at once one is kept, and all get it. Errors are those of `make`,
// after which nothing is written, and the store's. Blocks.
template <typename Make>
Result<std::string> written_once(EpochStore& store, const std::string& name, Make make) {
  constexpr int kTries = 10;  // others write only while they come for the first time
  if (auto known = MESH_TRY(store.read(name)); !known.body.empty()) return known.body;
  const std::string body = MESH_TRY(make());
  for (int i = 1;; ++i) {
    auto own = MESH_TRY(store.take_over(name));
    if (!own.body.empty()) return own.body;
    const Status written = store.write(name, own.epoch, body);
    if (written) return body;
    if (written.error().kind != ErrorKind::conflict || i == kTries) return fail(written.error());
  }
}

}  // namespace mesh
