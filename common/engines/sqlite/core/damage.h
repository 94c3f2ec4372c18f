// Damaged bytes: one error for all of them, and what of them this process has met.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::sqlite {

// `corrupt`: "<file> is damaged[ at <where>]". Every error of damaged bytes is made here, so that
// none goes unnoted. Any thread.
Error damaged_file(std::string_view file, std::string cause, std::string_view where = {});

// By file, what was met since the process began: the place, where it is known, and the cause.
std::map<std::string, std::string, std::less<>> damage_met();

// The file was made anew: what was damaged is gone. Any thread.
void forget_damage(std::string_view file);

}  // namespace mesh::sqlite
