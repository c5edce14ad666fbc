#include "client/files/changes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "client/files/patch.h"
#include "client/run-command.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "common/json.h"
#include "common/path.h"
#include "common/str.h"

struct change_of_file {
        char *path, *before, *after; /* owned */
        size_t n_before, n_after;
};

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

struct changes *changes_free(struct changes *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; i < l->n; i++) {
                free(l->at[i].path);
                free(l->at[i].before);
                free(l->at[i].after);
        }
        free(l->at);
        free(l);
        return NULL;
}

size_t changes_n(const struct changes *l)
{
        return l->n;
}

const char *changes_path(const struct changes *l, size_t i)
{
        return l->at[i].path;
}

/* A line of a file may hold what steers a terminal. */
static void print_plain(struct span line)
{
        for (size_t i = 0; i < line.n; i++) {
                unsigned char c = (unsigned char)line.at[i];

                (void)putchar((c < ' ' && c != '\t') || c == 0x7f ? '?' : c);
        }
}

static void print_diff(const struct changes *l, const char *path, struct span diff)
{
        bool has_color = client_has_color(l->client, STDOUT_FILENO);

        printf("--- %s\n+++ %s\n", path, path);
        while (diff.n > 0) {
                const char *lf = memchr(diff.at, '\n', diff.n);
                size_t n = lf ? (size_t)(lf - diff.at) : diff.n;
                const char *color = !has_color          ? ""
                                    : diff.at[0] == '-' ? "\033[31m"
                                    : diff.at[0] == '+' ? "\033[32m"
                                    : diff.at[0] == '@' ? "\033[36m"
                                                        : "";

                (void)fputs(color, stdout);
                print_plain((struct span){diff.at, n});
                (void)fputs(*color ? "\033[0m\n" : "\n", stdout);
                n += lf != NULL;
                diff.at += n;
                diff.n -= n;
        }
        (void)fflush(stdout);
}

static int show(const struct changes *l, const char *path, struct span before, struct span after)
{
        _cleanup_buf_ struct buf diff = {0};
        int r = patch_write(before, after, &diff);

        if (r == 0 && diff.n > 0)
                print_diff(l, path, buf_span(&diff));
        return r;
}

static struct change_of_file *find(struct changes *l, const char *path)
{
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->at[i].path, path) == 0)
                        return &l->at[i];
        return NULL;
}

static int add(struct changes *l, const char *path, struct span before)
{
        struct change_of_file *grown = reallocarray(l->at, l->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        l->at = grown;
        grown[l->n] = (struct change_of_file){
                .path = strdup(path), .before = str_dup_span(before), .n_before = before.n};
        l->n++;
        return grown[l->n - 1].path && grown[l->n - 1].before ? 0 : -ENOMEM;
}

int changes_note(struct changes *l, const char *path, struct span before, struct span after)
{
        struct change_of_file *c = find(l, path);
        char *copy;
        int r = l->is_shown ? show(l, path, before, after) : 0;

        if (r == 0 && !c) {
                r = add(l, path, before);
                c = &l->at[l->n - 1];
        }
        copy = r == 0 ? str_dup_span(after) : NULL;
        if (!copy)
                return r ? r : -ENOMEM;
        free(c->after);
        c->after = copy;
        c->n_after = after.n;
        return 0;
}

/* ---- the page ---- */

static const char style[] =
        ":root{--bg:#fff;--fg:#1c2330;--dim:#67707f;--line:#e3e6ec;--in:#e5f5ea;--out:#fbe9e7}"
        "@media(prefers-color-scheme:dark){:root{--bg:#14171d;--fg:#e6e9ef;--dim:#98a1b0;"
        "--line:#2b303a;--in:#16331f;--out:#3d1f1b}}"
        "body{margin:0 auto;padding:2rem 1.25rem;max-width:72rem;background:var(--bg);"
        "color:var(--fg);font:15px/1.5 system-ui,sans-serif}h1{font-size:1.4rem}"
        "table{border-collapse:collapse}td{padding:.2rem 1rem .2rem 0;"
        "border-bottom:1px solid var(--line)}"
        "summary{cursor:pointer;padding:.4rem 0;border-bottom:1px solid var(--line)}"
        "pre{overflow-x:auto;font:12.5px/1.45 ui-monospace,monospace;margin:.6rem 0 1.4rem}"
        "pre b,pre s,pre i{display:block;font-weight:400;text-decoration:none;font-style:normal}"
        "pre b{background:var(--in)}pre s{background:var(--out)}pre i{color:var(--dim)}";

static void add_escaped(struct buf *b, struct span text)
{
        for (size_t i = 0; i < text.n; i++) {
                unsigned char c = (unsigned char)text.at[i];

                if (c == '&')
                        (void)buf_add_text(b, "&amp;");
                else if (c == '<')
                        (void)buf_add_text(b, "&lt;");
                else if (c == '>')
                        (void)buf_add_text(b, "&gt;");
                else
                        (void)buf_add_char(b, (char)(c < ' ' && c != '\t' ? '?' : c));
        }
}

static void add_diff(struct buf *b, struct span diff)
{
        (void)buf_add_text(b, "<pre>");
        while (diff.n > 0) {
                const char *lf = memchr(diff.at, '\n', diff.n);
                size_t n = lf ? (size_t)(lf - diff.at) : diff.n;
                const char *tag = diff.at[0] == '-'   ? "s"
                                  : diff.at[0] == '+' ? "b"
                                  : diff.at[0] == '@' ? "i"
                                                      : NULL;

                if (tag)
                        (void)buf_printf(b, "<%s>", tag);
                add_escaped(b, (struct span){diff.at, n});
                if (tag)
                        (void)buf_printf(b, "</%s>", tag);
                else
                        (void)buf_add_char(b, '\n');
                n += lf != NULL;
                diff.at += n;
                diff.n -= n;
        }
        (void)buf_add_text(b, "</pre></details>\n");
}

static void add_numbers(struct buf *b, const json_t *o, const char *prefix)
{
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)o, key, value) {
                if (json_is_object(value))
                        add_numbers(b, value, key);
                else if (json_integer_value(value) > 0)
                        (void)buf_printf(b, "<tr><td>%s%s%s<td>%" PRId64, prefix,
                                         *prefix ? ": " : "", key,
                                         (int64_t)json_integer_value(value));
        }
}

static int write_page(const struct changes *l, const char *title, const json_t *summary,
                      struct buf *b)
{
        char money[FORMAT_BYTES];
        int r = 0;

        (void)buf_printf(
                b,
                "<!doctype html><meta charset=utf-8><title>genopt fix</title><style>%s</style>"
                "<h1>Repairs: ",
                style);
        add_escaped(b, span_of(title));
        (void)buf_printf(b, "</h1><p>%zu files changed; %" PRIu64 " model calls, %s.<table>", l->n,
                         progress_number(summary, "calls"),
                         format_money(progress_number(summary, "nanousd"), money));
        add_numbers(b, json_object_get(summary, "findings"), "");
        (void)buf_add_text(b, "</table>\n");
        for (size_t i = 0; i < l->n && r == 0; i++) {
                const struct change_of_file *c = &l->at[i];
                _cleanup_buf_ struct buf diff = {0};

                r = patch_write((struct span){c->before, c->n_before},
                                (struct span){c->after, c->n_after}, &diff);
                (void)buf_add_text(b, "<details open><summary><code>");
                add_escaped(b, span_of(c->path));
                (void)buf_add_text(b, "</code></summary>");
                add_diff(b, buf_span(&diff));
        }
        return r ? r : b->failed;
}

int changes_report(const struct changes *l, const char *file, const char *title,
                   const json_t *summary, struct failure **ret_failure)
{
        _cleanup_close_ int fd = -1;
        _cleanup_buf_ struct buf page = {0};
        int r = write_page(l, title, summary, &page);

        if (r < 0)
                return r;
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        r = fd < 0 ? -errno : path_write_whole(fd, buf_span(&page));
        if (r == 0)
                return 0;
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, file, "the report cannot be written: %s",
                                      strerror(-r));
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

/* ---- git ---- */

static int run_git(const struct changes *l, char *const *argv)
{
        _cleanup_buf_ struct buf output = {0};
        struct run_result result;
        int r = run_command(argv, &output, &result);

        if (r < 0)
                return r;
        if (result.status != 0)
                client_warn(l->client, "git: %s", output.at ? output.at : "it failed");
        return result.status != 0 ? CONDITION_REFUSED : 0;
}

/* These paths alone, whatever else is staged. */
static int commit(const struct changes *l, const char *dir, size_t from, size_t to,
                  const char *message)
{
        _cleanup_free_ char **argv = calloc(to - from + 10, sizeof(*argv));
        const char *head[] = {"git", "-C", dir, "commit", "-q", "-m", message, "--"};
        const char *add_head[] = {"git", "-C", dir, "add", "--"};
        size_t n = 0;
        int r;

        if (!argv)
                return -ENOMEM;
        for (; n < N_ELEMENTS(add_head); n++)
                argv[n] = (char *)add_head[n];
        for (size_t i = from; i < to; i++)
                argv[n++] = l->at[i].path;
        argv[n] = NULL;
        r = run_git(l, argv);
        if (r != 0)
                return r;
        for (n = 0; n < N_ELEMENTS(head); n++)
                argv[n] = (char *)head[n];
        for (size_t i = from; i < to; i++)
                argv[n++] = l->at[i].path;
        argv[n] = NULL;
        return run_git(l, argv);
}

int changes_commit(const struct changes *l, const char *dir, bool is_per_file, const char *subject)
{
        int r = 0;

        if (l->n == 0)
                return 0;
        if (!is_per_file) {
                _cleanup_free_ char *message =
                        str_printf("Repair what %s found\n\n%zu files.", subject, l->n);

                r = message ? commit(l, dir, 0, l->n, message) : -ENOMEM;
        }
        for (size_t i = 0; i < l->n && is_per_file && r == 0; i++) {
                _cleanup_free_ char *message =
                        str_printf("Repair what %s found in %s", subject, l->at[i].path);

                r = message ? commit(l, dir, i, i + 1, message) : -ENOMEM;
        }
        return r < 0 ? r : 0;
}
