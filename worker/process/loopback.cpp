#include "process/loopback.hpp"

namespace wc {

bool is_loopback(std::string_view host) noexcept
{
    // An address, not a name that begins like one.
    return host == "localhost" || host == "::1" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace wc
