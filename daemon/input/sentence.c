#include "daemon/input/sentence.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "common/buf.h"
#include "daemon/template/template.h"

#define MAX_WORDS 400 /* of a sentence: a line with more is no sentence about entities */
#define MAX_NAME_WORDS 5
#define MAX_FIELDS 100000u /* each is looked for among all entities */

enum verb { VERB_NONE, VERB_CREATE, VERB_ADD, VERB_REMOVE };

static const struct {
        const char *word;
        enum verb verb;
} verbs[] = {
        {"create", VERB_CREATE}, {"make", VERB_CREATE},     {"build", VERB_CREATE},
        {"define", VERB_CREATE}, {"generate", VERB_CREATE}, {"criar", VERB_CREATE},
        {"crie", VERB_CREATE},   {"add", VERB_ADD},         {"adicionar", VERB_ADD},
        {"adicione", VERB_ADD},  {"remove", VERB_REMOVE},   {"delete", VERB_REMOVE},
        {"drop", VERB_REMOVE},   {"remover", VERB_REMOVE},  {"remova", VERB_REMOVE},
};

/* Words that say nothing by themselves, between "|". */
#define ARTICLES "|a|an|the|one|new|simple|um|uma|o|os|as|novo|nova|please|me|"
#define SYSTEMS "|system|application|app|program|crud|api|service|sistema|aplicativo|"
#define MANAGES "|to|for|that|which|manages|manage|managing|of|para|gerenciar|que|gerencia|de|"
#define KINDS "|entity|entities|model|class|table|management|system|entidade|modelo|tabela|"
#define WITHS "|with|having|containing|has|com|contendo|"
#define FIELDS                                                                          \
        "|the|following|attributes|attribute|fields|field|properties|property|columns|" \
        "os|as|seguintes|atributos|atributo|campos|campo|"
#define ANDS "|and|e|&|,|;|plus|"
#define TOS "|to|into|ao|aos|\xc3\xa0|para|"
#define FROMS "|from|do|da|dos|das|de|"
#define TYPES                                                                                \
        "|string|str|text|int|integer|number|float|decimal|real|bool|boolean|date|datetime|" \
        "timestamp|email|url|uuid|"
#define NOS "|no|without|sem|"

struct words {
        struct span at[MAX_WORDS];
        size_t n;
};

static bool is_one_of(struct span word, const char *list)
{
        while (*list) {
                size_t n = strcspn(++list, "|");

                if (n > 0 && n == word.n && strncasecmp(list, word.at, n) == 0)
                        return true;
                list += n;
        }
        return false;
}

static bool is_break(char c)
{
        return isspace((unsigned char)c) || c == ',' || c == ';' || c == '(';
}

/* "," and ";" are words, and so is what stands in parentheses; false: too many. */
static bool split(struct span text, struct words *w)
{
        size_t i = 0;

        w->n = 0;
        while (text.n > 0 && strchr(" \t\r.!:", text.at[text.n - 1]))
                text.n--;
        while (i < text.n) {
                size_t start = i;

                if (isspace((unsigned char)text.at[i])) {
                        i++;
                        continue;
                }
                if (w->n == MAX_WORDS)
                        return false;
                if (text.at[i] == '(') {
                        while (i < text.n && text.at[i] != ')')
                                i++;
                        i += i < text.n;
                } else if (text.at[i] == ',' || text.at[i] == ';') {
                        i++;
                } else {
                        while (i < text.n && !is_break(text.at[i]))
                                i++;
                }
                w->at[w->n++] = (struct span){text.at + start, i - start};
        }
        return true;
}

static enum verb verb_of(struct span word)
{
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strlen(verbs[i].word) == word.n &&
                    strncasecmp(verbs[i].word, word.at, word.n) == 0)
                        return verbs[i].verb;
        return VERB_NONE;
}

bool sentence_is_one(struct span text)
{
        size_t n = 0, next;

        while (n < text.n && isalpha((unsigned char)text.at[n]))
                n++;
        next = n;
        while (next < text.n && (text.at[next] == ' ' || text.at[next] == '\t'))
                next++;
        return n > 0 && next > n && next < text.n && text.at[next] != ':' &&
               text.at[next] != '\n' && verb_of((struct span){text.at, n}) != VERB_NONE;
}

static void refuse(struct reader *rd, const struct yaml_node *at)
{
        reader_refuse(rd, at,
                      "this sentence is not understood; write `create a student with name and "
                      "age:int`, `add email to student`, `add course to student` or `remove email "
                      "from student`");
}

/* ---- entities ---- */

/* Words from..to as one name; plural becomes singular when asked. */
static char *name_of(struct reader *rd, const struct words *w, size_t from, size_t to,
                     const char *between, bool is_singular)
{
        _cleanup_buf_ struct buf b = {0};
        char *text;

        for (size_t i = from; i < to; i++) {
                (void)buf_add_text(&b, i > from ? between : "");
                if (i + 1 < to || !is_singular)
                        (void)buf_add_span(&b, w->at[i]);
                else if (template_filter_name("singular", w->at[i], &b) != 0)
                        (void)buf_add_span(&b, w->at[i]);
        }
        text = b.failed || b.n == 0 ? NULL : buf_steal(&b, NULL);
        if (!text)
                reader_fail(rd, b.failed ? b.failed : -ENOMEM);
        return text;
}

/* As link.c tells names apart: case and what is neither letter nor digit do not count. */
static bool is_same_name(const char *a, const char *b)
{
        for (;; a++, b++) {
                while (*a && !isalnum((unsigned char)*a) && !(*a & 0x80))
                        a++;
                while (*b && !isalnum((unsigned char)*b) && !(*b & 0x80))
                        b++;
                if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
                        return false;
                if (!*a)
                        return true;
        }
}

struct entity *sentence_find(struct reader *rd, const char *name)
{
        for (size_t i = 0; i < rd->model->n_entities; i++)
                if (is_same_name(rd->model->entities[i].name, name))
                        return &rd->model->entities[i];
        return NULL;
}

static struct attribute *add_attribute(struct reader *rd, struct entity *e, char *name)
{
        void *at = e->attributes;

        if (e->n_attributes >= SPEC_MAX_ATTRIBUTES ||
            !reader_more(rd, &at, e->n_attributes, 1, sizeof(struct attribute))) {
                reader_refuse(rd, NULL, "%.60s has more than %u attributes", e->name,
                              SPEC_MAX_ATTRIBUTES);
                free(name);
                return NULL;
        }
        e->attributes = at;
        e->attributes[e->n_attributes].name = name;
        return &e->attributes[e->n_attributes++];
}

void sentence_add_identity(struct reader *rd, struct entity *e)
{
        struct attribute *a;
        char *name;

        for (size_t i = 0; i < e->n_attributes; i++)
                if (reader_is_identity(e->attributes[i].name))
                        return;
        name = reader_copy(rd, "id");
        a = name ? add_attribute(rd, e, name) : NULL;
        if (!a)
                return;
        a->type = reader_copy(rd, "int");
        if (e->n_attributes > 1) {
                struct attribute identity = *a;

                memmove(&e->attributes[1], &e->attributes[0],
                        (e->n_attributes - 1) * sizeof(struct attribute));
                e->attributes[0] = identity;
        }
}

static struct entity *add_entity(struct reader *rd, char *name, const struct yaml_node *at)
{
        struct model *m = rd->model;
        void *grown = m->entities;
        struct entity *e;

        if (m->n_entities >= SPEC_MAX_ITEMS)
                reader_refuse(rd, at, "more than %u entities", SPEC_MAX_ITEMS);
        if (!reader_more(rd, &grown, m->n_entities, 1, sizeof(struct entity))) {
                free(name);
                return NULL;
        }
        m->entities = grown;
        e = &m->entities[m->n_entities++];
        e->name = name;
        reader_note(rd, &rd->entities, at);
        sentence_add_identity(rd, e);
        return e;
}

static struct entity *must_find(struct reader *rd, const char *name, const struct yaml_node *at)
{
        struct entity *e = sentence_find(rd, name);

        if (!e)
                reader_refuse(rd, at,
                              "there is no entity %.60s yet: create it in a sentence before this "
                              "one",
                              name);
        return e;
}

/* ---- fields ---- */

struct field {
        size_t from, to; /* its words without modifiers and type */
        struct span type;
        struct span notes; /* in parentheses, behind the type */
        bool is_required, is_unique;
};

static bool take_modifier(struct span word, struct field *f)
{
        if (is_one_of(word, "|required|mandatory|not null|obrigat\xc3\xb3rio|"))
                f->is_required = true;
        else if (is_one_of(word, "|unique|\xc3\xbanico|"))
                f->is_unique = true;
        else
                return is_one_of(word, "|optional|nullable|opcional|");
        return true;
}

/* "(string, required, between 1 and 5)" */
static void read_parentheses(struct span s, struct field *f)
{
        s = (struct span){s.at + 1, s.n > 1 && s.at[s.n - 1] == ')' ? s.n - 2 : s.n - 1};
        while (s.n > 0) {
                const char *comma = memchr(s.at, ',', s.n);
                size_t n = comma ? (size_t)(comma - s.at) : s.n;
                struct span part = str_trim((struct span){s.at, n});

                if (part.n > 0 && !take_modifier(part, f)) {
                        if (f->type.n == 0) {
                                f->type = part;
                        } else {
                                f->notes = str_trim(s);
                                return;
                        }
                }
                n += comma ? 1 : 0;
                s = (struct span){s.at + n, s.n - n};
        }
}

/* Words from..to, between "and"s, as one field; false: they are none. w's last word may be cut. */
static bool parse_field(struct words *w, size_t from, size_t to, struct field *f)
{
        *f = (struct field){0};
        while (from + 1 < to && (is_one_of(w->at[from], ARTICLES) || take_modifier(w->at[from], f)))
                from++;
        if (to > from && w->at[to - 1].at[0] == '(')
                read_parentheses(w->at[--to], f);
        while (to > from && take_modifier(w->at[to - 1], f))
                to--;
        for (size_t i = from; i < to; i++) {
                const char *colon = memchr(w->at[i].at, ':', w->at[i].n);
                size_t n_before = colon ? (size_t)(colon - w->at[i].at) : 0;

                if (colon) {
                        struct span rest = {colon + 1, w->at[i].n - n_before - 1};

                        f->type = rest.n > 0 ? rest : i + 1 < to ? w->at[i + 1] : f->type;
                        w->at[i].n = n_before;
                        to = n_before > 0 ? i + 1 : i;
                } else if (i > from && i + 1 < to && is_one_of(w->at[i], "|as|of|como|")) {
                        size_t type =
                                is_one_of(w->at[i + 1], "|type|tipo|a|an|um|uma|") && i + 2 < to
                                        ? i + 2
                                        : i + 1;

                        f->type = (struct span){
                                w->at[type].at,
                                (size_t)(w->at[to - 1].at + w->at[to - 1].n - w->at[type].at)};
                        to = i;
                }
        }
        f->from = from;
        f->to = to;
        return to > from && to - from <= MAX_NAME_WORDS;
}

static void drop_attribute(struct entity *e, size_t i)
{
        free(e->attributes[i].name);
        free(e->attributes[i].type);
        free(e->attributes[i].description);
        memmove(&e->attributes[i], &e->attributes[i + 1],
                (e->n_attributes - i - 1) * sizeof(struct attribute));
        e->n_attributes--;
}

static void drop_field(struct reader *rd, struct entity *e, const char *name,
                       const struct yaml_node *at)
{
        for (size_t i = 0; i < e->n_attributes; i++)
                if (is_same_name(e->attributes[i].name, name)) {
                        drop_attribute(e, i);
                        return;
                }
        reader_refuse(rd, at, "%.60s has no attribute %.60s", e->name, name);
}

static struct attribute *put_attribute(struct reader *rd, struct entity *e, char *name)
{
        for (size_t i = 0; name && i < e->n_attributes; i++)
                if (is_same_name(e->attributes[i].name, name)) {
                        free(name);
                        return &e->attributes[i]; /* said again: the last counts */
                }
        return name ? add_attribute(rd, e, name) : NULL;
}

void sentence_relate(struct reader *rd, struct entity *from, const char *to, bool is_many,
                     const struct yaml_node *at)
{
        struct model *m = rd->model;
        void *grown = m->relations;
        struct relation *r;
        struct attribute *a;

        if (!reader_more(rd, &grown, m->n_relations, 1, sizeof(struct relation)))
                return;
        m->relations = grown;
        r = &m->relations[m->n_relations++];
        reader_note(rd, &rd->relations, at);
        r->from = reader_copy(rd, from->name);
        r->to = reader_copy(rd, to);
        r->type = reader_copy(rd, is_many ? "has_many" : "belongs_to");
        if (is_many || rd->error)
                return;
        {
                char *name = str_printf("%s_id", to);

                for (char *c = name; c && *c; c++)
                        *c = *c == ' ' ? '_' : *c;
                if (!name)
                        reader_fail(rd, -ENOMEM);
                a = put_attribute(rd, from, name);
                if (a && !a->type)
                        a->type = reader_copy(rd, "int");
        }
}

static void describe(struct reader *rd, const struct field *f, struct attribute *a)
{
        _cleanup_buf_ struct buf b = {0};

        a->is_required = f->is_required;
        a->is_unique = f->is_unique;
        if (f->type.n > 0) {
                free(a->type);
                a->type = str_dup_span(f->type);
                if (!a->type)
                        reader_fail(rd, -ENOMEM);
        }
        if (!a->type)
                a->type = reader_copy(rd, "str");
        if (f->notes.n > 0)
                (void)buf_add_span(&b, f->notes);
        if (b.failed)
                reader_fail(rd, b.failed);
        if (b.n > 0 && !rd->error) {
                free(a->description);
                a->description = buf_steal(&b, NULL);
                if (!a->description)
                        reader_fail(rd, -ENOMEM);
        }
}

static void put_field(struct reader *rd, struct words *w, const struct field *f, size_t entity,
                      const struct yaml_node *at)
{
        size_t to = f->to;
        _cleanup_free_ char *as_entity = NULL;
        char *name;
        struct entity *e = &rd->model->entities[entity], *other;
        struct attribute *a;

        while (to > f->from + 1 && is_one_of(w->at[to - 1], KINDS))
                to--; /* "add course entity to student" */
        as_entity = name_of(rd, w, f->from, to, " ", true);
        other = as_entity && f->type.n == 0 ? sentence_find(rd, as_entity) : NULL;
        if (other && other != e) {
                bool is_many = strlen(as_entity) !=
                               (size_t)(w->at[to - 1].at + w->at[to - 1].n - w->at[f->from].at);

                sentence_relate(rd, e, other->name, is_many, at);
                return;
        }
        name = rd->error ? NULL : name_of(rd, w, f->from, f->to, "_", false);
        a = put_attribute(rd, e, name);
        if (a)
                describe(rd, f, a);
}

static struct span without_colon(struct span s)
{
        return (struct span){s.at, s.n > 1 && s.at[s.n - 1] == ':' ? s.n - 1 : s.n};
}

/* Words from..to: the fields of an entity (by index: entities move when one is added). */
static void read_fields(struct reader *rd, struct words *w, size_t from, size_t to, size_t entity,
                        bool is_removal, const struct yaml_node *at)
{
        while (from < to && is_one_of(without_colon(w->at[from]), FIELDS))
                from++;
        while (from < to && !rd->error) {
                size_t end = from;
                struct field f;

                if (++rd->n_fields > MAX_FIELDS)
                        reader_refuse(rd, at, "more than %u attributes in all", MAX_FIELDS);

                while (end < to && !is_one_of(w->at[end], ANDS))
                        end++;
                if (end == from) {
                        from++;
                        continue;
                }
                if (is_one_of(w->at[from], NOS)) {
                        reader_warn(rd, at, "`%.*s` is left out: what is not there needs no words",
                                    (int)(w->at[end - 1].at + w->at[end - 1].n - w->at[from].at),
                                    w->at[from].at);
                } else if (!parse_field(w, from, end, &f)) {
                        refuse(rd, at);
                } else if (is_removal) {
                        _cleanup_free_ char *name = name_of(rd, w, f.from, f.to, "_", false);

                        if (name)
                                drop_field(rd, &rd->model->entities[entity], name, at);
                } else {
                        put_field(rd, w, &f, entity, at);
                }
                from = end;
        }
}

/* ---- sentences ---- */

/* The words that name an entity: without article before and "entity" behind. */
static char *entity_name(struct reader *rd, const struct words *w, size_t from, size_t to,
                         const struct yaml_node *at)
{
        while (from + 1 < to && is_one_of(w->at[from], ARTICLES))
                from++;
        while (to > from + 1 && is_one_of(w->at[to - 1], KINDS))
                to--;
        if (from == to || to - from > MAX_NAME_WORDS || w->at[from].at[0] == '(' ||
            is_one_of(w->at[from], ANDS)) {
                refuse(rd, at);
                return NULL;
        }
        return name_of(rd, w, from, to, " ", true);
}

static void read_create(struct reader *rd, struct words *w, const struct yaml_node *at)
{
        size_t from = 1, with;
        char *name;

        while (from + 1 < w->n && is_one_of(w->at[from], ARTICLES))
                from++;
        if (from + 1 < w->n && is_one_of(w->at[from], SYSTEMS) &&
            is_one_of(w->at[from + 1], MANAGES))
                for (from++; from < w->n && is_one_of(w->at[from], MANAGES); from++)
                        ;
        for (with = from; with < w->n && !is_one_of(w->at[with], WITHS); with++)
                ;
        if (with < w->n && with > from && is_one_of(w->at[with - 1], "|that|which|que|,|"))
                name = entity_name(rd, w, from, with - 1, at);
        else
                name = entity_name(rd, w, from, with, at);
        if (!name)
                return;
        if (!add_entity(rd, name, at))
                return;
        if (with < w->n)
                read_fields(rd, w, with + 1, w->n, rd->model->n_entities - 1, false, at);
}

static void read_change(struct reader *rd, struct words *w, bool is_removal,
                        const struct yaml_node *at)
{
        size_t to = w->n;
        _cleanup_free_ char *name = NULL;
        struct entity *e;

        while (to > 1 && !is_one_of(w->at[to - 1], is_removal ? FROMS : TOS))
                to--;
        if (to <= 2 || to == w->n) {
                refuse(rd, at);
                return;
        }
        name = entity_name(rd, w, to, w->n, at);
        e = name ? must_find(rd, name, at) : NULL;
        if (e)
                read_fields(rd, w, 1, to - 1, (size_t)(e - rd->model->entities), is_removal, at);
}

static bool has_word(const struct words *w, const char *list)
{
        for (size_t i = 1; i < w->n; i++)
                if (is_one_of(w->at[i], list))
                        return true;
        return false;
}

/* The attribute that sentence_relate() made. */
static void drop_reference(struct reader *rd, const struct relation *r)
{
        struct entity *from = sentence_find(rd, r->from);
        char name[160];

        snprintf(name, sizeof(name), "%.150s_id", r->to);
        for (size_t i = 0; from && i < from->n_attributes; i++)
                if (is_same_name(from->attributes[i].name, name)) {
                        drop_attribute(from, i);
                        return;
                }
}

static void drop_entity(struct reader *rd, const struct words *w, const struct yaml_node *at)
{
        struct model *m = rd->model;
        _cleanup_free_ char *name = entity_name(rd, w, 1, w->n, at);
        struct entity *e = name ? must_find(rd, name, at) : NULL;
        size_t n = 0, index;

        if (!e)
                return;
        for (size_t i = 0; i < m->n_relations; i++) {
                struct relation *r = &m->relations[i];

                if (!is_same_name(r->from, e->name) && !is_same_name(r->to, e->name)) {
                        rd->relations.at[n] = rd->relations.at[i];
                        m->relations[n++] = *r;
                        continue;
                }
                drop_reference(rd, r);
                free(r->from);
                free(r->to);
                free(r->type);
                free(r->description);
        }
        m->n_relations = rd->relations.n = n;
        while (e->n_attributes > 0)
                drop_attribute(e, e->n_attributes - 1);
        free(e->attributes);
        free(e->name);
        free(e->description);
        index = (size_t)(e - m->entities);
        memmove(e, e + 1, (m->n_entities - index - 1) * sizeof(*e));
        memmove(&rd->entities.at[index], &rd->entities.at[index + 1],
                (m->n_entities - index - 1) * sizeof(*rd->entities.at));
        m->n_entities--;
        rd->entities.n--;
}

void sentence_read(struct reader *rd, struct span text, const struct yaml_node *at)
{
        struct words w;
        enum verb verb;

        if (rd->error)
                return;
        if (++rd->n_sentences > SPEC_MAX_ITEMS) {
                reader_refuse(rd, at, "more than %u sentences", SPEC_MAX_ITEMS);
                return;
        }
        if (!split(text, &w) || w.n < 2) {
                refuse(rd, at);
                return;
        }
        verb = verb_of(w.at[0]);
        if (verb == VERB_CREATE)
                read_create(rd, &w, at);
        else if (verb == VERB_REMOVE && !has_word(&w, FROMS))
                drop_entity(rd, &w, at);
        else if (verb != VERB_NONE)
                read_change(rd, &w, verb == VERB_REMOVE, at);
        else
                refuse(rd, at);
}

bool sentence_read_field(struct reader *rd, struct span text, const struct yaml_node *at)
{
        struct words w;
        struct field f;

        if (rd->error || rd->model->n_entities == 0 || !split(text, &w) || w.n < 2 ||
            w.at[w.n - 1].at[0] != '(' || !parse_field(&w, 0, w.n, &f) || !is_one_of(f.type, TYPES))
                return false;
        put_field(rd, &w, &f, rd->model->n_entities - 1, at);
        return true;
}
