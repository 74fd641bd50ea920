// Describes what went wrong with TLS and says what to do.
#pragma once
#include <string>

#include "redis/error.hpp"

namespace wc::redis {

/// What a connection had to verify, and with which files.
struct TlsSubject {
    std::string host;
    std::string authority_file;    ///< empty: the system's store
    std::string certificate_file;  ///< the worker's own; empty: none
};

/// Describes the last error of OpenSSL in this thread.  `verification` is the verification's result (X509_V_…).
std::string describe_tls_fault(const TlsSubject &subject, long verification);

/// The error for a file that OpenSSL could not use: that it cannot be read, or `otherwise`.
IoError tls_file_fault(const std::string &setting, const std::string &path, const std::string &otherwise);

}  // namespace wc::redis
