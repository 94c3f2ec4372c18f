// What kept answers are about: services read them so, and stages forget them.
#pragma once

#include <string>
#include <string_view>

#include "common/base/unicode.h"
#include "common/domain/activity.h"
#include "common/ports/read_cache.h"

namespace mesh::pipeline {

// Names are compared in NFC, as the stores do.
inline CacheSubject analytics_of(const TenantId& tenant, std::string_view user_id) {
  return {tenant, "analytics/" + to_nfc(user_id)};
}
inline CacheSubject chemical_of(const TenantId& tenant, std::string_view researcher) {
  return {tenant, "chemical/" + to_nfc(researcher)};
}
inline CacheSubject searches_of(const TenantId& tenant) { return {tenant, "search"}; }
inline CacheSubject subject_of(const AnalyticsEvent& event) {
  return analytics_of(event.tenant, event.user_id);
}
inline CacheSubject subject_of(const ChemicalEvent& event) {
  return chemical_of(event.tenant, event.researcher);
}

}  // namespace mesh::pipeline
