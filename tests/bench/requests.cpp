#include "tests/bench/requests.h"

namespace mesh::bench {

void append_request(std::string& out, std::string_view method, std::string_view target,
                    std::string_view tenant, std::string_view body, std::string_view content_type,
                    std::string_view key) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  out.append("Authorization: Bearer ").append(tenant).append(":bench\r\n");
  if (!key.empty()) out.append("Idempotency-Key: ").append(key).append("\r\n");
  if (!body.empty()) {
    out.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
    out.append(std::to_string(body.size())).append("\r\n");
  }
  out.append("\r\n").append(body);
}

std::string request(std::string_view method, std::string_view target, std::string_view tenant,
                    std::string_view body, std::string_view content_type) {
  std::string out;
  append_request(out, method, target, tenant, body, content_type);
  return out;
}

}  // namespace mesh::bench
