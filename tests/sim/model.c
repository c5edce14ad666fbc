#include "tests/sim/model.h"

#include <ctype.h>
#include <xxhash.h>

#include "common/str.h"
#include "tests/sim/edits.h"
#include "tests/sim/facts.h"
#include "tests/sim/writer.h"

#define ASK_WORDS 120 /* when nobody says how long */
#define ASK_WORDS_MAX 20000
#define ASK_BYTES_MAX ((size_t)16 << 20)
#define RESTATED_BYTES 240

bool model_has_evidence(const struct prompt *p)
{
        _cleanup_(facts_freep) struct facts *f = NULL;

        return facts_read(p, &f) == 0 && f->has_evidence;
}

static struct span last_user_text(const struct prompt *p)
{
        for (size_t i = p->n_parts; i-- > 0;)
                if (p->parts[i].role == ROLE_USER && p->parts[i].text.n)
                        return p->parts[i].text;
        return SPAN("");
}

/* "reply with exactly N bytes", else 0. */
static uint64_t asked_bytes(struct span s)
{
        static const char phrase[] = "reply with exactly ";
        const char *at = memmem(s.at, s.n, phrase, strlen(phrase)), *end = s.at + s.n;
        uint64_t n = 0;

        if (!at)
                return 0;
        for (at += strlen(phrase); at < end && *at >= '0' && *at <= '9' && n < ASK_BYTES_MAX; at++)
                n = n * 10 + (uint64_t)(*at - '0');
        return (size_t)(end - at) >= 6 && memcmp(at, " bytes", 6) == 0
                       ? MIN2(n, (uint64_t)ASK_BYTES_MAX)
                       : 0;
}

/* The last "N words" of the text, else ASK_WORDS. */
static uint64_t asked_words(struct span s)
{
        uint64_t found = ASK_WORDS;

        for (size_t i = 0; i + 6 <= s.n; i++) {
                uint64_t n = 0, scale = 1;

                if (memcmp(s.at + i, " words", 6) != 0)
                        continue;
                for (size_t j = i; j-- > 0 && isdigit((unsigned char)s.at[j]) && scale < 1000000;
                     scale *= 10)
                        n += scale * (uint64_t)(s.at[j] - '0');
                if (n)
                        found = MIN2(n, (uint64_t)ASK_WORDS_MAX);
        }
        return found;
}

static const char *const filler[] = {
        "the",   "answer",  "depends", "on",   "what", "was",    "asked", "and",
        "each",  "part",    "follows", "from", "it",   "so",     "we",    "take",
        "first", "one",     "point",   "then", "next", "before", "any",   "other",
        "case",  "because", "nothing", "else", "is",   "known",  "here",  "about",
        "this",  "that",    "matters", "most", "now",  "which",
};

/* Words of the prompt itself, as many as are plain. */
static size_t collect_words(struct span s, struct span *words, size_t max)
{
        size_t n = 0;

        for (size_t i = 0; i < s.n && n < max;) {
                size_t start = i;

                while (i < s.n && isalpha((unsigned char)s.at[i]))
                        i++;
                if (i - start >= 4 && i - start <= 24)
                        words[n++] = (struct span){s.at + start, i - start};
                if (i == start)
                        i++;
        }
        return n;
}

static uint64_t next_random(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* Sentences of 8 to 15 words, every third word from the prompt, in an order that the whole prompt
 * decides. */
static void write_sentences(struct span question, uint64_t seed, uint64_t n_words, struct buf *b)
{
        struct span words[512];
        size_t n = collect_words(question, words, N_ELEMENTS(words));
        uint64_t left = 0;

        for (uint64_t i = 0; i < n_words; i++) {
                uint64_t x = next_random(&seed);
                const char *plain = filler[x % N_ELEMENTS(filler)];
                size_t at = b->n;

                if (n && i % 3 == 1)
                        buf_add_span(b, words[(x >> 20) % n]);
                else
                        buf_add_text(b, plain);
                if (!left) {
                        left = 8 + (x >> 40) % 8;
                        if (!b->failed)
                                b->at[at] = (char)toupper((unsigned char)b->at[at]);
                }
                left--;
                buf_add_text(b, i + 1 == n_words || !left ? ".\n" : " ");
                if (!left && b->n && !b->failed && i + 1 < n_words && (x >> 50) % 4)
                        b->at[b->n - 1] = ' ';
        }
}

static uint64_t seed_of(const struct prompt *p)
{
        uint64_t seed = XXH3_64bits(p->model_name, strlen(p->model_name));

        for (size_t i = 0; i < p->n_parts; i++)
                seed = XXH3_64bits_withSeed(p->parts[i].text.at, p->parts[i].text.n, seed);
        return seed | 1;
}

static void answer_text(const struct prompt *p, struct buf *b)
{
        struct span question = last_user_text(p);
        uint64_t n_bytes = asked_bytes(question), seed = seed_of(p);
        struct span restated = {question.at, MIN2(question.n, (size_t)RESTATED_BYTES)};

        if (n_bytes) {
                while (b->n < n_bytes && !b->failed)
                        write_sentences(question, seed += 2, 400, b);
                if (b->n > n_bytes)
                        b->n = n_bytes;
                return;
        }
        while (restated.n && ((unsigned char)restated.at[restated.n - 1] & 0xc0) == 0x80 &&
               restated.n < question.n)
                restated.n--;
        if (restated.n && restated.n < question.n &&
            (unsigned char)restated.at[restated.n - 1] >= 0x80)
                restated.n--;
        buf_add_text(b, "You asked: ");
        for (size_t i = 0; i < restated.n; i++)
                buf_add_char(b, restated.at[i] == '\n' || restated.at[i] == '\r' ? ' '
                                                                                 : restated.at[i]);
        buf_printf(b, "\n\n");
        write_sentences(question, seed, asked_words(question), b);
}

/* One file of the answer with its markers, as the prompt told them. */
struct framing {
        const char *tag;
        const struct fault_set *faults;
        size_t n_files;
};

static bool hits_file(const struct framing *f, enum fault_kind kind, size_t i)
{
        const struct fault *x = f->faults->at[kind];

        return x && (x->file == 0 || x->file == i + 1);
}

/* A line of Go or Python that imports one thing, and nothing else. */
static bool is_import(struct span line)
{
        if (line.n > 7 && memcmp(line.at, "import ", 7) == 0)
                return line.at[7] != '(' && !memchr(line.at, ',', line.n);
        return line.n > 3 && line.at[0] == '\t' && line.at[1] == '"' && line.at[line.n - 1] == '"';
}

static void add_without_import(struct span content, struct buf *b)
{
        bool is_done = false;

        while (content.n > 0) {
                const char *lf = memchr(content.at, '\n', content.n);
                size_t n = lf ? (size_t)(lf - content.at) : content.n, n_whole = n + (lf != NULL);
                bool is_dropped = !is_done && is_import((struct span){content.at, n});

                if (!is_dropped)
                        buf_add(b, content.at, n_whole);
                is_done |= is_dropped;
                content.at += n_whole;
                content.n -= n_whole;
        }
}

static void add_file(const struct framing *f, size_t i, const char *path, bool is_edits,
                     struct span content, struct buf *b)
{
        bool is_last_of_all =
                f->faults->at[FAULT_MISSING_FILE] && f->faults->at[FAULT_MISSING_FILE]->file == 0
                        ? i + 1 == f->n_files
                        : hits_file(f, FAULT_MISSING_FILE, i);
        const char *tag = hits_file(f, FAULT_WRONG_TAG, i) ? "00000000" : f->tag;

        if (is_last_of_all)
                return;
        buf_printf(b, "<<<%s %s%s %s\n", is_edits ? "edits" : "file",
                   hits_file(f, FAULT_WRONG_PATH, i) ? "elsewhere/" : "", path, tag);
        if (hits_file(f, FAULT_INNER_FENCE, i))
                buf_add_text(b, "```\n");
        if (!hits_file(f, FAULT_EMPTY_FILE, i) && hits_file(f, FAULT_NO_IMPORT, i))
                add_without_import(content, b);
        else if (!hits_file(f, FAULT_EMPTY_FILE, i))
                buf_add_span(b, content);
        if (hits_file(f, FAULT_INNER_FENCE, i))
                buf_add_text(b, "```\n");
        if (hits_file(f, FAULT_BROKEN, i) && is_edits)
                buf_printf(b, "<<<old %s\nno such line\n===new %s\n", tag, tag);
        if (hits_file(f, FAULT_BROKEN, i))
                buf_add_text(b, "}}} func broken( {\n");
        if (hits_file(f, FAULT_PLACEHOLDER, i))
                buf_add_text(b, "\n// ... rest of the code unchanged\n");
        if (!hits_file(f, FAULT_NO_END, i))
                buf_printf(b, ">>>end %s\n", tag);
}

/* The task that makes this path; tasks and files stand in one order as a rule, but the path
 * decides. */
static size_t task_of(const struct facts *f, const char *path, size_t i)
{
        for (size_t t = 0; t < f->n_tasks; t++)
                if (str_is_equal(node_text(yaml_get(f->tasks[t], "task"), "path"), path))
                        return t;
        return i;
}

/* A file whole, or as edits of the text that the prompt shows. */
static int answer_file(struct facts *f, const struct framing *framing, size_t i, const char *path,
                       bool may_edit, struct buf *b)
{
        const struct shown *text = may_edit ? edits_find_text(f, path) : NULL;
        _cleanup_buf_ struct buf content = {0}, edits = {0};
        struct facts_view view;
        int r = facts_view_of(f, task_of(f, path, i), &view);

        r = r ? r : writer_write(&view, path, &content);
        r = r ? r : content.failed;
        if (r)
                return r;
        r = text ? edits_write(&view, text, buf_span(&content), framing->tag, &edits)
                 : CONDITION_ABSENT;
        if (r < 0)
                return r;
        add_file(framing, i, path, r == 0, r == 0 ? buf_span(&edits) : buf_span(&content), b);
        return 0;
}

static int answer_list(struct facts *f, const struct framing *framing, struct yaml_node *files,
                       size_t from, bool may_edit, struct buf *b)
{
        int r = 0;

        for (size_t i = 0; i < node_size(files) && !r; i++) {
                const struct yaml_node *file = node_at(files, i);
                const char *path = file->kind == YAML_SCALAR ? file->text
                                                             : node_text(node_at(files, i), "path");

                if (path)
                        r = answer_file(f, framing, from + i, path, may_edit, b);
        }
        return r;
}

static int answer_files(struct facts *f, const struct fault_set *faults, struct buf *b)
{
        struct yaml_node *answer = yaml_get(f->answer, "answer"),
                         *files = yaml_get(answer, "files"), *edits = yaml_get(answer, "edits");
        struct framing framing = {.tag = node_text(answer, "tag"),
                                  .faults = faults,
                                  .n_files = node_size(files) + node_size(edits)};
        int r;

        if (!framing.tag)
                framing.tag = "";
        if (faults->at[FAULT_CHATTER])
                buf_add_text(b, "Certainly! Here are the files that you asked for.\n\n");
        if (faults->at[FAULT_FENCE])
                buf_add_text(b, "```go\n");
        r = answer_list(f, &framing, files, 0, false, b);
        r = r ? r : answer_list(f, &framing, edits, node_size(files), true, b);
        if (faults->at[FAULT_FENCE])
                buf_add_text(b, "```\n");
        if (faults->at[FAULT_CHATTER])
                buf_add_text(b, "\nLet me know if you would like any changes!\n");
        return r ? r : b->failed;
}

/* The answer to what was asked at first, less what was said of it before: a model that goes on. */
static int answer_all(const struct prompt *p, const struct fault_set *faults, struct buf *text,
                      struct told *told)
{
        _cleanup_(facts_freep) struct facts *f = NULL;
        int r = facts_read(p, &f);

        r = r ? r : told_read_facts(f, told);
        if (r < 0)
                return r;
        if (f->answer)
                return answer_files(f, faults, text);
        if (faults->at[FAULT_CHATTER])
                buf_add_text(text, "Certainly! ");
        answer_text(p, text);
        return text->failed;
}

static size_t first_said(const struct prompt *p)
{
        size_t i = 0;

        while (i < p->n_parts && p->parts[i].role != ROLE_ASSISTANT)
                i++;
        return i;
}

int model_answer(const struct prompt *p, const struct fault_set *faults, struct buf *text,
                 struct told *told, const char **ret_stop_reason)
{
        struct prompt asked = *p;
        size_t said = first_said(p);
        struct span before = said < p->n_parts ? p->parts[said].text : SPAN("");
        int r;

        *ret_stop_reason = "end_turn";
        asked.n_parts = said;
        r = answer_all(&asked, faults, text, told);
        if (r == 0 && faults->at[FAULT_REFUSAL]) {
                *ret_stop_reason = "refusal";
                buf_clear(text);
                buf_add_text(text, "I can't help with that.");
                return text->failed;
        }
        /* What it would not have said it does not go on from. */
        if (r == 0 && before.n && before.n <= text->n && memcmp(before.at, text->at, before.n) == 0)
                buf_consume(text, before.n);
        return r ? r : told_read_answer(before, buf_span(text), told);
}
