#include "common/engines/postgres/errors.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace mesh::postgres {
namespace {

struct Known {
  std::string_view sign;  // the beginning of a SQLSTATE, or what libpq's text holds
  ErrorKind kind;
  const char* message;
};

constexpr ErrorKind kAway = ErrorKind::unavailable;

constexpr const char* kPooled =
    "what stands between meshd and PostgreSQL changes connections between transactions: let the "
    "pooler pool sessions, or name the server itself in postgres.dsn";

constexpr Known kStates[] = {
    {"08", kAway, "the connection to PostgreSQL broke: try again"},
    {"25006", kAway,
     "this PostgreSQL server takes no writes, as a standby does: name the primary in postgres.dsn, "
     "or all of them and target_session_attrs=read-write"},
    {"25P03", kAway,
     "this process stood still for so long that PostgreSQL gave its transaction up"},
    {"26000", kAway, kPooled},
    {"42P05", kAway, kPooled},
    {"40001", kAway, "others change the same rows of PostgreSQL all the time: try again"},
    {"40P01", kAway, "others change the same rows of PostgreSQL all the time: try again"},
    {"42501", kAway,
     "PostgreSQL does not permit the role of postgres.dsn what meshd needs: make its schema with "
     "`meshd --print-migrations | psql` as a role that may, and grant the role the use of it, or "
     "grant it CREATE on the database"},
    {"42P01", kAway, "a table is missing in the schema of PostgreSQL: start meshd again"},
    {"53100", kAway, "the disk of PostgreSQL is full: make room there"},
    {"53300", kAway,
     "PostgreSQL takes no more connections: raise its max_connections or lower postgres.pool"},
    {"53", kAway, "PostgreSQL lacks a resource: see its log"},
    {kLockTimedOut, kAway, "a row of PostgreSQL was locked for too long: try again"},
    {"57014", kAway, "PostgreSQL took too long for a statement, or an operator stopped it"},
    {"57", kAway, "PostgreSQL is stopping or starting: try again"},
    {"58", kAway, "the storage of PostgreSQL failed: see its log"},
    {"22", ErrorKind::invalid, "PostgreSQL does not take a value, such as a text with a NUL in it"},
    {"23505", ErrorKind::conflict, "it is there already"},
    {"XX001", ErrorKind::corrupt, "a table of PostgreSQL is damaged: see its log"},
    {"XX002", ErrorKind::corrupt, "an index of PostgreSQL is damaged: see its log"},
};

constexpr Known kConnects[] = {
    {"password authentication failed", kAway,
     "PostgreSQL refuses the password: see postgres.password_file, and user in postgres.dsn"},
    {"no password supplied", kAway, "PostgreSQL wants a password: set postgres.password_file"},
    {"no pg_hba.conf entry", kAway,
     "PostgreSQL lets nobody in from here by this user, database and TLS: see its pg_hba.conf, and "
     "sslmode in postgres.dsn"},
    {"role \"", kAway,
     "PostgreSQL has no such role, or it may not log in: see user in "
     "postgres.dsn"},
    {"permission denied for database", kAway,
     "the role of postgres.dsn may not connect to the database: grant it CONNECT"},
    {"database \"", kAway,
     "PostgreSQL has no such database, or it may not be used: see dbname in postgres.dsn"},
    {"does not match host name", kAway,
     "the certificate of PostgreSQL is for another host: let host in postgres.dsn be the one that "
     "it is for, with hostaddr beside it where that name does not lead there"},
    {"certificate verify failed", kAway,
     "the CA in postgres.ca_file, or sslrootcert of postgres.dsn, did not sign the certificate of "
     "PostgreSQL, or that "
     "has "
     "run out: name the CA that did, or renew it"},
    {"root certificate file", kAway,
     "the file of postgres.ca_file, or sslrootcert in postgres.dsn, is not there or cannot be "
     "read: it has to hold the "
     "certificate of the CA that signed PostgreSQL's"},
    {"private key file", kAway,
     "the file of sslkey in postgres.dsn cannot be used: it has to be the key of sslcert, and "
     "nobody else may read it (chmod 600)"},
    {"alert unknown ca", kAway,
     "PostgreSQL refuses the certificate of sslcert in postgres.dsn: a CA of its ssl_ca_file has "
     "to "
     "sign it"},
    {"certificate", kAway,
     "the TLS certificates of PostgreSQL and of postgres.dsn do not fit: see its sslrootcert, "
     "sslcert and sslkey"},
    {"SSL", kAway, "no TLS connection to PostgreSQL: see sslmode in postgres.dsn"},
    {"too many clients", kAway,
     "PostgreSQL takes no more connections: raise its max_connections or lower postgres.pool"},
    {"remaining connection slots", kAway,
     "PostgreSQL takes no more connections: raise its max_connections or lower postgres.pool"},
    {"starting up", kAway, "PostgreSQL is starting: try again"},
    {"shutting down", kAway, "PostgreSQL is stopping: try again"},
    {"session is read-only", kAway,
     "none of the PostgreSQL servers of postgres.dsn takes writes: name the primary"},
};

template <typename Matches>
Error from(const Known* first, const Known* last, const Known& other, std::string cause,
           Matches matches) {
  const Known* found = std::find_if(first, last, matches);
  const Known& known = found == last ? other : *found;
  Error error;
  error.kind = known.kind;
  error.message = known.message;
  error.cause = std::move(cause);
  return error;
}

}  // namespace

Error error_of(const std::string& state, std::string cause) {
  constexpr Known kOther{"", ErrorKind::internal, "PostgreSQL refuses a statement"};
  return from(std::begin(kStates), std::end(kStates), kOther,
              std::move(cause) + " (SQLSTATE " + state + ")",
              [&](const Known& known) { return state.starts_with(known.sign); });
}

Error connect_error(const std::string& said, std::string cause) {
  constexpr Known kOther{"", kAway,
                         "PostgreSQL cannot be reached: see host and port in postgres.dsn, and "
                         "whether the server runs"};
  return from(std::begin(kConnects), std::end(kConnects), kOther, std::move(cause),
              [&](const Known& known) { return said.find(known.sign) != std::string::npos; });
}

bool ends_session(const std::string& state) {
  return state.starts_with("08") || state == "25006" || state == "25P03" || state == "57P01" ||
         state == "57P02" || state == "57P03" || state == "57P05";
}

}  // namespace mesh::postgres
