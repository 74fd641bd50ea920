#include "extension/search/term.hpp"

#include "core/search/spelling.hpp"
#include "core/search/stem.hpp"
#include "extension/value/json_value.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "tsearch/ts_utils.h"
#include "utils/fmgrprotos.h"
#include "utils/pg_crc.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<TermQuery>);

namespace {

// A longer term is searched for in one spelling only: all spellings of all terms must fit into one tsquery.
constexpr std::size_t kLongestSpelled = 100;

enum class Nearness { Anywhere, Adjacent };

Oid configuration_of(const char *name)
{
    char schema[] = "pg_catalog";
    return get_ts_config_oid(list_make2(makeString(schema), makeString(pstrdup(name))), false);
}

// Makes a tsquery of a term.  The term is in quotes, in which everything is text; it contains no quotes itself.
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
    if (a == nullptr || b == nullptr)
        return a == nullptr ? b : a;
    return DatumGetTSQuery(DirectFunctionCall2(how, TSQueryGetDatum(a), TSQueryGetDatum(b)));
}

// Drops the condition that the lexemes of a word such as O'Brien are adjacent, so that an index alone can answer the
// query.
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

// Turns words into prefixes.  In a tsquery the right operand comes first, which is the last word of a phrase.
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

QTNode *value_node(const QueryItem &like, std::string_view sign, std::string_view digits)
{
    auto *const node = static_cast<QTNode *>(palloc0(sizeof(QTNode)));
    auto *const item = static_cast<QueryItem *>(palloc(sizeof(QueryItem)));
    *item = like;
    node->valnode = item;
    node->word = static_cast<char *>(palloc(sign.size() + digits.size() + 1));
    memcpy(node->word, sign.data(), sign.size());
    memcpy(node->word + sign.size(), digits.data(), digits.size());
    item->qoperand.length = static_cast<uint32>(sign.size() + digits.size());
    pg_crc32 crc = 0;
    INIT_LEGACY_CRC32(crc);
    COMP_LEGACY_CRC32(crc, node->word, item->qoperand.length);
    FIN_LEGACY_CRC32(crc);
    item->qoperand.valcrc = static_cast<int32>(crc);
    node->sign = 1U << (crc % 32);
    return node;
}

QTNode *either(QTNode *a, QTNode *b)
{
    auto *const node = static_cast<QTNode *>(palloc0(sizeof(QTNode)));
    auto *const item = static_cast<QueryItem *>(palloc0(sizeof(QueryItem)));
    item->qoperator.type = QI_OPR;
    item->qoperator.oper = OP_OR;
    node->valnode = item;
    node->nchild = 2;
    node->child = static_cast<QTNode **>(palloc(sizeof(QTNode *) * 2));
    node->child[0] = a;
    node->child[1] = b;
    node->sign = a->sign | b->sign;
    return node;
}

// Makes a number match with both signs and with none: the parser reads a hyphen before a number as a minus sign.
QTNode *with_signs(QTNode *node)
{
    check_stack_depth();
    if (node->valnode->type != QI_VAL) {
        for (int i = 0; i < node->nchild; ++i)
            node->child[i] = with_signs(node->child[i]);
        return node;
    }
    std::string_view digits;
    const QueryItem &item = *node->valnode;
    if (!search::is_number({node->word, item.qoperand.length}, digits))
        return node;
    return either(either(value_node(item, "", digits), value_node(item, "-", digits)), value_node(item, "+", digits));
}

bool has_number(TSQuery query)
{
    std::string_view digits;
    for (int i = 0; i < query->size; ++i) {
        const QueryItem &item = GETQUERY(query)[i];
        if (item.type == QI_VAL &&
            search::is_number({GETOPERAND(query) + item.qoperand.distance, item.qoperand.length}, digits))
            return true;
    }
    return false;
}

// Makes a tsquery of one spelling of a term; null if all its words are stop words.
TSQuery spelling(Oid configuration, std::string_view text, Nearness nearness, bool is_typed, bool only_last)
{
    TSQuery query = lexemes(configuration, text);
    if (query->size == 0)
        return nullptr;
    if (nearness == Nearness::Anywhere)
        loosen(query);
    if (is_typed)
        make_beginnings(query, only_last);
    return has_number(query) ? QTN2QT(with_signs(QT2QTN(GETQUERY(query), GETOPERAND(query)))) : query;
}

// Makes a prefix of a hyphenated word that is being typed: `follow-u`, for follow-up, whose last part is a stop word
// and in no index.  The lexeme of the whole word comes before those of its parts.
TSQuery hyphenated_beginning(Oid configuration, std::string_view text)
{
    TSQuery const query = lexemes(configuration, text);
    if (query->size < 2)
        return nullptr;
    QueryItem whole = GETQUERY(query)[query->size - 1];
    if (whole.type != QI_VAL)
        return nullptr;
    std::string_view const lexeme{GETOPERAND(query) + whole.qoperand.distance, whole.qoperand.length};
    if (lexeme.find('-', 1) == std::string_view::npos)
        return nullptr;
    whole.qoperand.prefix = true;
    return QTN2QT(value_node(whole, "", lexeme));
}

// Adds stems that are shorter than the typed text (stem.hpp).
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
        query = any_of(query, completed);
    }
    return query;
}

using Append = bool (*)(json::Buffer &, std::string_view, bool);

// Returns the term in another spelling; empty if the spelling is the same.
std::string_view respelled(Append append, std::string_view text)
{
    json::Buffer other = make_buffer();
    other.truncate(0);
    return append(other, text, GetDatabaseEncoding() == PG_UTF8) ? other.view() : std::string_view{};
}

TSQuery all_spellings(Oid configuration, const search::Term &term, Nearness nearness, bool is_typed)
{
    TSQuery found = spelling(configuration, term.text, term.phrase ? Nearness::Adjacent : Nearness::Anywhere, is_typed,
                             term.phrase);
    if (term.text.size() > kLongestSpelled)
        return found;
    struct Other {
        Append append;
        Nearness nearness;
    };
    // Parts that are one word in the term must be adjacent.
    for (Other const other : {Other{search::append_parted, nearness}, Other{search::append_split, Nearness::Adjacent},
                              Other{search::append_joined, Nearness::Adjacent}}) {
        std::string_view const text = respelled(other.append, term.text);
        if (!text.empty())
            found = any_of(
                found, spelling(configuration, text, other.nearness, is_typed, other.nearness == Nearness::Adjacent));
    }
    return found;
}

}  // namespace

TSQuery all_of(TSQuery a, TSQuery b) { return combine(tsquery_and, a, b); }
TSQuery any_of(TSQuery a, TSQuery b) { return combine(tsquery_or, a, b); }

Oid english_configuration() { return configuration_of("english"); }

TermQuery term_query(Oid configuration, const search::Term &term, bool is_typed)
{
    Nearness const nearness = term.phrase ? Nearness::Adjacent : Nearness::Anywhere;
    TermQuery found{all_spellings(configuration, term, nearness, false), nullptr};
    if (found.words == nullptr || !is_typed)
        return found;
    found.beginnings = all_spellings(configuration, term, nearness, true);
    if (!term.phrase) {
        found.beginnings = with_stems(configuration, term.text, found.beginnings);
        if (term.text.size() <= kLongestSpelled)
            found.beginnings = any_of(found.beginnings, hyphenated_beginning(configuration, term.text));
    }
    return found;
}

TermQuery joined_query(Oid configuration, const search::Term &first, const search::Term &second, bool is_typed)
{
    TermQuery const one = term_query(configuration, first, false);
    TermQuery const other = term_query(configuration, second, is_typed);
    TermQuery found{all_of(one.words, other.words), nullptr};
    if (other.beginnings != nullptr)
        found.beginnings = all_of(one.words, other.beginnings);
    if (one.words == nullptr || other.words == nullptr || first.text.size() + second.text.size() > kLongestSpelled)
        return found;
    json::Buffer together = make_buffer();
    together.truncate(0);
    together.append(first.text);
    together.append(second.text);
    found.words = any_of(found.words, spelling(configuration, together.view(), Nearness::Anywhere, false, false));
    if (is_typed)
        found.beginnings =
            any_of(found.beginnings, spelling(configuration, together.view(), Nearness::Anywhere, true, false));
    return found;
}

TSQuery stop_word_beginning(const search::Term &term)
{
    std::size_t const space = term.text.find_last_of(" \t\r\n");
    std::string_view const word = space == std::string_view::npos ? term.text : term.text.substr(space + 1);
    TSQuery const found = spelling(configuration_of("simple"), word, Nearness::Anywhere, true, false);
    return found == nullptr || term.phrase ? found : with_stems(english_configuration(), word, found);
}

TSQuery excluding_query(Oid configuration, const search::Term &term)
{
    TSQuery const found = all_spellings(configuration, term, Nearness::Adjacent, false);
    return found == nullptr ? nullptr : DatumGetTSQuery(DirectFunctionCall1(tsquery_not, TSQueryGetDatum(found)));
}

}  // namespace wc
