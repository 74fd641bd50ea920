#include "extension/growth/reference.hpp"
#include "extension/server/text_view.hpp"

#include <algorithm>

extern "C" {
#include "lib/stringinfo.h"
#include "utils/fmgroids.h"
}

namespace wc {
namespace {

constexpr std::string_view kCdc = "cdc";
constexpr int kMostNamed = 20;  // known references that a hint names at most

enum Column : AttrNumber { kReference = 1, kMeasure, kSex, kAge, kL, kM, kS, kColumns = kS };

// Reads rows of white_cross.growth_reference in the order of its primary key: reference, measure, sex, age.
class ReferenceRows {
public:
    explicit ReferenceRows(const Datum *only_reference)
    {
        Oid const schema = get_namespace_oid("white_cross", false);
        table_ = table_open(get_relname_relid("growth_reference", schema), AccessShareLock);
        list_free(RelationGetIndexList(table_));
        index_ = index_open(table_->rd_pkindex, AccessShareLock);
        if (only_reference != nullptr)
            ScanKeyInit(&key_, kReference, BTEqualStrategyNumber, F_TEXTEQ, *only_reference);
        scan_ =
            systable_beginscan_ordered(table_, index_, GetActiveSnapshot(), only_reference != nullptr ? 1 : 0, &key_);
    }

    // Reads the next row; no column can be NULL.  Returns false at the end.
    bool next(Datum (&columns)[kColumns])
    {
        HeapTuple const row = systable_getnext_ordered(scan_, ForwardScanDirection);
        if (row == nullptr)
            return false;
        bool nulls[kColumns];
        heap_deform_tuple(row, RelationGetDescr(table_), columns, nulls);
        return true;
    }

    void close()
    {
        systable_endscan_ordered(scan_);
        index_close(index_, AccessShareLock);
        table_close(table_, AccessShareLock);
    }

private:
    Relation table_;
    Relation index_;
    SysScanDesc scan_;
    ScanKeyData key_;
};

// Marks what a snapshot sees.  Two snapshots with equal marks see the same rows: between equal bounds transactions can
// only end, so the same number of transactions in progress means the same transactions; and the command and the
// subtransaction tell changes of the own transaction.
struct SnapshotMark {
    TransactionId xmin, xmax;
    uint32 running;
    int32 running_below;
    bool overflowed;
    CommandId command;
    SubTransactionId subtransaction;
    TimestampTz transaction_start;

    static SnapshotMark now()
    {
        Snapshot const snapshot = GetActiveSnapshot();
        return {snapshot->xmin,
                snapshot->xmax,
                snapshot->xcnt,
                snapshot->subxcnt,
                snapshot->suboverflowed,
                snapshot->curcid,
                GetCurrentSubTransactionId(),
                GetCurrentTransactionStartTimestamp()};
    }
    bool operator==(const SnapshotMark &) const = default;
};

[[noreturn]] void reject_unknown(std::string_view name)
{
    StringInfoData known;
    initStringInfo(&known);
    appendStringInfoString(&known, kCdc.data());
    ReferenceRows rows(nullptr);
    Datum columns[kColumns];
    int named = 0;
    char *last = pstrdup("");
    while (named < kMostNamed && rows.next(columns)) {
        if (text_view(columns[kReference - 1]) == last)
            continue;
        last = TextDatumGetCString(columns[kReference - 1]);
        appendStringInfo(&known, ", %s", last);
        ++named;
    }
    rows.close();
    std::string_view const shown = cut_text(name, kLongestShown);
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown growth reference \"%.*s\"", static_cast<int>(shown.size()), shown.data()),
                    errhint("Known references: %s. Load others into white_cross.growth_reference.", known.data)));
    pg_unreachable();
}

}  // namespace

// The reference that the last call named, kept in fn_extra.
class KeptReference {
public:
    explicit KeptReference(MemoryContext parent)
        : memory_(AllocSetContextCreate(parent, "wc growth reference", ALLOCSET_SMALL_SIZES))
    {}

    const GrowthReference &get(Datum name)
    {
        SnapshotMark const now = SnapshotMark::now();
        if (reference_.name_ == nullptr || text_view(name) != reference_.name_ || !(now == seen_))
            load(name, now);
        return reference_;
    }

private:
    void load(Datum name, const SnapshotMark &now)
    {
        reference_ = {};
        MemoryContextReset(memory_);
        if (text_view(name) == kCdc)
            reference_.is_cdc_ = true;
        else
            read(name);
        reference_.name_ = MemoryContextStrdup(memory_, TextDatumGetCString(name));
        seen_ = now;
    }

    void read(Datum name)
    {
        std::size_t capacity = 256;
        std::size_t count = 0;
        auto *points = static_cast<growth::Point *>(MemoryContextAlloc(memory_, capacity * sizeof(growth::Point)));
        std::size_t counts[3][2] = {};
        std::size_t starts[3][2] = {};
        ReferenceRows rows(&name);
        Datum columns[kColumns];
        while (rows.next(columns)) {
            growth::Measure measure = growth::Measure::Bmi;
            growth::Sex sex = growth::Sex::Other;
            if (!growth::parse_measure(text_view(columns[kMeasure - 1]), measure) ||
                !growth::parse_sex(text_view(columns[kSex - 1]), sex) || sex == growth::Sex::Other)
                continue;
            if (count == capacity)
                points = static_cast<growth::Point *>(repalloc(points, (capacity *= 2) * sizeof(growth::Point)));
            std::size_t &of_series = counts[static_cast<int>(measure)][static_cast<int>(sex)];
            if (of_series++ == 0)
                starts[static_cast<int>(measure)][static_cast<int>(sex)] = count;
            points[count++] = {
                DatumGetFloat8(columns[kAge - 1]),
                {DatumGetFloat8(columns[kL - 1]), DatumGetFloat8(columns[kM - 1]), DatumGetFloat8(columns[kS - 1])}};
        }
        rows.close();
        if (count == 0)
            reject_unknown(text_view(name));
        for (int measure = 0; measure < 3; ++measure)
            for (int sex = 0; sex < 2; ++sex)
                reference_.series_[measure][sex] = {points + starts[measure][sex], counts[measure][sex]};
    }

    MemoryContext memory_;
    GrowthReference reference_;
    SnapshotMark seen_ = {};
};
static_assert(std::is_trivially_destructible_v<KeptReference>);

const GrowthSeries &GrowthReference::series(growth::Measure measure, growth::Sex sex) const
{
    static constexpr GrowthSeries kNone = {nullptr, 0};
    return sex == growth::Sex::Other ? kNone : series_[static_cast<int>(measure)][static_cast<int>(sex)];
}

bool GrowthReference::find(growth::Measure measure, growth::Sex sex, double age_months, growth::Norm &norm) const
{
    if (is_cdc_)
        return growth::cdc_norm(measure, sex, age_months, norm);
    const GrowthSeries &points = series(measure, sex);
    return growth::norm_between(points.points, points.count, age_months, norm);
}

void GrowthReference::check_has(growth::Measure measure) const
{
    auto const has = [this](growth::Measure asked) {
        return is_cdc_ || series(asked, growth::Sex::Male).count > 0 || series(asked, growth::Sex::Female).count > 0;
    };
    if (has(measure))
        return;
    StringInfoData known;
    initStringInfo(&known);
    for (growth::Measure const other : {growth::Measure::Bmi, growth::Measure::Height, growth::Measure::Weight}) {
        if (has(other))
            appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", growth::name(other).data());
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("growth reference \"%s\" has no measure \"%s\"", name_, growth::name(measure).data()),
                    errhint("It has: %s.", known.data)));
}

const GrowthReference &growth_reference(FunctionCallInfo fcinfo, Datum name)
{
    FmgrInfo *const call = fcinfo->flinfo;
    if (call->fn_extra == nullptr)
        call->fn_extra = new (MemoryContextAlloc(call->fn_mcxt, sizeof(KeptReference))) KeptReference(call->fn_mcxt);
    return static_cast<KeptReference *>(call->fn_extra)->get(name);
}

}  // namespace wc
