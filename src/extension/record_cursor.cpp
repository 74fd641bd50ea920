#include "extension/record_cursor.hpp"

#include "extension/json_value.hpp"
#include "extension/student_id.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/date.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordPosition>);

namespace {

// version, whether there is a date, date, owner, sum of all that; then the id's text
constexpr unsigned char kVersion = 1;
constexpr Size kDateAt = 2;
constexpr Size kOwnerAt = kDateAt + sizeof(int64);
constexpr Size kSumAt = kOwnerAt + sizeof(uint32);
constexpr Size kIdAt = kSumAt + sizeof(uint32);

uint32 sum(const char *bytes, Size size)
{
    auto const *const from = reinterpret_cast<const unsigned char *>(bytes);
    return hash_combine(hash_bytes(from, static_cast<int>(kSumAt)),
                        hash_bytes(from + kIdAt, static_cast<int>(size - kIdAt)));
}

int64 date_number(Datum date, Oid type)
{
    return type == DATEOID ? int64{DatumGetDateADT(date)} : DatumGetTimestamp(date);
}

Datum date_of_number(int64 number, Oid type)
{
    return type == DATEOID ? DateADTGetDatum(static_cast<DateADT>(number)) : TimestampGetDatum(number);
}

bool is_hexadecimal(const char *digits, Size count)
{
    for (Size i = 0; i < count; ++i) {
        char const c = digits[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

[[noreturn]] void report(const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", what),
                    errhint("Pass \"nextCursor\" of the page before, for the same student and filters; NULL for the "
                            "latest records.")));
    pg_unreachable();
}

}  // namespace

uint32 cursor_owner(std::string_view student_id, const FilterText &filters)
{
    uint32 owner =
        hash_bytes(reinterpret_cast<const unsigned char *>(student_id.data()), static_cast<int>(student_id.size()));
    for (int i = 0; i < kRecordFilters; ++i) {
        const text *const value = filters.value(static_cast<RecordFilter>(i));
        uint32 const part = value == nullptr ? 0
                                             : hash_bytes(reinterpret_cast<const unsigned char *>(VARDATA_ANY(value)),
                                                          static_cast<int>(VARSIZE_ANY_EXHDR(value)));
        owner = hash_combine(owner, part);
    }
    return owner;
}

void write_cursor(json::Buffer &out, const RecordPosition &position, uint32 owner, const BoundTable &records)
{
    std::string_view const id = student_id_text(position.id, records.columns[record::Id].type);
    Size const size = kIdAt + id.size();
    auto *const bytes = static_cast<char *>(palloc(size));
    int64 const date = position.date_is_null ? 0 : date_number(position.date, records.columns[record::Date].type);
    bytes[0] = static_cast<char>(kVersion);
    bytes[1] = static_cast<char>(position.date_is_null ? 0 : 1);
    memcpy(bytes + kDateAt, &date, sizeof date);
    memcpy(bytes + kOwnerAt, &owner, sizeof owner);
    memcpy(bytes + kIdAt, id.data(), id.size());
    uint32 const check = sum(bytes, size);
    memcpy(bytes + kSumAt, &check, sizeof check);
    out.append('"');
    char *const to = out.reserve(2 * size);
    out.advance(to + hex_encode(bytes, size, to));
    out.append('"');
    pfree(bytes);
}

RecordPosition parse_cursor(const text *cursor, uint32 owner, const BoundTable &records)
{
    Size const digits = VARSIZE_ANY_EXHDR(cursor);
    Size const size = digits / 2;
    if (digits % 2 != 0 || size <= kIdAt || !is_hexadecimal(VARDATA_ANY(cursor), digits))
        report("not a cursor");
    auto *const bytes = static_cast<char *>(palloc(size));
    hex_decode(VARDATA_ANY(cursor), digits, bytes);
    uint32 check = 0;
    uint32 written_owner = 0;
    int64 date = 0;
    memcpy(&check, bytes + kSumAt, sizeof check);
    memcpy(&written_owner, bytes + kOwnerAt, sizeof written_owner);
    memcpy(&date, bytes + kDateAt, sizeof date);
    if (bytes[0] != kVersion || (bytes[1] != 0 && bytes[1] != 1) || check != sum(bytes, size))
        report("not a cursor");
    if (written_owner != owner)
        report("the cursor is of another student or other filters");
    RecordPosition position{bytes[1] == 0, date_of_number(date, records.columns[record::Date].type), Datum{0}};
    Datum const id = PointerGetDatum(cstring_to_text_with_len(bytes + kIdAt, static_cast<int>(size - kIdAt)));
    if (!convert_cached_id(id, TEXTOID, records.columns[record::Id], position.id))
        report("not a cursor");
    return position;
}

}  // namespace wc
