// An SQL statement with parameters, and the quoting of SQL.
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

    /// Returns the PREPARE statement.
    std::string preparation() const;
    /// Returns the EXECUTE statement.  Arguments are values in text form, without quotes.
    std::string execution(std::span<const std::string> arguments) const;
    /// Returns the statement with its arguments in place of the parameters, which needs no PREPARE.
    std::string whole(std::span<const std::string> arguments) const;
};

/// Returns a string literal that is right for any value of standard_conforming_strings.
std::string quote_literal(std::string_view text);
/// Returns a quoted identifier.
std::string quoted_identifier(std::string_view name);
/// Returns the text of an array of texts, without the quotes of a string literal.
std::string array_literal(std::span<const std::string> values);

}  // namespace wc::pg
