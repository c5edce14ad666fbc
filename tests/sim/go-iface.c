#include "tests/sim/go-iface.h"

#include <ctype.h>

/* A cursor over the text of one block. */
struct cursor {
        struct go_world *w;
        struct go_file *file;
        const char *at, *end;
};

static const char *keep(struct go_world *w, const char *at, size_t n)
{
        while (n && isspace((unsigned char)at[n - 1]))
                n--;
        if (strlist_add_span(&w->texts, (struct span){at, n}) < 0) {
                w->has_failed = true;
                return "";
        }
        return w->texts.at[w->texts.n - 1];
}

static bool is_ident(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void skip_line(struct cursor *c)
{
        while (c->at < c->end && *c->at != '\n')
                c->at++;
}

/* Blanks and comments; line breaks too when asked. */
static void skip_space(struct cursor *c, bool with_lines)
{
        while (c->at < c->end) {
                if (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' ||
                    (with_lines && *c->at == '\n')) {
                        c->at++;
                } else if (c->end - c->at >= 2 && c->at[0] == '/' && c->at[1] == '/') {
                        skip_line(c);
                } else if (c->end - c->at >= 2 && c->at[0] == '/' && c->at[1] == '*') {
                        const char *close = memmem(c->at, (size_t)(c->end - c->at), "*/", 2);

                        c->at = close ? close + 2 : c->end;
                } else {
                        break;
                }
        }
}

static struct span read_word(struct cursor *c)
{
        const char *start = c->at;

        while (c->at < c->end && is_ident(*c->at))
                c->at++;
        return (struct span){start, (size_t)(c->at - start)};
}

/* A literal in quotes, from its first quote on. */
static void skip_string(struct cursor *c)
{
        char quote = *c->at++;

        while (c->at < c->end && *c->at != quote) {
                if (*c->at == '\\' && quote != '`' && c->at + 1 < c->end)
                        c->at++;
                c->at++;
        }
        if (c->at < c->end)
                c->at++;
}

/* From an opening bracket to after the closing one. */
static void skip_balanced(struct cursor *c)
{
        unsigned depth = 0;

        while (c->at < c->end) {
                char x = *c->at;

                if (x == '"' || x == '`' || x == '\'') {
                        skip_string(c);
                        continue;
                }
                if (x == '/' && c->end - c->at >= 2 && (c->at[1] == '/' || c->at[1] == '*')) {
                        skip_space(c, false);
                        continue;
                }
                c->at++;
                if (x == '(' || x == '{' || x == '[')
                        depth++;
                else if (x == ')' || x == '}' || x == ']')
                        depth--;
                if (!depth)
                        return;
        }
}

/* A type: ends before , ) { = ` " // or a line break, outside of brackets. */
static struct span read_type(struct cursor *c)
{
        const char *start = c->at, *last = c->at;

        while (c->at < c->end) {
                char x = *c->at;
                size_t n = (size_t)(c->at - start);
                bool is_literal = (n >= 6 && !memcmp(c->at - 6, "struct", 6)) ||
                                  (n >= 9 && !memcmp(c->at - 9, "interface", 9));

                if (x == ',' || x == ')' || x == '\n' || x == '=' || x == '`' || x == '"' ||
                    x == ';' || x == '}' || (x == '{' && !is_literal))
                        break;
                if (x == '/' && c->at + 1 < c->end && (c->at[1] == '/' || c->at[1] == '*'))
                        break;
                if (x == '(' || x == '[' || x == '{')
                        skip_balanced(c);
                else
                        c->at++;
                last = c->at;
        }
        return (struct span){start, (size_t)(last - start)};
}

static void add_param(struct go_param *list, size_t *n, const char *name, const char *type)
{
        if (*n < GO_PARAMS_MAX)
                list[(*n)++] = (struct go_param){name, type};
}

/* list = "(" [ item *("," item) ] ")" with item = [names] type; names without a type take that of
 * the next item. */
static void read_params(struct cursor *c, struct go_param *list, size_t *n)
{
        bool is_named = false;

        c->at++; /* ( */
        for (;;) {
                struct cursor ahead;
                struct span item, first;

                skip_space(c, true);
                if (c->at >= c->end || *c->at == ')')
                        break;
                ahead = *c;
                item = read_type(c);
                first = read_word(&ahead);
                skip_space(&ahead, false);
                if (first.n && first.n < item.n && ahead.at > first.at + first.n &&
                    ahead.at < item.at + item.n &&
                    !(first.n == 4 &&
                      (!memcmp(first.at, "chan", 4) || !memcmp(first.at, "func", 4)))) {
                        add_param(list, n, keep(c->w, first.at, first.n),
                                  keep(c->w, ahead.at, (size_t)(item.at + item.n - ahead.at)));
                        is_named = true;
                } else {
                        add_param(list, n, "", keep(c->w, item.at, item.n));
                }
                if (c->at < c->end && *c->at == ',')
                        c->at++;
                else if (c->at < c->end && *c->at != ')' && item.n == 0)
                        c->at++; /* what is this? go on */
        }
        if (c->at < c->end)
                c->at++;
        for (size_t i = *n; is_named && i-- > 0;)
                if (!*list[i].name && i + 1 < *n) {
                        list[i].name = list[i].type;
                        list[i].type = list[i + 1].type;
                }
}

static struct go_func *add_func(struct cursor *c, const char *receiver, const char *name)
{
        struct go_file *f = c->file;
        struct go_func *at = realloc(f->funcs, (f->n_funcs + 1) * sizeof(*at));

        if (!at) {
                c->w->has_failed = true;
                return NULL;
        }
        f->funcs = at;
        at = &f->funcs[f->n_funcs++];
        *at = (struct go_func){.name = name, .receiver = receiver};
        return at;
}

/* signature = params [ type | params ]; a body is skipped. */
static void read_signature(struct cursor *c, const char *receiver, const char *name)
{
        struct go_func *f = add_func(c, receiver, name);
        struct span type;

        if (!f)
                return;
        read_params(c, f->params, &f->n_params);
        skip_space(c, false);
        if (c->at < c->end && *c->at == '(') {
                read_params(c, f->results, &f->n_results);
        } else {
                type = read_type(c);
                if (type.n)
                        add_param(f->results, &f->n_results, "", keep(c->w, type.at, type.n));
        }
        skip_space(c, false);
        if (c->at < c->end && *c->at == '{')
                skip_balanced(c);
}

static void read_function(struct cursor *c)
{
        const char *receiver = NULL;
        struct span name;

        skip_space(c, false);
        if (c->at < c->end && *c->at == '(') {
                struct go_param list[GO_PARAMS_MAX];
                size_t n = 0;

                read_params(c, list, &n);
                if (n)
                        receiver = list[0].type + strspn(list[0].type, "*");
                skip_space(c, false);
        }
        name = read_word(c);
        if (!name.n || c->at >= c->end || *c->at != '(') {
                skip_line(c);
                return;
        }
        read_signature(c, receiver, keep(c->w, name.at, name.n));
}

static void add_field(struct cursor *c, struct go_type *t, const char *name, const char *type)
{
        struct go_param *at = realloc(t->fields, (t->n_fields + 1) * sizeof(*at));

        if (!at) {
                c->w->has_failed = true;
                return;
        }
        t->fields = at;
        t->fields[t->n_fields++] = (struct go_param){name, type};
}

/* fields = *( name *("," name) type [tag] LF | embedded [tag] LF ) */
static void read_fields(struct cursor *c, size_t i_type)
{
        while (c->at < c->end) {
                struct span names[GO_PARAMS_MAX], type;
                struct go_type *t = &c->file->types[i_type];
                size_t n = 0;

                skip_space(c, true);
                if (c->at >= c->end || *c->at == '}')
                        break;
                for (;;) {
                        struct span word = read_word(c);

                        if (word.n && n < GO_PARAMS_MAX)
                                names[n++] = word;
                        skip_space(c, false);
                        if (c->at >= c->end || *c->at != ',')
                                break;
                        c->at++;
                        skip_space(c, true);
                }
                type = read_type(c);
                for (size_t i = 0; i < n && type.n; i++)
                        add_field(c, t, keep(c->w, names[i].at, names[i].n),
                                  keep(c->w, type.at, type.n));
                skip_line(c);
        }
        if (c->at < c->end)
                c->at++;
}

static void read_methods(struct cursor *c, const char *type)
{
        while (c->at < c->end) {
                struct span name;

                skip_space(c, true);
                if (c->at >= c->end || *c->at == '}')
                        break;
                name = read_word(c);
                if (name.n && c->at < c->end && *c->at == '(')
                        read_signature(c, type, keep(c->w, name.at, name.n));
                else
                        skip_line(c);
        }
        if (c->at < c->end)
                c->at++;
}

static void read_type_declaration(struct cursor *c)
{
        struct go_file *f = c->file;
        struct span name, kind;
        struct go_type *at;
        size_t i = f->n_types;

        skip_space(c, false);
        name = read_word(c);
        skip_space(c, false);
        at = realloc(f->types, (i + 1) * sizeof(*at));
        if (!at) {
                c->w->has_failed = true;
                c->at = c->end;
                return;
        }
        f->types = at;
        f->types[i] = (struct go_type){.name = keep(c->w, name.at, name.n), .kind = GO_OTHER};
        f->n_types++;
        kind = read_word(c);
        skip_space(c, false);
        if (c->at < c->end && *c->at == '{' && span_is_equal(kind, SPAN("struct"))) {
                f->types[i].kind = GO_STRUCT;
                c->at++;
                read_fields(c, i);
        } else if (c->at < c->end && *c->at == '{' && span_is_equal(kind, SPAN("interface"))) {
                f->types[i].kind = GO_INTERFACE;
                c->at++;
                read_methods(c, f->types[i].name);
        } else {
                f->types[i].kind = span_is_equal(kind, SPAN("struct")) ? GO_STRUCT : GO_OTHER;
                skip_line(c);
        }
}

static void read_import(struct cursor *c)
{
        struct span name = read_word(c), path;
        const char *last;

        skip_space(c, false);
        if (c->at >= c->end || *c->at != '"') {
                skip_line(c);
                return;
        }
        path.at = c->at + 1;
        skip_string(c);
        if (c->at < path.at + 1 || c->at[-1] != '"')
                return; /* the text ends within it */
        path.n = (size_t)(c->at - path.at) - 1;
        last = memrchr(path.at, '/', path.n);
        if (!name.n)
                name = last ? (struct span){last + 1, path.n - (size_t)(last + 1 - path.at)} : path;
        _cleanup_free_ char *text =
                str_printf("%.*s %.*s", (int)name.n, name.at, (int)path.n, path.at);
        if (!text || strlist_add(&c->file->imports, text) < 0)
                c->w->has_failed = true;
}

/* var and const: names up to a type or =. */
static void read_variable(struct cursor *c)
{
        for (;;) {
                struct span name = read_word(c);

                if (name.n && strlist_add_span(&c->file->variables, name) < 0)
                        c->w->has_failed = true;
                skip_space(c, false);
                if (!name.n || c->at >= c->end || *c->at != ',')
                        break;
                c->at++;
                skip_space(c, true);
        }
        while (c->at < c->end && *c->at != '\n') {
                if (*c->at == '"' || *c->at == '`')
                        skip_string(c);
                else if (*c->at == '(' || *c->at == '{' || *c->at == '[')
                        skip_balanced(c);
                else
                        c->at++;
        }
}

/* What follows a keyword: one declaration, or a group in parentheses. */
static void read_group(struct cursor *c, void (*one)(struct cursor *c))
{
        skip_space(c, false);
        if (c->at >= c->end || *c->at != '(') {
                one(c);
                return;
        }
        c->at++;
        for (;;) {
                const char *before;

                skip_space(c, true);
                if (c->at >= c->end || *c->at == ')')
                        break;
                before = c->at;
                one(c);
                if (c->at == before)
                        c->at++;
        }
        if (c->at < c->end)
                c->at++;
}

static void read_file(struct cursor *c)
{
        while (c->at < c->end) {
                struct span word;

                skip_space(c, true);
                word = read_word(c);
                if (span_is_equal(word, SPAN("package"))) {
                        skip_space(c, false);
                        word = read_word(c);
                        c->file->package = keep(c->w, word.at, word.n);
                } else if (span_is_equal(word, SPAN("import"))) {
                        read_group(c, read_import);
                } else if (span_is_equal(word, SPAN("type"))) {
                        read_group(c, read_type_declaration);
                } else if (span_is_equal(word, SPAN("func"))) {
                        read_function(c);
                } else if (span_is_equal(word, SPAN("var")) || span_is_equal(word, SPAN("const"))) {
                        read_group(c, read_variable);
                } else if (c->at < c->end) {
                        c->at++;
                }
        }
}

void go_world_done(struct go_world *w)
{
        for (size_t i = 0; i < w->n_files; i++) {
                struct go_file *f = &w->files[i];

                for (size_t j = 0; j < f->n_types; j++)
                        free(f->types[j].fields);
                free(f->types);
                free(f->funcs);
                strlist_done(&f->imports);
                strlist_done(&f->variables);
        }
        free(w->files);
        strlist_done(&w->texts);
        memset(w, 0, sizeof(*w));
}

int go_world_read(const struct facts *f, struct go_world *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->files = calloc(f->n_shown + 1, sizeof(*ret->files));
        if (!ret->files)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_shown; i++) {
                struct go_file *file = &ret->files[ret->n_files++];
                const char *slash = strrchr(f->shown[i].path, '/');
                struct cursor c = {ret, file, f->shown[i].text,
                                   f->shown[i].text + f->shown[i].n_text};

                file->path = f->shown[i].path;
                file->package = "";
                file->dir = keep(ret, file->path, slash ? (size_t)(slash - file->path) : 0);
                read_file(&c);
        }
        return ret->has_failed ? -ENOMEM : 0;
}

static bool is_in(const struct go_file *f, const char *dir)
{
        return !dir || str_is_equal(f->dir, dir);
}

const struct go_type *go_find_type(const struct go_world *w, const char *dir, const char *name,
                                   const struct go_file **ret_file)
{
        for (size_t i = 0; i < w->n_files; i++)
                for (size_t j = 0; is_in(&w->files[i], dir) && j < w->files[i].n_types; j++)
                        if (str_is_equal(w->files[i].types[j].name, name)) {
                                if (ret_file)
                                        *ret_file = &w->files[i];
                                return &w->files[i].types[j];
                        }
        return NULL;
}

const struct go_func *go_find_func(const struct go_world *w, const char *dir, const char *receiver,
                                   const char *name, const struct go_file **ret_file)
{
        for (size_t i = 0; i < w->n_files; i++)
                for (size_t j = 0; is_in(&w->files[i], dir) && j < w->files[i].n_funcs; j++) {
                        const struct go_func *f = &w->files[i].funcs[j];

                        if (!str_is_equal(f->name, name) || !str_is_equal(f->receiver, receiver))
                                continue;
                        if (ret_file)
                                *ret_file = &w->files[i];
                        return f;
                }
        return NULL;
}

bool go_has_variable(const struct go_world *w, const char *dir, const char *name)
{
        for (size_t i = 0; i < w->n_files; i++)
                if (is_in(&w->files[i], dir) && strlist_has(&w->files[i].variables, name))
                        return true;
        return false;
}

const struct go_file *go_find_package(const struct go_world *w, const char *package)
{
        for (size_t i = 0; i < w->n_files; i++)
                if (str_is_equal(w->files[i].package, package))
                        return &w->files[i];
        return NULL;
}

const struct go_param *go_find_field(const struct go_type *t, const char *name)
{
        for (size_t i = 0; t && i < t->n_fields; i++)
                if (str_is_equal(t->fields[i].name, name))
                        return &t->fields[i];
        return NULL;
}
