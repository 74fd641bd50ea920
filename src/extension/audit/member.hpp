// Members of a line, which is a JSON object.
#pragma once
#include "core/json/writer.hpp"

namespace wc::audit {

/// Writes `name`, such as `,"user":`, and the text; null stands for "no text" and for an empty one.
inline void append_member(json::Buffer &out, std::string_view name, const char *value)
{
    out.append(name);
    if (value == nullptr || *value == '\0')
        json::write_null(out);
    else
        json::write_string(out, value);
}

inline void append_member(json::Buffer &out, std::string_view name, std::int64_t value)
{
    out.append(name);
    json::write_integer(out, value);
}

}  // namespace wc::audit
