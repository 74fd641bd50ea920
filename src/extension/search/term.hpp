// Makes a tsquery of one term of a person's query, with all its spellings (core/search/spelling.hpp).
#pragma once
#include "core/search/query.hpp"
#include "extension/server/prelude.hpp"

extern "C" {
#include "tsearch/ts_type.h"
}

namespace wc {

/// Members may be null.  The values are in the memory context that was current.
struct TermQuery {
    TSQuery words;       ///< the term as it stands
    TSQuery beginnings;  ///< the term with its last word as a prefix; finds all that `words` finds
};

Oid english_configuration();

/// `is_typed`: the term's last word may be incomplete; otherwise `beginnings` is null.  Both are null if all words are
/// stop words.
TermQuery term_query(Oid configuration, const search::Term &term, bool is_typed);

/// Makes a tsquery of two words that follow each other, as two words or written as one.
TermQuery joined_query(Oid configuration, const search::Term &first, const search::Term &second, bool is_typed);

/// Makes a prefix of a last word that is a stop word, as `all` for allergy.
TSQuery stop_word_beginning(const search::Term &term);

/// Makes a tsquery that no record with the term fulfils; null if all words are stop words.
TSQuery excluding_query(Oid configuration, const search::Term &term);

/// Combine two tsqueries.  If one is null, they return the other.
TSQuery all_of(TSQuery a, TSQuery b);
TSQuery any_of(TSQuery a, TSQuery b);

}  // namespace wc
