#include "extension/server/time_zone.hpp"

#include <cstring>

#include "extension/server/boundary.hpp"

extern "C" {
#include "access/parallel.h"
#include "catalog/pg_db_role_setting.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
}

namespace wc::zone {
namespace {

constexpr const char *kServers = "TimeZone";

char *setting_value = nullptr;

// What the check of a value passes to the function that assigns it.
struct Checked {
    pg_tz *zone;      // null for the empty value
    bool is_default;  // the setting has no value of its own
};
pg_tz *set_zone = nullptr;
bool is_default = true;

bool check_setting(char **value, void **extra, GucSource source)
{
    pg_tz *zone = nullptr;
    if (**value != '\0') {
        zone = pg_tzset(*value);
        if (zone == nullptr || !pg_tz_acceptable(zone)) {
            GUC_check_errdetail("\"%s\" is no time zone that the server knows.", *value);
            GUC_check_errhint("Names are those of pg_timezone_names, such as Europe/Berlin.");
            return false;
        }
    }
    // PostgreSQL frees this memory.
#if PG_VERSION_NUM >= 160000
    auto *const checked = static_cast<Checked *>(guc_malloc(LOG, sizeof(Checked)));
#else
    auto *const checked = static_cast<Checked *>(malloc(sizeof(Checked)));
#endif
    if (checked == nullptr)
        return false;
    *checked = {zone, source <= PGC_S_DYNAMIC_DEFAULT};
    *extra = checked;
    return true;
}

void assign_setting(const char *, void *extra)
{
    auto const *const checked = static_cast<const Checked *>(extra);
    set_zone = checked->zone;
    is_default = checked->is_default;
}

const config_generic *find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
    return find_option(name, false, true, LOG);
#else
    config_generic **const all = get_guc_variables();
    for (int i = 0; i < GetNumConfigOptions(); ++i) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    return nullptr;
#endif
}

// Returns the zone of the server's configuration; null if this process does not know it, because the client or the role
// has set another one.
const char *servers_zone()
{
    const config_generic *const known = find_setting(kServers);
    if (known == nullptr || known->reset_source > PGC_S_ARGV)
        return nullptr;
    return GetConfigOptionResetString(kServers);
}

// Returns the value of an item `name=value` of a setconfig array; null if the item has another name.
const char *value_of(const char *item, const char *name)
{
    Size const length = strlen(name);
    return pg_strncasecmp(item, name, length) == 0 && item[length] == '=' ? item + length + 1 : nullptr;
}

// Returns the zone of ALTER DATABASE … SET timezone; null if there is none.
pg_tz *zone_of_database()
{
    Relation const settings = table_open(DbRoleSettingRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(MyDatabaseId));
    ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(InvalidOid));
    SysScanDesc const scan = systable_beginscan(settings, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
    pg_tz *found = nullptr;
    if (HeapTuple const tuple = systable_getnext(scan)) {
        bool is_null = false;
        Datum const items =
            heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(settings), &is_null);
        Datum *texts = nullptr;
        int count = 0;
        if (!is_null)
            deconstruct_array(DatumGetArrayTypeP(items), TEXTOID, -1, false, TYPALIGN_INT, &texts, nullptr, &count);
        for (int i = 0; i < count; ++i) {
            if (const char *const name = value_of(TextDatumGetCString(texts[i]), kServers))
                found = pg_tzset(name);
        }
    }
    systable_endscan(scan);
    table_close(settings, AccessShareLock);
    return found;
}

// Returns the database's zone, which stays the same for a whole session, as settings of a database do.
pg_tz *databases_zone()
{
    static pg_tz *kept = nullptr;
    static bool is_known = false;
    if (!is_known) {
        kept = zone_of_database();
        is_known = true;
    }
    return kept;
}

pg_tz *current()
{
    if (!is_default)
        return set_zone;
    if (pg_tz *const zone = databases_zone())
        return zone;
    return set_zone != nullptr ? set_zone : pg_tzset("UTC");
}

// Returns how many seconds the zone is behind UTC.
int seconds_west(TimestampTz at)
{
    struct pg_tm tm;
    fsec_t fraction = 0;
    int west = 0;
    if (timestamp2tm(at, &west, &tm, &fraction, nullptr, current()) != 0)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
    return west;
}

// Limits an instant, so that the instants a day before and after it are still timestamps.
TimestampTz bounded(TimestampTz at)
{
    return Max(MIN_TIMESTAMP + 2 * USECS_PER_DAY, Min(at, END_TIMESTAMP - 2 * USECS_PER_DAY));
}

TimestampTz edge_of(int64 day, Edge edge) { return edge == Edge::Begin ? begin_of(day) : end_of(day); }

TimestampTz edge_of_date(DateADT day, Edge edge)
{
    if (DATE_NOT_FINITE(day))
        return DATE_IS_NOBEGIN(day) ? DT_NOBEGIN : DT_NOEND;
    return edge_of(day, edge);
}

// Parses a moment in any form that PostgreSQL reads.  Text without a time of day has no colon, and means midnight to
// PostgreSQL.
TimestampTz parse_moment(const char *text, Edge edge)
{
    // Replace the server's error, which shows the text: it may be a birth date.
    auto const read_as = [text](PGFunction input) {
        Datum read = 0;
        translated(
            [&] {
                read =
                    DirectFunctionCall3(input, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
            },
            [](const ErrorData &error) {
                if (ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_DATA_EXCEPTION)
                    ereport(ERROR, (errcode(error.sqlerrcode), errmsg("the given text is no date or time"),
                                    errhint("For example 2025-10-10, for the whole day, or 2025-10-10 09:30.")));
            });
        return read;
    };
    if (strchr(text, ':') == nullptr) {
        Timestamp const written = DatumGetTimestamp(read_as(timestamp_in));
        if (!TIMESTAMP_NOT_FINITE(written) && written % USECS_PER_DAY == 0)
            return edge_of(written / USECS_PER_DAY, edge);
    }
    return DatumGetTimestampTz(read_as(timestamptz_in));
}

// Finds the first instant between two at which clocks show `wanted` or later, because they were put forward over it.
// REQUIRES: clocks show an earlier time at `before`, and `wanted` or later at `after`.
TimestampTz find_jump(TimestampTz before, TimestampTz after, Timestamp wanted)
{
    while (after - before > 1) {
        TimestampTz const middle = before + (after - before) / 2;
        if (local(middle) < wanted)
            before = middle;
        else
            after = middle;
    }
    return after;
}

}  // namespace

void define(const char *setting)
{
    DefineCustomStringVariable(
        setting, "Time zone in which days begin: of birth dates, ages, and dates given without a time.",
        "Empty: the database's, as ALTER DATABASE ... SET timezone or the server's configuration gives it.",
        &setting_value, "", PGC_SUSET, 0, check_setting, assign_setting, nullptr);
    // Parallel workers get the zone from their leader.
    if (ParallelWorkerNumber >= 0 || IsInParallelMode())
        return;
    if (const char *const name = servers_zone())
        SetConfigOption(setting, name, PGC_POSTMASTER, PGC_S_DYNAMIC_DEFAULT);
}

Timestamp local(TimestampTz at) { return at - int64{seconds_west(bounded(at))} * USECS_PER_SEC; }

TimestampTz instant(Timestamp wanted)
{
    TimestampTz const around = bounded(wanted);
    TimestampTz found = DT_NOEND;
    // Try the offsets of the day before and of the day after.  One of them is right; both are, if clocks show the time
    // twice.
    for (int64 const step : {-USECS_PER_DAY, USECS_PER_DAY}) {
        TimestampTz const candidate = wanted + int64{seconds_west(around + step)} * USECS_PER_SEC;
        if (candidate < found && local(candidate) >= wanted && local(candidate - 1) < wanted)
            found = candidate;
    }
    return found != DT_NOEND ? found : find_jump(around - 2 * USECS_PER_DAY, around + 2 * USECS_PER_DAY, wanted);
}

int64 day_of(TimestampTz at) { return whole_days(local(at)); }

TimestampTz begin_of(int64 day)
{
    if (day <= whole_days(MIN_TIMESTAMP) + 2)
        return DT_NOBEGIN;
    if (day >= whole_days(END_TIMESTAMP) - 2)
        return DT_NOEND;
    return instant(day * USECS_PER_DAY);
}

TimestampTz end_of(int64 day)
{
    TimestampTz const next = begin_of(day + 1);
    return TIMESTAMP_NOT_FINITE(next) ? next : next - 1;
}

DateADT first_day_from(TimestampTz at)
{
    if (TIMESTAMP_NOT_FINITE(at))
        return TIMESTAMP_IS_NOBEGIN(at) ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
    int64 const day = day_of(at);
    return static_cast<DateADT>(begin_of(day) < at ? day + 1 : day);
}

TimestampTz moment_argument(FunctionCallInfo fcinfo, int n, Edge edge)
{
    switch (get_fn_expr_argtype(fcinfo->flinfo, n)) {
        case DATEOID: return edge_of_date(PG_GETARG_DATEADT(n), edge);
        case TEXTOID: return parse_moment(text_to_cstring(PG_GETARG_TEXT_PP(n)), edge);
        default: return PG_GETARG_TIMESTAMPTZ(n);
    }
}

}  // namespace wc::zone
