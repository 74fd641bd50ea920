// Whether a host is this machine.
#pragma once
#include <string_view>

namespace wc {

/// Whether what is sent to this host stays on this machine: "localhost", 127.x.y.z or ::1, without port and brackets.
/// A name that resolves to such an address is not looked up.
bool is_loopback(std::string_view host) noexcept;

}  // namespace wc
