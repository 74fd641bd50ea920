#include "core/search/highlight.hpp"

namespace wc::search {

bool append_marked_html(json::Buffer &out, std::string_view marked)
{
    using namespace std::string_view_literals;
    bool found = false;
    bool open = false;
    for (char const c : marked) {
        switch (c) {
            case '&': out.append("&amp;"sv); break;
            case '<': out.append("&lt;"sv); break;
            case '>': out.append("&gt;"sv); break;
            case '"': out.append("&quot;"sv); break;
            case '\'': out.append("&#39;"sv); break;
            case kPassageBegins:
                if (!open)
                    out.append("<mark>"sv);
                found = open = true;
                break;
            case kPassageEnds:
                if (open)
                    out.append("</mark>"sv);
                open = false;
                break;
            default: out.append(c);
        }
    }
    if (open)
        out.append("</mark>"sv);
    return found;
}

}  // namespace wc::search
