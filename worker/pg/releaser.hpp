// Deletes rows of the queue that all of several Redis have done.
#pragma once
#include <string>

#include "app/releasing.hpp"
#include "pg/connection.hpp"

namespace wc::pg {

class Releaser : public app::Releaser {
public:
    Releaser(const Target &target, const Timeouts &timeouts)
        : connection_(target, timeouts, "release", {"synchronous_commit = off"})
    {}

    void release() override
    {
        since_ = std::string(connection_.run("SELECT white_cross.release_rows('" + since_ + "')").text(0, 0));
    }
    /// The next `release` looks at all rows, too.
    void restamp() override
    {
        connection_.run("SELECT white_cross.restamp_rows()");
        since_ = "0";
    }

private:
    Connection connection_;
    std::string since_ = "0";  ///< all rows of transactions before this one are gone
};

}  // namespace wc::pg
