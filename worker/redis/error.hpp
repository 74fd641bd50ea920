// What Redis, or the way to it, refused.
#pragma once
#include <string>

#include "app/failure.hpp"

namespace wc::redis {

class Error : public app::Failure {
public:
    explicit Error(const std::string &what) : Failure(app::Part::Redis, what) {}
};

/// The way to the server.  The connection is of no use any more.
class IoError : public Error {
    using Error::Error;
};
class TimeoutError : public IoError {
    using IoError::IoError;
};
class ClosedError : public IoError {
    using IoError::IoError;
};

/// The server answered with an error; the connection is in step.
class ReplyError : public Error {
    using Error::Error;
};

}  // namespace wc::redis
