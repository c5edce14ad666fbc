#pragma once
/* The filters; filters.c has the table. */

#include "daemon/template/engine.h"

call_fn filter_upper, filter_lower, filter_capitalize, filter_title, filter_trim, filter_replace,
        filter_indent, filter_truncate, filter_wordcount, filter_string, filter_format,
        filter_tojson, filter_comment, filter_center, filter_escape;
call_fn filter_join, filter_length, filter_first, filter_last, filter_list, filter_reverse,
        filter_sort, filter_unique, filter_map, filter_select, filter_reject, filter_selectattr,
        filter_rejectattr, filter_batch, filter_dictsort, filter_items, filter_min, filter_max,
        filter_sum, filter_default, filter_groupby, filter_slice, filter_attr;
call_fn filter_int, filter_float, filter_abs, filter_round;
call_fn filter_snake, filter_camel, filter_pascal, filter_kebab, filter_constant, filter_words,
        filter_plural, filter_singular;

/* Helpers that methods share. */
struct span text_strip(struct span s, const struct span *chars, bool left, bool right);
int text_replace(struct render *r, struct span s, struct span old, struct span new, int64_t count,
                 struct value *ret) _must_check_; /* count < 0: all */
bool text_next_line(struct span *rest, struct span *ret);
/* Texts in lower case, unless is_sensitive; all else as it is. */
int value_fold_case(struct render *r, bool is_sensitive, struct value v,
                    struct value *ret) _must_check_;
