// Failures of Redis and of the connection to it.
#pragma once
#include <string>

#include "process/failure.hpp"
#include "redis/cause.hpp"

namespace wc::redis {

class Error : public Failure {
public:
    explicit Error(const std::string &what) : Failure(Part::Redis, what, cause_of(what)) {}
};

/// The connection failed and cannot be used any more.
class IoError : public Error {
    using Error::Error;
};
class TimeoutError : public IoError {
    using IoError::IoError;
};
class ClosedError : public IoError {
    using IoError::IoError;
};

/// The server answered with an error; the next reply is still that of the next command.
class ReplyError : public Error {
    using Error::Error;
};

}  // namespace wc::redis
