// Failures of Redis and of the connection to it.
#pragma once
#include <string>

#include "process/failure.hpp"
#include "redis/cause.hpp"

namespace wc::redis {

class Error : public Failure {
public:
    explicit Error(const std::string &what) : Error(what, cause_of(what)) {}

protected:
    Error(const std::string &what, Cause cause) : Failure(Part::Redis, what, cause) {}
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

/// The keys that the database makes are not those that this worker removes, or one of both cannot make any.
class KeyError : public Error {
public:
    explicit KeyError(const std::string &what) : Error(what, Cause::OtherKeys) {}
};

/// The server answered with an error; the next reply is still that of the next command.
class ReplyError : public Error {
    using Error::Error;
};

}  // namespace wc::redis
