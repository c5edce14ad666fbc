/* Verdict:
 *     score    = Π over findings (1 − confidence)
 *     rejected   when a finding has confidence ≥ REJECT_CONFIDENCE, or score < REJECT_SCORE
 *     accepted   when score ≥ ACCEPT_SCORE
 *     doubted    otherwise
 * The basic rules come first: an empty or cut text needs no pattern. */

#include "daemon/check/check.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "common/canon.h"
#include "common/str.h"
#include "daemon/check/language.h"

#define REJECT_CONFIDENCE 0.9
#define REJECT_SCORE 0.3
#define ACCEPT_SCORE 0.7
#define MATCH_LIMIT 100000 /* a few milliseconds at most (measured: 1e5 steps take 2 ms) */
#define HEAP_LIMIT_KIB 8192
#define MAX_PATTERN_BYTES 4096
#define UNRUNNABLE_CONFIDENCE 0.1 /* a rule that ran into its limit says little about the text */

struct rule {
        char *name, *message; /* owned */
        pcre2_code *code;     /* owned */
        bool must_match;
        bool sees_all; /* strings and comments too */
        double confidence;
};

struct check_set {
        const struct check_language *language;
        struct rule *rules; /* owned */
        size_t n_rules;
        struct hash hash;
};

/* ---- compiling ---- */

struct check_set *check_set_free(struct check_set *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_rules; i++) {
                free(s->rules[i].name);
                free(s->rules[i].message);
                pcre2_code_free(s->rules[i].code);
        }
        free(s->rules);
        free(s);
        return NULL;
}

/* A pattern that names a quote or a comment is about them. */
static bool sees_all(const char *pattern)
{
        return strpbrk(pattern, "\"'`") || strstr(pattern, "//") || strstr(pattern, "/\\*") ||
               pattern[0] == '#';
}

static int compile_rule(const struct check_rule_source *source, struct rule *r,
                        struct diag *ret_diag)
{
        PCRE2_SIZE at = 0;
        int error = 0;

        if (!source->pattern || strlen(source->pattern) > MAX_PATTERN_BYTES) {
                snprintf(ret_diag->text, sizeof(ret_diag->text),
                         "check `%s`: a pattern of at most %d bytes is wanted", source->name,
                         MAX_PATTERN_BYTES);
                return CONDITION_REFUSED;
        }
        r->code = pcre2_compile((PCRE2_SPTR)source->pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_MULTILINE, &error, &at, NULL);
        if (!r->code) {
                PCRE2_UCHAR why[128];

                pcre2_get_error_message(error, why, sizeof(why));
                ret_diag->column = (unsigned)at + 1;
                snprintf(ret_diag->text, sizeof(ret_diag->text),
                         "check `%s`: %s at character %zu of its pattern", source->name,
                         (const char *)why, at + 1);
                return CONDITION_REFUSED;
        }
        (void)pcre2_jit_compile(r->code,
                                PCRE2_JIT_COMPLETE); /* without it the interpreter does the same */
        r->name = strdup(source->name);
        r->message = strdup(source->message ? source->message : source->name);
        r->must_match = source->must_match;
        r->sees_all = sees_all(source->pattern);
        r->confidence = source->confidence;
        return r->name && r->message ? 0 : -ENOMEM;
}

static int hash_rules(struct check_set *s, const struct check_rule_source *rules, size_t n)
{
        struct canon *c = NULL;
        int k = canon_new(1, &c);

        if (k < 0)
                return k;
        canon_add_text(c, 1, s->language->name);
        for (size_t i = 0; i < n; i++) {
                canon_add_text(c, 2, rules[i].name);
                canon_add_text(c, 3, rules[i].pattern);
                canon_add_u64(c, 4, rules[i].must_match);
                canon_add_u64(c, 5, (uint64_t)(rules[i].confidence * 1e6 + 0.5));
                canon_add_text(c, 6, rules[i].message);
        }
        canon_get(c, &s->hash);
        canon_free(c);
        return 0;
}

int check_set_new(const char *language, const struct check_rule_source *rules, size_t n_rules,
                  struct check_set **ret, struct diag *ret_diag)
{
        _cleanup_(check_set_freep) struct check_set *s = calloc(1, sizeof(*s));
        int k;

        *ret_diag = (struct diag){0};
        if (!s)
                return -ENOMEM;
        s->language = check_language_find(language);
        s->rules = calloc(n_rules + 1, sizeof(*s->rules));
        if (!s->rules)
                return -ENOMEM;
        for (size_t i = 0; i < n_rules; i++) {
                s->n_rules = i + 1;
                k = compile_rule(&rules[i], &s->rules[i], ret_diag);
                if (k)
                        return k;
        }
        k = hash_rules(s, rules, n_rules);
        if (k < 0)
                return k;
        *ret = take(s);
        return 0;
}

void check_set_hash(const struct check_set *s, struct hash *ret)
{
        *ret = s->hash;
}

/* ---- findings ---- */

static void find(struct check_report *r, const char *rule, unsigned line, double confidence,
                 const char *text)
{
        struct finding *f;

        if (r->n_findings == CHECK_MAX_FINDINGS)
                return;
        f = &r->findings[r->n_findings++];
        snprintf(f->rule, sizeof(f->rule), "%s", rule);
        snprintf(f->text, sizeof(f->text), "%s", text);
        f->line = line;
        f->confidence = confidence;
}

static unsigned line_of(struct span text, size_t at)
{
        unsigned line = 1;

        for (size_t i = 0; i < at && i < text.n; i++)
                line += text.at[i] == '\n';
        return line;
}

static bool is_blank(struct span text)
{
        for (size_t i = 0; i < text.n; i++)
                if (!strchr(" \t\r\n", text.at[i]))
                        return false;
        return true;
}

/* ---- basic rules ---- */

static bool has_prefix(struct span text, const char *prefix)
{
        size_t n = strlen(prefix);

        return text.n >= n && strncasecmp(text.at, prefix, n) == 0;
}

static struct span trimmed(struct span text)
{
        while (text.n && strchr(" \t\r\n", text.at[0])) {
                text.at++;
                text.n--;
        }
        while (text.n && strchr(" \t\r\n", text.at[text.n - 1]))
                text.n--;
        return text;
}

static const char *const chatter[] = {
        "here is ", "here's ", "sure,",     "sure!",          "certainly",  "of course",
        "i have ",  "i've ",   "below is ", "the following ", "this file ",
};

static void check_wrapping(const struct check_language *l, struct span text, struct check_report *r)
{
        struct span t = trimmed(text);

        if (!l->is_code)
                return;
        if (has_prefix(t, "```"))
                find(r, "fence", 1, 0.99,
                     "the file is wrapped in a code fence; give its content alone");
        for (size_t i = 0; i < N_ELEMENTS(chatter); i++)
                if (has_prefix(t, chatter[i]))
                        find(r, "chatter", 1, 0.95, "the file begins with talk instead of code");
}

/* Brackets outside of comments and strings, and no string or comment left open. */
static void check_brackets(const struct check_language *l, struct span text, const char *mask,
                           bool is_open, struct check_report *r)
{
        static const char open[] = "([{", close[] = ")]}";
        char stack[1024];
        size_t n = 0;

        if (!l->is_code || str_is_equal(l->name, "shell"))
                return;
        if (is_open)
                find(r, "syntax", 0, 0.95, "a string or a comment does not end");
        for (size_t i = 0; i < text.n; i++) {
                const char *o = mask[i] ? strchr(open, mask[i]) : NULL,
                           *c = mask[i] ? strchr(close, mask[i]) : NULL;

                if (o && n < sizeof(stack))
                        stack[n++] = close[o - open];
                if (!c)
                        continue;
                if (n == 0 || stack[--n] != mask[i]) {
                        find(r, "syntax", line_of(text, i), 0.95,
                             "a closing bracket has no partner");
                        return;
                }
        }
        if (n > 0)
                find(r, "syntax", 0, 0.95, "a bracket is not closed: the file may be cut off");
}

static bool is_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || (c & 0x80);
}

static bool has_word(struct span text, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = text.at, *end = text.at + text.n;
             n && (at = memmem(at, (size_t)(end - at), word, n)); at++)
                if ((at == text.at || !is_word(at[-1])) && (at + n == end || !is_word(at[n])))
                        return true;
        return n == 0;
}

static void check_basics(const struct check_language *l, const struct check_subject *s,
                         struct check_report *r)
{
        char text[240];

        r->n_rules += 5;
        if (s->was_cut)
                find(r, "cut", 0, 1.0, "the answer was cut off at its length limit");
        if (memchr(s->text.at, 0, s->text.n) || !str_is_utf8(s->text))
                find(r, "encoding", 0, 1.0, "the text is not plain UTF-8");
        check_wrapping(l, s->text, r);
        for (size_t i = 0; i < s->n_expected; i++) {
                if (has_word(s->text, s->expected[i]))
                        continue;
                snprintf(text, sizeof(text), "the name %s does not appear", s->expected[i]);
                find(r, "names", 0, 0.95, text);
        }
}

/* ---- patterns ---- */

static void run_rule(const struct rule *rule, struct span text, const char *mask,
                     pcre2_match_context *context, struct check_report *r)
{
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(rule->code, NULL);
        char why[240];
        int n;

        if (!match)
                return;
        r->n_rules++;
        n = pcre2_match(rule->code, (PCRE2_SPTR)mask, text.n, 0, 0, match, context);
        if (n < 0 && n != PCRE2_ERROR_NOMATCH) {
                snprintf(why, sizeof(why), "the rule could not be run (%d)", n);
                find(r, rule->name, 0, UNRUNNABLE_CONFIDENCE, why);
        } else if ((n > 0) != rule->must_match) {
                unsigned line = n > 0 ? line_of(text, pcre2_get_ovector_pointer(match)[0]) : 0;

                find(r, rule->name, line, rule->confidence, rule->message);
        }
        pcre2_match_data_free(match);
}

/* Patterns look at the text without comments and strings, but for those that name them
 * (sees_all()). */
static void run_rules(const struct check_set *set, struct span text, const char *mask,
                      struct check_report *r)
{
        _cleanup_free_ char *whole = str_dup_span(text);
        pcre2_match_context *context = pcre2_match_context_create(NULL);

        if (context && whole) {
                pcre2_set_match_limit(context, MATCH_LIMIT);
                pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
                for (size_t i = 0; i < set->n_rules; i++)
                        run_rule(&set->rules[i], text, set->rules[i].sees_all ? whole : mask,
                                 context, r);
        }
        pcre2_match_context_free(context);
}

static void decide(struct check_report *r)
{
        double worst = 0;

        r->score = 1;
        for (size_t i = 0; i < r->n_findings; i++) {
                r->score *= 1 - r->findings[i].confidence;
                worst = MAX2(worst, r->findings[i].confidence);
        }
        if (worst >= REJECT_CONFIDENCE || r->score < REJECT_SCORE)
                r->verdict = VERDICT_REJECTED;
        else
                r->verdict = r->score >= ACCEPT_SCORE ? VERDICT_ACCEPTED : VERDICT_DOUBTED;
}

void check_run(const struct check_set *set, const struct check_subject *s, struct check_report *ret)
{
        const struct check_language *l = set ? set->language : check_language_find("text");
        _cleanup_free_ char *mask = NULL;
        bool is_open = false;

        *ret = (struct check_report){0};
        if (is_blank(s->text)) {
                ret->n_rules = 1;
                find(ret, "empty", 0, 1.0, "there is no text");
                decide(ret);
                return;
        }
        check_basics(l, s, ret);
        mask = check_language_mask(l, s->text, &is_open);
        if (mask && str_is_utf8(s->text)) {
                check_brackets(l, s->text, mask, is_open, ret);
                if (set)
                        run_rules(set, s->text, mask, ret);
        }
        decide(ret);
}

int check_report_write(const struct check_report *r, struct buf *out)
{
        for (size_t i = 0; i < r->n_findings; i++) {
                const struct finding *f = &r->findings[i];

                if (f->line)
                        buf_printf(out, "- line %u: %s (%s)\n", f->line, f->text, f->rule);
                else
                        buf_printf(out, "- %s (%s)\n", f->text, f->rule);
        }
        return out->failed;
}

/* ---- mending ---- */

/* The inside of the only fence: from after its first line to before its last. {NULL} when there is
 * none, or several. */
static struct span inside_fence(struct span text)
{
        const char *open = NULL, *from = NULL, *to = NULL, *end = text.at + text.n;

        for (const char *line = text.at; line < end;) {
                const char *nl = memchr(line, '\n', (size_t)(end - line)),
                           *next = nl ? nl + 1 : end;

                if (end - line >= 3 && memcmp(line, "```", 3) == 0) {
                        if (to)
                                return (struct span){0};
                        if (!open) {
                                open = line;
                                from = next;
                        } else {
                                to = line;
                        }
                }
                line = next;
        }
        return to ? (struct span){from, (size_t)(to - from)} : (struct span){0};
}

struct span check_mend(const char *language, struct span text)
{
        const struct check_language *l = check_language_find(language);
        struct span inside = l->is_code ? inside_fence(text) : (struct span){0};

        return inside.at && inside.n > 0 ? inside : text;
}
