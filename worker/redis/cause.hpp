// The cause of an error of Redis, from its text.
#pragma once
#include <string_view>

#include "process/failure.hpp"

namespace wc::redis {

/// Finds the codes with which Redis's answers begin.  An error inside a script has its code further inside the text.
constexpr Cause cause_of(std::string_view what) noexcept
{
    auto const says = [what](std::string_view words) { return what.find(words) != std::string_view::npos; };
    if (says("NOPERM") || says("NOAUTH") || says("WRONGPASS") || says("ACL failure in script") ||
        says("The user executing the script") || says("or its password"))
        return Cause::NoRights;
    if (says("READONLY"))
        return Cause::ReadOnly;
    if (says("MISCONF") || says("OOM command not allowed"))
        return Cause::FullDisk;
    return Cause::Other;
}

}  // namespace wc::redis
