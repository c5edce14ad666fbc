#include "client/files/changes.h"

#include <stdio.h>

#include "client/files/patch.h"
#include "common/str.h"

struct changes {
        const struct client *client; /* borrowed */
        struct change_of_file *at;   /* owned */
        size_t n;
        bool is_shown;
};

int changes_new(const struct client *c, bool is_shown, struct changes **ret)
{
        struct changes *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->client = c;
        l->is_shown = is_shown;
        *ret = l;
        return 0;
}

static void change_done(struct change_of_file *c)
{
        free(c->path);
        free(c->from);
        free(c->of);
        free(c->before);
        free(c->after);
        json_decref(c->findings);
}

struct changes *changes_free(struct changes *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; i < l->n; i++)
                change_done(&l->at[i]);
        free(l->at);
        free(l);
        return NULL;
}

size_t changes_n(const struct changes *l)
{
        return l->n;
}

const struct change_of_file *changes_at(const struct changes *l, size_t i)
{
        return &l->at[i];
}

const struct change_of_file *changes_find(const struct changes *l, const char *path)
{
        for (size_t i = 0; path && i < l->n; i++)
                if (strcmp(l->at[i].path, path) == 0 || str_is_equal(l->at[i].from, path))
                        return &l->at[i];
        return NULL;
}

const struct client *changes_client(const struct changes *l)
{
        return l->client;
}

/* A line of a file may hold what steers a terminal. */
static void print_plain(struct span line)
{
        for (size_t i = 0; i < line.n; i++) {
                const unsigned char *at = (const unsigned char *)line.at + i;
                size_t n = str_turn_length((struct span){line.at + i, line.n - i});

                if (n > 0) {
                        (void)putchar('?');
                        i += n - 1;
                        continue;
                }
                (void)putchar((*at < ' ' && *at != '\t') || *at == 0x7f ? '?' : *at);
        }
}

static void print_diff(const struct changes *l, const struct change_note *n, struct span diff)
{
        bool has_color = client_has_color(l->client, STDOUT_FILENO);

        printf("--- %s\n+++ %s\n",
               n->is_new ? "/dev/null"
               : n->from ? n->from
                         : n->path,
               n->is_gone ? "/dev/null" : n->path);
        while (diff.n > 0) {
                const char *lf = memchr(diff.at, '\n', diff.n);
                size_t size = lf ? (size_t)(lf - diff.at) : diff.n;
                const char *color = !has_color          ? ""
                                    : diff.at[0] == '-' ? "\033[31m"
                                    : diff.at[0] == '+' ? "\033[32m"
                                    : diff.at[0] == '@' ? "\033[36m"
                                                        : "";

                (void)fputs(color, stdout);
                print_plain((struct span){diff.at, size});
                (void)fputs(*color ? "\033[0m\n" : "\n", stdout);
                size += lf != NULL;
                diff.at += size;
                diff.n -= size;
        }
        (void)fflush(stdout);
}

static int show(const struct changes *l, const struct change_note *n)
{
        _cleanup_buf_ struct buf diff = {0};
        int r = patch_write(n->before, n->after, &diff);

        if (r == 0 && (diff.n > 0 || n->from || n->is_gone || n->is_new))
                print_diff(l, n, buf_span(&diff));
        return r;
}

static struct change_of_file *find(struct changes *l, const struct change_note *n)
{
        const char *path = n->from ? n->from : n->path;

        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->at[i].path, path) == 0)
                        return &l->at[i];
        return NULL;
}

static int set_text(char **ret, const char *text)
{
        char *copy = text ? str_dup_span(span_of(text)) : NULL;

        if (text && !copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int add(struct changes *l, const struct change_note *n)
{
        struct change_of_file *grown = reallocarray(l->at, l->n + 1, sizeof(*grown)), *c;

        if (!grown)
                return -ENOMEM;
        l->at = grown;
        c = &grown[l->n++];
        *c = (struct change_of_file){.before = str_dup_span(n->before),
                                     .n_before = n->before.n,
                                     .findings = json_array(),
                                     .is_new = n->is_new};
        if (set_text(&c->path, n->from ? n->from : n->path) < 0 || set_text(&c->of, n->of) < 0)
                return -ENOMEM;
        return c->before && c->findings ? 0 : -ENOMEM;
}

/* Each once, however often what repairs it was delivered. */
static int add_findings(struct change_of_file *c, const json_t *findings)
{
        const json_t *f, *known;
        size_t i, k;

        json_array_foreach ((json_t *)findings, i, f) {
                bool is_known = false;

                json_array_foreach (c->findings, k, known)
                        is_known |= json_equal(known, f);
                if (!is_known && json_array_append(c->findings, (json_t *)f) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void drop_findings(struct change_of_file *c, json_int_t task)
{
        for (size_t i = json_array_size(c->findings); i-- > 0;)
                if (json_integer_value(json_object_get(json_array_get(c->findings, i), "task")) ==
                    task)
                        (void)json_array_remove(c->findings, i);
}

static void forget(struct changes *l, struct change_of_file *c)
{
        change_done(c);
        memmove(c, c + 1, (size_t)(l->at + l->n - (c + 1)) * sizeof(*c));
        l->n--;
}

static int move(struct change_of_file *c, const char *to)
{
        if (!c->is_new && !c->from)
                c->from = take(c->path);
        if (c->from && strcmp(c->from, to) == 0) { /* and back */
                free(c->from);
                c->from = NULL;
        }
        return set_text(&c->path, to);
}

int changes_note(struct changes *l, const struct change_note *n)
{
        struct change_of_file *c = find(l, n);
        char *copy;
        int r = l->is_shown && !n->is_past ? show(l, n) : 0;

        if (r == 0 && !c) {
                r = add(l, n);
                c = &l->at[l->n - 1];
        }
        if (r == 0 && c->is_new && n->is_gone) {
                forget(l, c);
                return 0;
        }
        r = r ? r : n->from ? move(c, n->path) : 0;
        if (r == 0 && n->has_back)
                drop_findings(c, n->back);
        r = r ? r : add_findings(c, n->findings);
        copy = r == 0 ? str_dup_span(n->after) : NULL;
        if (!copy)
                return r ? r : -ENOMEM;
        free(c->after);
        c->after = copy;
        c->n_after = n->after.n;
        c->is_gone = n->is_gone;
        return 0;
}

bool changes_is_void(const struct change_of_file *c)
{
        return !c->is_new && !c->is_gone && !c->from &&
               span_is_equal((struct span){c->before, c->n_before},
                             (struct span){c->after, c->n_after});
}

void changes_settle(struct changes *l)
{
        for (size_t i = l->n; i-- > 0;)
                if (changes_is_void(&l->at[i]))
                        forget(l, &l->at[i]);
}
