#include "daemon/blueprint/words.h"
#include "daemon/template/unicode.h"

#include <ctype.h>
#include <stdio.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) (is_out_of_memory = true)
#include <uthash.h>

#include "common/buf.h"
#include "common/str.h"
#include "daemon/template/template.h"

#define WORD_MAX_BYTES 64 /* longer words are no names */
#define KEY_MAX_BYTES (PHRASE_MAX_WORDS * (WORD_MAX_BYTES + 1))

struct phrase {
        UT_hash_handle hh;
        uint32_t value;
        char key[]; /* words with one blank between */
};

struct phrases {
        struct phrase *table; /* owned */
        size_t max_words;     /* of any key */
};

/* The character at `at`, in lower case where it is a capital beyond ASCII; its bytes. */
static size_t other_letter(const char *at, const char *end, bool *ret_is_upper, char ret[8],
                           size_t *ret_n)
{
        const char *next = at;
        uint32_t c = utf8_next(&next, end);
        _cleanup_buf_ struct buf lower = {0};

        *ret_n = (size_t)(next - at);
        memcpy(ret, at, *ret_n);
        *ret_is_upper = unicode_is_upper(c);
        if (*ret_is_upper && unicode_add_lower(&lower, (struct span){at, *ret_n}) == 0 &&
            lower.n <= 8) {
                memcpy(ret, lower.at, lower.n);
                *ret_n = lower.n;
        }
        return (size_t)(next - at);
}

/* Cuts the next word off *text; 0 at its end. Bytes above 127 are letters. Words too long are given
 * with their length but cut. */
static size_t next_word(struct span *text, char ret[WORD_MAX_BYTES + 1])
{
        size_t n = 0, n_kept = 0;
        const unsigned char *at;
        bool was_upper = true;

        while (text->n > 0 && !isalnum((unsigned char)*text->at) &&
               (unsigned char)*text->at < 0x80) {
                text->at++;
                text->n--;
        }
        at = (const unsigned char *)text->at;
        while (n < text->n && (isalnum(at[n]) || at[n] >= 0x80)) {
                if (at[n] >= 0x80) {
                        char letter[8];
                        size_t n_letter, n_bytes;
                        bool is_upper;

                        n_bytes = other_letter((const char *)at + n, text->at + text->n, &is_upper,
                                               letter, &n_letter);
                        if (is_upper && !was_upper)
                                break;
                        was_upper = is_upper;
                        if (n_kept + n_letter <= WORD_MAX_BYTES) {
                                memcpy(ret + n_kept, letter, n_letter);
                                n_kept += n_letter;
                        }
                        n += n_bytes;
                        continue;
                }
                if (n > 0 && isupper(at[n]) &&
                    (!isupper(at[n - 1]) ||
                     (n + 1 < text->n && islower(at[n + 1]) && isupper(at[n - 1]))))
                        break; /* userID: user, ID; HTTPServer: HTTP, Server */
                if (n_kept < WORD_MAX_BYTES)
                        ret[n_kept++] = (char)tolower(at[n]);
                was_upper = isupper(at[n]);
                n++;
        }
        ret[n_kept] = '\0';
        text->at += n;
        text->n -= n;
        return n;
}

static struct phrase *lookup(const struct phrases *p, const char *key, size_t n)
{
        struct phrase *found;

        HASH_FIND(hh, p->table, key, n, found);
        return found;
}

struct phrases *phrases_new(void)
{
        return calloc(1, sizeof(struct phrases));
}

struct phrases *phrases_free(struct phrases *p)
{
        struct phrase *at, *next;

        if (!p)
                return NULL;
        HASH_ITER (hh, p->table, at, next) {
                HASH_DEL(p->table, at);
                free(at);
        }
        free(p);
        return NULL;
}

static int add_key(struct phrases *p, const char *key, uint32_t value)
{
        size_t n = strlen(key);
        bool is_out_of_memory = false;
        struct phrase *at;

        if (n == 0 || lookup(p, key, n))
                return 0;
        at = malloc(sizeof(*at) + n + 1);
        if (!at)
                return -ENOMEM;
        memcpy(at->key, key, n + 1);
        at->value = value;
        HASH_ADD_KEYPTR(hh, p->table, at->key, n, at);
        if (!is_out_of_memory)
                return 0;
        free(at);
        return -ENOMEM;
}

/* Keys of a name whose last word is `last`: apart and together. */
static int add_forms(struct phrases *p, const char *first, const char *last, uint32_t value)
{
        char key[KEY_MAX_BYTES + WORD_MAX_BYTES], together[sizeof(key)];
        size_t n = 0;
        int r;

        snprintf(key, sizeof(key), "%s%s", first, last);
        for (const char *at = key; *at; at++)
                if (*at != ' ')
                        together[n++] = *at;
        together[n] = '\0';
        r = add_key(p, key, value);
        return r < 0 ? r : add_key(p, together, value);
}

int phrases_add(struct phrases *p, const char *name, uint32_t value)
{
        static const char *const inflections[] = {"plural", "singular"};
        struct span rest = span_of(name);
        char first[KEY_MAX_BYTES + 1] = "", last[WORD_MAX_BYTES + 1] = "", word[WORD_MAX_BYTES + 1];
        size_t n_first = 0, n_words = 0;
        int r;

        while (n_words < PHRASE_MAX_WORDS && next_word(&rest, word) > 0) {
                if (n_words++ > 0)
                        n_first += (size_t)snprintf(first + n_first, sizeof(first) - n_first, "%s ",
                                                    last);
                memcpy(last, word, sizeof(last));
        }
        if (n_words == 0)
                return 0;
        p->max_words = MAX2(p->max_words, n_words);
        r = add_forms(p, first, last, value);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(inflections); i++) {
                _cleanup_buf_ struct buf b = {0};

                r = template_filter_name(inflections[i], span_of(last), &b);
                if (r == 0 && b.n <= WORD_MAX_BYTES)
                        r = add_forms(p, first, b.at ? b.at : "", value);
        }
        return r;
}

struct window {
        char words[PHRASE_MAX_WORDS][WORD_MAX_BYTES + 1];
        size_t n;
};

/* The longest name that begins with the window's first word; how many words it takes. */
static size_t longest(const struct phrases *p, const struct window *w, uint32_t *ret)
{
        char key[KEY_MAX_BYTES + 1];
        size_t n = 0, n_taken = 0;

        for (size_t i = 0; i < w->n; i++) {
                const struct phrase *found;

                n += (size_t)snprintf(key + n, sizeof(key) - n, "%s%s", i ? " " : "", w->words[i]);
                found = lookup(p, key, n);
                if (found) {
                        *ret = found->value;
                        n_taken = i + 1;
                }
        }
        return n_taken;
}

int phrases_find(const struct phrases *p, struct span text,
                 int (*fn)(uint32_t value, const char *said, void *arg), void *arg)
{
        struct window w = {.n = 0};

        for (;;) {
                uint32_t value;
                size_t n;

                while (w.n < p->max_words && next_word(&text, w.words[w.n]) > 0)
                        w.n++;
                if (w.n == 0)
                        return 0;
                n = longest(p, &w, &value);
                if (n > 0) {
                        char said[KEY_MAX_BYTES + 1];
                        size_t at = 0;
                        int r;

                        for (size_t i = 0; i < n; i++)
                                at += (size_t)snprintf(said + at, sizeof(said) - at, "%s%s",
                                                       i ? " " : "", w.words[i]);
                        r = fn(value, said, arg);

                        if (r != 0)
                                return r;
                } else {
                        n = 1;
                }
                memmove(w.words[0], w.words[n], (w.n - n) * sizeof(w.words[0]));
                w.n -= n;
        }
}

int phrases_get(const struct phrases *p, struct span text, uint32_t *ret)
{
        struct window w = {.n = 0};
        char word[WORD_MAX_BYTES + 1];
        uint32_t value = 0;

        while (w.n < p->max_words && next_word(&text, w.words[w.n]) > 0)
                w.n++;
        if (w.n == 0 || longest(p, &w, &value) != w.n || next_word(&text, word) > 0)
                return CONDITION_ABSENT;
        *ret = value;
        return 0;
}
