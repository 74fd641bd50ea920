// libFuzzer's way in: make fuzz
#include <cstddef>
#include <cstdint>

#include "test/fuzz/checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    wc::fuzz::check_search({reinterpret_cast<const char *>(data), size});
    return 0;
}
