// Builds values for the threads that rebuild or compare them, and saves and loads the hot list.
#pragma once
#include <string>

#include "app/builder.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

class Builder : public app::Builder {
public:
    /// What the values are for: Audit reads the tables alone, without summaries that the server keeps in memory, and
    /// fails where row-level security would hide rows from it.
    enum class Purpose { Prewarm, Audit };

    Builder(const Target &target, const Timeouts &timeouts, bool cluster_keys, Purpose purpose = Purpose::Prewarm);

    std::vector<app::Entry> build(std::span<const std::string> students, cache::Kind kind) override;
    void save_hot(std::span<const app::Hot> hot) override;
    std::vector<app::Hot> load_hot() override;
    std::vector<std::string> students_after(const std::string &student, int most) override;
    std::string snapshot() override;
    app::Xid commit_transaction() override;
    void cancel() noexcept override { connection_.cancel(); }

private:
    Statement build() const;

    Connection connection_;
    std::string build_;  // the text of the statement that builds entries
};

}  // namespace wc::pg
