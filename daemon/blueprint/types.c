#include "daemon/blueprint/types.h"

#include <ctype.h>
#include <stdio.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) (is_out_of_memory = true)
#include <uthash.h>

#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/links.h"

/* Types. What the specification writes ("list of products", "[]*Product", "unique identifier")
 * becomes a skeleton by the blueprint's rules: text of the language with a mark for each entity,
 * because how an entity is written depends on who writes it: mark = 0x01 decimal index of the
 * entity 0x02 Skeletons are made once per spelling. */

#define MARK_OPEN '\x01'
#define MARK_CLOSE '\x02'
#define MAX_DEPTH 8
#define MAX_UNKNOWN 100 /* of types that are told; nobody reads more */

struct type_entry {
        UT_hash_handle hh;
        char *skeleton;
        bool is_unknown;
        char text[];
};

void layout_types_free(struct layout *l)
{
        struct type_entry *at, *next;

        HASH_ITER (hh, l->types, at, next) {
                HASH_DEL(l->types, at);
                free(at->skeleton);
                free(at);
        }
}

static int add_mark(struct buf *out, uint32_t entity)
{
        return buf_printf(out, "%c%u%c", MARK_OPEN, entity, MARK_CLOSE);
}

/* Spelled as the entity is named. */
static bool find_exact(const struct layout *l, struct span text, uint32_t *ret)
{
        uint32_t index;

        if (phrases_get(l->phrases, text, &index) != 0 ||
            !span_is_equal(span_of(l->m->entities[index].name), text))
                return false;
        *ret = index;
        return true;
}

static bool is_words(struct span s)
{
        for (size_t i = 0; i < s.n; i++)
                if (!isalnum((unsigned char)s.at[i]) && !strchr(" _-", s.at[i]) &&
                    !(s.at[i] & 0x80))
                        return false;
        return s.n > 0;
}

struct mapping {
        struct layout *l;
        bool is_unknown;
        const char *loses; /* borrowed: of the first rule that lost something */
};

static int map_type(struct mapping *m, struct span text, unsigned depth, struct buf *out);

static int expand(struct mapping *m, const struct type_rule *rule, struct span text,
                  const struct regex_match *match, unsigned depth, struct buf *out)
{
        if (!m->loses)
                m->loses = rule->loses;
        for (const char *at = rule->type; *at; at++) {
                unsigned group;
                int r;

                if ((*at != '$' && *at != '#') || !isdigit((unsigned char)at[1])) {
                        (void)buf_add_char(out, *at);
                        continue;
                }
                group = (unsigned)(at[1] - '0');
                if (match->from[group] > match->to[group]) {
                        at++;
                        continue;
                }
                {
                        struct span part = {text.at + match->from[group],
                                            match->to[group] - match->from[group]};

                        r = *at == '$' ? map_type(m, part, depth + 1, out)
                                       : buf_add_span(out, part);
                }
                if (r < 0)
                        return r;
                at++;
        }
        return out->failed;
}

static int map_type(struct mapping *m, struct span text, unsigned depth, struct buf *out)
{
        const struct typing *t = &m->l->b->typing;
        struct regex_match match;
        uint32_t entity;

        text = str_trim(text);
        if (find_exact(m->l, text, &entity))
                return add_mark(out, entity);
        for (size_t i = 0; depth < MAX_DEPTH && i < t->n_rules; i++)
                if (regex_match(&t->rules[i].match, text, 0, &match))
                        return expand(m, &t->rules[i], text, &match, depth, out);
        if (is_words(text) && phrases_get(m->l->phrases, text, &entity) == 0)
                return add_mark(out, entity);
        m->is_unknown = true;
        return buf_add_text(out, t->unknown);
}

/* A lone entity stands as the blueprint wants it: by pointer, say, because types may refer to each
 * other. */
static int wrap_lone(const struct layout *l, struct buf *b)
{
        _cleanup_buf_ struct buf wrapped = {0};

        if (b->n < 3 || b->at[0] != MARK_OPEN ||
            memchr(b->at, MARK_CLOSE, b->n) != b->at + b->n - 1)
                return b->failed;
        for (const char *at = l->b->typing.entity; *at; at++) {
                if (at[0] == '$' && at[1] == '1') {
                        (void)buf_add_span(&wrapped, buf_span(b));
                        at++;
                } else {
                        (void)buf_add_char(&wrapped, *at);
                }
        }
        buf_clear(b);
        (void)buf_add_span(b, buf_span(&wrapped));
        return wrapped.failed ? wrapped.failed : b->failed;
}

static int add_entry(struct layout *l, const char *text, const struct buf *skeleton,
                     struct type_entry **ret)
{
        size_t n = strlen(text);
        struct type_entry *e = malloc(sizeof(*e) + n + 1);
        bool is_out_of_memory = false;

        if (!e)
                return -ENOMEM;
        memcpy(e->text, text, n + 1);
        e->skeleton = str_dup_span(buf_span(skeleton));
        if (e->skeleton)
                HASH_ADD_KEYPTR(hh, l->types, e->text, n, e);
        if (!e->skeleton || is_out_of_memory) {
                free(e->skeleton);
                free(e);
                return -ENOMEM;
        }
        *ret = e;
        return 0;
}

static int without_type(struct layout *l, const char *of, const char **ret_skeleton)
{
        const struct typing *t = &l->b->typing;

        *ret_skeleton = t->untyped ? t->untyped : t->unknown;
        return t->untyped ? layout_note(l, "%.130s has no type: it is %s", of, t->untyped) : 0;
}

/* Once for each spelling. */
static int add_unknown(struct layout *l, const char *text, const char *of)
{
        _cleanup_free_ char *line = str_printf("`%.80s` of %.130s", text, of);
        int r = line ? 0 : -ENOMEM;

        if (r == 0 && l->work->unknown_types.n < MAX_UNKNOWN)
                r = strlist_add(&l->work->unknown_types, line);
        return r ? r
                 : layout_warn(l, "type %s is not known: %s stands for it", line,
                               l->b->typing.unknown);
}

int layout_type(struct layout *l, const char *text, const char *of, const char **ret_skeleton)
{
        struct mapping m = {.l = l};
        struct type_entry *e;
        _cleanup_buf_ struct buf b = {0};
        int r;

        if (!text)
                return without_type(l, of, ret_skeleton);
        HASH_FIND(hh, l->types, text, strlen(text), e);
        if (!e) {
                r = map_type(&m, span_of(text), 0, &b);
                if (r == 0)
                        r = wrap_lone(l, &b);
                if (r == 0 && m.is_unknown)
                        r = add_unknown(l, text, of);
                if (r == 0 && m.loses)
                        r = layout_warn(l, "type `%.80s` of %.130s: %s", text, of, m.loses);
                if (r == 0)
                        r = add_entry(l, text, &b, &e);
                if (r != 0)
                        return r;
                e->is_unknown = m.is_unknown;
        }
        *ret_skeleton = e->skeleton;
        return 0;
}

int layout_known_type(struct layout *l, const char *text, const char **ret_skeleton)
{
        struct mapping m = {.l = l};
        struct type_entry *e;
        _cleanup_buf_ struct buf b = {0};
        int r;

        HASH_FIND(hh, l->types, text, strlen(text), e);
        if (!e) {
                r = map_type(&m, span_of(text), 0, &b);
                if (r < 0 || m.is_unknown || m.loses)
                        return r < 0 ? r : CONDITION_ABSENT;
                r = add_entry(l, text, &b, &e);
                if (r < 0)
                        return r;
                e->is_unknown = false;
        }
        *ret_skeleton = e->skeleton;
        return 0;
}

bool layout_type_is_unknown(const struct layout *l, const char *text)
{
        struct type_entry *e = NULL;

        if (text)
                HASH_FIND(hh, l->types, text, strlen(text), e);
        return e && e->is_unknown;
}

int skeleton_entities(const char *skeleton, struct refs *ret)
{
        for (const char *at = skeleton; (at = strchr(at, MARK_OPEN)); at++) {
                int r = refs_add(ret, (uint32_t)strtoul(at + 1, NULL, 10));

                if (r < 0)
                        return r;
        }
        return 0;
}

int skeleton_link(const struct layout *l, const char *skeleton, uint32_t *ret, bool *ret_is_many)
{
        const char *mark = strchr(skeleton, MARK_OPEN), *lone = l->b->typing.entity;
        size_t n_before = (size_t)(strstr(lone, "$1") ? strstr(lone, "$1") - lone : 0);
        char *end;

        if (!mark || strchr(mark + 1, MARK_OPEN))
                return CONDITION_ABSENT;
        *ret = (uint32_t)strtoul(mark + 1, &end, 10);
        *ret_is_many = (size_t)(mark - skeleton) != n_before ||
                       strlen(end + 1) != strlen(lone) - n_before - 2;
        return 0;
}

static void write_entity(const struct layout *l, uint32_t index, uint32_t package, bool by_id,
                         struct buf *out)
{
        const struct lay_entity *e = &l->entities[index];

        if (by_id) {
                (void)buf_add_text(out, e->id_type);
                return;
        }
        if (e->package == package) {
                (void)buf_add_text(out, e->name);
                return;
        }
        for (const char *at = l->b->typing.qualified; *at; at++) {
                if (at[0] == '$' && (at[1] == '1' || at[1] == '2')) {
                        (void)buf_add_text(out,
                                           at[1] == '1' ? l->packages[e->package].name : e->name);
                        at++;
                } else {
                        (void)buf_add_char(out, *at);
                }
        }
}

int skeleton_write(const struct layout *l, const char *skeleton, uint32_t package, bool by_id,
                   struct buf *out)
{
        const char *strip = by_id ? l->b->naming.by_id_strip : NULL;

        for (const char *at = skeleton; *at; at++) {
                if (*at == MARK_OPEN) {
                        char *end;

                        write_entity(l, (uint32_t)strtoul(at + 1, &end, 10), package, by_id, out);
                        at = end;
                } else if (!strip || !strchr(strip, *at)) {
                        (void)buf_add_char(out, *at);
                }
        }
        return out->failed;
}
