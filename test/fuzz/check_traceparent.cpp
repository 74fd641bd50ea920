#include <string>

#include "core/trace/traceparent.hpp"
#include "core/trace/traceparent_text.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

std::string written(const trace::Traceparent &parent)
{
    std::string text(trace::kTraceparentLength, '\0');
    trace::write_traceparent(parent, text.data());
    return text;
}

}  // namespace

void check_traceparent(std::string_view text)
{
    auto const parent = trace::parse_traceparent(text);
    if (parent) {
        auto const again = written(*parent);
        // Of the version and the flags only what this version knows is kept.
        require(parent->is_set() && parent->parent != 0 && text.substr(2, 51) == again.substr(2, 51));
        require(trace::parse_traceparent(again).has_value());
    }
    if (auto const found = trace::find_traceparent(text))
        require(text.find(written(*found).substr(2, 51)) != std::string_view::npos);
    if (text.find_first_of("', \t\r\n*/") != std::string_view::npos)
        return;
    for (std::string const quote : {"", "'"}) {
        auto const found =
            trace::find_traceparent("SELECT 1 /*action='x',traceparent=" + quote + std::string(text) + quote + "*/");
        require(found.has_value() == parent.has_value() && (!found || written(*found) == written(*parent)));
    }
}

}  // namespace wc::fuzz
