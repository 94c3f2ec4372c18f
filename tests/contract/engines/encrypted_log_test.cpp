#include "common/cipher/encrypted_log.h"
#include "tests/contract/engines/sqlite_log_host.h"
#include "tests/support/fake_keys.h"

namespace mesh::test {
namespace {

// Over the embedded log: to whoever uses it, it is one as any other.
class EncryptedLogHost final : public EventLogHost {
 public:
  EncryptedLogHost() { cover(); }
  EventLog& log() override { return *log_; }
  LogAdmin& admin() override { return *log_; }
  LogImport& import() override { return kept_.import(); }
  void reopen() override {
    log_.reset();
    kept_.reopen();
    cover();
  }
  Timestamp now() override { return kept_.now(); }
  void let_time_pass() override { kept_.let_time_pass(); }
  void let_session_pass() override { kept_.let_session_pass(); }
  void let_half_session_pass() override { kept_.let_half_session_pass(); }

 private:
  void cover() {
    log_ = std::make_unique<cipher::EncryptedLog>(kept_.log(), kept_.admin(), &cipher_,
                                                  cipher::EncryptedLog::Options{}, kept_.clock());
  }

  SqliteLogHost kept_;
  FakeKeyStore keys_;
  cipher::TenantCipher cipher_{keys_, {std::string(32, 'm')}, kept_.clock()};
  std::unique_ptr<cipher::EncryptedLog> log_;
};

std::unique_ptr<EventLogHost> make_encrypted_log_host() {
  return std::make_unique<EncryptedLogHost>();
}

INSTANTIATE_TEST_SUITE_P(Encrypted, EventLogContract, testing::Values(&make_encrypted_log_host));

}  // namespace
}  // namespace mesh::test
