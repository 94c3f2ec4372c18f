#include "cli/bundle/privacy.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::cli {

TenantMask::TenantMask() : salt_(random_hex(16)) {}

std::string TenantMask::pseudonym(std::string_view tenant) const {
  return "tenant-" + sha256_hex(salt_ + std::string(tenant)).substr(0, 12);
}

// "/admin/v1/tenants/acme", "/admin/v1/ratelimits/acme/search"
void TenantMask::hide_in_path(std::string& path) const {
  for (const std::string_view before : {"/admin/v1/tenants/", "/admin/v1/ratelimits/"}) {
    if (!path.starts_with(before)) continue;
    const auto end = std::min(path.find('/', before.size()), path.size());
    path.replace(before.size(), end - before.size(),
                 pseudonym(std::string_view(path).substr(before.size(), end - before.size())));
  }
}

void TenantMask::hide(Json& value) const {
  if (value.is_array()) {
    for (Json& item : value) hide(item);
  }
  if (!value.is_object()) return;
  for (auto& [name, member] : value.items()) {
    const bool names_one =
        name == "tenant" || name == "tenant_id" || name == "tenantId" || name == "anonymous_tenant";
    if (names_one && member.is_string()) {
      // No id of a tenant is empty or has a bracket.
      auto& text = member.get_ref<std::string&>();
      if (!text.empty() && !text.starts_with('(')) text = pseudonym(text);
    } else if (name == "path" && member.is_string()) {
      hide_in_path(member.get_ref<std::string&>());
    } else {
      hide(member);
    }
  }
}

std::string TenantMask::hide_labels(std::string_view metrics) const {
  // Tenants' ids have no characters that would be escaped.
  constexpr std::string_view kLabel = "tenant=\"";
  std::string hidden;
  for (;;) {
    const auto at = metrics.find(kLabel);
    if (at == metrics.npos) return hidden += metrics;
    hidden += metrics.substr(0, at + kLabel.size());
    metrics.remove_prefix(at + kLabel.size());
    const auto name = metrics.substr(0, metrics.find('"'));
    hidden += name == "other" ? std::string(name) : pseudonym(name);
    metrics.remove_prefix(name.size());
  }
}

std::string TenantMask::hide_in_lines(std::string_view lines) const {
  std::string hidden;
  std::size_t left_out = 0;
  for (const std::string& line : split(lines, '\n')) {
    if (trim(line).empty()) continue;
    const auto at = std::min(line.find('{'), line.size());
    auto value = parse_json(std::string_view(line).substr(at));
    if (!value || !value->is_object()) {
      ++left_out;
      continue;
    }
    hide(*value);
    hidden += line.substr(0, at) + dump(*value) + "\n";
  }
  if (left_out > 0) {
    hidden += "(" + std::to_string(left_out) +
              " lines are left out: tenants cannot be hidden in them; --tenants takes them)\n";
  }
  return hidden;
}

void strike_out(std::string& text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  }
}

}  // namespace mesh::cli
