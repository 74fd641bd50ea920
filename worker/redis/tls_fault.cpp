#include "redis/tls_fault.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace wc::redis {
namespace {

std::string describe_verification(const TlsSubject &subject, long result)
{
    std::string const certificate = "the certificate of Redis ";
    switch (result) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return certificate + "is not for " + subject.host + ": redis.url must name a host of the certificate";
        case X509_V_ERR_CERT_HAS_EXPIRED: return certificate + "has expired: it must be renewed";
        case X509_V_ERR_CERT_NOT_YET_VALID: return certificate + "is not valid yet: compare the clocks";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            if (subject.authority_file.empty())
                return certificate +
                       "is signed by no authority of the system's store: set redis.tls_ca_file to the authority's file";
            return certificate + "is signed by no authority of " + subject.authority_file +
                   ": redis.tls_ca_file must hold the authority that has signed it";
        default: return certificate + "is not accepted: " + X509_verify_cert_error_string(result);
    }
}

std::string describe_alert(const TlsSubject &subject, int reason, const std::string &text)
{
    std::string const demand = ": if it demands a certificate, set redis.tls_cert_file and redis.tls_key_file";
    switch (reason) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return "Redis demands a certificate of its clients: set redis.tls_cert_file and redis.tls_key_file";
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
            return "Redis refuses the TLS handshake" + (subject.certificate_file.empty() ? demand : "");
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
            return "Redis refuses the certificate of redis.tls_cert_file, " + subject.certificate_file + " (" + text +
                   ")";
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_UNSUPPORTED_PROTOCOL: return "Redis speaks neither TLS 1.2 nor 1.3 (" + text + ")";
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_HTTP_REQUEST:
            return "the server does not speak TLS: redis.url must name Redis's port for TLS (" + text + ")";
        default: return "TLS failed: " + text;
    }
}

}  // namespace

std::string describe_tls_fault(const TlsSubject &subject, long verification)
{
    auto const error = ERR_peek_last_error();
    if (error == 0)
        return "the server closed the connection";
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return std::string("TLS failed: ") + ERR_error_string(error, nullptr);
    int const reason = ERR_GET_REASON(error);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return describe_verification(subject, verification);
    auto const *text = ERR_reason_error_string(error);
    return describe_alert(subject, reason, text ? text : std::to_string(reason));
}

IoError tls_file_fault(const std::string &setting, const std::string &path, const std::string &otherwise)
{
    auto const named = setting + ": " + (path.empty() ? "" : path + ": ");
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!path.empty() && (!file || (file.peek(), errno != 0)))
        return IoError(named + "cannot be read: " + std::strerror(errno));
    return IoError(named + otherwise);
}

}  // namespace wc::redis
