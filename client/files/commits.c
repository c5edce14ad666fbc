#include "client/files/commits.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/files/patch.h"
#include "client/run-command.h"
#include "common/path.h"
#include "common/str.h"

const char *const commit_style_names[N_COMMIT_STYLES] = {"per-file", "per-rule", "at-end"};

/* Names come from an analysis: what steers a terminal, or breaks a line, is none of a message. */
static char *clean(const char *text)
{
        char *copy = str_dup_span(span_of(text));

        for (char *at = copy; copy && *at; at++)
                if ((unsigned char)*at < ' ' || *at == 0x7f)
                        *at = '?';
        return copy;
}

struct commits {
        const struct changes *l;
        const char *dir;
        const char *subject;
        char *prefix, *scratch; /* owned: of dir below the root; a file of ours for hashing */
        bool *is_out;           /* owned: per change, no part of any commit */
};

/* A command line that grows. */
struct words {
        char **at; /* owned; the texts are borrowed */
        size_t n;
        int failed;
};

static void add_word(struct words *w, const char *word)
{
        char **grown = reallocarray(w->at, w->n + 2, sizeof(*grown));

        if (!grown) {
                w->failed = -ENOMEM;
                return;
        }
        w->at = grown;
        w->at[w->n++] = (char *)word;
        w->at[w->n] = NULL;
}

static void words_done(struct words *w)
{
        free(w->at);
}

#define WORDS(w, ...)                                             \
        do {                                                      \
                const char *const list_[] = {__VA_ARGS__};        \
                                                                  \
                for (size_t i_ = 0; i_ < N_ELEMENTS(list_); i_++) \
                        add_word(w, list_[i_]);                   \
        } while (0)

/* Exit status in *ret_status; both texts without the line break at their ends. */
static int run_apart(const struct words *w, struct buf *output, struct buf *errors, int *ret_status)
{
        struct buf *const texts[] = {output, errors};
        struct run_result result;
        int r = w->failed ? w->failed : run_query(w->at, output, errors, &result);

        if (r < 0)
                return r;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                while (texts[i]->n > 0 && texts[i]->at[texts[i]->n - 1] == '\n')
                        texts[i]->at[--texts[i]->n] = '\0';
        *ret_status = result.status;
        return 0;
}

/* The answer alone, whatever git says beside it (core.safecrlf warns, GIT_TRACE tells). */
static int run(const struct words *w, struct buf *output, int *ret_status)
{
        _cleanup_buf_ struct buf errors = {0};

        return run_apart(w, output, &errors, ret_status);
}

/* CONDITION_REFUSED: git says no, and that is told. Hooks may say it on either side. */
static int run_git(const struct commits *c, const struct words *w, struct buf *output)
{
        _cleanup_buf_ struct buf errors = {0};
        int status = 0, r = run_apart(w, output, &errors, &status);
        bool has_both = output->n > 0 && errors.n > 0;

        if (r == 0 && status != 0)
                client_warn(changes_client(c->l), "git: %s%s%s", output->n > 0 ? output->at : "",
                            has_both ? "\n" : "",
                            errors.n > 0     ? errors.at
                            : output->n == 0 ? "it failed"
                                             : "");
        return r == 0 && status != 0 ? CONDITION_REFUSED : r;
}

static bool stands_at(const struct commits *c, const char *path)
{
        _cleanup_free_ char *at = path_join(c->dir, path);
        struct stat st;

        return at && lstat(at, &st) == 0;
}

/* What neither stands nor is known to git, git takes for a mistake. */
static int add_path(const struct commits *c, struct words *w, const char *path)
{
        _cleanup_(words_done) struct words look = {0};
        _cleanup_buf_ struct buf output = {0};
        int status = 0, r;

        if (!path || stands_at(c, path)) {
                if (path)
                        add_word(w, path);
                return w->failed;
        }
        WORDS(&look, "git", "-C", c->dir, "--literal-pathspecs", "ls-files", "--", path);
        r = run(&look, &output, &status);
        if (r == 0 && status == 0 && output.n > 0)
                add_word(w, path);
        return r < 0 ? r : w->failed;
}

/* ---- what is ours to commit ---- */

static int ask_git(const struct commits *c, const char *what, char **ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf output = {0};
        int r;

        WORDS(&w, "git", "-C", c->dir, "rev-parse", what);
        r = run_git(c, &w, &output);
        if (r)
                return r;
        *ret = str_dup_span(buf_span(&output));
        return *ret ? 0 : -ENOMEM;
}

static int write_scratch(const struct commits *c, struct span text)
{
        _cleanup_close_ int fd = open(c->scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        return fd < 0 ? -errno : path_write_whole(fd, text);
}

/* The object that git would make of a text at path. */
static int hash_text(const struct commits *c, const char *path, struct span text, bool is_written,
                     struct buf *ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_free_ char *as = str_printf("--path=%s%s", c->prefix, path);
        int r = as ? write_scratch(c, text) : -ENOMEM;

        WORDS(&w, "git", "-C", c->dir, "hash-object");
        if (is_written)
                add_word(&w, "-w");
        WORDS(&w, as, c->scratch);
        return r ? r : run_git(c, &w, ret);
}

/* Whether a commit, or the index (""), has this text at path; NULL: has nothing there. */
static int git_has(const struct commits *c, const char *where, const char *path,
                   const struct span *text, bool *ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_free_ char *name = str_printf("%s:%s%s", where, c->prefix, path);
        _cleanup_buf_ struct buf stands = {0}, hash = {0};
        int status = 0, r = name ? 0 : -ENOMEM;

        WORDS(&w, "git", "-C", c->dir, "rev-parse", "-q", "--verify", name);
        r = r ? r : run(&w, &stands, &status);
        if (r == 0 && status == 0 && text)
                r = hash_text(c, path, *text, false, &hash);
        if (r == 0)
                *ret = text ? status == 0 && strcmp(stands.at, hash.at) == 0 : status != 0;
        return r;
}

/* Whether the tree still has what the repair made of it. */
static int tree_has(const struct commits *c, const struct change_of_file *f, bool *ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf stands = {0}, hash = {0};
        int status = 0, r;

        *ret = f->is_gone == !stands_at(c, f->path);
        if (f->is_gone || !*ret)
                return 0;
        WORDS(&w, "git", "-C", c->dir, "hash-object", "--", f->path);
        r = hash_text(c, f->path, (struct span){f->after, f->n_after}, false, &hash);
        r = r ? r : run(&w, &stands, &status);
        if (r == 0)
                *ret = status == 0 && strcmp(stands.at, hash.at) == 0;
        return r;
}

/* Whether the index has something else there than HEAD, and than the repair: a commit of the path
 * would lose it. after: NULL: nothing is to be there. */
static int is_staged(const struct commits *c, const char *path, const struct span *after, bool *ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf output = {0};
        int status = 0, r;

        WORDS(&w, "git", "-C", c->dir, "--literal-pathspecs", "diff", "--cached", "--quiet", "--",
              path);
        r = run(&w, &output, &status);
        *ret = false;
        if (r || status == 0)
                return r;
        r = git_has(c, "", path, after, ret);
        *ret = !*ret;
        return r;
}

/* Of what HEAD does not have: may it be committed there at all? NULL in *ret: yes. */
static int find_bar(const struct commits *c, const char *path, const char **ret)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf output = {0};
        int status = 0, r;

        WORDS(&w, "git", "-C", c->dir, "check-ignore", "-q", "--", path);
        r = run(&w, &output, &status);
        if (r == 0)
                *ret = status == 0   ? "is ignored by git"
                       : status == 1 ? NULL
                                     : "lies in a repository of its own, or behind a link";
        return r;
}

/* What HEAD has already is not committed again; and where it is not what the repair began with, or
 * the tree not what it ended with, lines of the user's would go with it. */
static int judge(struct commits *c, size_t i)
{
        const struct change_of_file *f = changes_at(c->l, i);
        const struct span before = {f->before, f->n_before}, after = {f->after, f->n_after};
        bool is_in = false, is_base = false, is_left = true, is_there = false, has_staged = false;
        const char *bar = NULL;
        int r = git_has(c, "HEAD", f->path, f->is_gone ? NULL : &after, &is_in);

        if (r == 0 && f->from)
                r = git_has(c, "HEAD", f->from, NULL, &is_left);
        if (r == 0 && is_in && is_left) {
                c->is_out[i] = true;
                return 0;
        }
        r = r ? r
              : git_has(c, "HEAD", f->from ? f->from : f->path, f->is_new ? NULL : &before,
                        &is_base);
        r = r ? r : tree_has(c, f, &is_there);
        r = r ? r : is_staged(c, f->path, f->is_gone ? NULL : &after, &has_staged);
        if (r == 0 && f->from && !has_staged)
                r = is_staged(c, f->from, NULL, &has_staged);
        if (r == 0 && (!is_base || f->is_new || f->from))
                r = find_bar(c, f->path, &bar);
        if (r == 0 && (bar || has_staged || !(is_base && is_there))) {
                c->is_out[i] = true;
                client_warn(changes_client(c->l), "%s is left out of the commits: it %s\n  → %s",
                            f->path,
                            bar          ? bar
                            : has_staged ? "has something of yours staged"
                            : is_base    ? "was changed after the repair"
                                         : "was not committed, or had changes of yours, before",
                            bar ? "it is in place; commit it yourself, where that is meant to be"
                                : "look at `git diff` and commit it yourself");
        }
        return r;
}

static void commits_done(struct commits *c)
{
        if (c->scratch)
                (void)!unlink(c->scratch);
        free(c->prefix);
        free(c->scratch);
        free(c->is_out);
}

static int look_at_all(struct commits *c)
{
        _cleanup_free_ char *folder = NULL;
        int r = ask_git(c, "--absolute-git-dir", &folder);

        r = r ? r : ask_git(c, "--show-prefix", &c->prefix);
        if (r)
                return r;
        c->scratch = str_printf("%s/genopt-blob-%d", folder, (int)getpid());
        c->is_out = calloc(changes_n(c->l) + 1, sizeof(*c->is_out));
        if (!c->scratch || !c->is_out)
                return -ENOMEM;
        for (size_t i = 0; i < changes_n(c->l) && r == 0; i++)
                r = judge(c, i);
        return r;
}

/* ---- whole files ---- */

/* What was staged for a commit that was refused. */
static int take_back(const struct commits *c, const struct words *paths)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf o = {0};
        int status = 0, r;

        WORDS(&w, "git", "-C", c->dir, "--literal-pathspecs", "reset", "-q", "--");
        for (size_t i = 0; i < paths->n; i++)
                add_word(&w, paths->at[i]);
        r = run(&w, &o, &status);
        return r < 0 ? r : CONDITION_REFUSED;
}

/* These paths alone, whatever else is staged; nothing where they are as they were. */
static int commit_paths(const struct commits *c, const struct words *paths, const char *message)
{
        _cleanup_(words_done) struct words add = {0}, look = {0}, commit = {0};
        _cleanup_buf_ struct buf a = {0}, b = {0}, d = {0};
        int status = 0, r;

        if (paths->n == 0)
                return paths->failed;
        WORDS(&add, "git", "-C", c->dir, "--literal-pathspecs", "add", "-A", "--");
        WORDS(&look, "git", "-C", c->dir, "--literal-pathspecs", "diff", "--cached", "--quiet",
              "--");
        WORDS(&commit, "git", "-C", c->dir, "--literal-pathspecs", "commit", "-q", "-m", message,
              "--");
        for (size_t i = 0; i < paths->n; i++) {
                add_word(&add, paths->at[i]);
                add_word(&look, paths->at[i]);
                add_word(&commit, paths->at[i]);
        }
        r = run_git(c, &add, &a);
        r = r ? r : run(&look, &b, &status);
        if (r == 0 && status == 0)
                return 0;
        r = r ? r : run_git(c, &commit, &d);
        return r == CONDITION_REFUSED ? take_back(c, paths) : r;
}

static int add_change(const struct commits *c, struct words *w, const struct change_of_file *f)
{
        int r = add_path(c, w, f->path);

        return r ? r : add_path(c, w, f->from);
}

/* A file, and those that its repair made. */
static int commit_file(const struct commits *c, const struct change_of_file *f, bool is_out)
{
        _cleanup_free_ char *path = clean(f->path),
                            *message = path ? str_printf("Repair what %s found in %s", c->subject,
                                                         path)
                                            : NULL;
        _cleanup_(words_done) struct words paths = {0};
        int r = message ? 0 : -ENOMEM;

        if (r == 0 && !is_out)
                r = add_change(c, &paths, f);
        for (size_t i = 0; i < changes_n(c->l) && r == 0; i++)
                if (!c->is_out[i] && changes_find(c->l, changes_at(c->l, i)->of) == f)
                        r = add_change(c, &paths, changes_at(c->l, i));
        return r ? r : commit_paths(c, &paths, message);
}

static int per_file(const struct commits *c)
{
        int r = 0;

        for (size_t i = 0; i < changes_n(c->l) && r == 0; i++)
                if (!changes_find(c->l, changes_at(c->l, i)->of))
                        r = commit_file(c, changes_at(c->l, i), c->is_out[i]);
        return r;
}

static int at_end(const struct commits *c)
{
        _cleanup_free_ char *message = NULL;
        _cleanup_(words_done) struct words paths = {0};
        size_t n = 0;
        int r;

        for (size_t i = 0; i < changes_n(c->l); i++)
                n += !c->is_out[i];
        message =
                str_printf("Repair what %s found\n\n%zu file%s.", c->subject, n, n == 1 ? "" : "s");
        r = message ? 0 : -ENOMEM;
        for (size_t i = 0; i < changes_n(c->l) && r == 0; i++)
                r = c->is_out[i] ? 0 : add_change(c, &paths, changes_at(c->l, i));
        return r ? r : commit_paths(c, &paths, message);
}

/* ---- by rule ---- */

/* One file on its way from `before` to `after`. */
struct parted {
        const struct change_of_file *f;
        struct patch_hunks hunks;
        size_t *rules;  /* owned: per hunk */
        bool *is_taken; /* owned: per hunk */
        size_t rule;    /* of the whole, where it is moved, new or gone */
};

struct by_rule {
        const struct commits *c;
        struct strlist rules;
        struct parted *at; /* owned */
        size_t n;
        char *index, *index_word; /* owned */
};

static size_t find_rule(const struct strlist *rules, const char *name)
{
        for (size_t i = 0; i < rules->n; i++)
                if (str_is_equal(rules->at[i], name))
                        return i;
        return 0;
}

static size_t distance(size_t line, size_t from, size_t n)
{
        if (line < from)
                return from - line;
        return n > 0 && line >= from + n ? line - (from + n) + 1 : n == 0 ? line - from : 0;
}

size_t commits_rule_of(const json_t *findings, const struct strlist *rules, size_t from, size_t n)
{
        size_t best = SIZE_MAX, rule = 0, i;
        const json_t *f;

        json_array_foreach ((json_t *)findings, i, f) {
                uint64_t line;
                size_t d;

                if (i == 0)
                        rule = find_rule(rules, json_get_text(f, "rule"));
                if (!json_get_u64(f, "line", &line) || line == 0)
                        continue;
                d = distance((size_t)line - 1, from, n);
                if (d < best) {
                        best = d;
                        rule = find_rule(rules, json_get_text(f, "rule"));
                }
        }
        return rule;
}

static int note_rules(struct by_rule *b)
{
        const json_t *f;
        size_t k;
        int r = 0;

        for (size_t i = 0; i < changes_n(b->c->l); i++)
                json_array_foreach (changes_at(b->c->l, i)->findings, k, f) {
                        const char *rule = json_get_text(f, "rule");

                        if (r == 0 && rule && !strlist_has(&b->rules, rule))
                                r = strlist_add(&b->rules, rule);
                }
        return r || b->rules.n > 0 ? r : strlist_add(&b->rules, "findings");
}

static int part(struct by_rule *b, const struct change_of_file *f)
{
        struct parted *p = &b->at[b->n++];
        const struct change_of_file *owner = changes_find(b->c->l, f->of);
        int r;

        p->f = f;
        p->rule = commits_rule_of((owner ? owner : f)->findings, &b->rules, 0, 0);
        if (f->is_new || f->is_gone || f->from)
                return 0;
        r = patch_find_hunks((struct span){f->before, f->n_before},
                             (struct span){f->after, f->n_after}, &p->hunks);
        p->rules = calloc(p->hunks.n + 1, sizeof(*p->rules));
        p->is_taken = calloc(p->hunks.n + 1, sizeof(*p->is_taken));
        if (r < 0 || !p->rules || !p->is_taken)
                return r < 0 ? r : -ENOMEM;
        for (size_t i = 0; i < p->hunks.n; i++)
                p->rules[i] = commits_rule_of(f->findings, &b->rules, p->hunks.at[i].from,
                                              p->hunks.at[i].n);
        return 0;
}

static void by_rule_done(struct by_rule *b)
{
        for (size_t i = 0; i < b->n; i++) {
                patch_hunks_done(&b->at[i].hunks);
                free(b->at[i].rules);
                free(b->at[i].is_taken);
        }
        free(b->at);
        strlist_done(&b->rules);
        if (b->index)
                (void)!unlink(b->index);
        free(b->index);
        free(b->index_word);
}

static void git_words(const struct by_rule *b, struct words *w)
{
        WORDS(w, "env", b->index_word, "git", "-C", b->c->dir, "--literal-pathspecs");
}

/* An index of our own, so that what the user has staged stays staged and apart. */
static int open_index(struct by_rule *b)
{
        _cleanup_(words_done) struct words look = {0}, read = {0};
        _cleanup_buf_ struct buf a = {0}, o = {0};
        _cleanup_free_ char *folder = NULL;
        int status = 0, r = ask_git(b->c, "--absolute-git-dir", &folder);

        if (r)
                return r;
        b->index = str_printf("%s/genopt-index-%d", folder, (int)getpid());
        b->index_word = b->index ? str_printf("GIT_INDEX_FILE=%s", b->index) : NULL;
        if (!b->index_word)
                return -ENOMEM;
        WORDS(&look, "git", "-C", b->c->dir, "rev-parse", "-q", "--verify", "HEAD");
        r = run(&look, &a, &status);
        if (r || status != 0)
                return r; /* no commit yet: the index is empty */
        git_words(b, &read);
        WORDS(&read, "read-tree", "HEAD");
        return run_git(b->c, &read, &o);
}

static bool is_program(const struct by_rule *b, const char *path)
{
        _cleanup_free_ char *at = path_join(b->c->dir, path);
        struct stat st;

        return at && stat(at, &st) == 0 && (st.st_mode & S_IXUSR);
}

static int stage_text(const struct by_rule *b, const char *path, struct span text)
{
        _cleanup_(words_done) struct words update = {0};
        _cleanup_buf_ struct buf object = {0}, o = {0};
        _cleanup_free_ char *entry = NULL;
        int r = hash_text(b->c, path, text, true, &object);

        if (r)
                return r;
        entry = str_printf("%s,%s,%s%s", is_program(b, path) ? "100755" : "100644", object.at,
                           b->c->prefix, path);
        if (!entry)
                return -ENOMEM;
        git_words(b, &update);
        WORDS(&update, "update-index", "--add", "--cacheinfo", entry);
        return run_git(b->c, &update, &o);
}

static int unstage(const struct by_rule *b, const char *path)
{
        _cleanup_(words_done) struct words update = {0};
        _cleanup_buf_ struct buf o = {0};

        git_words(b, &update);
        WORDS(&update, "update-index", "--force-remove", "--", path);
        return run_git(b->c, &update, &o);
}

static int stage_whole(const struct by_rule *b, const struct change_of_file *f)
{
        int r = 0;

        if (f->from || f->is_gone)
                r = unstage(b, f->from ? f->from : f->path);
        return r || f->is_gone ? r : stage_text(b, f->path, (struct span){f->after, f->n_after});
}

static int stage(struct by_rule *b, struct parted *p, size_t rule, size_t *n_staged)
{
        _cleanup_buf_ struct buf text = {0};
        size_t n_new = 0;
        int r;

        if (!p->rules) {
                if (p->rule != rule)
                        return 0;
                ++*n_staged;
                return stage_whole(b, p->f);
        }
        for (size_t i = 0; i < p->hunks.n; i++)
                if (p->rules[i] == rule) {
                        p->is_taken[i] = true;
                        n_new++;
                }
        if (n_new == 0)
                return 0;
        ++*n_staged;
        r = patch_apply_hunks((struct span){p->f->before, p->f->n_before},
                              (struct span){p->f->after, p->f->n_after}, &p->hunks, p->is_taken,
                              &text);
        return r ? r : stage_text(b, p->f->path, buf_span(&text));
}

static int commit_rule(struct by_rule *b, size_t rule)
{
        _cleanup_(words_done) struct words look = {0}, commit = {0};
        _cleanup_buf_ struct buf a = {0}, o = {0};
        _cleanup_free_ char *message = NULL, *name = NULL;
        size_t n_staged = 0;
        int status = 0, r = 0;

        for (size_t i = 0; i < b->n && r == 0; i++)
                r = stage(b, &b->at[i], rule, &n_staged);
        if (r || n_staged == 0)
                return r;
        name = clean(b->rules.at[rule]);
        message = name ? str_printf("Repair %s\n\nFound by %s, in %zu file%s.", name, b->c->subject,
                                    n_staged, n_staged == 1 ? "" : "s")
                       : NULL;
        if (!message)
                return -ENOMEM;
        git_words(b, &look);
        WORDS(&look, "diff", "--cached", "--quiet");
        r = run(&look, &a, &status);
        if (r || status == 0)
                return r;
        git_words(b, &commit);
        WORDS(&commit, "commit", "-q", "-m", message);
        return run_git(b->c, &commit, &o);
}

/* The user's index hears of what was committed beside it. */
static int refresh(const struct by_rule *b)
{
        _cleanup_(words_done) struct words w = {0};
        _cleanup_buf_ struct buf o = {0};
        int status = 0, r = 0;

        WORDS(&w, "git", "-C", b->c->dir, "--literal-pathspecs", "reset", "-q", "--");
        for (size_t i = 0; i < b->n && r == 0; i++) {
                add_word(&w, b->at[i].f->path);
                if (b->at[i].f->from)
                        add_word(&w, b->at[i].f->from);
        }
        return run(&w, &o, &status);
}

static int per_rule(const struct commits *c)
{
        _cleanup_(by_rule_done) struct by_rule b = {.c = c};
        int r = note_rules(&b);

        b.at = calloc(changes_n(c->l) + 1, sizeof(*b.at));
        if (!b.at)
                return -ENOMEM;
        for (size_t i = 0; i < changes_n(c->l) && r == 0; i++)
                r = c->is_out[i] ? 0 : part(&b, changes_at(c->l, i));
        r = r ? r : open_index(&b);
        for (size_t i = 0; i < b.rules.n && r == 0; i++)
                r = commit_rule(&b, i);
        if (r < 0 || b.n == 0)
                return r;
        return refresh(&b) < 0 ? -EIO : r; /* also of those before one that was refused */
}

int commits_make(const struct changes *l, const char *dir, enum commit_style style,
                 const char *subject)
{
        static int (*const makers[])(const struct commits *) = {[COMMIT_PER_FILE] = per_file,
                                                                [COMMIT_PER_RULE] = per_rule,
                                                                [COMMIT_AT_END] = at_end};
        _cleanup_free_ char *by = clean(subject);
        _cleanup_(commits_done) struct commits c = {.l = l, .dir = dir, .subject = by};
        int r = !by ? -ENOMEM : changes_n(l) > 0 ? look_at_all(&c) : 0;

        return r || changes_n(l) == 0 ? r : makers[style](&c);
}

/* Before anything is asked for: git can commit there, and knows in whose name. */
/* In the middle of what git wants to commit as a whole, it commits no paths alone. */
static int check_middle(const char *dir, struct buf *why)
{
        static const struct {
                const char *words[4], *what;
        } looks[] = {
                {{"rev-parse", "-q", "--verify", "MERGE_HEAD"}, "a merge is under way"},
                {{"rev-parse", "-q", "--verify", "CHERRY_PICK_HEAD"}, "a cherry-pick is under way"},
                {{"ls-files", "--unmerged", "--", ":/"}, "there are files that are not merged"},
        };

        for (size_t i = 0; i < N_ELEMENTS(looks); i++) {
                _cleanup_(words_done) struct words w = {0};
                _cleanup_buf_ struct buf output = {0};
                int status = 0, r;

                WORDS(&w, "git", "-C", dir);
                for (size_t k = 0; k < N_ELEMENTS(looks[i].words); k++)
                        add_word(&w, looks[i].words[k]);
                r = run(&w, &output, &status);
                if (r < 0)
                        return r;
                if (status != 0 || output.n == 0)
                        continue;
                buf_done(why);
                r = buf_printf(why, "%s in this repository: git commits no single files there",
                               looks[i].what);
                return r < 0 ? r : CONDITION_REFUSED;
        }
        return 0;
}

int commits_check(const char *dir, struct buf *why)
{
        static const char *const looks[][2] = {{"rev-parse", "--show-prefix"},
                                               {"var", "GIT_COMMITTER_IDENT"},
                                               {"var", "GIT_AUTHOR_IDENT"}};
        int status = 0, r = 0;

        for (size_t i = 0; i < N_ELEMENTS(looks) && r == 0 && status == 0; i++) {
                _cleanup_(words_done) struct words w = {0};
                _cleanup_buf_ struct buf output = {0};

                buf_done(why);
                WORDS(&w, "git", "-C", dir, looks[i][0], looks[i][1]);
                r = run_apart(&w, &output, why, &status);
        }
        if (r == 0 && status == 0)
                return check_middle(dir, why);
        return r == 0 ? CONDITION_REFUSED : r;
}
