#include "daemon/services/cached_answer.h"

#include <gtest/gtest.h>

#include "daemon/pipeline/stages/cache_subjects.h"
#include "tests/support/fake_read_cache.h"

namespace mesh::services {
namespace {

const TenantId kAcme = TenantId::parse("acme").value();
const CacheSubject kAnn = pipeline::analytics_of(kAcme, "ann");

struct CachedAnswer : testing::Test {
  Result<std::string> ask(ReadCache* through, const std::string& question = "ann") {
    return cached_answer(through, kAnn, question, [&]() -> Result<std::string> {
      ++computed;
      if (error) return fail(*error);
      return "answer " + std::to_string(computed);
    });
  }
  test::FakeReadCache cache;
  std::optional<ErrorKind> error;
  int computed = 0;

 private:
  static tl::unexpected<Error> fail(ErrorKind kind) { return mesh::fail(kind, "it fails"); }
};

TEST_F(CachedAnswer, IsComputedOnceUntilItsSubjectIsForgotten) {
  EXPECT_EQ(*ask(&cache), "answer 1");
  EXPECT_EQ(*ask(&cache), "answer 1");
  EXPECT_EQ(*ask(&cache, "another"), "answer 2");
  cache.forget({&kAnn, 1});
  EXPECT_EQ(*ask(&cache), "answer 3");
}

TEST_F(CachedAnswer, WithoutACacheIsComputedEachTime) {
  EXPECT_EQ(*ask(nullptr), "answer 1");
  EXPECT_EQ(*ask(nullptr), "answer 2");
}

TEST_F(CachedAnswer, AnErrorIsNotKept) {
  error = ErrorKind::not_found;
  EXPECT_EQ(ask(&cache).error().kind, ErrorKind::not_found);
  error.reset();
  EXPECT_EQ(*ask(&cache), "answer 2");
}

TEST_F(CachedAnswer, ASubjectIsOneHoweverItsNameIsWritten) {
  EXPECT_EQ(pipeline::chemical_of(kAcme, "Jos\u00e9").name,
            pipeline::chemical_of(kAcme, "Jose\u0301").name);
  EXPECT_NE(pipeline::chemical_of(kAcme, "x").name, pipeline::analytics_of(kAcme, "x").name);
}

}  // namespace
}  // namespace mesh::services
