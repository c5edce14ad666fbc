/* Fences and talk around a file, and taking them away. */

#include <strings.h>

#include "daemon/check/internal.h"

#define FENCE "```"

struct span check_trim(struct span text)
{
        while (text.n && memchr(" \t\r\n", text.at[0], 4)) {
                text.at++;
                text.n--;
        }
        while (text.n && memchr(" \t\r\n", text.at[text.n - 1], 4))
                text.n--;
        return text;
}

/* How models begin and end what they say around code: lower case, at the beginning of a line. */
static const char *const openings[] = {
        "here is ",     "here's ",   "here are ", "sure,",      "sure!",          "sure.",
        "sure thing",   "certainly", "of course", "absolutely", "i have ",        "i've ",
        "i will ",      "i'll ",     "below is ", "below you",  "the following ", "this file ",
        "this is the ", "okay,",     "ok, ",      "great!",     "let's ",         "let me ",
};
static const char *const closings[] = {
        "let me know",   "i hope ",      "hope this ",
        "feel free ",    "note that ",   "this implementation ",
        "this code ",    "this file ",   "the code above",
        "the above ",    "you can now ", "**note",
        "**explanation", "explanation:", "in this file",
        "i have ",       "i've ",
};

bool check_is_talk(struct span line, bool at_end)
{
        const char *const *phrases = at_end ? closings : openings;
        size_t n_phrases = at_end ? N_ELEMENTS(closings) : N_ELEMENTS(openings);

        for (size_t i = 0; i < n_phrases; i++) {
                size_t n = strlen(phrases[i]);

                if (line.n >= n && strncasecmp(line.at, phrases[i], n) == 0)
                        return true;
        }
        return false;
}

static bool next_line(struct span *rest, struct span *ret)
{
        const char *lf = memchr(rest->at, '\n', rest->n);
        size_t n = lf ? (size_t)(lf - rest->at) : rest->n;

        if (rest->n == 0)
                return false;
        *ret = (struct span){rest->at, n};
        rest->at += n + (lf != NULL);
        rest->n -= n + (lf != NULL);
        return true;
}

/* Three or more backquotes and perhaps a word, alone on their line. */
static bool is_fence(struct span line)
{
        size_t n = 0;

        while (n < line.n && line.at[n] == '`')
                n++;
        if (n < strlen(FENCE))
                return false;
        line = check_trim((struct span){line.at + n, line.n - n});
        return !memchr(line.at, '`', line.n) && !memchr(line.at, ' ', line.n);
}

static bool is_blank_between(const char *from, const char *to)
{
        return check_trim((struct span){from, (size_t)(to - from)}).n == 0;
}

void check_find_fences(const struct check_language *l, struct span text, struct check_fences *ret)
{
        struct check_mask mask = {0};
        struct span rest = text, line;
        const char *seen;

        *ret = (struct check_fences){0};
        if (!memmem(text.at, text.n, FENCE, strlen(FENCE)) || check_mask_make(l, text, &mask) < 0)
                return;
        /* One inside of a comment or a documentation string belongs to the file. Where backquotes
         * are quotes, strings cannot hold one, and a fence passes for a string. */
        seen = mask.code;
        for (size_t i = 0; i < N_ELEMENTS(l->quotes) && l->quotes[i].open; i++)
                if (l->quotes[i].open[0] == '`')
                        seen = mask.strings;
        while (next_line(&rest, &line)) {
                if (!is_fence(line) || seen[line.at - text.at] != '`')
                        continue;
                if (ret->n++ == 0)
                        ret->first = line;
                ret->last = line;
        }
        check_mask_done(&mask);
        if (ret->n == 0)
                return;
        ret->is_first_line = is_blank_between(text.at, ret->first.at);
        ret->is_last_line = is_blank_between(ret->last.at + ret->last.n, text.at + text.n);
}

static const char *after_line(struct span line, struct span text)
{
        const char *end = line.at + line.n;

        return end < text.at + text.n ? end + 1 : end;
}

static bool is_markdown_fence(struct span line)
{
        struct span word = line;

        while (word.n && *word.at == '`') {
                word.at++;
                word.n--;
        }
        word = check_trim(word);
        return span_is_equal(word, SPAN("markdown")) || span_is_equal(word, SPAN("md"));
}

/* What stands before a fence is talk: its first line is, or its last line announces something. */
static bool is_talk_before(struct span before)
{
        const char *lf;

        before = check_trim(before);
        if (before.n == 0 || check_is_talk(before, false))
                return true;
        lf = memrchr(before.at, '\n', before.n);
        if (before.at[before.n - 1] != ':')
                return false;
        return !lf || (size_t)(lf - before.at) < 400; /* a sentence or two, not a file */
}

struct span check_mend(const char *language, struct span text)
{
        const struct check_language *l = check_language_find(language);
        const char *from = text.at, *to = text.at + text.n;
        struct check_fences f;
        bool is_pair;

        check_find_fences(l, text, &f);
        if (f.n == 0)
                return text;
        is_pair = f.n == 2 || (f.is_first_line && f.is_last_line && is_markdown_fence(f.first));
        if (!l->is_code && !(is_pair && f.is_first_line && f.is_last_line))
                return text;
        if (is_pair && is_talk_before((struct span){text.at, (size_t)(f.first.at - text.at)})) {
                from = after_line(f.first, text);
                to = f.last.at;
        } else if (f.n == 1 && f.is_first_line) { /* the other end was forgotten */
                from = after_line(f.first, text);
        } else if (f.n == 1 && f.is_last_line) {
                to = f.first.at;
        }
        if (from >= to)
                return text;
        return (struct span){from, (size_t)(to - from)};
}
