// One client of the HTTP server: reads one request, sends one answer, then waits until the client closes.
#pragma once
#include <poll.h>

#include <functional>
#include <string>

#include "http/message.hpp"
#include "process/clock.hpp"

namespace wc::http {

/// Answers a request.
using Handler = std::function<Answer(const Request &)>;

/// Never blocks.  For one thread.
class Connection {
public:
    /// Takes ownership of `fd`.  The server closes the connection at `deadline`, whatever the client does.
    /// REQUIRES: `fd` is non-blocking.
    Connection(int fd, Time began, Time deadline) : fd_(fd), began_(began), deadline_(deadline) {}
    Connection(Connection &&other) noexcept;
    Connection &operator=(Connection &&other) noexcept;
    ~Connection();

    int fd() const noexcept { return fd_; }
    Time began() const noexcept { return began_; }
    Time deadline() const noexcept { return deadline_; }
    /// Whether the whole answer was sent and the client has not closed yet.
    bool is_answered() const noexcept { return phase_ == Phase::Ending; }
    /// The event of poll(2) that this connection waits for.
    short awaited() const noexcept { return phase_ == Phase::Answering ? POLLOUT : POLLIN; }

    /// Reads or writes what is possible without waiting.  Returns false when the connection is over.
    bool advance(const Handler &handler);
    /// Answers 408 if the client has sent only a part of its request; does not wait.
    void time_out();

private:
    enum class Phase { Asking, Answering, Ending };

    bool read(const Handler &handler);
    bool write();
    bool wait_for_end();
    void answer(const Answer &answer, bool with_body);

    int fd_;
    Time began_, deadline_;
    Phase phase_ = Phase::Asking;
    std::string received_, answer_;
    std::size_t sent_ = 0, discarded_ = 0;
};

}  // namespace wc::http
