// What must not leave the house with a bundle. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/json.h"

namespace mesh::cli {

// Gives tenants pseudonyms: the same name the same one within a bundle, and another in the next. A
// digest without a salt that nobody keeps would tell whoever tries names.
class TenantMask {
 public:
  TenantMask();  // a salt of its own
  explicit TenantMask(std::string salt) : salt_(std::move(salt)) {}

  // "tenant-" and 12 hex digits.
  std::string pseudonym(std::string_view tenant) const;

  // Puts pseudonyms in place of the strings of members called tenant, tenant_id, tenantId or
  // anonymous_tenant, at any depth; "(others)" is none. Likewise of the paths of operators'
  // requests in members called path.
  void hide(Json& value) const;

  // The same in the label tenant of metrics in Prometheus's text form; "other" is none.
  std::string hide_labels(std::string_view metrics) const;

  // The same in lines that end in an object of JSON. Others are left out, since they may have names
  // anywhere; a last line says how many.
  std::string hide_in_lines(std::string_view lines) const;

 private:
  void hide_in_path(std::string& path) const;

  std::string salt_;
};

// Puts *** in place of each secret; empty ones do not count.
void strike_out(std::string& text, const std::vector<std::string>& secrets);

}  // namespace mesh::cli
