#include "extension/search_query.hpp"

#include "core/search/stem.hpp"
#include "extension/json_value.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<SearchQuery>);

namespace {

// What no trigram can be made of.
constexpr int kShortestIndexedPart = 3;

Oid english()
{
    char schema[] = "pg_catalog";
    char name[] = "english";
    return get_ts_config_oid(list_make2(makeString(schema), makeString(name)), false);
}

// In quotes everything is text; a term has no quotes in it.
TSQuery lexemes(Oid configuration, std::string_view term, std::string_view ending = {})
{
    auto *const quoted = static_cast<text *>(palloc(VARHDRSZ + term.size() + ending.size() + 2));
    SET_VARSIZE(quoted, VARHDRSZ + term.size() + ending.size() + 2);
    char *to = VARDATA(quoted);
    *to++ = '"';
    memcpy(to, term.data(), term.size());
    if (!ending.empty())
        memcpy(to + term.size(), ending.data(), ending.size());
    to[term.size() + ending.size()] = '"';
    return DatumGetTSQuery(
        DirectFunctionCall2(websearch_to_tsquery_byid, ObjectIdGetDatum(configuration), PointerGetDatum(quoted)));
}

TSQuery combine(PGFunction how, TSQuery a, TSQuery b)
{
    if (a == nullptr)
        return b;
    return DatumGetTSQuery(DirectFunctionCall2(how, TSQueryGetDatum(a), TSQueryGetDatum(b)));
}

TSQuery negation(TSQuery query) { return DatumGetTSQuery(DirectFunctionCall1(tsquery_not, TSQueryGetDatum(query))); }

Datum as_datum(TSQuery query) { return query == nullptr ? Datum{0} : TSQueryGetDatum(query); }

// A word of several lexemes, as O'Brien is, need not have them side by side: an index alone can answer that.
void loosen(TSQuery query)
{
    for (int i = 0; i < query->size; ++i) {
        QueryItem &item = GETQUERY(query)[i];
        if (item.type == QI_OPR && item.qoperator.oper == OP_PHRASE) {
            item.qoperator.oper = OP_AND;
            item.qoperator.distance = 0;
        }
    }
}

TSQuery copy(TSQuery query)
{
    auto *const other = static_cast<TSQuery>(palloc(VARSIZE(query)));
    memcpy(other, query, VARSIZE(query));
    return other;
}

// The operand on the right comes first: of a phrase, that is the last word.
void make_beginnings(TSQuery query, bool only_last)
{
    for (int i = 0; i < query->size; ++i) {
        QueryItem &item = GETQUERY(query)[i];
        if (item.type != QI_VAL)
            continue;
        item.qoperand.prefix = true;
        if (only_last)
            return;
    }
}

// Stems that what is typed has passed already (stem.hpp).
TSQuery with_stems(Oid configuration, std::string_view typed, TSQuery query)
{
    if (!search::is_worth_completing(typed))
        return query;
    std::string_view last;
    for (std::string_view const ending : search::kEndings) {
        TSQuery const completed = lexemes(configuration, typed, ending);
        if (completed->size != 1 || GETQUERY(completed)[0].type != QI_VAL)
            continue;
        std::string_view const stem{GETOPERAND(completed), GETQUERY(completed)[0].qoperand.length};
        if (stem == last || !search::is_stem_of(stem, typed))
            continue;
        last = stem;
        query = combine(tsquery_or, query, completed);
    }
    return query;
}

struct Patterns {
    Datum items[search::kMaxTerms];
    int count = 0;

    Datum array() { return PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT)); }
};

SearchQuery parse(std::string_view text)
{
    bool const utf8 = GetDatabaseEncoding() == PG_UTF8;
    Oid const configuration = english();
    search::TermReader reader(text, utf8);
    search::Term terms[search::kMaxTerms];
    int count = 0;
    while (count < search::kMaxTerms && reader.next(terms[count]))
        ++count;

    SearchQuery query{};
    TSQuery words = nullptr;
    TSQuery beginnings = nullptr;
    TSQuery excluded = nullptr;
    Patterns names;
    Patterns excluded_names;
    std::string_view longest;
    for (int i = 0; i < count; ++i) {
        search::Term term = terms[i];
        if (term.text.size() > search::kLongestTerm) {
            // Nothing has a word as long.  Of a phrase the beginning counts.
            if (!term.phrase && !term.negated)
                return {};
            if (!term.phrase)
                continue;
            auto const whole = pg_mbcliplen(term.text.data(), static_cast<int>(term.text.size()),
                                            static_cast<int>(search::kLongestTerm));
            term.text = term.text.substr(0, static_cast<std::size_t>(whole));
        }
        json::Buffer pattern = make_buffer();
        search::append_part_pattern(pattern, term.text, utf8);
        Patterns &patterns = term.negated ? excluded_names : names;
        patterns.items[patterns.count++] = finish_text(pattern);
        if (!term.negated && term.text.size() > longest.size()) {
            longest = term.text;
            query.name_part = patterns.items[patterns.count - 1];
        }

        TSQuery const found = lexemes(configuration, term.text);
        if (found->size == 0)
            continue;
        if (!term.phrase)
            loosen(found);
        if (term.negated) {
            excluded = combine(tsquery_and, excluded, negation(found));
            continue;
        }
        bool const is_being_typed = i == count - 1 && !term.closed;
        if (is_being_typed) {
            TSQuery last = copy(found);
            make_beginnings(last, term.phrase);
            if (!term.phrase)
                last = with_stems(configuration, term.text, last);
            beginnings = combine(tsquery_and, words, last);
        }
        words = combine(tsquery_and, words, found);
    }
    if (excluded != nullptr) {
        words = combine(tsquery_and, words, excluded);
        if (beginnings != nullptr)
            beginnings = combine(tsquery_and, beginnings, excluded);
    }
    query.words = as_datum(words);
    query.beginnings = as_datum(beginnings);
    query.excluded = as_datum(excluded);
    query.name_parts = names.array();
    query.excluded_names = excluded_names.array();
    query.has_several_parts = names.count > 1;
    query.has_excluded_names = excluded_names.count > 0;
    query.name_part_is_short =
        pg_mbstrlen_with_len(longest.data(), static_cast<int>(longest.size())) < kShortestIndexedPart;
    return query;
}

}  // namespace

// The server would tell the client of each term that is a stop word.
SearchQuery parse_search_query(std::string_view text)
{
    int const level = NewGUCNestLevel();
    (void)set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    SearchQuery const query = parse(text);
    AtEOXact_GUC(true, level);
    return query;
}

}  // namespace wc
