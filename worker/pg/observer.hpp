// Asks the database for figures of its calls and of its own state.
#pragma once
#include "app/observation.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

class Observer : public app::DatabaseObserver {
public:
    Observer(const Target &target, const Timeouts &timeouts);

    app::DatabaseView look(bool with_findings) override;
    Spans take_spans(std::size_t most) override;

private:
    std::string text_of(const std::string &query);
    std::vector<metrics::FunctionLatency> latencies();

    Connection connection_;
};

}  // namespace wc::pg
