#include "cli/tenant_files.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>

#include "cli/files.h"
#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/domain/rate_scopes.h"
#include "common/yaml/json.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxFile = 16 << 20;

tl::unexpected<Error> wrong(const std::string& place, Error error) {
  error.message = place + ": " + error.message;
  return fail(std::move(error));
}

Result<TenantDocument> document_of(Json json, const std::string& place) {
  if (!json.is_object() || json.value("kind", Json()) != "tenant") {
    return fail(ErrorKind::invalid,
                place + ": a document must be a mapping with `kind: tenant` (the one kind)");
  }
  json.erase("kind");
  const bool versioned = json.contains("version");
  for (const char* own : {"created_at", "updated_at", "managed_by", "closed"}) {
    if (json.contains(own)) {
      return fail(ErrorKind::invalid,
                  place + ": " + own + " is set by the mesh and by apply; leave it out");
    }
  }
  auto tenant = tenant_from_json(json);
  if (!tenant) return wrong(place, tenant.error());
  for (const auto& [scope, policy] : tenant->rate_limits) {
    if (std::ranges::find(kRateScopes, scope) != kRateScopes.end()) continue;
    return fail(ErrorKind::invalid, place + ": rate_limits has no scope \"" + scope +
                                        "\"; a scope is " + kRateScopeNames);
  }
  if (tenant->name.empty()) tenant->name = tenant->id.str();
  if (auto good = check_types(tenant->types); !good) return wrong(place, good.error());
  if (auto good = check_search(tenant->search, tenant->types); !good) {
    return wrong(place, good.error());
  }
  const auto version = versioned ? std::optional(tenant->version) : std::nullopt;
  return TenantDocument{std::move(*tenant), version, place};
}

bool is_document_file(const std::filesystem::path& path) {
  const auto end = path.extension();
  return end == ".yaml" || end == ".yml" || end == ".json";
}

void compare(const Json& before, const Json& after, const std::string& at, Json& found) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) {
    found.push_back({{"path", at}, {"before", before}, {"after", after}});
    return;
  }
  const auto of = [](const Json& object, const std::string& name) {
    const auto it = object.find(name);
    return it == object.end() ? Json() : *it;
  };
  for (const auto& [name, value] : before.items()) {
    compare(value, of(after, name), at + pointer_to(name), found);
  }
  for (const auto& [name, value] : after.items()) {
    if (!before.contains(name)) compare(Json(), value, at + pointer_to(name), found);
  }
}

}  // namespace

Json to_document(const Tenant& tenant) {
  Json document{{"kind", "tenant"}};
  const Json record = to_json(tenant);
  for (const char* member : {"id", "name", "allow_unknown_types", "rate_limits", "quotas", "roles",
                             "types", "search", "retention"}) {
    const auto it = record.find(member);
    if (it != record.end()) document[member] = *it;
  }
  return document;
}

Result<std::vector<TenantDocument>> parse_tenants(const std::string& text,
                                                  const std::string& name) {
  std::vector<TenantDocument> documents;
  std::string part;
  int number = 0;
  // Within a document's values no line begins with "---": blocks are indented.
  for (const auto& line : split(text + "\n---", '\n')) {
    if (!line.starts_with("---") || !trim(line.substr(3)).empty()) {
      part.append(line).append("\n");
      continue;
    }
    const std::string place = name + ", document " + std::to_string(number + 1);
    auto json = yaml::to_json(part);
    if (!json) return wrong(place, json.error());
    part.clear();
    if (json->is_null()) continue;  // nothing but comments
    ++number;
    documents.push_back(MESH_TRY(document_of(std::move(*json), place)));
  }
  return documents;
}

Result<std::vector<TenantDocument>> read_tenants(const std::string& path, std::istream& in) {
  namespace fs = std::filesystem;
  std::vector<TenantDocument> all;
  if (path == "-") {
    const std::string text(std::istreambuf_iterator<char>(in), {});
    all = MESH_TRY(parse_tenants(text, "stdin"));
  } else {
    std::vector<fs::path> files;
    std::error_code code;
    if (fs::is_directory(path, code)) {
      for (const auto& entry : fs::directory_iterator(path, code)) {
        if (is_document_file(entry.path())) files.push_back(entry.path());
      }
      if (code) return system_error("read", path, code.value());
      std::ranges::sort(files);
    } else {
      files.emplace_back(path);
    }
    for (const auto& file : files) {
      const auto text = MESH_TRY(read_file(file.string(), kMaxFile));
      auto documents = MESH_TRY(parse_tenants(text, file.string()));
      std::ranges::move(documents, std::back_inserter(all));
    }
  }
  if (all.empty()) {
    return fail(ErrorKind::invalid, path + " has no document of a tenant (*.yaml, *.yml, *.json)");
  }
  std::map<std::string, std::string> places;
  for (const auto& document : all) {
    const auto [it, first] = places.emplace(document.tenant.id.str(), document.place);
    if (first) continue;
    return fail(ErrorKind::invalid,
                document.place + ": tenant " + it->first + " is in " + it->second + " already");
  }
  return all;
}

Status nothing_below(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  if (path == "-" || !fs::is_directory(path, code)) return {};
  fs::recursive_directory_iterator at(path, code);
  for (; !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    // As .git, and what a mounted ConfigMap keeps its files in.
    const bool hidden = at->path().filename().string().starts_with('.');
    if (hidden) at.disable_recursion_pending();
    if (hidden || at.depth() == 0 || !is_document_file(at->path())) continue;
    return fail(ErrorKind::invalid,
                at->path().string() +
                    " lies in a folder below, which is not read, and its tenants would be taken "
                    "for gone; move it to " +
                    path + ", or leave --prune out");
  }
  if (code) return system_error("read", path, code.value());
  return {};
}

Json differences(const Json& before, const Json& after) {
  Json found = Json::array();
  compare(before, after, "", found);
  return found;
}

}  // namespace mesh::cli
