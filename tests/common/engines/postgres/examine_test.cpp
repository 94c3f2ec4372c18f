// What an operator is told of a PostgreSQL server.
#include "tests/common/engines/postgres/store_fixture.h"
#include "tests/support/findings.h"
#include "tests/support/manual_clock.h"

namespace mesh::postgres {
namespace {

using test::finding_about;
using testing::HasSubstr;

using PostgresExamine = PostgresTest;

TEST_F(PostgresExamine, VersionRightsAndClockAreFoundInOrder) {
  const auto all = open(options())->examine();
  for (const char* what : {"version", "permissions", "clock"}) {
    EXPECT_TRUE(finding_about(all, what).ok) << finding_about(all, what).detail;
  }
  EXPECT_THAT(finding_about(all, "version").detail,
              HasSubstr(server().ask("SELECT current_setting('server_version')")));
}

TEST_F(PostgresExamine, ARightThatIsMissingIsNamed) {
  const auto store = open(options());
  ask("REVOKE DELETE ON users FROM mesh");
  ask("REVOKE EXECUTE ON FUNCTION mesh_now() FROM mesh, public");
  const auto found = finding_about(store->examine(), "permissions");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.detail, HasSubstr("users"));
  EXPECT_THAT(found.detail, HasSubstr("mesh_now"));
  EXPECT_THAT(found.advice, HasSubstr("GRANT"));
}

TEST_F(PostgresExamine, AServerThatDoesNotSyncIsTold) {
  const auto found = finding_about(open(options())->examine(), "settings");
  EXPECT_FALSE(found.ok) << "the tests' own spares the disk";
  EXPECT_THAT(found.advice, HasSubstr("fsync = on"));
}

TEST_F(PostgresExamine, AClockThatDiffersIsTold) {
  ManualClock clock;  // of the first of January 2026
  const auto found = finding_about(open(options(), clock)->examine(), "clock");
  EXPECT_FALSE(found.ok) << found.detail;
}

}  // namespace
}  // namespace mesh::postgres
