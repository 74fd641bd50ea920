// Requests of OTLP in JSON, by opentelemetry-proto's specification.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "app/span.hpp"
#include "destinations/differences.hpp"
#include "metrics/family.hpp"

namespace wc::destinations {

/// Who sends.
struct OtlpResource {
    std::string service;   ///< service.name
    std::string instance;  ///< service.instance.id, different for each process
};

std::string otlp_traces(const OtlpResource &resource, const std::vector<app::Span> &spans);

/// Makes a request of metrics, cumulative or as differences to the request before.  For one thread.
class OtlpMetrics {
public:
    OtlpMetrics(OtlpResource resource, bool is_delta, std::int64_t started_unix_ns)
        : resource_(std::move(resource)),
          is_delta_(is_delta),
          started_unix_ns_(started_unix_ns),
          before_unix_ns_(started_unix_ns)
    {}

    std::string request(std::vector<metrics::Family> families, std::int64_t now_unix_ns);

private:
    OtlpResource resource_;
    bool is_delta_;
    std::int64_t started_unix_ns_, before_unix_ns_;
    Differences differences_;
};

}  // namespace wc::destinations
