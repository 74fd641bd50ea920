// The worker ignores SIGPIPE before it does anything else (process/signals.cpp): a connection that the other side has
// closed gives an error, not a signal.  Its parts are tested under the same conditions.
#include <gtest/gtest.h>

#include <csignal>

namespace {

class IgnoresBrokenPipes : public testing::Environment {
    void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }
};

[[maybe_unused]] const testing::Environment *const kEnvironment =
    testing::AddGlobalTestEnvironment(new IgnoresBrokenPipes);

}  // namespace
