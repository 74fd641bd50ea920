// TLS to Redis: OpenSSL between the socket and hiredis' reader, so that no hiredis needs to know of it.
//
// TLS 1.2 or newer.  The server's certificate is always verified: signed by an authority that is trusted, not expired,
// and for the host that the URL names.  Nothing switches that off.
#pragma once
#include <memory>
#include <string>

#include "redis/target.hpp"
#include "redis/transport.hpp"

namespace wc::redis {

/// Whether these files can be used: readable, certificates where certificates belong, a key that fits.  Throws IoError
/// that names the setting, the file and what is wrong.
void check_tls_files(const TlsFiles &files);

/// The handshake over a connected socket.  The files are read each time, so that renewed certificates need no restart.
/// Throws IoError that says what to do.
std::unique_ptr<Transport> start_tls(std::unique_ptr<Transport> socket, const std::string &host, const TlsFiles &files,
                                     Deadline deadline);

}  // namespace wc::redis
