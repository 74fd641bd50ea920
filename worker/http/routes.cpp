#include "http/routes.hpp"

#include <chrono>
#include <string_view>

#include "app/service.hpp"
#include "http/access.hpp"
#include "http/performance.hpp"
#include "http/status.hpp"

namespace wc::http {
namespace {

struct Page {
    std::string_view path, type, body;
};

constexpr Page kPages[] = {{
                               "/console",
                               "text/html; charset=utf-8",
#include "http/console/console.html.inc"
                           },
                           {
                               "/console.css",
                               "text/css; charset=utf-8",
#include "http/console/console.css.inc"
                           },
                           {
                               "/console.js",
                               "text/javascript; charset=utf-8",
#include "http/console/console.js.inc"
                           }};

// Nothing from elsewhere, no script and no style within the page, and no page of others around it.
constexpr std::string_view kPolicy =
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'\r\nReferrer-Policy: no-referrer\r\n";

Answer json(std::string body, int status = 200) { return {status, "application/json", std::move(body)}; }
Answer text(std::string body, int status = 200) { return {status, "text/plain; charset=utf-8", std::move(body)}; }

}  // namespace

Answer Routes::answer(const Request &request) const
{
    auto const now = std::chrono::steady_clock::now();
    auto const &path = request.path;
    int const readiness = is_well(health_.standing(now).state) ? 200 : 503;
    if (path == "/livez") {
        bool const is_live = health_.is_live(now, app::patience_with(*live_.get()));
        return text(is_live ? "ok\n" : "the loop stands still\n", is_live ? 200 : 503);
    }
    if (path == "/readyz")
        return text(ready_text(health_, now, request.query == "verbose"), readiness);
    if (path == "/healthz")
        return json(health_json(health_), readiness);
    if (path == "/metrics") {
        metrics_.set_state(health_.standing(now).state);
        return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text()};
    }
    for (auto const &page : kPages)
        if (path == page.path) {
            if (auto refused = refuse_stranger(request, live_.get()->http.token))
                return *refused;
            return {200, std::string(page.type), std::string(page.body), std::string(kPolicy)};
        }
    if (path.starts_with("/api/admin/"))
        return admin(request);
    return refusal(404);
}

Answer Routes::admin(const Request &request) const
{
    if (auto refused = refuse_stranger(request, live_.get()->http.token))
        return *refused;
    if (request.path == "/api/admin/status")
        return json(status_json(health_, metrics_.totals(), *board_.get()));
    auto const now = std::chrono::steady_clock::now();
    if (request.path == "/api/admin/performance")
        return json(performance_json(*board_.get(), now));
    if (request.path == "/api/admin/slow")
        return json(slow_json(*board_.get(), now));
    return refusal(404);
}

}  // namespace wc::http
