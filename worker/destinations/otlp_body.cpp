#include "destinations/otlp_body.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace wc::destinations {
namespace {

using Json = nlohmann::ordered_json;
using metrics::Family;
using metrics::Sample;

// Numbers that the specification gives to its names.
constexpr int kStatusError = 2;
constexpr int kDelta = 1;
constexpr int kCumulative = 2;
constexpr int kIsSampled = 1;

// 64-bit numbers are texts.
template <class Number>
std::string text_of(Number number)
{
    return std::to_string(number);
}

Json text_attribute(const std::string &key, const std::string &value)
{
    return {{"key", key}, {"value", {{"stringValue", value}}}};
}

Json resource_of(const OtlpResource &resource)
{
    return {
        {"attributes",
         {text_attribute("service.name", resource.service), text_attribute("service.instance.id", resource.instance),
          text_attribute("service.version", WC_VERSION)}}};
}

Json scope() { return {{"name", "white_cross"}, {"version", WC_VERSION}}; }

std::string dump(const Json &body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json span_of(const app::Span &span)
{
    Json out{{"traceId", span.trace}, {"spanId", span.id}};
    if (!span.parent.empty())
        out["parentSpanId"] = span.parent;
    out["flags"] = kIsSampled;
    out["name"] = span.name;
    out["kind"] = static_cast<int>(span.kind);
    out["startTimeUnixNano"] = text_of(span.began_unix_ns);
    out["endTimeUnixNano"] = text_of(span.ended_unix_ns);
    auto attributes = Json::array();
    for (auto const &[key, value] : span.texts)
        attributes.push_back(text_attribute(key, value));
    for (auto const &[key, value] : span.numbers)
        attributes.push_back({{"key", key}, {"value", {{"intValue", text_of(value)}}}});
    out["attributes"] = std::move(attributes);
    if (!span.links.empty()) {
        auto links = Json::array();
        for (auto const &link : span.links)
            links.push_back({{"traceId", link.trace}, {"spanId", link.span}});
        out["links"] = std::move(links);
    }
    out["status"] = span.failed ? Json{{"code", kStatusError}} : Json::object();
    return out;
}

// A number of things has no unit: "1" would be a ratio, and Prometheus would store wc_worker_queue_rows as
// wc_worker_queue_rows_ratio.
const char *unit_of(const std::string &name)
{
    for (auto const &[word, unit] : {std::pair{"_seconds", "s"}, {"_bytes", "By"}})
        if (name.find(word) != std::string::npos && name.find("per_second") == std::string::npos)
            return unit;
    return nullptr;
}

Json point_of(const Family &family, const Sample &sample, std::int64_t began, std::int64_t now)
{
    Json point;
    auto attributes = Json::array();
    for (auto const &[key, value] : sample.labels)
        attributes.push_back(text_attribute(key, value));
    point["attributes"] = std::move(attributes);
    if (began > 0 && family.kind != Family::Kind::Gauge)
        point["startTimeUnixNano"] = text_of(began);
    point["timeUnixNano"] = text_of(now);
    if (family.kind != Family::Kind::Histogram) {
        point["asDouble"] = sample.value;
        return point;
    }
    point["count"] = text_of(sample.count);
    point["sum"] = sample.sum;
    auto counts = Json::array();
    for (auto const one : sample.below)
        counts.push_back(text_of(one));
    point["bucketCounts"] = std::move(counts);
    point["explicitBounds"] = sample.bounds;
    return point;
}

}  // namespace

std::string otlp_traces(const OtlpResource &resource, const std::vector<app::Span> &spans)
{
    auto list = Json::array();
    for (auto const &span : spans)
        list.push_back(span_of(span));
    Json of_scope{{"scope", scope()}, {"spans", std::move(list)}};
    Json of_resource{{"resource", resource_of(resource)}, {"scopeSpans", Json::array({std::move(of_scope)})}};
    return dump({{"resourceSpans", Json::array({std::move(of_resource)})}});
}

std::string OtlpMetrics::request(std::vector<Family> families, std::int64_t now)
{
    auto list = Json::array();
    for (auto &family : families) {
        bool const is_gauge = family.kind == Family::Kind::Gauge;
        auto points = Json::array();
        for (auto &sample : family.samples) {
            if (is_gauge ? !std::isfinite(sample.value) : is_delta_ && !differences_.take(family, sample))
                continue;
            // It is not known since when another server counts.
            auto const began = is_delta_ ? before_unix_ns_ : family.since_start ? started_unix_ns_ : 0;
            points.push_back(point_of(family, sample, began, now));
        }
        if (points.empty())
            continue;
        Json metric{{"name", family.name}, {"description", family.help}};
        if (auto const *const unit = unit_of(family.name))
            metric["unit"] = unit;
        Json data{{"dataPoints", std::move(points)}};
        if (!is_gauge)
            data["aggregationTemporality"] = is_delta_ ? kDelta : kCumulative;
        if (family.kind == Family::Kind::Counter)
            data["isMonotonic"] = true;
        metric[is_gauge ? "gauge" : family.kind == Family::Kind::Counter ? "sum" : "histogram"] = std::move(data);
        list.push_back(std::move(metric));
    }
    before_unix_ns_ = now;
    Json of_scope{{"scope", scope()}, {"metrics", std::move(list)}};
    Json of_resource{{"resource", resource_of(resource_)}, {"scopeMetrics", Json::array({std::move(of_scope)})}};
    return dump({{"resourceMetrics", Json::array({std::move(of_resource)})}});
}

}  // namespace wc::destinations
