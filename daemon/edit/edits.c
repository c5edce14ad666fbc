#include "daemon/edit/edits.h"

#include <ctype.h>
#include <stdio.h>
#include <xxhash.h>

#define OLD_MARK "<<<old "
#define NEW_MARK "===new "
#define MOVE_MARK "+++to "
#define GONE_MARK "+++gone "
#define MADE_MARK "+++new "
#define KEPT_MARK "+++keep "
#define SHOWN_BYTES 60 /* of a line, in a reason */

/* ---- reading ---- */

static struct span next_line(struct span *s)
{
        const char *lf = memchr(s->at, '\n', s->n);
        struct span line = {s->at, lf ? (size_t)(lf + 1 - s->at) : s->n};

        s->at += line.n;
        s->n -= line.n;
        return line;
}

static struct span without_break(struct span line)
{
        while (line.n > 0 && (line.at[line.n - 1] == '\n' || line.at[line.n - 1] == '\r'))
                line.n--;
        return line;
}

/* "MARK tag", or with something between; *ret_between: that. */
static bool is_marker(struct span line, const char *mark, const char *tag, struct span *ret_between)
{
        size_t n_mark = strlen(mark), n_tag = strlen(tag);

        line = without_break(line);
        if (line.n < n_mark + n_tag || memcmp(line.at, mark, n_mark) != 0 ||
            memcmp(line.at + line.n - n_tag, tag, n_tag) != 0)
                return false;
        *ret_between = (struct span){line.at + n_mark, line.n - n_mark - n_tag};
        return true;
}

static int refuse(struct diag *d, unsigned line, const char *text)
{
        *d = (struct diag){.line = line};
        snprintf(d->text, sizeof(d->text), "%s", text);
        return CONDITION_REFUSED;
}

enum place { PLACE_HEAD, PLACE_OLD, PLACE_NEW, PLACE_KEPT, PLACE_MADE };

struct reading {
        struct edits *e;
        const char *tag;
        enum place place;
        unsigned line;
        struct diag *diag;
};

/* With room for one more; lists grow by doubling, at powers of two. NULL: no memory. */
static void *with_room(void *list, size_t n, size_t bytes)
{
        return (n & (n - 1)) != 0 ? list : reallocarray(list, MAX2(2 * n, (size_t)4), bytes);
}

static int begin_old(struct reading *r)
{
        struct edit *grown;

        if (r->place == PLACE_OLD)
                return refuse(r->diag, r->line, "an edit lacks its `===new` line");
        if (r->e->is_gone || r->place == PLACE_MADE)
                return refuse(r->diag, r->line,
                              r->e->is_gone ? "a file that is taken away has no edits"
                                            : "edits stand before the new files");
        if (r->e->n == EDITS_MAX)
                return refuse(r->diag, r->line, "these are too many edits: write the whole file");
        grown = with_room(r->e->at, r->e->n, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        r->e->at = grown;
        r->e->at[r->e->n++] = (struct edit){0};
        r->place = PLACE_OLD;
        return 0;
}

static int begin_new(struct reading *r)
{
        if (r->place != PLACE_OLD)
                return refuse(r->diag, r->line, "a `===new` line stands without its `<<<old` line");
        if (r->e->at[r->e->n - 1].old.n == 0)
                return refuse(r->diag, r->line,
                              "an edit has no old lines: nobody can tell where it belongs");
        r->place = PLACE_NEW;
        return 0;
}

static int begin_move(struct reading *r, struct span path)
{
        if (r->place != PLACE_HEAD || r->e->move.n > 0 || r->e->is_gone)
                return refuse(r->diag, r->line, "`+++to` stands once, before all edits");
        if (path.n < 2 || path.at[path.n - 1] != ' ')
                return refuse(r->diag, r->line, "`+++to` names no path");
        r->e->move = (struct span){path.at, path.n - 1};
        return 0;
}

static int begin_gone(struct reading *r)
{
        if (r->place != PLACE_HEAD || r->e->move.n > 0 || r->e->is_gone)
                return refuse(r->diag, r->line, "`+++gone` stands once, without edits");
        r->e->is_gone = true;
        return 0;
}

/* "12 rule-001 ". */
static bool read_kept(struct span s, struct edit_kept *ret)
{
        size_t n = 0;

        ret->line = 0;
        while (n < s.n && n < 9 && s.at[n] >= '0' && s.at[n] <= '9')
                ret->line = ret->line * 10 + (uint32_t)(s.at[n++] - '0');
        if (n == 0 || s.n < n + 3 || s.at[n] != ' ' || s.at[s.n - 1] != ' ')
                return false;
        ret->rule = (struct span){s.at + n + 1, s.n - n - 2};
        return true;
}

static int begin_kept(struct reading *r, struct span what)
{
        struct edit_kept kept = {0}, *grown;

        if (r->place == PLACE_OLD)
                return refuse(r->diag, r->line, "an edit lacks its `===new` line");
        if (r->e->is_gone || r->place == PLACE_MADE)
                return refuse(r->diag, r->line,
                              "`+++keep` stands before the new files, and in no file that goes");
        if (!read_kept(what, &kept))
                return refuse(r->diag, r->line,
                              "`+++keep` names the line (0: it has none) and the rule of a "
                              "finding, as they are listed");
        if (r->e->n_kept == EDITS_KEPT_MAX)
                return refuse(r->diag, r->line, "too many `+++keep` lines");
        grown = with_room(r->e->kept, r->e->n_kept, sizeof(kept));
        if (!grown)
                return -ENOMEM;
        r->e->kept = grown;
        r->e->kept[r->e->n_kept++] = kept;
        r->place = PLACE_KEPT;
        return 0;
}

static int begin_made(struct reading *r, struct span path)
{
        if (r->place == PLACE_OLD)
                return refuse(r->diag, r->line, "an edit lacks its `===new` line");
        if (r->e->n_made == EDITS_MADE_MAX)
                return refuse(r->diag, r->line, "these are too many new files");
        if (path.n < 2 || path.at[path.n - 1] != ' ')
                return refuse(r->diag, r->line, "`+++new` names no path");
        path.n--;
        for (size_t i = 0; i < r->e->n_made; i++)
                if (span_is_equal(r->e->made[i].path, path))
                        return refuse(r->diag, r->line, "one new file stands there twice");
        r->e->made[r->e->n_made++] = (struct edit_made){.path = path};
        r->place = PLACE_MADE;
        return 0;
}

static struct span *text_at_hand(struct reading *r)
{
        return r->place == PLACE_OLD    ? &r->e->at[r->e->n - 1].old
               : r->place == PLACE_NEW  ? &r->e->at[r->e->n - 1].new
               : r->place == PLACE_KEPT ? &r->e->kept[r->e->n_kept - 1].why
                                        : &r->e->made[r->e->n_made - 1].text;
}

static int add_line(struct reading *r, struct span line)
{
        struct span *to;

        if (r->place == PLACE_HEAD)
                return without_break(line).n == 0
                               ? 0
                               : refuse(r->diag, r->line,
                                        "text stands before the first `<<<old` line");
        to = text_at_hand(r);
        if (to->n == 0)
                to->at = line.at;
        to->n += line.n;
        return 0;
}

static int read_line(struct reading *r, struct span line)
{
        struct span between;

        r->line++;
        if (is_marker(line, OLD_MARK, r->tag, &between) && between.n == 0)
                return begin_old(r);
        if (is_marker(line, NEW_MARK, r->tag, &between) && between.n == 0)
                return begin_new(r);
        if (is_marker(line, MOVE_MARK, r->tag, &between))
                return begin_move(r, between);
        if (is_marker(line, GONE_MARK, r->tag, &between) && between.n == 0)
                return begin_gone(r);
        if (is_marker(line, KEPT_MARK, r->tag, &between))
                return begin_kept(r, between);
        if (is_marker(line, MADE_MARK, r->tag, &between))
                return begin_made(r, between);
        return add_line(r, line);
}

void edits_retag(char *text, size_t n, const char *from, const char *to)
{
        static const char *const marks[] = {OLD_MARK,  NEW_MARK,  MOVE_MARK,
                                            GONE_MARK, MADE_MARK, KEPT_MARK};
        size_t n_tag = strlen(from);

        assert(strlen(to) == n_tag);
        for (size_t at = 0, end; at < n; at = end + 1) {
                char *lf = memchr(text + at, '\n', n - at);
                struct span between, line = {text + at, 0};

                end = lf ? (size_t)(lf - text) : n;
                line.n = end - at;
                for (size_t i = 0; i < N_ELEMENTS(marks); i++)
                        if (is_marker(line, marks[i], from, &between)) {
                                size_t cr = text[end - 1] == '\r';

                                memcpy(text + end - cr - n_tag, to, n_tag);
                                break;
                        }
        }
}

void edits_done(struct edits *e)
{
        free(e->at);
        free(e->kept);
        *e = (struct edits){0};
}

static struct span without_blanks(struct span s)
{
        while (s.n > 0 && strchr(" \t\r\n", s.at[s.n - 1]) && s.at[s.n - 1])
                s.n--;
        while (s.n > 0 && strchr(" \t\r\n", *s.at) && *s.at) {
                s.at++;
                s.n--;
        }
        return s;
}

static int check_kept(struct edits *e, struct diag *d)
{
        for (size_t i = 0; i < e->n_kept; i++) {
                e->kept[i].why = without_blanks(e->kept[i].why);
                if (e->kept[i].why.n == 0)
                        return refuse(d, 1, "a `+++keep` line lacks its reason in the next line");
        }
        return 0;
}

int edits_read(struct span text, const char *tag, struct edits *ret, struct diag *ret_diag)
{
        struct edits e = {0};
        struct reading r = {.e = &e, .tag = tag, .diag = ret_diag};
        int k = 0;

        while (text.n > 0 && k == 0)
                k = read_line(&r, next_line(&text));
        if (k == 0 && r.place == PLACE_OLD)
                k = refuse(ret_diag, r.line, "the last edit lacks its `===new` line");
        k = k ? k : check_kept(&e, ret_diag);
        if (k) {
                edits_done(&e);
                return k;
        }
        *ret = e;
        return 0;
}

/* ---- how it is told ---- */

int edits_write_tree_forms(const char *tag, unsigned may, struct buf *out)
{
        static const struct {
                enum tree_change change;
                const char *mark, *path, *rest;
        } forms[] = {
                {TREE_DELETE, GONE_MARK, "", "takes the file away: alone, without edits"},
                {TREE_MOVE, MOVE_MARK, "NEW/PATH ",
                 "moves the file: before its edits, which are about the text as it is shown"},
                {TREE_MAKE, MADE_MARK, "NEW/PATH ",
                 "begins another file, one that does not exist yet: after the edits, followed by "
                 "its whole content"},
        };

        if (may == 0)
                return out->failed;
        (void)buf_add_text(out, "Between the marker lines of a file whose task lists it under "
                                "`may`, and only where a finding asks for it, this can stand:\n");
        for (size_t i = 0; i < N_ELEMENTS(forms); i++)
                if (may & forms[i].change)
                        (void)buf_printf(out, "- the line `%s%s%s` %s (`%s`)\n", forms[i].mark,
                                         forms[i].path, tag, forms[i].rest,
                                         tree_change_name(forms[i].change));
        return buf_add_text(out, "Paths are relative to the root of the source, like those of "
                                 "the list.\n");
}

int edits_write_kept_form(const char *tag, struct buf *out)
{
        return buf_printf(
                out,
                "A finding that is wrong, because the code is right as it stands, gets no edit. "
                "Only for such a one write, between the marker lines of its file, before or after "
                "the edits, the line\n" KEPT_MARK "LINE RULE %s\n"
                "with its line (0 if none is listed) and its rule, and in the next line why.\n",
                tag);
}

/* ---- applying ---- */

struct place_in_base {
        size_t from, to;
        const struct edit *edit;
};

/* Whole lines: at the beginning of one. The last line of an answer may lack its break. */
static size_t find_lines(struct span base, struct span old, size_t from)
{
        for (size_t at = from; old.n > 0 && at + old.n <= base.n;) {
                const char *found = memmem(base.at + at, base.n - at, old.at, old.n);

                if (!found)
                        return SIZE_MAX;
                at = (size_t)(found - base.at);
                if (at == 0 || base.at[at - 1] == '\n')
                        return at;
                at++;
        }
        return SIZE_MAX;
}

static unsigned line_at(struct span base, size_t at)
{
        unsigned line = 1;

        for (size_t i = 0; i < at; i++)
                line += base.at[i] == '\n';
        return line;
}

static int refuse_place(struct diag *d, size_t edit, struct span old, const char *what)
{
        struct span first = without_break(next_line(&old));

        *d = (struct diag){.line = (unsigned)edit + 1};
        snprintf(d->text, sizeof(d->text), "edit %zu (`%.*s%s`): %s", edit + 1,
                 (int)MIN2(first.n, (size_t)SHOWN_BYTES), first.at,
                 first.n > SHOWN_BYTES ? "…" : "", what);
        return CONDITION_REFUSED;
}

/* Why lines that are not there are not: blanks, or another text altogether. */
static const char *why_missing(struct span base, struct span old)
{
        struct span first = without_break(next_line(&old));

        while (first.n > 0 && (first.at[0] == ' ' || first.at[0] == '\t')) {
                first.at++;
                first.n--;
        }
        if (first.n > 0 && memmem(base.at, base.n, first.at, first.n))
                return "its old lines do not stand in the text as they are written; copy whole "
                       "lines, with every blank";
        return "its old lines do not stand in the text";
}

static int place_edit(struct span base, const struct edit *e, size_t i, struct place_in_base *ret,
                      struct diag *d)
{
        struct span old = e->old;
        size_t at = find_lines(base, old, 0), again;
        char what[120];

        if (at == SIZE_MAX)
                return refuse_place(d, i, old, why_missing(base, old));
        again = find_lines(base, old, at + 1);
        if (again != SIZE_MAX) {
                snprintf(what, sizeof(what),
                         "its old lines stand more than once, in lines %u and %u: add lines around "
                         "them",
                         line_at(base, at), line_at(base, again));
                return refuse_place(d, i, old, what);
        }
        *ret = (struct place_in_base){at, at + old.n, e};
        return 0;
}

static int compare_places(const void *a, const void *b)
{
        const struct place_in_base *x = a, *y = b;

        return (x->from > y->from) - (x->from < y->from);
}

static int write_places(struct span base, const struct place_in_base *places, size_t n,
                        struct buf *out, struct diag *d)
{
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                const struct place_in_base *p = &places[i];

                if (p->from < at) {
                        *d = (struct diag){.line = 1};
                        snprintf(d->text, sizeof(d->text),
                                 "two edits overlap in line %u: make one of them",
                                 line_at(base, p->from));
                        return CONDITION_REFUSED;
                }
                (void)buf_add(out, base.at + at, p->from - at);
                (void)buf_add_span(out, p->edit->new);
                if (p->edit->new.n > 0 && p->edit->new.at[p->edit->new.n - 1] != '\n')
                        (void)buf_add_char(out, '\n');
                at = p->to;
        }
        return buf_add(out, base.at + at, base.n - at);
}

int edits_apply(const struct edits *e, struct span base, struct buf *out, struct diag *ret_diag)
{
        _cleanup_free_ struct place_in_base *places = calloc(e->n + 1, sizeof(*places));
        size_t n_before = out->n;
        int k = places ? 0 : -ENOMEM;

        for (size_t i = 0; i < e->n && k == 0; i++)
                k = place_edit(base, &e->at[i], i, &places[i], ret_diag);
        if (k == 0 && e->n > 1)
                qsort(places, e->n, sizeof(*places), compare_places);
        k = k ? k : write_places(base, places, e->n, out, ret_diag);
        if (k > 0)
                out->n = n_before;
        return k;
}

/* ---- where ---- */

/* A whole word at the beginning; takes it off, and the blanks after it. */
static bool takes_word(struct span *line, const char *word)
{
        size_t n = strlen(word);

        if (line->n < n || memcmp(line->at, word, n) != 0)
                return false;
        if (line->n > n && (isalnum((unsigned char)line->at[n]) || strchr("_$", line->at[n])))
                return false;
        *line = str_trim((struct span){line->at + n, line->n - n});
        return true;
}

/* What follows is a name, or the one text in brackets, `require('fs')`: no expression, which may
 * be a check, `require(is_owner)`, or a resource, `using (var file = …)`. */
static bool is_named(struct span rest)
{
        return rest.n == 0 || *rest.at != '(' || rest.n == 1 || rest.at[1] == '\'' ||
               rest.at[1] == '"';
}

/* Lines that say what a file uses: a repair may need others. */
static bool is_import(struct span line)
{
        static const char *const words[] = {"import", "package", "using", "from", "require"},
                                 *const marks[] = {"#include", "<%@",
                                                   "xmlns=", "xmlns:", "@import"};

        line = str_trim(line);
        if (line.n == 0 || (line.n == 1 && strchr("()", *line.at)))
                return true;
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (takes_word(&line, words[i]))
                        return is_named(line);
        for (size_t i = 0; i < N_ELEMENTS(marks); i++)
                if (line.n >= strlen(marks[i]) && memcmp(line.at, marks[i], strlen(marks[i])) == 0)
                        return true;
        return false;
}

bool edits_are_imports(struct span text)
{
        while (text.n > 0)
                if (!is_import(next_line(&text)))
                        return false;
        return true;
}

static bool is_near(unsigned from, unsigned to, const uint32_t *lines, size_t n, unsigned distance)
{
        for (size_t i = 0; i < n; i++)
                if (lines[i] + distance >= from && lines[i] <= to + distance)
                        return true;
        return false;
}

int edits_check_near(const struct edits *e, struct span base, const uint32_t *lines, size_t n_lines,
                     unsigned distance, struct diag *ret_diag)
{
        for (size_t i = 0; i < e->n && n_lines > 0; i++) {
                struct span old = e->at[i].old;
                size_t at = find_lines(base, old, 0);
                unsigned from, n = 0;

                if (at == SIZE_MAX)
                        continue; /* edits_apply() says so */
                from = line_at(base, at);
                for (size_t k = 0; k < old.n; k++)
                        n += old.at[k] == '\n';
                if (!is_near(from, from + n, lines, n_lines, distance) &&
                    !(edits_are_imports(old) && edits_are_imports(e->at[i].new)))
                        return refuse_place(ret_diag, i, old,
                                            "no finding is about this place: leave it as it is");
        }
        return 0;
}

/* ---- what is gone ---- */

static int compare_hashes(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* A hash per line that is not blank, sorted; blanks at its ends do not count. */
static int hash_lines(struct span text, uint64_t **ret, size_t *ret_n)
{
        uint64_t *list = NULL;
        size_t n = 0, n_lines = 1;

        for (size_t i = 0; i < text.n; i++)
                n_lines += text.at[i] == '\n';
        list = calloc(n_lines, sizeof(*list));
        if (!list)
                return -ENOMEM;
        while (text.n > 0) {
                struct span line = next_line(&text);

                while (line.n > 0 && strchr(" \t\r\n", line.at[line.n - 1]) && line.at[line.n - 1])
                        line.n--;
                while (line.n > 0 && (*line.at == ' ' || *line.at == '\t')) {
                        line.at++;
                        line.n--;
                }
                if (line.n > 0)
                        list[n++] = XXH3_64bits(line.at, line.n);
        }
        qsort(list, n, sizeof(*list), compare_hashes);
        *ret = list;
        *ret_n = n;
        return 0;
}

int edits_removed(struct span base, struct span text, size_t *ret_removed, size_t *ret_lines)
{
        _cleanup_free_ uint64_t *a = NULL, *b = NULL;
        size_t n_a = 0, n_b = 0, k = 0, removed = 0;
        int r = hash_lines(base, &a, &n_a);

        r = r ? r : hash_lines(text, &b, &n_b);
        if (r)
                return r;
        for (size_t i = 0; i < n_a; i++) {
                while (k < n_b && b[k] < a[i])
                        k++;
                if (k < n_b && b[k] == a[i])
                        k++;
                else
                        removed++;
        }
        *ret_removed = removed;
        *ret_lines = n_a;
        return 0;
}
