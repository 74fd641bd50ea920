#include <algorithm>
#include <string>

#include "core/protocol/key.hpp"
#include "core/protocol/snapshot_cover.hpp"
#include "core/protocol/snapshot_token.hpp"
#include "core/protocol/write_token.hpp"
#include "redis/student_key.hpp"
#include "test/fuzz/checks.hpp"
#include "test/fuzz/pieces.hpp"

namespace wc::fuzz {
namespace {

void check_snapshots(std::string_view first, std::string_view second, std::string_view third)
{
    using snapshot_token::covers;
    for (auto const token : {first, second, third})
        require(!covers(token, token) ||
                snapshot_token::may_be_token(token.substr(0, token.find(snapshot_token::kBeforeKey))));
    if (!covers(first, second))
        return;
    require(covers(first, first) && covers(second, second));
    require(!covers(second, third) || covers(first, third));
}

void check_write_token(std::string_view text)
{
    auto const token = write_token::parse(text);
    if (!token)
        return;
    require_within(text, token->server);
    require(std::to_string(token->xid) + write_token::kAfterXid + std::string(token->server) == text);
    require(text.find_first_not_of("0123456789.") == std::string_view::npos);
}

void check_key(std::string_view key)
{
    auto const parsed = redis::parse_student_key(key);
    for (auto const owner : redis::page_owners(key))
        require_within(key, owner);
    if (!parsed)
        return;
    require(key.starts_with(cache::kKeyStart));
    require_within(key, parsed->student);
    require_within(key, parsed->rest);
    require(key.ends_with(parsed->rest));
}

void check_key_of(std::string_view id, cache::KeyForm form)
{
    // An id in braces of its own has the key of another in the other form: its page is then looked for under both.
    if (id.empty() || (id.front() == '{' && id.back() == '}'))
        return;
    for (auto const kind : {cache::Kind::HealthSummary, cache::Kind::GrowthChart}) {
        auto const key = cache::key(id, kind, form);
        auto const parsed = redis::parse_student_key(key);
        require(parsed && parsed->student == id && parsed->rest == cache::name(kind));
    }
    std::string page;
    cache::append_page_key(page, id, 1, 20, form);
    page += R"({"type":"CHECKUP"})";
    auto const owners = redis::page_owners(page);
    require(std::find(owners.begin(), owners.end(), id) != owners.end());
}

}  // namespace

void check_token(std::string_view text)
{
    check_key(text);
    for (auto const form : {cache::KeyForm::Plain, cache::KeyForm::HashTag})
        check_key_of(text, form);
    auto const first = take_piece(text, '\n');
    auto const second = take_piece(text, '\n');
    check_write_token(first);
    check_snapshots(first, second, text);
}

}  // namespace wc::fuzz
