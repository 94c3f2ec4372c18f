// TLS as libpq has it, on a server with a certificate of a CA of the test's own.
#include <cstdlib>
#include <filesystem>

#include "tests/common/engines/postgres/store_fixture.h"
#include "tests/support/temp_dir.h"

namespace mesh::postgres {
namespace {

using test::create;
using test::kAcme;
using test::succeeds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct PostgresTls : OwnPostgresTest {
  static void SetUpTestSuite() {
    OwnPostgresTest::SetUpTestSuite();
    if (!PostgresServer::installed()) return;
    files_.emplace();
    make_certificate("ca", "mesh test CA", {});
    make_certificate("stranger", "another CA", {});
    make_certificate("server", "db.mesh", "ca");
    make_certificate("certified", "certified", "ca");
    make_certificate("unknown", "certified", "stranger");
    own().serve_tls(file("server.crt"), file("server.key"), file("ca.crt"));
  }
  static void TearDownTestSuite() {
    OwnPostgresTest::TearDownTestSuite();
    files_.reset();
  }
  // <name>.crt and <name>.key, signed by `ca`; empty: by itself.
  static void make_certificate(const std::string& name, const std::string& common_name,
                               const std::string& ca) {
    std::string command =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=" + common_name +
        "' -keyout " + file(name + ".key") + " -out " + file(name + ".crt");
    if (!ca.empty()) command += " -CA " + file(ca + ".crt") + " -CAkey " + file(ca + ".key");
    if (name == "server") command += " -addext subjectAltName=DNS:db.mesh";
    ASSERT_EQ(std::system((command + " 2>/dev/null").c_str()), 0) << command;
  }
  static std::string file(const std::string& name) { return files_->file(name); }
  // The name is resolved by nobody: the address stands beside it.
  StoreOptions verifying(const std::string& ca, const std::string& host) {
    StoreOptions options = own_options();
    options.dsn += " hostaddr=127.0.0.1 host=" + host + " sslmode=verify-full sslrootcert=" + ca;
    return options;
  }
  StoreOptions certified(const std::string& certificate) {
    StoreOptions options = verifying(file("ca.crt"), "db.mesh");
    options.password.clear();
    options.dsn += " user=certified";
    if (certificate.empty()) return options;
    options.dsn +=
        " sslcert=" + file(certificate + ".crt") + " sslkey=" + file(certificate + ".key");
    return options;
  }
  static Error refusal(const StoreOptions& options) {
    auto opened = PostgresStores::open(options, system_clock());
    EXPECT_FALSE(opened) << "it opens";
    return opened ? Error{} : opened.error();
  }

 private:
  static inline std::optional<test::TempDir> files_;
};

TEST_F(PostgresTls, AServerThatItsCaVouchesForIsServedByPassword) {
  const auto store = open(verifying(file("ca.crt"), "db.mesh"));
  EXPECT_TRUE(succeeds(create(store->users(), kAcme, "a@x.dev")));
  EXPECT_EQ(own().ask("SELECT count(*)>1 AND bool_and(s.ssl) FROM pg_stat_ssl s"
                      " JOIN pg_stat_activity a USING(pid) WHERE a.application_name='meshd'"),
            "t")
      << "every connection is, that of the listener, too";
}

TEST_F(PostgresTls, ACaFileOfTheConfigurationAsksForProofByItself) {
  const auto with = [&](const std::string& ca, const std::string& host) {
    StoreOptions options = own_options();
    options.dsn += " hostaddr=127.0.0.1 host=" + host;
    options.ca_file = file(ca);
    return options;
  };
  const auto store = open(with("ca.crt", "db.mesh"));
  EXPECT_TRUE(succeeds(create(store->users(), kAcme, "a@x.dev")));
  EXPECT_THAT(refusal(with("stranger.crt", "db.mesh")).message, HasSubstr("postgres.ca_file"));
  EXPECT_THAT(refusal(with("ca.crt", "other.mesh")).message, HasSubstr("another host"));
}

TEST_F(PostgresTls, OneOfAnotherCaOrForAnotherHostIsRefusedWithAWordOnWhatToChange) {
  const Error stranger = refusal(verifying(file("stranger.crt"), "db.mesh"));
  EXPECT_EQ(stranger.kind, ErrorKind::unavailable);
  EXPECT_THAT(stranger.message, HasSubstr("sslrootcert")) << stranger.cause;
  EXPECT_THAT(stranger.message, HasSubstr("CA")) << stranger.cause;
  const Error elsewhere = refusal(verifying(file("ca.crt"), "other.mesh"));
  EXPECT_EQ(elsewhere.kind, ErrorKind::unavailable);
  EXPECT_THAT(elsewhere.message, AllOf(HasSubstr("host"), Not(HasSubstr("sslkey"))))
      << elsewhere.cause;
  EXPECT_THAT(elsewhere.cause, HasSubstr("other.mesh"));
  const Error missing = refusal(verifying(file("none.crt"), "db.mesh"));
  EXPECT_EQ(missing.kind, ErrorKind::unavailable);
  EXPECT_THAT(missing.message, HasSubstr("sslrootcert")) << missing.cause;
}

TEST_F(PostgresTls, ARoleThatComesByCertificateNeedsOneOfTheServersCa) {
  const auto store = open(certified("certified"));
  EXPECT_TRUE(succeeds(create(store->users(), kAcme, "a@x.dev")));
  std::filesystem::permissions(file("certified.key"), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_THAT(refusal(certified("certified")).message, HasSubstr("chmod 600"));
  for (const char* wrong : {"", "unknown"}) {
    const Error refused = refusal(certified(wrong));
    EXPECT_EQ(refused.kind, ErrorKind::unavailable) << wrong;
    EXPECT_THAT(refused.message, HasSubstr("sslcert")) << wrong << ": " << refused.cause;
  }
}

TEST_F(PostgresTls, AWrongPasswordOverTlsIsOneAsWithout) {
  StoreOptions wrong = verifying(file("ca.crt"), "db.mesh");
  wrong.password = "wrong-secret";
  const Error refused = refusal(wrong);
  EXPECT_THAT(refused.message, HasSubstr("postgres.password_file"));
  EXPECT_THAT(refused.to_string(), Not(HasSubstr("wrong-secret")));
}

}  // namespace
}  // namespace mesh::postgres
