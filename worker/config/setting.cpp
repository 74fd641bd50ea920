#include "config/setting.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "core/text/number.hpp"

namespace wc::config {
namespace {

Setting boolean(std::string_view name, Boolean where)
{
    return {.name = name, .where = where, .allowed = "true or false"};
}
Setting integer(std::string_view name, Integer where, double least, double most, std::string_view allowed)
{
    return {.name = name, .where = where, .allowed = allowed, .least = least, .most = most};
}
Setting text(std::string_view name, Text where, std::string_view allowed, std::string_view choices = {})
{
    return {.name = name, .where = where, .allowed = allowed, .choices = choices};
}
Setting live(Setting setting)
{
    setting.live = true;
    return setting;
}
Setting secret(Setting setting)
{
    setting.secret = true;
    return setting;
}
// A URL that may have a secret anywhere but in its host.
Setting hidden(Setting setting)
{
    setting.secret = setting.hidden = true;
    return setting;
}
Setting env(std::string_view variable, Setting setting)
{
    setting.environment = variable;
    return setting;
}

#define WHERE(type, section, key) [](Config &c) -> type & { return c.section.key; }
#define BOOLEAN(section, key) boolean(#section "." #key, WHERE(bool, section, key))
#define INTEGER(section, key, least, most, unit)                                   \
    integer(#section "." #key, WHERE(std::int64_t, section, key), (least), (most), \
            "a whole number from " #least " to " #most unit)
#define TEXT(section, key, ...) text(#section "." #key, WHERE(std::string, section, key), __VA_ARGS__)

const Setting kSettings[] = {
    TEXT(worker, name, "a text that is not empty: the name under which this worker is registered"),

    env("DATABASE_URL",
        secret(TEXT(postgres, url, "postgresql://user@host:port/database, or key=value pairs of libpq"))),
    secret(TEXT(postgres, password, "a text")),
    TEXT(postgres, password_file, "the path of a file that holds the password, or an empty text"),
    env("DB_CONNECTION_TIMEOUT", INTEGER(postgres, connection_timeout_ms, 1, 3600000, " (milliseconds)")),
    INTEGER(postgres, statement_timeout_ms, 100, 3600000, " (milliseconds)"),
    env("DB_POOL_MIN", INTEGER(postgres, pool_min, 1, 100, "")),
    env("DB_POOL_MAX", INTEGER(postgres, pool_max, 1, 100, "")),

    env("ENABLE_REDIS_CACHE", BOOLEAN(redis, enabled)),
    env("REDIS_URL", secret(TEXT(redis, url,
                                 "redis://[[user]:password@]host[:port][/database], rediss://, unix:///path, "
                                 "redis+cluster://[[user]:password@]host[:port],... or "
                                 "redis+sentinel://[[user]:password@]host[:port],.../master[/database]"))),
    TEXT(redis, user, "a text: the name of a user, or empty"),
    env("REDIS_PASSWORD", secret(TEXT(redis, password, "a text"))),
    TEXT(redis, password_file, "the path of a file that holds the password, or an empty text"),
    TEXT(redis, tls_ca_file, "the path of a PEM file, or an empty text"),
    TEXT(redis, tls_cert_file, "the path of a PEM file, or an empty text"),
    TEXT(redis, tls_key_file, "the path of a PEM file, or an empty text"),
    INTEGER(redis, timeout_ms, 1, 3600000, " (milliseconds)"),
    BOOLEAN(redis, cluster_keys),
    BOOLEAN(redis, opaque_keys),
    TEXT(redis, key_secret_file, "the path of a file that holds one or two secrets, or an empty text"),
    TEXT(redis, sentinel_user, "a text: the name of a user of the Sentinels, or empty"),
    secret(TEXT(redis, sentinel_password, "a text")),
    TEXT(redis, sentinel_password_file, "the path of a file that holds the password, or an empty text"),

    live(INTEGER(queue, batch_students, 1, 100000, "")),
    live(INTEGER(queue, poll_interval_ms, 10, 3600000, " (milliseconds)")),
    live(INTEGER(queue, takeover_interval_ms, 10, 60000, " (milliseconds)")),
    INTEGER(queue, hung_after_ms, 100, 3600000, " (milliseconds)"),
    live(INTEGER(queue, heartbeat_s, 1, 3600, " (seconds)")),

    live(INTEGER(invalidate, fence_ttl_s, 1, 86400, " (seconds)")),
    live(INTEGER(invalidate, fence_limit, 1, 100000000, "")),
    live(INTEGER(invalidate, alive_ttl_ms, 300, 3600000, " (milliseconds)")),
    live(BOOLEAN(invalidate, scan)),
    live(INTEGER(invalidate, scan_count, 10, 100000, "")),

    live(BOOLEAN(prewarm, enabled)),
    env("REDIS_TTL", live(INTEGER(prewarm, summary_ttl_s, 1, 86400, " (seconds)"))),
    live(INTEGER(prewarm, batch_students, 1, 1000, "")),
    live(INTEGER(prewarm, backlog_limit, 1, 1000000, "")),
    live(INTEGER(prewarm, hot_limit, 1, 1000000, "")),
    live(INTEGER(prewarm, half_life_s, 1, 86400, " (seconds)")),
    live({.name = "prewarm.min_weight",
          .where = WHERE(double, prewarm, min_weight),
          .allowed = "a number from 0.01 to 1000",
          .least = 0.01,
          .most = 1000}),
    live(INTEGER(prewarm, save_interval_s, 1, 86400, " (seconds)")),

    TEXT(events, stream, "a name that begins with neither student: nor wc: and has no blank, or an empty text"),
    live(INTEGER(events, max_length, 1000, 1000000000, "")),

    live(INTEGER(audit, rate_per_s, 0, 100, " (a second; 0: none)")),

    INTEGER(backoff, first_ms, 1, 60000, " (milliseconds)"),
    INTEGER(backoff, longest_ms, 1, 3600000, " (milliseconds)"),

    BOOLEAN(http, enabled),
    TEXT(http, address, "an address of this machine"),
    INTEGER(http, port, 0, 65535, " (0: any that is free)"),
    live(secret(TEXT(http, token, "a text of at least 16 characters, or an empty text"))),
    live(TEXT(http, token_file, "the path of a file that holds the token, or an empty text")),

    env("ENABLE_PERFORMANCE_MONITORING", BOOLEAN(performance, enabled)),
    env("SLOW_QUERY_THRESHOLD", INTEGER(performance, slow_ms, 1, 3600000, " (milliseconds)")),

    INTEGER(destinations, queue_limit, 1, 10000, ""),
    INTEGER(destinations, interval_s, 1, 3600, " (seconds)"),
    INTEGER(destinations, first_pause_ms, 1, 3600000, " (milliseconds)"),
    INTEGER(destinations, longest_pause_ms, 1, 3600000, " (milliseconds)"),
    INTEGER(destinations, timeout_ms, 1, 600000, " (milliseconds)"),
    TEXT(destinations, tls_ca_file, "the path of a PEM file, or an empty text"),

    env("APM_WEBHOOK_URL", hidden(TEXT(webhook, url, "https://host[:port]/path, or an empty text"))),
    env("APM_WEBHOOK_SECRET", secret(TEXT(webhook, secret, "whsec_ and base64 of 24 to 64 bytes, or an empty text"))),
    TEXT(webhook, secret_file, "the path of a file that holds the secret, or an empty text"),

    env("OTEL_EXPORTER_OTLP_ENDPOINT", hidden(TEXT(otlp, endpoint, "https://host[:port][/path], or an empty text"))),
    env("OTEL_EXPORTER_OTLP_HEADERS", secret(TEXT(otlp, headers, "name=value pairs separated by commas"))),
    TEXT(otlp, headers_file, "the path of a file that holds the headers, or an empty text"),
    env("OTEL_EXPORTER_OTLP_COMPRESSION", TEXT(otlp, compression, "gzip or none", "gzip|none")),
    env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        TEXT(otlp, temporality, "cumulative or delta", "cumulative|delta")),
    env("OTEL_SERVICE_NAME", TEXT(otlp, service_name, "a text")),
    BOOLEAN(otlp, traces),
    BOOLEAN(otlp, metrics),

    env("DD_DOGSTATSD_URL", TEXT(dogstatsd, address, "udp://host[:port], unix:///path or an empty text")),
    env("DD_TAGS", TEXT(dogstatsd, tags, "key:value pairs separated by commas")),

    env("SENTRY_DSN", hidden(TEXT(sentry, dsn, "https://key@host/project, or an empty text"))),
    env("SENTRY_ENVIRONMENT", TEXT(sentry, environment, "a text")),

    live(TEXT(log, level, "debug, info, warning or error", "debug|info|warning|error")),
    TEXT(log, format, "text or json", "text|json"),
};

bool is_choice(std::string_view choices, std::string_view value)
{
    while (!choices.empty()) {
        auto const end = std::min(choices.find('|'), choices.size());
        if (choices.substr(0, end) == value)
            return true;
        choices.remove_prefix(std::min(end + 1, choices.size()));
    }
    return false;
}

std::string quoted(std::string_view value)
{
    std::string out = "\"";
    for (char const c : value) {
        auto const byte = static_cast<unsigned char>(c);
        // TOML has no control character in a text, and a terminal would obey it.
        if (byte < ' ' || byte == 0x7f) {
            constexpr char kDigits[] = "0123456789abcdef";
            out.append("\\u00").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
            continue;
        }
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

std::span<const Setting> settings() noexcept { return kSettings; }

const Setting *find_setting(std::string_view name) noexcept
{
    auto const found =
        std::find_if(std::begin(kSettings), std::end(kSettings), [&](auto &s) { return s.name == name; });
    return found == std::end(kSettings) ? nullptr : &*found;
}

bool set(const Setting &setting, Config &config, bool value)
{
    auto const *where = std::get_if<Boolean>(&setting.where);
    if (where)
        (*where)(config) = value;
    return where != nullptr;
}

bool set(const Setting &setting, Config &config, std::int64_t value)
{
    if (std::holds_alternative<Real>(setting.where))
        return set(setting, config, static_cast<double>(value));
    auto const *where = std::get_if<Integer>(&setting.where);
    if (!where || static_cast<double>(value) < setting.least || static_cast<double>(value) > setting.most)
        return false;
    (*where)(config) = value;
    return true;
}

bool set(const Setting &setting, Config &config, double value)
{
    auto const *where = std::get_if<Real>(&setting.where);
    if (!where || !(value >= setting.least && value <= setting.most))
        return false;
    (*where)(config) = value;
    return true;
}

bool set(const Setting &setting, Config &config, std::string value)
{
    auto const *where = std::get_if<Text>(&setting.where);
    if (!where || (!setting.choices.empty() && !is_choice(setting.choices, value)))
        return false;
    (*where)(config) = std::move(value);
    return true;
}

bool set_from_text(const Setting &setting, Config &config, std::string_view text)
{
    if (std::holds_alternative<Boolean>(setting.where)) {
        bool const yes = is_choice("true|1|yes|on", text);
        return (yes || is_choice("false|0|no|off", text)) && set(setting, config, yes);
    }
    if (std::holds_alternative<Text>(setting.where))
        return set(setting, config, std::string(text));
    if (auto const whole = parse_number<std::int64_t>(text))
        return set(setting, config, *whole);
    auto const real = parse_number<double>(text);
    return real && set(setting, config, *real);
}

namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r", kMask = "***";

// Whether the text ends with `://` and is a scheme otherwise, so that it contains no secret.
bool is_scheme(std::string_view text)
{
    auto const is_letter = [](char c) { return c == '+' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return text.size() > 3 && std::all_of(text.begin(), text.end() - 3, is_letter);
}

// Where the user information ends that has a password: behind its last @, since a password may contain one that nobody
// encoded. `colon` is where the password begins.  0: there is none.
std::size_t end_of_login(std::string_view url, std::size_t &colon)
{
    auto const scheme = url.find("://");
    if (scheme == std::string_view::npos || !is_scheme(url.substr(0, scheme + 3)))
        return 0;
    colon = url.find_first_of(":/?#@", scheme + 3);
    auto const at = url.rfind('@');
    return colon != std::string_view::npos && url[colon] == ':' && at != std::string_view::npos && at > colon ? at : 0;
}

// How long the value of a parameter is that `text` begins with: quoted, or up to a blank or &.  A backslash takes what
// follows.
std::size_t length_of_value(std::string_view text)
{
    bool const is_quoted = text.starts_with('\'');
    for (std::size_t at = is_quoted ? 1 : 0; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (is_quoted && text[at] == '\'')
            return at + 1;
        else if (!is_quoted && (text[at] == '&' || kBlanks.find(text[at]) != std::string_view::npos))
            return at;
    }
    return text.size();
}

// Where the next value of a parameter `…password=` begins, or npos.
std::size_t next_password(std::string_view text)
{
    constexpr std::string_view kName = "password";
    auto const is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    for (auto from = text.begin();;) {
        from = std::search(from, text.end(), kName.begin(), kName.end(), is_same);
        if (from == text.end())
            return std::string_view::npos;
        from += kName.size();
        auto const at = static_cast<std::size_t>(from - text.begin());
        auto const equal = text.find_first_not_of(kBlanks, at);
        if (equal != std::string_view::npos && text[equal] == '=')
            return std::min(text.find_first_not_of(kBlanks, equal + 1), text.size());
    }
}

}  // namespace

// Not by std::regex: it knows no password with a line break, and its stack grows with the text.
std::string masked_url(std::string_view url)
{
    std::string out;
    std::size_t colon = 0;
    if (auto const end = end_of_login(url, colon); end > 0) {
        out.append(url.substr(0, colon + 1)).append(kMask);
        url.remove_prefix(end);
    }
    for (auto begin = next_password(url); begin != std::string_view::npos; begin = next_password(url)) {
        auto const length = length_of_value(url.substr(begin));
        out.append(url.substr(0, begin)).append(length > 0 ? kMask : "");
        url.remove_prefix(begin + length);
    }
    return out.append(url);
}

std::string origin_of(std::string_view url)
{
    auto const begin = url.find("://");
    if (begin == std::string_view::npos || !is_scheme(url.substr(0, begin + 3)))
        return std::string(kMask);
    auto const end = std::min(url.find_first_of("/?#", begin + 3), url.size());
    auto const at = url.substr(0, end).rfind('@');
    auto const host = at == std::string_view::npos ? begin + 3 : at + 1;
    return std::string(url.substr(0, begin + 3)) + std::string(url.substr(host, end - host));
}

std::string masked(const Setting &setting, std::string_view value)
{
    if (!setting.secret || value.empty())
        return std::string(value);
    if (!setting.hidden)
        return setting.name.ends_with(".url") ? masked_url(value) : "***";
    auto const origin = origin_of(value);
    return origin == value || origin + "/" == value ? std::string(value) : origin + "/***";
}

std::string show(const Setting &setting, const Config &config, bool mask)
{
    // The accessors return references that could be written through; this function only reads.
    auto &values = const_cast<Config &>(config);
    if (auto const *where = std::get_if<Boolean>(&setting.where))
        return (*where)(values) ? "true" : "false";
    if (auto const *where = std::get_if<Integer>(&setting.where))
        return std::to_string((*where)(values));
    if (auto const *where = std::get_if<Real>(&setting.where)) {
        char buffer[32];
        auto const [end, error] = std::to_chars(buffer, buffer + sizeof buffer, (*where)(values));
        return {buffer, end};
    }
    std::string const &value = std::get<Text>(setting.where)(values);
    return quoted(mask ? masked(setting, value) : value);
}

}  // namespace wc::config
