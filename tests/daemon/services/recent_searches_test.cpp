#include "daemon/services/recent_searches.h"

#include <gtest/gtest.h>

namespace mesh::services {
namespace {

const TenantId kAcmeCo = TenantId::parse("acme").value();
const TenantId kGlobexCo = TenantId::parse("globex").value();

std::vector<std::string> queries_in(const RecentSearches& recent,
                                    const std::optional<TenantId>& tenant = {}) {
  std::vector<std::string> texts;
  for (const auto& search : recent.list(tenant)) {
    texts.push_back(search.tenant.str() + " " + search.query);
  }
  return texts;
}
using Queries = std::vector<std::string>;

TEST(RecentSearches, TheLastDistinctOnesAreKeptNewestFirst) {
  RecentSearches recent(2);
  recent.note(kAcmeCo, "ann");
  recent.note(kAcmeCo, "bob");
  recent.note(kAcmeCo, "ann");
  EXPECT_EQ(queries_in(recent), (Queries{"acme ann", "acme bob"}));
  recent.note(kGlobexCo, "ann");
  EXPECT_EQ(queries_in(recent), (Queries{"globex ann", "acme ann"}))
      << "one of another tenant is another";
  recent.note(kAcmeCo, "bob");
  EXPECT_EQ(queries_in(recent), (Queries{"acme bob", "globex ann"}));
}

TEST(RecentSearches, OneTenantsAreToldAlone) {
  RecentSearches recent(10);
  recent.note(kAcmeCo, "ann");
  recent.note(kGlobexCo, "bob");
  EXPECT_EQ(queries_in(recent, kAcmeCo), (Queries{"acme ann"}));
}

TEST(RecentSearches, AnErasedTenantsAreForgotten) {
  RecentSearches recent(2);
  recent.note(kAcmeCo, "ann");
  recent.note(kGlobexCo, "bob");
  recent.forget(kAcmeCo);
  EXPECT_EQ(queries_in(recent), (Queries{"globex bob"}));
  recent.note(kAcmeCo, "ann");
  EXPECT_EQ(queries_in(recent), (Queries{"acme ann", "globex bob"}));
}

TEST(RecentSearches, ThoseOfTenantsThatArePassedOverAreNotKept) {
  RecentSearches recent(2, [](const TenantId& tenant) { return tenant == kGlobexCo; });
  recent.note(kGlobexCo, "bob");
  recent.note(kAcmeCo, "ann");
  EXPECT_EQ(queries_in(recent), (Queries{"acme ann"}));
}

TEST(RecentSearches, OfNoneNothingIsKept) {
  RecentSearches recent(0);
  recent.note(kAcmeCo, "ann");
  EXPECT_EQ(queries_in(recent), Queries{});
}

}  // namespace
}  // namespace mesh::services
