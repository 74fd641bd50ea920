#include "extension/value/json_argument.hpp"

#include "extension/server/boundary.hpp"
#include "extension/server/text_view.hpp"

namespace wc {

JsonType json_type_of(FunctionCallInfo fcinfo, int argument, const char *name)
{
    Oid const type = get_fn_expr_argtype(fcinfo->flinfo, argument);
    if (!OidIsValid(type))
        ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE),
                        errmsg("the caller does not say of which type \"%s\" is", name)));
    switch (getBaseType(type)) {
        case JSONOID: return JsonType::Json;
        case JSONBOID: return JsonType::Jsonb;
        case TEXTOID:
        case VARCHAROID: return JsonType::Text;
        default: break;
    }
    ereport(ERROR,
            (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("\"%s\" must be JSON, and is %s", name, format_type_be(type)),
             errhint("Give it as json, as jsonb or as text.")));
    pg_unreachable();
}

std::string_view json_text_argument(FunctionCallInfo fcinfo, int argument, const char *name, const char *hint)
{
    JsonType const type = json_type_of(fcinfo, argument, name);
    if (type == JsonType::Jsonb) {
        Jsonb *const given = PG_GETARG_JSONB_P(argument);
        return JsonbToCString(nullptr, &given->root, VARSIZE(given));
    }
    std::string_view const json = text_view(PG_GETARG_TEXT_PP(argument));
    if (type == JsonType::Text)
        check_json(json, psprintf("\"%s\" is", name), hint);
    return json;
}

Jsonb *parse_jsonb(const text *json, const char *name)
{
    char *const given = text_to_cstring(json);
    Jsonb *parsed = nullptr;
    translated([&] { parsed = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(given))); },
               [name](const ErrorData &error) {
                   if (ERRCODE_TO_CATEGORY(error.sqlerrcode) != ERRCODE_DATA_EXCEPTION)
                       return;
                   bool const is_json = error.sqlerrcode != ERRCODE_INVALID_TEXT_REPRESENTATION;
                   ereport(ERROR, (errcode(error.sqlerrcode),
                                   is_json ? errmsg("\"%s\" has a value that jsonb cannot hold", name)
                                           : errmsg("\"%s\" is not JSON", name)));
               });
    return parsed;
}

void check_json(std::string_view json, const char *what, const char *hint)
{
    const char *const given = pnstrdup(json.data(), json.size());
    translated([=] { DirectFunctionCall1(json_in, CStringGetDatum(given)); },
               [=](const ErrorData &error) {
                   if (ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_DATA_EXCEPTION)
                       ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("%s not JSON", what),
                                       errhint("%s", hint)));
               });
}

}  // namespace wc
