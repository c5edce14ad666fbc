#include "daemon/blueprint/regex.h"

#include <pthread.h>
#include <stdio.h>

#define MATCH_LIMIT 100000u /* a few milliseconds at worst; names and declarations are short */

void regex_done(struct regex *r)
{
        pcre2_code_free(r->code);
        r->code = NULL;
}

int regex_new(const char *pattern, uint32_t options, struct regex *ret, struct diag *ret_diag)
{
        int error;
        PCRE2_SIZE at;
        pcre2_code *code;

        code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options | PCRE2_UTF,
                             &error, &at, NULL);
        if (!code) {
                PCRE2_UCHAR text[160];

                if (error == PCRE2_ERROR_HEAP_FAILED)
                        return -ENOMEM;
                pcre2_get_error_message(error, text, sizeof(text));
                ret_diag->line = 1;
                ret_diag->column = (unsigned)at + 1;
                snprintf(ret_diag->text, sizeof(ret_diag->text),
                         "expression, at its character %zu: %s", (size_t)at + 1,
                         (const char *)text);
                return CONDITION_REFUSED;
        }
        ret->code = code;
        return 0;
}

/* The scratch memory of a match is made per thread once, because a model has thousands of short
 * matches. */
struct scratch {
        pcre2_match_data *data;
        pcre2_match_context *context;
};

static _Thread_local struct scratch scratch;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *arg)
{
        struct scratch *s = arg;

        pcre2_match_data_free(s->data);
        pcre2_match_context_free(s->context);
        *s = (struct scratch){0};
}

static void scratch_init(void)
{
        (void)pthread_key_create(&scratch_key, scratch_free);
}

static struct scratch *scratch_get(void)
{
        if (scratch.data)
                return &scratch;
        (void)pthread_once(&scratch_once, scratch_init);
        scratch.data = pcre2_match_data_create(10, NULL);
        scratch.context = pcre2_match_context_create(NULL);
        if (!scratch.data || !scratch.context) {
                scratch_free(&scratch);
                return NULL;
        }
        pcre2_set_match_limit(scratch.context, MATCH_LIMIT);
        (void)pthread_setspecific(scratch_key, &scratch);
        return &scratch;
}

int regex_prepare(void)
{
        return scratch_get() ? 0 : -ENOMEM;
}

bool regex_match(const struct regex *r, struct span text, size_t start, struct regex_match *ret)
{
        struct scratch *s = scratch_get();
        const PCRE2_SIZE *at;
        int n;

        if (!s || !r->code)
                return false;
        n = pcre2_match(r->code, (PCRE2_SPTR)text.at, text.n, start, PCRE2_NO_UTF_CHECK, s->data,
                        s->context);
        if (n <= 0)
                return false;
        at = pcre2_get_ovector_pointer(s->data);
        ret->n = (unsigned)n;
        for (unsigned i = 0; i < N_ELEMENTS(ret->from); i++) {
                bool is_set = i < (unsigned)n && at[2 * i] != PCRE2_UNSET;

                ret->from[i] = is_set ? at[2 * i] : 1;
                ret->to[i] = is_set ? at[2 * i + 1] : 0;
        }
        return true;
}

bool regex_is_match(const struct regex *r, struct span text)
{
        struct regex_match match;

        return !r->code || regex_match(r, text, 0, &match);
}
