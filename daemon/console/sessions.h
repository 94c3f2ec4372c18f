// Sessions of the web console: a browser shows a cookie in place of the operator's token, which it
// gave once, or in place of which it gave a code.
//
// Nothing is stored: cookies and codes are sealed with a key that all processes of the mesh derive
// from the operator's token. So each of them knows a session that another one began, a restart ends
// none, and another operator's token ends all.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/seal.h"
#include "common/config/config.h"
#include "common/domain/tenant.h"
#include "common/http/message.h"
#include "common/http/route.h"

namespace mesh::console {

// What a session may not, of what an operator may.
struct Restrictions {
  bool read_only = false;       // changes nothing
  bool hides_payloads = false;  // shows nothing of what events and users hold
};

// What a code opens: in whose name, who asked for it, and what he restricted it from.
struct Opening {
  std::string user;  // the operator, as the audit log names him
  Restrictions restrictions;
};

struct Session {
  std::string user;  // as above
  Restrictions restrictions;
  Timestamp until{};
};

// Where a session stands in for the operator's token, this header says that a page of the console
// asks: no page of another site can send it, even one that the browser takes for the same site
// since it differs in its port alone. Of requests that change nothing it is not asked.
inline constexpr const char* kConsoleHeader = "Mesh-Console";

inline constexpr Duration kCodeLifetime{60'000};

// Any thread; nothing blocks.
class Sessions {
 public:
  Sessions(const config::Console& config, Clock& clock);

  // A key of derive_key, the same in all processes. Ends what was sealed with another one.
  void change_key(std::string_view key);

  // One that begins now, with what is wanted and what the configuration restricts all to.
  Session begin(const Opening& wanted) const;
  // The value of Set-Cookie that begins or, with end_cookie, ends the session of a browser that
  // sends `request`. The cookie's name has the port of its Host, since browsers give a host's
  // cookies to all of its ports.
  std::string cookie(const http::Request& request, const Session& session, bool tls) const;
  static std::string end_cookie(const http::Request& request, bool tls);
  // The session whose cookie the request carries; nothing where there is none, it is over, or it
  // is not one of ours.
  std::optional<Session> of(const http::Request& request) const;

  // A code that begins such a session, for kCodeLifetime; each has another.
  std::string make_code(const Opening& opening) const;
  // What make_code was given; nothing for what is no code, or one whose time is up. Whether it was
  // used before is not known here.
  std::optional<Opening> read_code(std::string_view code) const;

 private:
  std::shared_ptr<const Seal> seal() const;
  Restrictions with_configured(const Restrictions& own) const;

  const config::Console config_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Seal> seal_;  // guarded by mutex_; null: no key yet
};

// Whether a request of a session may be answered: `forbidden` where the session is restricted, or
// what changes something does not come from the console.
Status check_session(const Session& session, const http::Request& request,
                     const http::Route& route);

}  // namespace mesh::console
