#include "extension/warm/definitions.hpp"

#include "extension/binding/absent_table.hpp"
#include "extension/binding/tracked_table.hpp"
#include "extension/direct/eligibility.hpp"
#include "extension/server/catalog_watch.hpp"
#include "extension/value/text_form.hpp"

extern "C" {
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
}

namespace wc::warm {
namespace {

constexpr Entity kTables[] = {Entity::Students, Entity::HealthRecords, Entity::Allergies};
constexpr int kTableCount = static_cast<int>(lengthof(kTables));

struct Kept {
    bool is_valid;
    Oid role;
    Oid relations[kTableCount];
    std::uint64_t versions[kTableCount];  // BoundTable::version of each table
    Definitions definitions;
};
Kept kept{};
std::uint64_t changes = 0;

void forget()
{
    ++changes;
    kept.is_valid = false;
}

void on_relation_changed(Oid relation)
{
    if (!OidIsValid(relation) || relation == kept.relations[0] || relation == kept.relations[1] ||
        relation == kept.relations[2])
        forget();
}

// Collects the bytes that are digested, and the transactions that wrote them.
class Look {
public:
    Look() { initStringInfo(&material_); }

    template <class Value>
    void add(const Value &value)
    {
        static_assert(std::has_unique_object_representations_v<Value> || std::is_floating_point_v<Value>);
        appendBinaryStringInfo(&material_, reinterpret_cast<const char *>(&value), static_cast<int>(sizeof value));
    }
    void add_text(const char *text) { appendBinaryStringInfo(&material_, text, static_cast<int>(strlen(text)) + 1); }

    // Adds the transaction that wrote a catalog row of the definition.
    void add_maker(HeapTuple row)
    {
        add(HeapTupleHeaderGetRawXmin(row->t_data));
        TransactionId const xid = HeapTupleHeaderGetXmin(row->t_data);
        if (!TransactionIdIsNormal(xid))
            return;
        Assert(out_.maker_count < Definitions::kMostMakers);
        Xid const maker = widen(xid, next_xid());
        out_.makers[out_.maker_count++] = maker;
        out_.latest_maker = Max(out_.latest_maker, maker);
    }

    void refuse(Bypass reason)
    {
        if (!is_refused_)
            out_.reason = reason;
        is_refused_ = true;
    }
    bool is_refused() const { return is_refused_; }

    Definitions finish()
    {
        auto *const bytes = static_cast<bytea *>(palloc(static_cast<Size>(material_.len) + VARHDRSZ));
        SET_VARSIZE(bytes, material_.len + VARHDRSZ);
        memcpy(VARDATA(bytes), material_.data, static_cast<Size>(material_.len));
        Datum const digest = DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes));
        memcpy(out_.shape.data(), VARDATA_ANY(DatumGetPointer(digest)), out_.shape.size());
        out_.may_be_cached = !is_refused_;
        return out_;
    }

private:
    StringInfoData material_;
    Definitions out_{};
    bool is_refused_ = false;
};

// Beside the OID it takes the transaction that wrote the database's row, because another database can get the same OID.
void look_at_database(Look &look)
{
    HeapTuple const row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
    if (!HeapTupleIsValid(row)) {
        look.refuse(Bypass::Definitions);
        return;
    }
    look.add(MyDatabaseId);
    look.add(HeapTupleHeaderGetRawXmin(row->t_data));
    ReleaseSysCache(row);
}

// The labels come from the system cache, which the summary reads too: it gives the same label until an invalidation
// message comes.
void look_at_labels(Look &look, Oid type)
{
    CatCList *const all = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
    for (int i = 0; i < all->n_members; ++i) {
        Oid const id = reinterpret_cast<Form_pg_enum>(GETSTRUCT(&all->members[i]->tuple))->oid;
        HeapTuple const row = SearchSysCache1(ENUMOID, ObjectIdGetDatum(id));
        if (!HeapTupleIsValid(row)) {
            look.refuse(Bypass::Definitions);
            continue;
        }
        auto const *const label = reinterpret_cast<Form_pg_enum>(GETSTRUCT(row));
        look.add(label->oid);
        look.add(label->enumsortorder);
        look.add_text(NameStr(label->enumlabel));
        ReleaseSysCache(row);
    }
    ReleaseSysCacheList(all);
}

// Whether a summary shows the attribute.  Students and records can have more columns attached, with any type.
bool is_shown(Entity entity, int attribute)
{
    return attribute < needed_attributes(entity) || (entity == Entity::HealthRecords && attribute == record::CreatedAt);
}

void look_at_columns(Look &look, Entity entity, const BoundTable &table)
{
    for (int i = 0; i < attributes(entity).count; ++i) {
        const BoundColumn &column = table.columns[i];
        if (!is_shown(entity, i))
            continue;
        look.add(column.number);
        if (column.number == InvalidAttrNumber)
            continue;
        look.add(column.type);
        look.add(column.collation);
        if (text_form(column.type).has_settings)
            look.refuse(Bypass::Types);
        if (type_is_enum(column.type))
            look_at_labels(look, column.type);
    }
    // The day of such a birth date depends on a time zone.  A session can set the zone, and an update of the server can
    // change its rules.
    if (entity == Entity::Students && table.columns[student::DateOfBirth].type == TIMESTAMPTZOID)
        look.refuse(Bypass::Settings);
}

Oid find_record_change()
{
    Oid const schema = get_namespace_oid("white_cross", true);
    oidvector *const no_arguments = buildoidvector(nullptr, 0);
    return OidIsValid(schema) ? GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("record_change"),
                                                PointerGetDatum(no_arguments), ObjectIdGetDatum(schema))
                              : InvalidOid;
}

constexpr int16 kEachRow = TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE;
constexpr int16 kTruncation = TRIGGER_TYPE_TRUNCATE;

// Whether the trigger is one that wc_attach creates: it always fires, at once, for all columns, and names the entity.
bool is_as_attached(Relation triggers, HeapTuple row, Oid function, Entity entity)
{
    const FormData_pg_trigger &trigger = *reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
    if (trigger.tgfoid != function || trigger.tgenabled != TRIGGER_FIRES_ALWAYS || trigger.tgdeferrable ||
        trigger.tgattr.dim1 != 0 || trigger.tgnargs != 1 ||
        !heap_attisnull(row, Anum_pg_trigger_tgqual, RelationGetDescr(triggers)))
        return false;
    bool is_null = false;
    Datum const arguments = heap_getattr(row, Anum_pg_trigger_tgargs, RelationGetDescr(triggers), &is_null);
    const char *const name = kEntityNames[static_cast<int>(entity)];
    auto const *const bytes = is_null ? nullptr : DatumGetByteaPP(arguments);
    return bytes != nullptr && VARSIZE_ANY_EXHDR(bytes) == strlen(name) + 1 &&
           memcmp(VARDATA_ANY(bytes), name, strlen(name) + 1) == 0;
}

void look_at_triggers(Look &look, Entity entity, Oid relation)
{
    Oid const function = find_record_change();
    bool has_each_row = false;
    bool has_truncation = false;
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    Relation const triggers = table_open(TriggerRelationId, AccessShareLock);
    SysScanDesc const scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, nullptr, 1, &key);
    for (HeapTuple row = systable_getnext(scan); row != nullptr; row = systable_getnext(scan)) {
        if (!is_as_attached(triggers, row, function, entity))
            continue;
        auto const *const trigger = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
        bool &has = trigger->tgtype == kEachRow ? has_each_row : has_truncation;
        if (has || (trigger->tgtype != kEachRow && trigger->tgtype != kTruncation))
            continue;
        has = true;
        look.add(trigger->oid);
        look.add_maker(row);
    }
    systable_endscan(scan);
    table_close(triggers, AccessShareLock);
    if (!has_each_row || !has_truncation)
        look.refuse(Bypass::Triggers);
}

// Whether there is an index for direct reads that is right for every snapshot.
bool has_lasting_index(Entity entity, const OpenTable &table, IndexUse use, StudentIndex &found)
{
    Relation const index = open_student_index(entity, table, found, use);
    if (index == nullptr)
        return false;
    index_close(index, NoLock);
    return !found.is_for_new_snapshots_only;
}

// Other extensions, such as an auditor or security labels, use ExecutorCheckPerms_hook to see which tables a query
// reads.  They see neither direct reads nor hits.  So a hit may replace a direct read, but not a query.
bool is_hidden_from_hook(Entity entity, const OpenTable &table)
{
    if (ExecutorCheckPerms_hook == nullptr)
        return false;
    StudentIndex found;
    if (!has_lasting_index(entity, table, IndexUse::Dates, found))
        return true;
    return entity == Entity::HealthRecords && found.type_column == InvalidAttrNumber &&
           !has_lasting_index(entity, table, IndexUse::Types, found);
}

void look_at_table(Look &look, Entity entity)
{
    if (is_absent(bound_table(entity))) {
        look.add(InvalidOid);
        return;
    }
    OpenTable const table = open_bound_table(entity);
    if (!is_plain_table(table) || table.relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        look.refuse(Bypass::Tables);
    else if (!may_select_all(table) || is_hidden_from_hook(entity, table))
        look.refuse(Bypass::Privileges);
    HeapTuple const row = SearchSysCache1(RELOID, ObjectIdGetDatum(table.bound->relation));
    if (HeapTupleIsValid(row)) {
        look.add(table.bound->relation);
        look.add(pg::file_of(table.relation));
        look.add_maker(row);
        ReleaseSysCache(row);
    } else {
        look.refuse(Bypass::Definitions);
    }
    if (!look.is_refused()) {
        look_at_columns(look, entity, *table.bound);
        look_at_triggers(look, entity, table.bound->relation);
    }
    table_close(table.relation, NoLock);
}

bool are_of_this_read()
{
    for (int i = 0; i < kTableCount; ++i) {
        if (kept.versions[i] != bound_table(kTables[i]).version)
            return false;
    }
    return kept.role == GetUserId();
}

void look_at_all()
{
    MemoryContext const caller = CurrentMemoryContext;
    MemoryContext const looks =
        AllocSetContextCreate(CurrentMemoryContext, "white_cross definitions", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(looks);
    kept.is_valid = false;
    std::uint64_t const before = changes;
    kept.role = GetUserId();
    for (int i = 0; i < kTableCount; ++i) {
        const BoundTable &table = bound_table(kTables[i]);
        kept.relations[i] = table.relation;
        kept.versions[i] = table.version;
    }
    Look look;
    look_at_database(look);
    for (Entity const entity : kTables)
        look_at_table(look, entity);
    kept.definitions = look.finish();
    // An invalidation message may have come during the look.
    kept.is_valid = changes == before;
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(looks);
}

}  // namespace

const Definitions &current_definitions()
{
    static constexpr Definitions kUnsettled{false, Bypass::Definitions, {}, {}, 0, 0};
    if (kept.is_valid && are_of_this_read())
        return kept.definitions;
    look_at_all();
    return kept.is_valid ? kept.definitions : kUnsettled;
}

std::uint64_t count_of_changes() noexcept { return changes; }

void watch_definitions()
{
    watch_relations(on_relation_changed);
    // A change of a schema gives the bound tables another version.
    for (pg::SystemCache const cache : {AUTHOID, AUTHMEMROLEMEM, DATABASEOID, ENUMOID})
        watch_catalog(cache, forget);
}

}  // namespace wc::warm
