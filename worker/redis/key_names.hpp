// What keys call the students: their ids, or opaque ids.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/event.hpp"
#include "config/config.hpp"
#include "core/opaque/key_secrets.hpp"
#include "core/protocol/key.hpp"

namespace wc::redis {

/// A student has one name, or one for each secret: a change removes keys of all of them.  Immutable.
class KeyNames {
public:
    /// By their ids.
    KeyNames(cache::KeyForm form) : form_(form) {}
    /// As configured.  Reads redis.key_secret_file if names are opaque.  Throws KeyError.
    KeyNames(const config::Redis &config, bool in_cluster);

    /// That of new keys is the first.
    std::vector<std::string> names(std::string_view student) const;
    /// What the keys with these names begin with.
    std::vector<std::string> prefixes(std::string_view student) const;
    /// REQUIRES: `secret` is less than the number of names.
    std::string prefix(std::string_view student, std::size_t secret = 0) const;
    /// The same events with the first name of each student in the place of the id.
    std::vector<app::Event> named(std::span<const app::Event> events) const;
    std::size_t count() const noexcept { return secrets_.empty() ? 1 : secrets_.size(); }

    bool are_opaque() const noexcept { return !fingerprints_.empty(); }
    cache::KeyForm form() const noexcept { return form_; }
    /// The part of an epoch's name that says which keys changes remove in it: empty, ` tagged`, ` opaque:…`, or both.
    std::string epoch_part() const;
    /// Whether changes remove all keys that they removed in the epoch of that name.  True only for opaque keys.
    bool include(std::string_view epoch_part) const;

    /// For a shard, which is given names in the place of ids.
    KeyNames of_given_names() const;

    /// Throws KeyError unless the database makes keys of which these are the names: with the first of the fingerprints.
    /// Empty: it names students by their ids.  Throws too if what is configured makes other names by now.
    void require(const config::Config &config, bool in_cluster, std::string_view database) const;

private:
    cache::KeyForm form_;
    std::vector<opaque::Secret> secrets_;
    std::vector<std::string> fingerprints_;  // sorted
};

}  // namespace wc::redis
