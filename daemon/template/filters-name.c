#include "daemon/template/filters.h"
#include "daemon/template/names.h"
#include "daemon/template/render.h"

static const struct {
        const char *name;
        enum name_style style;
} styles[] = {
        {"snake", NAME_SNAKE}, {"camel", NAME_CAMEL},       {"pascal", NAME_PASCAL},
        {"kebab", NAME_KEBAB}, {"constant", NAME_CONSTANT}, {"words", NAME_WORDS},
};

/* |pascal(["ID", "URL"]): words that are written so wherever they stand. */
static int read_acronyms(struct render *r, struct value v, struct span **ret, size_t *ret_n)
{
        struct span *all;
        struct value list;
        int failed;

        *ret = NULL;
        *ret_n = 0;
        if (v.kind == V_MISSING)
                return 0;
        failed = value_to_list(r, v, &list);
        if (failed)
                return failed;
        all = arena_alloc(&r->arena, MAX2(list.list->n, 1u) * sizeof(*all));
        if (!all)
                return render_no_room(r);
        for (size_t i = 0; i < list.list->n; i++) {
                if (list.list->at[i].kind != V_TEXT)
                        return render_fail(r, "an acronym must be a str, not '%s'",
                                           value_type_name(list.list->at[i]));
                all[i] = list.list->at[i].text;
        }
        *ret = all;
        *ret_n = list.list->n;
        return 0;
}

/* Two places for each: names that meet in one would be made again each time. */
struct memo *memo_find(struct render *r, const void *what, struct span text, bool *ret_is_there)
{
        uintptr_t from_here = (uintptr_t)what - (uintptr_t)styles; /* wherever we are loaded */
        uint64_t at = text_hash(text) + from_here * 5;
        struct memo *m, *other;

        *ret_is_there = false;
        if (!r->memos)
                r->memos = arena_alloc(&r->arena, MEMO_ENTRIES * sizeof(*r->memos));
        if (!r->memos)
                return NULL;
        m = &r->memos[(at ^ at >> 8) % MEMO_ENTRIES];
        *ret_is_there = m->what == what && text_is_same(m->text, text);
        if (*ret_is_there || !m->what)
                return m;
        other = &r->memos[((at ^ at >> 8) ^ 1) % MEMO_ENTRIES];
        *ret_is_there = other->what == what && text_is_same(other->text, text);
        return *ret_is_there || !other->what ? other : m;
}

/* What was written since the capture began, into *m. */
static int remember(struct render *r, const struct capture *c, struct memo *m, const void *what,
                    struct span text, struct value *ret)
{
        int failed = capture_end(r, c, ret);

        if (!failed)
                *m = (struct memo){.what = what, .text = text, .value = *ret};
        return failed;
}

static int write_style(struct render *r, const struct call *c, enum name_style style,
                       struct value *ret)
{
        static const char what[NAME_WORDS + 1];
        struct span s, *acronyms = NULL;
        struct capture capture;
        size_t n_acronyms = 0;
        bool is_there;
        struct memo *m;
        int failed = call_subject_text(r, c, &s);

        if (!failed && c->n)
                failed = read_acronyms(r, c->at[0], &acronyms, &n_acronyms);
        if (!failed)
                failed = render_step(r, s.n);
        if (failed)
                return failed;
        m = memo_find(r, &what[style], s, &is_there);
        if (!m)
                return render_no_room(r);
        if (is_there && n_acronyms == 0) {
                *ret = m->value;
                return 0;
        }
        capture_begin(r, &capture);
        failed = name_write(style, s, acronyms, n_acronyms, r->out);
        if (failed && failed != -EMSGSIZE)
                return failed;
        return remember(r, &capture, m, n_acronyms ? NULL : &what[style], s, ret);
}

int filter_snake(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_SNAKE, ret);
}

int filter_camel(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_CAMEL, ret);
}

int filter_pascal(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_PASCAL, ret);
}

int filter_kebab(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_KEBAB, ret);
}

int filter_constant(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_CONSTANT, ret);
}

int filter_words(struct render *r, const struct call *c, struct value *ret)
{
        return write_style(r, c, NAME_WORDS, ret);
}

static int write_number(struct render *r, const struct call *c, bool is_plural, struct value *ret)
{
        static const char what[2];
        struct capture capture;
        struct span s;
        bool is_there;
        struct memo *m;
        int failed = call_subject_text(r, c, &s);

        if (!failed)
                failed = render_step(r, s.n);
        if (failed)
                return failed;
        m = memo_find(r, &what[is_plural], s, &is_there);
        if (!m)
                return render_no_room(r);
        if (is_there) {
                *ret = m->value;
                return 0;
        }
        capture_begin(r, &capture);
        failed = is_plural ? name_write_plural(s, r->out) : name_write_singular(s, r->out);
        if (failed && failed != -EMSGSIZE)
                return failed;
        return remember(r, &capture, m, &what[is_plural], s, ret);
}

int filter_plural(struct render *r, const struct call *c, struct value *ret)
{
        return write_number(r, c, true, ret);
}

int filter_singular(struct render *r, const struct call *c, struct value *ret)
{
        return write_number(r, c, false, ret);
}

int template_filter_name(const char *filter, struct span name, struct buf *out)
{
        for (size_t i = 0; i < N_ELEMENTS(styles); i++)
                if (strcmp(styles[i].name, filter) == 0)
                        return name_write(styles[i].style, name, NULL, 0, out);
        if (strcmp(filter, "plural") == 0)
                return name_write_plural(name, out);
        if (strcmp(filter, "singular") == 0)
                return name_write_singular(name, out);
        return CONDITION_ABSENT;
}
