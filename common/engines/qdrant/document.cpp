#include "common/engines/qdrant/document.h"

#include "common/base/json.h"

namespace mesh::qdrant {

Result<Generations> Generations::parse(const std::string& text) {
  Generations read;
  if (text.empty()) return read;
  const auto damaged = [&] {
    return fail(ErrorKind::corrupt,
                "the store's document of the index's generations cannot be read: take it from a "
                "backup of the store",
                text.substr(0, 500));
  };
  const auto document = parse_json(text);
  if (!document || !document->is_object()) return damaged();
  // at() and get() throw where a member is missing or something else; only parse knows of it.
  try {
    read.mesh = document->at("mesh").get<std::string>();
    read.last = document->at("last").get<int>();
    read.serving = document->at("serving").get<int>();
    for (const auto& one : document->at("generations")) {
      read.specs[one.at("number").get<int>()] = {
          one.at("dimension").get<int>(), one.at("embedder").get<std::string>(),
          one.value("model", std::string()), one.value("shadow", false)};
    }
  } catch (const Json::exception&) {
    return damaged();
  }
  if (read.serving != 0 && !read.specs.contains(read.serving)) return damaged();
  return read;
}

std::string Generations::text() const {
  Json generations = Json::array();
  for (const auto& [number, spec] : specs) {
    Json one{{"number", number}, {"dimension", spec.dimension}, {"embedder", spec.embedder}};
    if (!spec.model.empty()) one["model"] = spec.model;
    if (spec.shadow) one["shadow"] = true;
    generations.push_back(std::move(one));
  }
  return dump({{"mesh", mesh}, {"last", last}, {"serving", serving}, {"generations", generations}});
}

}  // namespace mesh::qdrant
