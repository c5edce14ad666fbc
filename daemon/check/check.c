#include "daemon/check/check.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/canon.h"
#include "common/str.h"
#include "daemon/check/imports.h"
#include "daemon/check/internal.h"

#define MATCH_LIMIT 100000 /* a few milliseconds at most (measured: 1e5 steps take 2 ms) */
#define HEAP_LIMIT_KIB 8192
#define MAX_PATTERN_BYTES 4096
#define UNRUNNABLE_CONFIDENCE 0.1 /* a rule that ran into its limit says little about the text */
#define HASH_VERSION 2

struct rule {
        char *name, *message;       /* owned */
        pcre2_code *code;           /* owned */
        _Atomic(pcre2_code *) fast; /* owned: the same as machine code, made by its first use */
        bool must_match;
        enum check_sight sees; /* never CHECK_SEES_GUESSED */
        double confidence;
};

struct check_set {
        const struct check_language *language; /* borrowed: static */
        struct rule *rules;                    /* owned */
        size_t n_rules;
        const struct check_imports
                *imports; /* borrowed: the caller's, who frees it later; or NULL */
        struct hash hash;
};

/* ---- compiling ---- */

struct check_set *check_set_free(struct check_set *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; s->rules && i < s->n_rules; i++) {
                free(s->rules[i].name);
                free(s->rules[i].message);
                pcre2_code_free(s->rules[i].code);
                pcre2_code_free(s->rules[i].fast);
        }
        free(s->rules);
        free(s);
        return NULL;
}

static bool names_sign(const char *pattern, const char *sign)
{
        return sign && strstr(pattern, sign);
}

/* A pattern that names a comment's sign is about comments, one that names a quote about strings. */
static enum check_sight guess_sight(const struct check_language *l, const char *pattern)
{
        for (size_t i = 0; i < N_ELEMENTS(l->line_comments); i++)
                if (names_sign(pattern, l->line_comments[i]))
                        return CHECK_SEES_ALL;
        if (names_sign(pattern, l->block_open) || strstr(pattern, "/\\*"))
                return CHECK_SEES_ALL;
        return strpbrk(pattern, "\"'`") ? CHECK_SEES_STRINGS : CHECK_SEES_CODE;
}

static int _printf_(2, 3) refuse(struct diag *d, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(d->text, sizeof(d->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

static int compile_pattern(const struct check_rule_source *source, pcre2_code **ret,
                           struct diag *ret_diag)
{
        PCRE2_UCHAR why[128];
        PCRE2_SIZE at = 0;
        int error = 0;

        *ret = pcre2_compile((PCRE2_SPTR)source->pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                             NULL);
        if (!*ret && error == PCRE2_ERROR_HEAP_FAILED)
                return -ENOMEM;
        if (!*ret) {
                pcre2_get_error_message(error, why, sizeof(why));
                ret_diag->column = (unsigned)at + 1;
                return refuse(ret_diag, "check `%.60s`: %s at character %zu of its pattern",
                              source->name, (const char *)why, at + 1);
        }
        return 0;
}

static int compile_rule(const struct check_language *l, const struct check_rule_source *source,
                        struct rule *rule, struct diag *ret_diag)
{
        int r;

        if (!source->pattern || strlen(source->pattern) > MAX_PATTERN_BYTES)
                return refuse(ret_diag, "check `%.60s`: a pattern of at most %d bytes is wanted",
                              source->name, MAX_PATTERN_BYTES);
        if (!(source->confidence > 0 && source->confidence <= 1))
                return refuse(ret_diag,
                              "check `%.60s`: its confidence must be above 0 and at most 1",
                              source->name);
        r = compile_pattern(source, &rule->code, ret_diag);
        if (r)
                return r;
        rule->name = str_dup_span(span_of(source->name));
        rule->message = str_dup_span(span_of(source->message ? source->message : source->name));
        rule->must_match = source->must_match;
        rule->sees =
                source->sees == CHECK_SEES_GUESSED ? guess_sight(l, source->pattern) : source->sees;
        rule->confidence = source->confidence;
        return rule->name && rule->message ? 0 : -ENOMEM;
}

static int hash_rules(struct check_set *s, const struct check_rule_source *rules, size_t n)
{
        struct canon *c = NULL;
        int r = canon_new(HASH_VERSION, &c);

        if (r < 0)
                return r;
        canon_add_text(c, 1, s->language->names);
        for (size_t i = 0; i < n; i++) {
                canon_add_text(c, 2, rules[i].name);
                canon_add_text(c, 3, rules[i].pattern);
                canon_add_u64(c, 4, rules[i].must_match);
                canon_add_u64(c, 5, (uint64_t)(rules[i].confidence * 1e6 + 0.5));
                canon_add_text(c, 6, rules[i].message);
                canon_add_u64(c, 7, s->rules[i].sees);
        }
        canon_get(c, &s->hash);
        canon_free(c);
        return 0;
}

int check_set_new(const char *language, const struct check_rule_source *rules, size_t n_rules,
                  struct check_set **ret, struct diag *ret_diag)
{
        _cleanup_(check_set_freep) struct check_set *s = calloc(1, sizeof(*s));
        int r;

        *ret_diag = (struct diag){0};
        if (!s)
                return -ENOMEM;
        s->language = check_language_find(language);
        s->rules = calloc(n_rules + 1, sizeof(*s->rules));
        if (!s->rules)
                return -ENOMEM;
        for (size_t i = 0; i < n_rules; i++) {
                s->n_rules = i + 1;
                r = compile_rule(s->language, &rules[i], &s->rules[i], ret_diag);
                if (r)
                        return r;
        }
        r = hash_rules(s, rules, n_rules);
        if (r < 0)
                return r;
        *ret = take(s);
        return 0;
}

void check_set_hash(const struct check_set *s, struct hash *ret)
{
        *ret = s->hash;
}

void check_set_use_imports(struct check_set *s, const struct check_imports *m)
{
        struct hash both[2] = {s->hash};

        s->imports = m;
        check_imports_hash(m, &both[1]);
        hash_of(both, sizeof(both), &s->hash);
}

int check_set_mend(const struct check_set *s, struct span text, struct buf *out, struct buf *said)
{
        return s && s->imports ? check_imports_mend(s->imports, text, out, said) : CONDITION_ABSENT;
}

/* ---- findings ---- */

/* When there is no room, the least certain finding gives way. */
static struct finding *room_for(struct check_report *r, double confidence)
{
        struct finding *least = &r->findings[0];

        if (r->n_findings < CHECK_MAX_FINDINGS)
                return &r->findings[r->n_findings++];
        for (size_t i = 1; i < r->n_findings; i++)
                if (r->findings[i].confidence < least->confidence)
                        least = &r->findings[i];
        return least->confidence < confidence ? least : NULL;
}

void check_find(struct check_report *r, const char *rule, unsigned line, double confidence,
                const char *format, ...)
{
        struct finding *f = room_for(r, confidence);
        va_list args;

        if (!f)
                return;
        snprintf(f->rule, sizeof(f->rule), "%s", rule);
        va_start(args, format);
        vsnprintf(f->text, sizeof(f->text), format, args);
        va_end(args);
        f->line = line;
        f->confidence = confidence;
}

unsigned check_line_of(struct span text, size_t at)
{
        unsigned line = 1;

        for (size_t i = 0; i < at && i < text.n; i++)
                line += text.at[i] == '\n';
        return line;
}

/* ---- patterns ---- */

static const char *text_seen(const struct check_view *v, enum check_sight sees)
{
        if (sees == CHECK_SEES_ALL)
                return v->subject->text.at;
        return sees == CHECK_SEES_STRINGS ? v->mask->strings : v->mask->code;
}

/* A blueprint has hundreds of rules, and a job uses some of them. It is always machine code that
 * runs, where it can be made: the interpreter counts other steps towards the limit. */
static const pcre2_code *code_of(struct rule *rule)
{
        pcre2_code *code = atomic_load(&rule->fast), *none = NULL;

        if (code)
                return code;
        code = pcre2_code_copy(rule->code);
        if (!code)
                return rule->code;
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
        if (atomic_compare_exchange_strong(&rule->fast, &none, code))
                return code;
        pcre2_code_free(code); /* another thread was first */
        return none;
}

static int match_rule(struct rule *rule, const struct check_view *v, pcre2_match_data *match,
                      pcre2_match_context *context)
{
        PCRE2_SPTR text = (PCRE2_SPTR)text_seen(v, rule->sees);
        int n = pcre2_match(code_of(rule), text, v->subject->text.n, 0, PCRE2_NO_UTF_CHECK, match,
                            context);

        if (n == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap instead */
                n = pcre2_match(rule->code, text, v->subject->text.n, 0, PCRE2_NO_UTF_CHECK, match,
                                context);
        return n;
}

static void run_rule(struct rule *rule, const struct check_view *v, pcre2_match_context *context,
                     struct check_report *r)
{
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(rule->code, NULL);
        int n;

        if (!match) {
                check_find(r, rule->name, 0, UNRUNNABLE_CONFIDENCE,
                           "the rule could not be run: out of memory");
                return;
        }
        r->n_rules++;
        n = match_rule(rule, v, match, context);
        if (n < 0 && n != PCRE2_ERROR_NOMATCH)
                check_find(r, rule->name, 0, UNRUNNABLE_CONFIDENCE,
                           "the rule could not be run to its end (%d)", n);
        else if (n > 0 && !rule->must_match)
                check_find(r, rule->name,
                           check_line_of(v->subject->text, pcre2_get_ovector_pointer(match)[0]),
                           rule->confidence, "%s", rule->message);
        else if (n < 0 && rule->must_match)
                check_find(r, rule->name, 0, rule->confidence, "%s", rule->message);
        pcre2_match_data_free(match);
}

static void run_rules(const struct check_set *set, const struct check_view *v,
                      struct check_report *r)
{
        pcre2_match_context *context = pcre2_match_context_create(NULL);

        if (!context)
                check_find(r, "checks", 0, UNRUNNABLE_CONFIDENCE,
                           "the rules could not be run: out of memory");
        for (size_t i = 0; context && i < set->n_rules; i++) {
                pcre2_set_match_limit(context, MATCH_LIMIT);
                pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
                run_rule(&set->rules[i], v, context, r);
        }
        pcre2_match_context_free(context);
}

/* ---- the whole ---- */

static void decide(struct check_report *r)
{
        double worst = 0;

        r->score = 1;
        for (size_t i = 0; i < r->n_findings; i++) {
                r->score *= 1 - r->findings[i].confidence;
                worst = MAX2(worst, r->findings[i].confidence);
        }
        if (worst >= CHECK_REJECT_CONFIDENCE || r->score < CHECK_REJECT_SCORE)
                r->verdict = VERDICT_REJECTED;
        else
                r->verdict = r->score >= CHECK_ACCEPT_SCORE ? VERDICT_ACCEPTED : VERDICT_DOUBTED;
}

void check_run(const struct check_set *set, const struct check_subject *subject,
               struct check_report *ret)
{
        struct check_mask mask = {0};
        struct check_view v = {.language = set ? set->language : check_language_find("text"),
                               .subject = subject,
                               .mask = &mask};

        memset(ret, 0, sizeof(*ret));
        if (check_trim(subject->text).n == 0) {
                ret->n_rules = 1;
                check_find(ret, "empty", 0, 1.0, "there is no text");
        } else if (check_mask_make(v.language, subject->text, &mask) < 0) {
                check_find(ret, "checks", 0, UNRUNNABLE_CONFIDENCE,
                           "the rules could not be run: out of memory");
        } else {
                v.is_text =
                        !memchr(subject->text.at, 0, subject->text.n) && str_is_utf8(subject->text);
                check_basics(&v, ret);
                if (set && v.is_text)
                        run_rules(set, &v, ret);
        }
        check_mask_done(&mask);
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
