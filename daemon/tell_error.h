// How meshd tells why it could not do what a flag of one run asked.
#pragma once

#include "common/base/error.h"

namespace mesh {

// For people on stderr; as JSON {"error": the message, "kind", "cause"} on stdout, for the program
// that asked and has its own way to say it.
void tell_error(const Error& error, bool json);

// Ends the process with code 3 where an engine can no longer be trusted (Engines::OnFatal).
[[noreturn]] void die(const Error& error);

}  // namespace mesh
