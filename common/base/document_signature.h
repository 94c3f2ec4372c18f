// Signatures of JSON documents that are kept apart from them: JWS (RFC 7515) with a detached
// payload (its appendix F), by Ed25519 (RFC 8037).
//
// What is signed is the document as compact JSON whose members are sorted, so that a program that
// reads and writes it does not break the signature.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

struct Ed25519Key;

// Any thread.
class VerifyingKey {
 public:
  // A public key, or the one of a private key, in PEM. `invalid` for any other text.
  static Result<VerifyingKey> from_pem(std::string_view pem);
  // Its thumbprint (RFC 7638), by which signatures name it.
  const std::string& id() const { return id_; }
  // Whether `signature` ("<protected>..<signature>") is this key's, of the document as it is.
  // `unprocessable` with what is wrong.
  Status check(const Json& document, std::string_view signature) const;

 private:
  friend class SigningKey;
  VerifyingKey(std::shared_ptr<const Ed25519Key> key, std::string id)
      : key_(std::move(key)), id_(std::move(id)) {}
  static Result<VerifyingKey> of(std::shared_ptr<const Ed25519Key> key);

  std::shared_ptr<const Ed25519Key> key_;
  std::string id_;
};

// Any thread.
class SigningKey {
 public:
  // A private key in PEM, without a pass phrase. `invalid` for any other text.
  static Result<SigningKey> from_pem(std::string_view pem);
  std::string sign(const Json& document) const;
  const VerifyingKey& verifying() const { return key_; }

 private:
  explicit SigningKey(VerifyingKey key) : key_(std::move(key)) {}

  VerifyingKey key_;  // with the private part
};

}  // namespace mesh
