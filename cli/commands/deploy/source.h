// Where the terraform files and the manifests come from, and the copies that are worked on.
#pragma once

#include <string>

#include "cli/commands/deploy/workplace.h"

namespace mesh::cli::deploy {

// A folder with manifests/base, manifests/overlays and terraform in it: `given` (--source), else
// share/mesh beside the installed program, else the checkout that it was built in. `not_found` says
// where it looked.
Result<std::string> find_source(const std::string& given);
// The folder is a checkout, with what builds the programs and the image.
bool is_checkout(const std::string& source);

// Copies source/PART to the place's folder PART, new each time: programs write beside what they
// read, and a source may be read-only. What is in `kept` stays.
Status copy_part(const std::string& source, const std::string& part, const Workplace& place);

// A text that changes when a file of the part does.
Result<std::string> fingerprint(const std::string& folder);

}  // namespace mesh::cli::deploy
