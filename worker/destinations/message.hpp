// A message that waits to be sent to a destination.
#pragma once
#include <string>

namespace wc::destinations {

struct Message {
    std::string id;    ///< the same each time that the message is sent
    std::string body;  ///< JSON
};

}  // namespace wc::destinations
