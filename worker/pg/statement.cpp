#include "pg/statement.hpp"

namespace wc::pg {
namespace {

std::string enclosed(std::string_view text, char quote)
{
    std::string out(1, quote);
    for (char const c : text) {
        if (c == quote)
            out += quote;
        out += c;
    }
    return out + quote;
}

}  // namespace

std::string Statement::preparation() const
{
    std::string sql = "PREPARE " + std::string(name);
    for (auto const &type : types)
        sql.append(&type == types.data() ? " (" : ", ").append(type);
    return sql + (types.empty() ? " AS " : ") AS ") + std::string(body);
}

std::string Statement::execution(std::span<const std::string> arguments) const
{
    std::string sql = "EXECUTE " + std::string(name);
    for (auto const &argument : arguments)
        sql += (&argument == arguments.data() ? "(" : ", ") + quote_literal(argument);
    return sql + (arguments.empty() ? "" : ")");
}

std::string Statement::whole(std::span<const std::string> arguments) const
{
    std::string sql;
    char inside = '\0';  // the quote character of the literal or identifier that `at` is in, where $ means no parameter
    for (std::size_t at = 0; at < body.size(); ++at) {
        char const c = body[at];
        if (inside ? c == inside : c == '\'' || c == '"')
            inside = inside ? '\0' : c;
        if (c != '$' || inside) {
            sql += c;
            continue;
        }
        auto const n = static_cast<std::size_t>(body[++at] - '1');
        sql += "CAST(" + quote_literal(arguments[n]) + " AS " + std::string(types[n]) + ")";
    }
    return sql;
}

std::string quote_literal(std::string_view text)
{
    auto literal = enclosed(text, '\'');
    if (text.find('\\') == std::string_view::npos)
        return literal;
    // Use an E'' string: in a plain one the meaning of a backslash depends on standard_conforming_strings.
    for (auto at = literal.find('\\'); at != std::string::npos; at = literal.find('\\', at + 2))
        literal.insert(at, 1, '\\');
    return " E" + literal;
}

std::string quoted_identifier(std::string_view name) { return enclosed(name, '"'); }

std::string array_literal(std::span<const std::string> values)
{
    std::string out = "{";
    for (auto const &value : values) {
        out += out.size() > 1 ? ",\"" : "\"";
        for (char const c : value) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + '}';
}

}  // namespace wc::pg
