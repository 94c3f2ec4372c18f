// The client's side of TLS, one step at a time, so that a test can stop between any two.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/raw_client.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace mesh::test {

struct TlsClientOptions {
  std::string ca;                // PEM
  std::string certificate, key;  // PEM, of the client, its chain behind; empty: none
  std::string protocol = "http/1.1";
  bool only_1_2 = false;
  std::shared_ptr<ssl_session_st> resume{};
};

// A connection; a test that would hang fails instead, after 30 s.
class TlsClient {
 public:
  TlsClient(const std::string& address, TlsClientOptions options);
  ~TlsClient();

  // False: failure() says why.
  bool shake_hands();
  const std::string& failure() const { return failure_; }
  bool send(std::string_view bytes);
  // A record of these bytes, and `times` KeyUpdates of TLS 1.3, that are not sent: several may go
  // as one segment by send_sealed, in the order in which they were made.
  std::string seal(std::string_view bytes);
  std::string seal_key_updates(int times);
  // False where the connection is gone.
  bool send_sealed(std::string_view records);
  // The next answer; status 0 where the connection ended first.
  Answer read();
  Answer ask(std::string_view request);
  // As of RawClient.
  std::string read_until(std::string_view mark);
  // Waits for the server's end: "close_notify", "end" without one, "reset", or what it sent.
  std::string ending();

  std::string protocol() const;  // that was chosen
  std::string version() const;
  bool resumed() const;
  std::shared_ptr<ssl_session_st> session() const;
  int fd() const { return fd_; }
  // Ends the socket, with or without a word in TLS.
  void close(bool orderly = true);

 private:
  bool receive();
  std::string sealed_by(const std::function<void()>& write);
  void note_failure(int result);

  int fd_ = -1;
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<ssl_st> ssl_;
  std::string buffer_, failure_;
};

}  // namespace mesh::test
