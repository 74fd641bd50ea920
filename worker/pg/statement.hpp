// A statement that is run again and again with other arguments.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace wc::pg {

/// Up to nine parameters, $1 to $9.
struct Statement {
    std::string_view name;
    std::span<const std::string_view> types;  ///< of its parameters
    std::string_view body;

    /// The text of PREPARE.
    std::string preparation() const;
    /// EXECUTE of what was prepared.  Arguments are values in text form, without quotes.
    std::string execution(std::span<const std::string> arguments) const;
    /// The same as one statement that needs no preparation.
    std::string whole(std::span<const std::string> arguments) const;
};

/// A string literal, right whatever standard_conforming_strings says; and an identifier.
std::string quoted(std::string_view text);
std::string quoted_identifier(std::string_view name);
/// The text of an array of texts, without the quotes of a string literal.
std::string array_literal(std::span<const std::string> values);

}  // namespace wc::pg
