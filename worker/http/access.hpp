// Who may see more than whether the worker is well.
#pragma once
#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace wc::http {

/// The answer that refuses the request, or nothing: it is allowed.  A process of this machine that asks for the machine
/// itself needs no token.  A request under another host's name comes from elsewhere: through a proxy, or from a page in
/// a browser whose name was made to point here.  It brings the token: `Bearer TOKEN`, or as the password of any user,
/// which is what browsers ask people for.  An empty token allows nobody from elsewhere.
std::optional<Answer> refuse_stranger(const Request &request, std::string_view token);

/// `Host` is a loopback address or "localhost", with or without a port; or there is none.
bool is_this_machine(std::string_view host) noexcept;

}  // namespace wc::http
