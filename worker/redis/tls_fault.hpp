// What went wrong with TLS, in words that say what to do.
#pragma once
#include <string>

#include "redis/error.hpp"

namespace wc::redis {

/// What a connection was to prove, and with what.
struct TlsSubject {
    std::string host;
    std::string authority_file;    ///< empty: the system's store
    std::string certificate_file;  ///< ours; empty: none
};

/// The last error of OpenSSL in this thread, with the outcome of the verification (X509_V_…) beside it.
std::string describe_tls_fault(const TlsSubject &subject, long verification);

/// A file that OpenSSL could not use: that it cannot be read, or else what it is not.
IoError tls_file_fault(const std::string &setting, const std::string &path, const std::string &otherwise);

}  // namespace wc::redis
