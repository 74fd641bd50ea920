#include "extension/value/text_form.hpp"

#include "extension/server/guc_scope.hpp"

extern "C" {
#include "pgtime.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/xml.h"
}

namespace wc {

static_assert(std::is_trivially_destructible_v<TextForm>);

namespace {

constexpr const char *kSearchPath = "pg_catalog, pg_temp";

TextForm form_of_row(Oid type)
{
    TextForm form;
    TupleDesc const shape = lookup_rowtype_tupdesc(type, -1);
    for (int i = 0; i < shape->natts; ++i) {
        Form_pg_attribute const attribute = TupleDescAttr(shape, i);
        if (!attribute->attisdropped)
            form.add(text_form(attribute->atttypid));
    }
    ReleaseTupleDesc(shape);
    return form;
}

TextForm form_of_base(Oid type)
{
    TextForm form;
    switch (type) {
        // The extension prints and reads these types by itself.
        case TEXTOID:
        case VARCHAROID:
        case BOOLOID:
        case INT2OID:
        case INT4OID:
        case INT8OID:
        case TIMESTAMPOID:
        case TIMESTAMPTZOID:
        case DATEOID:
        case JSONBOID:
        // No setting changes the text of these types.
        case UUIDOID:
        case NUMERICOID:
        case BPCHAROID:
        case JSONOID:
        case INETOID: return form;
        case REGCLASSOID:
        case REGCOLLATIONOID:
        case REGCONFIGOID:
        case REGDICTIONARYOID:
        case REGNAMESPACEOID:
        case REGOPEROID:
        case REGOPERATOROID:
        case REGPROCOID:
        case REGPROCEDUREOID:
        case REGROLEOID:
        case REGTYPEOID: form.has_names = true; break;
        case MONEYOID: form.has_money = true; break;
        case GTSVECTOROID:
        case PG_NODE_TREEOID:
        case PG_NDISTINCTOID:
        case PG_DEPENDENCIESOID:
        case PG_MCV_LISTOID:
        case PG_BRIN_BLOOM_SUMMARYOID:
        case PG_BRIN_MINMAX_MULTI_SUMMARYOID: form.is_for_good = true; break;
        default: break;
    }
    form.has_settings = true;
    return form;
}

}  // namespace

TextForm text_form(Oid type)
{
    check_stack_depth();
    Oid const element = get_element_type(type);
    if (OidIsValid(element)) {
        TextForm form = text_form(element);
        // The extension prints arrays of text by itself; array_out prints all others.
        form.has_settings |= element != TEXTOID && element != VARCHAROID;
        return form;
    }
    switch (get_typtype(type)) {
        case TYPTYPE_DOMAIN: {
            TextForm form = text_form(getBaseType(type));
            form.has_settings = true;
            return form;
        }
        case TYPTYPE_ENUM: return {};
        case TYPTYPE_COMPOSITE: {
            TextForm form = form_of_row(type);
            form.has_settings = true;
            return form;
        }
        case TYPTYPE_RANGE: {
            TextForm form = text_form(get_range_subtype(type));
            form.has_settings = true;
            return form;
        }
        case TYPTYPE_MULTIRANGE: return text_form(get_multirange_range(type));
        default: return form_of_base(type);
    }
}

// Pins settings in the way of postgres_fdw, which does so for values that it sends to another server.
int pin_settings(const TextForm &form)
{
    if (!form.has_settings)
        return 0;
    // ISO begins with a year of four digits or more, which no order of day and month misreads.
    bool const is_date_style = DateStyle == USE_ISO_DATES;
    bool const is_interval_style = IntervalStyle == INTSTYLE_POSTGRES;
    bool const is_float = extra_float_digits >= 1;
    const char *const zone = pg_get_timezone_name(session_timezone);
    bool const is_zone = strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0;
    bool const is_bytea = bytea_output == BYTEA_OUTPUT_HEX;
    bool const is_xml = xmloption == XMLOPTION_CONTENT;
    bool const is_path = !form.has_names || strcmp(namespace_search_path, kSearchPath) == 0;
    bool const is_money = !form.has_money || strcmp(GetConfigOption("lc_monetary", false, false), "C") == 0;
    if (is_date_style && is_interval_style && is_float && is_zone && is_bytea && is_xml && is_path && is_money)
        return 0;

    int const level = NewGUCNestLevel();
    if (!is_date_style)
        set_for_nest_level("datestyle", "ISO");
    if (!is_interval_style)
        set_for_nest_level("intervalstyle", "postgres");
    if (!is_float)
        set_for_nest_level("extra_float_digits", "1");
    if (!is_zone)
        set_for_nest_level("timezone", "UTC");
    if (!is_bytea)
        set_for_nest_level("bytea_output", "hex");
    if (!is_xml)
        set_for_nest_level("xmloption", "content");
    if (!is_path)
        set_for_nest_level("search_path", kSearchPath);
    if (!is_money)
        set_for_nest_level("lc_monetary", "C");
    return level;
}

void unpin_settings(int level)
{
    if (level != 0)
        AtEOXact_GUC(true, level);
}

char *output_text(Datum value, Oid type)
{
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

}  // namespace wc
