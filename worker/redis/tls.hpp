// TLS to Redis: OpenSSL works between the socket and hiredis's reader, because hiredis of Debian 12 has no TLS.
//
// TLS 1.2 or newer.  The worker always verifies the server's certificate: a trusted authority has signed it, it is not
// expired, and it is for the host that the URL names.  No setting switches that off.
#pragma once
#include <memory>
#include <string>

#include "redis/target.hpp"
#include "redis/transport.hpp"

namespace wc::redis {

/// Checks that these files are readable, contain certificates, and that the key belongs to the certificate.  Throws
/// IoError that names the setting, the file and what is wrong.
void check_tls_files(const TlsFiles &files);

/// Makes the handshake over a connected socket.  Reads the files each time, so that renewed certificates need no
/// restart.  Throws IoError that says what to do.
std::unique_ptr<Transport> start_tls(std::unique_ptr<Transport> socket, const std::string &host, const TlsFiles &files,
                                     Deadline deadline);

}  // namespace wc::redis
