// Building what is prewarmed, and the hot list on disk.
#pragma once
#include <string>

#include "app/builder.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

class Builder : public app::Builder {
public:
    Builder(const Target &target, const Timeouts &timeouts, bool cluster_keys);

    std::vector<app::Entry> build(std::span<const std::string> students, cache::Kind kind) override;
    void save_hot(std::span<const app::Hot> hot) override;
    std::vector<app::Hot> load_hot() override;

private:
    Statement build() const;

    Connection connection_;
    std::string build_;  // the body of the statement that builds entries
};

}  // namespace wc::pg
