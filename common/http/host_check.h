// Which hosts a request may name (RFC 9110 §7.2), against DNS rebinding: a page of another site
// that makes its own name resolve to this server's address could otherwise read what is served
// here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mesh::http {

// `host` is a Host field: a name or an address, and perhaps a port. Addresses are accepted, since
// nothing resolves to them anew; so are localhost, names below .localhost, and `allowed`, where "*"
// stands for any name. Case does not matter, nor does a final dot.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace mesh::http
