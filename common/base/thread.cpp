#include "common/base/thread.h"

#include <pthread.h>
#include <unistd.h>

#include <cstring>

namespace mesh {

void name_thread(const char* name) {
  char kept[16] = {};
  std::strncpy(kept, name, sizeof kept - 1);
  // It refuses a longer name as a whole, so that the cut is made here.
  ::pthread_setname_np(::pthread_self(), kept);
}

void stand_back(Standing standing) {
  // On Linux this concerns the calling thread alone. It needs no right; where it fails the thread
  // merely keeps its share.
  (void)::nice(static_cast<int>(standing));
}

}  // namespace mesh
