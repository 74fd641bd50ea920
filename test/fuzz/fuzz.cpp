// libFuzzer's way in: make fuzz.  Compiled once for each check, which WC_FUZZED names.
#include <cstddef>
#include <cstdint>

#include "test/fuzz/checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    wc::fuzz::WC_FUZZED({reinterpret_cast<const char *>(data), size});
    return 0;
}
