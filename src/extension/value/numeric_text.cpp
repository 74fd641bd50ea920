// PostgreSQL keeps the struct of numeric to numeric.c, but its bytes are an on-disk format, which
// pg_upgrade has relied on since 9.1.  The short form: a header of 16 bits, then base-10000 digits, the
// most significant first.
//
//     15 14   13    12 .. 7        6            5 .. 0
//      1  0  sign   display scale  weight sign  weight
//
// The value is  sum(digit[i] * 10000^(weight - i)).  Anything but a short number of few digits goes to
// numeric_out.  A test compares both over many values.
#include "extension/value/numeric_text.hpp"

#include "core/json/writer.hpp"

namespace wc {
namespace {

constexpr unsigned kShortMask = 0xC000;
constexpr unsigned kShort = 0x8000;
constexpr unsigned kSpecial = 0xC000;
constexpr unsigned kNegative = 0x2000;
constexpr unsigned kScaleMask = 0x1F80;
constexpr unsigned kScaleShift = 7;
constexpr unsigned kWeightSign = 0x0040;
constexpr unsigned kWeightMask = 0x003F;

constexpr int kMaxDigits = 4;  // base 10000: 16 decimal digits fit 64 bits
constexpr int kMaxScale = 12;

bool write_short(json::Buffer &out, const struct varlena *packed, unsigned header)
{
    int const count = static_cast<int>((VARSIZE_ANY_EXHDR(packed) - sizeof(uint16)) / sizeof(int16));
    int weight = static_cast<int>(header & kWeightMask);
    if ((header & kWeightSign) != 0)
        weight -= static_cast<int>(kWeightMask) + 1;
    int const scale = static_cast<int>((header & kScaleMask) >> kScaleShift);
    // Digits before the point and after it: 0.0042 has weight -1.
    int const fractions = (scale + 3) / 4;
    if (count > kMaxDigits || weight < -1 || weight >= kMaxDigits || scale > kMaxScale ||
        weight + 1 + fractions > kMaxDigits)
        return false;

    const char *const digits = VARDATA_ANY(packed) + sizeof(uint16);
    auto const digit = [&](int i) -> std::uint64_t {
        if (i < 0 || i >= count)
            return 0;
        int16 value = 0;
        memcpy(&value, digits + static_cast<std::size_t>(i) * sizeof value, sizeof value);
        return static_cast<std::uint64_t>(value);
    };
    std::uint64_t whole = 0;
    for (int i = 0; i <= weight; ++i)
        whole = whole * 10000 + digit(i);
    std::uint64_t fraction = 0;
    for (int i = 0; i < fractions; ++i)
        fraction = fraction * 10000 + digit(weight + 1 + i);
    for (int i = scale; i < 4 * fractions; ++i)
        fraction /= 10;

    if ((header & kNegative) != 0)
        out.append('-');
    json::write_integer(out, static_cast<std::int64_t>(whole));
    if (scale > 0) {
        char *const to = out.reserve(static_cast<std::size_t>(scale) + 1);
        to[0] = '.';
        for (int i = scale; i > 0; --i) {
            to[i] = static_cast<char>('0' + fraction % 10);
            fraction /= 10;
        }
        out.advance(to + scale + 1);
    }
    return true;
}

}  // namespace

void write_numeric(json::Buffer &out, Numeric value)
{
    auto const *const packed = reinterpret_cast<const struct varlena *>(value);
    uint16 header = 0;
    memcpy(&header, VARDATA_ANY(packed), sizeof header);
    if ((header & kShortMask) == kSpecial) {
        json::write_null(out);
        return;
    }
    if ((header & kShortMask) == kShort && write_short(out, packed, header))
        return;
    char *const text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
    out.append(std::string_view{text});
    pfree(text);
}

}  // namespace wc
