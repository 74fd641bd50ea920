#include "extension/server/catalog_watch.hpp"

namespace wc {
namespace {

template <class Told>
class Listeners {
public:
    bool is_first() const noexcept { return count_ == 0; }
    void add(Told told)
    {
        if (count_ == kMost)
            elog(ERROR, "white_cross has no room for another listener");
        told_[count_++] = told;
    }
    template <class... Word>
    void tell(Word... word) const
    {
        for (int i = 0; i < count_; ++i)
            told_[i](word...);
    }

private:
    static constexpr int kMost = 8;
    Told told_[kMost] = {};
    int count_ = 0;
};

Listeners<OnRelationChanged> of_relations;

// One for each system cache that somebody watches.
struct WatchedCatalog {
    pg::SystemCache cache;
    Listeners<OnCatalogChanged> listeners;
};
constexpr int kMostCatalogs = 8;
WatchedCatalog catalogs[kMostCatalogs];
int count_of_catalogs = 0;

void on_relation_changed(Datum, Oid relation) { of_relations.tell(relation); }
void on_catalog_changed(Datum number, pg::SystemCache, uint32) { catalogs[DatumGetInt32(number)].listeners.tell(); }

int number_of(pg::SystemCache cache)
{
    for (int i = 0; i < count_of_catalogs; ++i) {
        if (catalogs[i].cache == cache)
            return i;
    }
    if (count_of_catalogs == kMostCatalogs)
        elog(ERROR, "white_cross has no room for another catalog to watch");
    catalogs[count_of_catalogs].cache = cache;
    CacheRegisterSyscacheCallback(cache, on_catalog_changed, Int32GetDatum(count_of_catalogs));
    return count_of_catalogs++;
}

}  // namespace

void watch_relations(OnRelationChanged told)
{
    if (of_relations.is_first())
        CacheRegisterRelcacheCallback(on_relation_changed, Datum{0});
    of_relations.add(told);
}

void watch_schemas(OnSchemaChanged told) { watch_catalog(NAMESPACEOID, told); }

void watch_catalog(pg::SystemCache cache, OnCatalogChanged told) { catalogs[number_of(cache)].listeners.add(told); }

}  // namespace wc
