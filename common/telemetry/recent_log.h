// The end of this process's log, for those who cannot see where stderr goes.
#pragma once

#include <string>
#include <vector>

namespace mesh::log {

// The last lines that were written, in JSON whatever the format, the oldest first; at most 1,000,
// without those over 16 KiB. Any thread.
std::vector<std::string> recent();

}  // namespace mesh::log
