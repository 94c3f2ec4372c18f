#include "daemon/receipt_key.h"

#include "common/config/kinds.h"

namespace mesh {

Result<std::unique_ptr<const SigningKey>> make_receipt_key(const config::Config& config) {
  const auto& file = config.tenants.receipt_key_file;
  if (!file) return std::unique_ptr<const SigningKey>();
  auto key = SigningKey::from_pem(config.secrets.receipt_key.reveal());
  if (!key) {
    return fail(ErrorKind::invalid,
                "tenants.receipt_key_file: " + config::quote(*file) + ": " + key.error().message);
  }
  return std::make_unique<const SigningKey>(*std::move(key));
}

}  // namespace mesh
