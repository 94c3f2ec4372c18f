#include "common/config/listeners.h"

namespace mesh::config {

std::vector<std::pair<std::string, std::string>> listeners(const Config& config) {
  std::vector<std::pair<std::string, std::string>> all{{"users", config.listen.users},
                                                       {"gateway", config.listen.gateway},
                                                       {"publisher", config.listen.publisher},
                                                       {"subscriber", config.listen.subscriber},
                                                       {"admin", config.listen.admin}};
  std::erase_if(all, [&](const auto& listener) { return !config.has_role(listener.first); });
  return all;
}

}  // namespace mesh::config
