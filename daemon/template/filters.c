#include "daemon/template/filters.h"

/* One row per filter, sorted by name. Parameters are named as in Jinja2. */
const struct filter_row filter_table[] = {
        {"abs", filter_abs, ""},
        {"attr", filter_attr, "name!"},
        {"batch", filter_batch, "linecount! fill_with"},
        {"camel", filter_camel, "acronyms"},
        {"capitalize", filter_capitalize, ""},
        {"center", filter_center, "width"},
        {"comment", filter_comment, "sign"},
        {"constant", filter_constant, ""},
        {"count", filter_length, ""},
        {"d", filter_default, "default_value boolean"},
        {"default", filter_default, "default_value boolean"},
        {"dictsort", filter_dictsort, "case_sensitive by reverse"},
        {"e", filter_escape, ""},
        {"escape", filter_escape, ""},
        {"first", filter_first, ""},
        {"float", filter_float, "default"},
        {"forceescape", filter_escape, ""},
        {"format", filter_format, "*"},
        {"groupby", filter_groupby, "attribute! default case_sensitive"},
        {"indent", filter_indent, "width first blank"},
        {"int", filter_int, "default base"},
        {"items", filter_items, ""},
        {"join", filter_join, "d attribute"},
        {"kebab", filter_kebab, ""},
        {"last", filter_last, ""},
        {"length", filter_length, ""},
        {"list", filter_list, ""},
        {"lower", filter_lower, ""},
        {"map", filter_map, "*"},
        {"max", filter_max, "case_sensitive attribute"},
        {"min", filter_min, "case_sensitive attribute"},
        {"pascal", filter_pascal, "acronyms"},
        {"plural", filter_plural, ""},
        {"reject", filter_reject, "*"},
        {"rejectattr", filter_rejectattr, "*"},
        {"replace", filter_replace, "old! new! count"},
        {"reverse", filter_reverse, ""},
        {"round", filter_round, "precision method"},
        {"select", filter_select, "*"},
        {"selectattr", filter_selectattr, "*"},
        {"singular", filter_singular, ""},
        {"slice", filter_slice, "slices! fill_with"},
        {"snake", filter_snake, ""},
        {"sort", filter_sort, "reverse case_sensitive attribute"},
        {"string", filter_string, ""},
        {"sum", filter_sum, "attribute start"},
        {"title", filter_title, ""},
        {"tojson", filter_tojson, "indent"},
        {"trim", filter_trim, "chars"},
        {"truncate", filter_truncate, "length killwords end leeway"},
        {"unique", filter_unique, "case_sensitive attribute"},
        {"upper", filter_upper, ""},
        {"wordcount", filter_wordcount, ""},
        {"words", filter_words, ""},
};
const size_t n_filters = N_ELEMENTS(filter_table);

const struct filter_row *row_find(const struct filter_row *rows, size_t n, struct span name)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                struct span there = span_of(rows[middle].name);
                int order = name.n ? memcmp(there.at, name.at, MIN2(there.n, name.n)) : 1;

                if (order == 0)
                        order = there.n < name.n ? -1 : there.n > name.n;
                if (order == 0)
                        return &rows[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

const struct filter_row *filter_find(struct span name)
{
        return row_find(filter_table, n_filters, name);
}
