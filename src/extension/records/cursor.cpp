#include "extension/records/cursor.hpp"

#include "extension/binding/id.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/date.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<RecordPosition>);

namespace {

// The bytes of a cursor: version; which of the times are not NULL, and of which types they are; date, owner, a check
// sum of everything else; then, in the second version, the time when the record was entered; then the text of the id.
constexpr unsigned char kByDate = 1;
constexpr unsigned char kByEntry = 2;
constexpr unsigned char kHasDate = 1;
constexpr unsigned char kHasEntry = 2;
constexpr int kDateTypeAt = 2;  // of the same byte: two bits for each type
constexpr int kEntryTypeAt = 4;
constexpr Size kDateAt = 2;
constexpr Size kOwnerAt = kDateAt + sizeof(int64);
constexpr Size kSumAt = kOwnerAt + sizeof(uint32);
constexpr Size kRestAt = kSumAt + sizeof(uint32);

Size id_at(bool by_entry) { return kRestAt + (by_entry ? sizeof(int64) : 0); }

uint32 sum(const char *bytes, Size size)
{
    auto const *const from = reinterpret_cast<const unsigned char *>(bytes);
    return hash_combine(hash_bytes(from, static_cast<int>(kSumAt)),
                        hash_bytes(from + kRestAt, static_cast<int>(size - kRestAt)));
}

int64 time_number(const RecordPosition::Key &time, Oid type)
{
    if (time.is_null)
        return 0;
    return type == DATEOID ? int64{DatumGetDateADT(time.value)} : DatumGetTimestamp(time.value);
}

Datum time_of_number(int64 number, Oid type)
{
    return type == DATEOID ? DateADTGetDatum(static_cast<DateADT>(number)) : TimestampGetDatum(number);
}

// One number is another time in a column of another type.
unsigned time_type(Oid type) { return type == TIMESTAMPTZOID ? 1 : type == DATEOID ? 2 : 0; }

unsigned char time_types(const BoundTable &records, bool by_entry)
{
    unsigned const date = time_type(records.columns[record::Date].type);
    unsigned const entry = by_entry ? time_type(records.columns[record::CreatedAt].type) : 0;
    return static_cast<unsigned char>(date << kDateTypeAt | entry << kEntryTypeAt);
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
                    errhint("Pass \"nextCursor\" of the previous page, with the same student and filters; NULL "
                            "begins with the latest records.")));
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

SortKeys page_order(const BoundTable &records, bool by_entry)
{
    return by_entry ? record_order(records) : SortKeys{{{record::Date, true}, {record::Id, false}}, 2};
}

void write_cursor(json::Buffer &out, const RecordPosition &position, uint32 owner, const BoundTable &records)
{
    std::string_view const id = student_id_text(position.id.value, records.columns[record::Id].type);
    Size const size = id_at(position.by_entry) + id.size();
    auto *const bytes = static_cast<char *>(palloc(size));
    int64 const date = time_number(position.date, records.columns[record::Date].type);
    bytes[0] = static_cast<char>(position.by_entry ? kByEntry : kByDate);
    bytes[1] = static_cast<char>((position.date.is_null ? 0 : kHasDate) | time_types(records, position.by_entry));
    memcpy(bytes + kDateAt, &date, sizeof date);
    memcpy(bytes + kOwnerAt, &owner, sizeof owner);
    if (position.by_entry) {
        int64 const entered = time_number(position.entered, records.columns[record::CreatedAt].type);
        bytes[1] = static_cast<char>(bytes[1] | (position.entered.is_null ? 0 : kHasEntry));
        memcpy(bytes + kRestAt, &entered, sizeof entered);
    }
    memcpy(bytes + id_at(position.by_entry), id.data(), id.size());
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
    if (digits % 2 != 0 || size <= kRestAt || !is_hexadecimal(VARDATA_ANY(cursor), digits))
        report("invalid cursor");
    auto *const bytes = static_cast<char *>(palloc(size));
    hex_decode(VARDATA_ANY(cursor), digits, bytes);
    uint32 check = 0;
    uint32 written_owner = 0;
    int64 date = 0;
    int64 entered = 0;
    memcpy(&check, bytes + kSumAt, sizeof check);
    memcpy(&written_owner, bytes + kOwnerAt, sizeof written_owner);
    memcpy(&date, bytes + kDateAt, sizeof date);
    bool const by_entry = bytes[0] == kByEntry;
    auto const types = static_cast<unsigned char>(bytes[1] & ~(kHasDate | kHasEntry));
    auto const times = static_cast<unsigned char>(bytes[1] & (kHasDate | kHasEntry));
    if ((bytes[0] != kByDate && !by_entry) || times > (by_entry ? kHasDate | kHasEntry : kHasDate) ||
        size <= id_at(by_entry) || check != sum(bytes, size))
        report("invalid cursor");
    if (written_owner != owner)
        report("the cursor belongs to another student or to other filters");
    if (by_entry && !knows_entry(records))
        report("the cursor belongs to another order of records");
    if (types != time_types(records, by_entry))
        report("the cursor belongs to dates of another type");
    RecordPosition position{};
    position.by_entry = by_entry;
    position.date = {time_of_number(date, records.columns[record::Date].type), (times & kHasDate) == 0};
    if (by_entry) {
        memcpy(&entered, bytes + kRestAt, sizeof entered);
        position.entered = {time_of_number(entered, records.columns[record::CreatedAt].type), (times & kHasEntry) == 0};
    }
    Datum const id =
        PointerGetDatum(cstring_to_text_with_len(bytes + id_at(by_entry), static_cast<int>(size - id_at(by_entry))));
    if (!convert_cached_id(id, TEXTOID, records.columns[record::Id], position.id.value))
        report("invalid cursor");
    return position;
}

}  // namespace wc
