#include "cli/exit_code.h"

#include "cli/render/width.h"
#include "common/base/time.h"
#include "common/client/problem.h"

namespace mesh::cli {
namespace {

std::string hint(const Error& error) {
  switch (error.kind) {
    case ErrorKind::unauthenticated:
      return "give --token or $MESH_TOKEN; on the server's machine, --data-dir finds the "
             "operator's";
    case ErrorKind::forbidden:
      return "see who you are with `mesh token inspect`, and where that comes from with `mesh "
             "doctor`";
    case ErrorKind::unavailable:
      return "`mesh doctor` shows which addresses are asked and what answers";
    case ErrorKind::rate_limited:
      return error.retry_after ? "try again in " + format_duration(*error.retry_after)
                               : std::string{};
    default:
      return {};
  }
}

}  // namespace

Exit exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return Exit::usage;
    case ErrorKind::unauthenticated:
    case ErrorKind::forbidden:
      return Exit::auth;
    case ErrorKind::not_found:
      return Exit::not_found;
    case ErrorKind::rate_limited:
      return Exit::rate_limited;
    case ErrorKind::timeout:
      return Exit::timed_out;
    case ErrorKind::conflict:
    case ErrorKind::too_large:
    case ErrorKind::unsupported:
    case ErrorKind::unprocessable:
    case ErrorKind::unavailable:
    case ErrorKind::uncertain:
    case ErrorKind::cancelled:
    case ErrorKind::corrupt:
    case ErrorKind::internal:
      break;
  }
  return Exit::failure;
}

std::string error_text(const Error& error, bool verbose) {
  std::string text = "mesh: " + printable(error.message);
  if (!error.request_id.empty()) {
    text += " (request id " + printable(error.request_id) + ")";
  } else if (verbose && !error.cause.empty()) {
    text += "\n  cause: " + printable(error.cause);
  }
  text += '\n';
  for (const auto& field : error.fields) {
    text += "  " + printable(field.pointer.empty() ? "/" : field.pointer) + ": " +
            printable(field.detail) + "\n";
  }
  if (const std::string advice = hint(error); !advice.empty()) text += "  " + advice + "\n";
  return text;
}

}  // namespace mesh::cli
