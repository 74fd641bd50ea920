// The worker's settings as plain values, with their defaults.  config/worker.toml says what each one means; the loader
// reads them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace wc::config {

struct Worker {
    std::string name = "wc-worker";
};

struct Postgres {
    std::string url = "postgresql:///postgres";
    std::string password;
    std::string password_file;
    std::int64_t connection_timeout_ms = 5000;
    std::int64_t statement_timeout_ms = 60000;
    std::int64_t pool_min = 2;
    std::int64_t pool_max = 10;
};

struct Redis {
    bool enabled = true;
    std::string url = "redis://127.0.0.1:6379";
    std::string user;
    std::string password;
    std::string password_file;
    std::string tls_ca_file;
    std::string tls_cert_file;
    std::string tls_key_file;
    std::int64_t timeout_ms = 5000;
    bool cluster_keys = false;
    bool opaque_keys = false;
    std::string key_secret_file;
    std::string sentinel_user;
    std::string sentinel_password;
    std::string sentinel_password_file;
};

/// One of several Redis.  What it does not say itself it has from [redis].
struct RedisTarget {
    std::string name;
    Redis redis;
};

struct Queue {
    std::int64_t batch_students = 5000;
    std::int64_t poll_interval_ms = 1000;
    std::int64_t takeover_interval_ms = 500;
    std::int64_t hung_after_ms = 15000;
    std::int64_t heartbeat_s = 30;
};

struct Invalidate {
    std::int64_t fence_ttl_s = 120;
    std::int64_t fence_limit = 250000;
    std::int64_t alive_ttl_ms = 5000;
    bool scan = false;
    std::int64_t scan_count = 1000;
};

struct Prewarm {
    bool enabled = true;
    std::int64_t summary_ttl_s = 300;
    std::int64_t batch_students = 50;
    std::int64_t backlog_limit = 20000;
    std::int64_t hot_limit = 10000;
    std::int64_t half_life_s = 600;
    double min_weight = 0.5;
    std::int64_t save_interval_s = 60;
};

struct Events {
    std::string stream;
    std::int64_t max_length = 1000000;
};

struct Audit {
    std::int64_t rate_per_s = 1;
};

struct Backoff {
    std::int64_t first_ms = 50;
    std::int64_t longest_ms = 2000;
};

struct Http {
    bool enabled = true;
    std::string address = "127.0.0.1";
    std::int64_t port = 9618;
    std::string token;
    std::string token_file;
};

struct Performance {
    bool enabled = true;
    std::int64_t slow_ms = 1000;
};

/// What all destinations of figures, events and traces have in common.
struct Destinations {
    std::int64_t queue_limit = 256;
    std::int64_t interval_s = 60;
    std::int64_t first_pause_ms = 1000;
    std::int64_t longest_pause_ms = 60000;
    std::int64_t timeout_ms = 10000;
    std::string tls_ca_file;
};

struct Webhook {
    std::string url;
    std::string secret;
    std::string secret_file;
};

struct Otlp {
    std::string endpoint;
    std::string headers;
    std::string headers_file;
    std::string compression = "gzip";
    std::string temporality = "cumulative";
    std::string service_name = "wc-worker";
    bool traces = true;
    bool metrics = true;
};

struct Dogstatsd {
    std::string address;
    std::string tags;
};

struct Sentry {
    std::string dsn;
    std::string environment;
};

struct Log {
    std::string level = "info";
    std::string format = "text";
};

struct Config {
    Worker worker;
    Postgres postgres;
    Redis redis;
    std::vector<RedisTarget> targets;  ///< empty: there is one Redis, `redis`
    Queue queue;
    Invalidate invalidate;
    Prewarm prewarm;
    Events events;
    Audit audit;
    Backoff backoff;
    Http http;
    Performance performance;
    Destinations destinations;
    Webhook webhook;
    Otlp otlp;
    Dogstatsd dogstatsd;
    Sentry sentry;
    Log log;
};

}  // namespace wc::config
