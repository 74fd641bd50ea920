// What PostgreSQL, or the way to it, refused.
#pragma once
#include <string>
#include <utility>

#include "app/failure.hpp"

namespace wc::pg {

class Error : public app::Failure {
public:
    explicit Error(const std::string &what, std::string sqlstate = {})
        : Failure(app::Part::Postgres, what), sqlstate_(std::move(sqlstate))
    {}
    /// Five characters; empty when the server did not get to answer.
    const std::string &sqlstate() const noexcept { return sqlstate_; }

private:
    std::string sqlstate_;
};

}  // namespace wc::pg
