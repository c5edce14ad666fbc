#include "daemon/template/names.h"

#include <strings.h>

#include "daemon/template/unicode.h"

struct word {
        struct span text;
        bool is_upper; /* no lower case letter, and at least one upper case letter */
};

struct reader {
        const char *at, *end;
};

enum letter { LETTER_NONE, LETTER_LOWER, LETTER_UPPER, LETTER_DIGIT };

static enum letter letter_at(const char *at, const char *end, const char **ret_next)
{
        uint32_t c;

        *ret_next = at;
        if (at >= end)
                return LETTER_NONE;
        if ((unsigned char)*at < 0x80) { /* most are */
                *ret_next = at + 1;
                if (*at >= 'a' && *at <= 'z')
                        return LETTER_LOWER;
                if (*at >= 'A' && *at <= 'Z')
                        return LETTER_UPPER;
                return *at >= '0' && *at <= '9' ? LETTER_DIGIT : LETTER_NONE;
        }
        c = utf8_next(ret_next, end);
        if (c >= '0' && c <= '9')
                return LETTER_DIGIT;
        if (c == '_' || !unicode_is_word(c))
                return LETTER_NONE;
        return unicode_is_upper(c) || unicode_is_titled(c) ? LETTER_UPPER : LETTER_LOWER;
}

/* After a run of capitals: "s" alone makes a plural of it (IDs), anything else lower case takes the
 * last capital (HTTP|Server). */
static bool is_plural_sign(const char *at, const char *end)
{
        const char *next;

        return at < end && *at == 's' && letter_at(at + 1, end, &next) != LETTER_LOWER;
}

static bool next_word(struct reader *r, struct word *ret)
{
        const char *next = NULL, *begin, *last = NULL;
        enum letter was = LETTER_NONE, is;
        size_t n_upper = 0;

        while (r->at < r->end && letter_at(r->at, r->end, &next) == LETTER_NONE)
                r->at = next;
        if (r->at >= r->end)
                return false;
        begin = r->at;
        *ret = (struct word){.is_upper = true};
        for (;; was = is, last = r->at, r->at = next) {
                is = letter_at(r->at, r->end, &next);
                if (is == LETTER_NONE)
                        break;
                if (is == LETTER_UPPER &&
                    (was == LETTER_LOWER || (was == LETTER_DIGIT && begin < r->at)))
                        break;
                if (is == LETTER_LOWER && was == LETTER_UPPER && n_upper > 1) {
                        if (is_plural_sign(r->at, r->end)) {
                                r->at = next;
                                break;
                        }
                        r->at = last;
                        break;
                }
                n_upper += is == LETTER_UPPER;
                ret->is_upper &= is != LETTER_LOWER;
        }
        ret->is_upper &= n_upper > 0;
        ret->text = (struct span){begin, (size_t)(r->at - begin)};
        return true;
}

static const struct span *find_acronym(struct span word, const struct span *acronyms, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (acronyms[i].n == word.n && strncasecmp(acronyms[i].at, word.at, word.n) == 0)
                        return &acronyms[i];
        return NULL;
}

/* Several words, all in upper case: no acronyms but a constant. */
static bool is_constant(struct span name)
{
        struct reader r = {name.at, name.at + name.n};
        struct word w;
        size_t n = 0;

        while (next_word(&r, &w)) {
                if (!w.is_upper)
                        return false;
                n++;
        }
        return n > 1;
}

int name_write(enum name_style style, struct span name, const struct span *acronyms,
               size_t n_acronyms, struct buf *out)
{
        static const char between[] = {
                [NAME_SNAKE] = '_', [NAME_KEBAB] = '-', [NAME_CONSTANT] = '_',
                [NAME_WORDS] = ' ', [NAME_CAMEL] = 0,   [NAME_PASCAL] = 0};
        struct reader r = {name.at, name.at + name.n};
        bool keeps_acronyms = !is_constant(name), is_first = true;
        struct word w;

        for (; next_word(&r, &w); is_first = false) {
                bool is_pascal = style == NAME_PASCAL || (style == NAME_CAMEL && !is_first);
                const struct span *acronym =
                        is_pascal ? find_acronym(w.text, acronyms, n_acronyms) : NULL;

                if (!is_first && between[style])
                        buf_add_char(out, between[style]);
                if (acronym)
                        buf_add_span(out, *acronym);
                else if (style == NAME_CONSTANT)
                        unicode_add_upper(out, w.text);
                else if (!is_pascal)
                        unicode_add_lower(out, w.text);
                else if (w.is_upper && keeps_acronyms)
                        buf_add_span(out, w.text);
                else
                        unicode_add_capitalized(out, w.text);
        }
        return out->failed;
}

struct irregular {
        char singular[12], plural[12];
};

/* In lower case. A word that is in both columns does not change. */
static const struct irregular irregulars[] = {
        {"person", "people"},
        {"child", "children"},
        {"man", "men"},
        {"woman", "women"},
        {"mouse", "mice"},
        {"goose", "geese"},
        {"foot", "feet"},
        {"tooth", "teeth"},
        {"ox", "oxen"},
        {"index", "indices"},
        {"matrix", "matrices"},
        {"vertex", "vertices"},
        {"appendix", "appendices"},
        {"criterion", "criteria"},
        {"phenomenon", "phenomena"},
        {"analysis", "analyses"},
        {"basis", "bases"},
        {"crisis", "crises"},
        {"thesis", "theses"},
        {"hypothesis", "hypotheses"},
        {"diagnosis", "diagnoses"},
        {"synopsis", "synopses"},
        {"axis", "axes"},
        {"emphasis", "emphases"},
        {"quiz", "quizzes"},
        {"leaf", "leaves"},
        {"life", "lives"},
        {"knife", "knives"},
        {"wife", "wives"},
        {"half", "halves"},
        {"shelf", "shelves"},
        {"self", "selves"},
        {"wolf", "wolves"},
        {"thief", "thieves"},
        {"loaf", "loaves"},
        {"calf", "calves"},
        {"hero", "heroes"},
        {"potato", "potatoes"},
        {"tomato", "tomatoes"},
        {"echo", "echoes"},
        {"veto", "vetoes"},
        {"cargo", "cargoes"},
        {"alumnus", "alumni"},
        {"stimulus", "stimuli"},
        {"radius", "radii"},
        {"nucleus", "nuclei"},
        {"movie", "movies"},
        {"cookie", "cookies"},
        {"tie", "ties"},
        {"pie", "pies"},
        {"lie", "lies"},
        {"zombie", "zombies"},
        {"calorie", "calories"},
        {"cache", "caches"},
        {"niche", "niches"},
        {"headache", "headaches"},
        {"gas", "gases"},
        {"canvas", "canvases"},
        {"atlas", "atlases"},
        {"lens", "lenses"},
        {"series", "series"},
        {"species", "species"},
        {"data", "data"},
        {"metadata", "metadata"},
        {"media", "media"},
        {"staff", "staff"},
        {"equipment", "equipment"},
        {"information", "information"},
        {"money", "money"},
        {"sheep", "sheep"},
        {"fish", "fish"},
        {"deer", "deer"},
        {"aircraft", "aircraft"},
        {"software", "software"},
        {"hardware", "hardware"},
        {"feedback", "feedback"},
        {"news", "news"},
        {"chaos", "chaos"},
        {"merchandise", "merchandise"},
        {"advice", "advice"},
        {"traffic", "traffic"},
        {"research", "research"},
};

static bool ends(struct span word, const char *with)
{
        size_t n = strlen(with);

        return word.n >= n && strncasecmp(word.at + word.n - n, with, n) == 0;
}

static bool is_vowel(char c)
{
        return c && strchr("aeiouAEIOU", c);
}

/* Where the last word begins and what it is; the plural sign of acronyms belongs to it. */
static struct span last_word(struct span name)
{
        struct reader r = {name.at, name.at + name.n};
        struct word w, last = {{name.at, 0}, false};

        while (next_word(&r, &w))
                last = w;
        return last.text;
}

/* Writes `to` (lower case) in the manner of `like`: all capitals, a capital, or as it is. */
static void write_like(struct span like, const char *to, struct buf *out)
{
        bool has_lower = false, has_upper = false;

        for (size_t i = 0; i < like.n; i++) {
                has_lower |= like.at[i] >= 'a' && like.at[i] <= 'z';
                has_upper |= like.at[i] >= 'A' && like.at[i] <= 'Z';
        }
        if (has_upper && !has_lower && like.n > 1)
                unicode_add_upper(out, span_of(to));
        else if (like.at[0] >= 'A' && like.at[0] <= 'Z')
                unicode_add_capitalized(out, span_of(to));
        else
                buf_add_text(out, to);
}

/* An ending in the case of the word: CATEGORY -> CATEGORIES, but ID -> IDs. */
static void write_ending(struct span word, const char *ending, struct buf *out)
{
        bool has_lower = false;

        for (size_t i = 0; i < word.n; i++)
                has_lower |= word.at[i] >= 'a' && word.at[i] <= 'z';
        if (has_lower || word.n < 4)
                buf_add_text(out, ending);
        else
                unicode_add_upper(out, span_of(ending));
}

static void write_part(struct span word, size_t n_dropped, const char *ending, struct buf *out)
{
        buf_add(out, word.at, word.n - n_dropped);
        write_ending(word, ending, out);
}

/* But for its case: what tells most words apart. */
static bool is_same_letter(char a, char b)
{
        return ((a ^ b) & ~0x20) == 0;
}

static bool is_word(const char *known, struct span word)
{
        return strlen(known) == word.n && strncasecmp(known, word.at, word.n) == 0;
}

/* How it is in the other number; NULL: it is regular. */
static const char *find_irregular(struct span word, bool to_plural)
{
        for (size_t i = 0; i < N_ELEMENTS(irregulars); i++) {
                const char *from = to_plural ? irregulars[i].singular : irregulars[i].plural;

                if (is_same_letter(*from, *word.at) && is_word(from, word))
                        return to_plural ? irregulars[i].plural : irregulars[i].singular;
        }
        return NULL;
}

static void write_plural_word(struct span word, struct buf *out)
{
        const char *irregular;

        if (word.n == 0)
                return;
        irregular = find_irregular(word, true);
        if (irregular)
                write_like(word, irregular, out);
        /* English is what is known here: a word that ends in another script stays as it is. */
        else if ((word.at[word.n - 1] & 0x80) || find_irregular(word, false))
                buf_add_span(out, word);
        else if (ends(word, "y") && word.n > 1 && !is_vowel(word.at[word.n - 2]))
                write_part(word, 1, "ies", out);
        else if (ends(word, "s") || ends(word, "x") || ends(word, "z") || ends(word, "ch") ||
                 ends(word, "sh"))
                write_part(word, 0, "es", out);
        else
                write_part(word, 0, "s", out);
}

static void write_singular_word(struct span word, struct buf *out)
{
        const char *irregular;

        if (word.n == 0)
                return;
        irregular = find_irregular(word, false);
        if (irregular)
                write_like(word, irregular, out);
        else if (ends(word, "ies") && word.n > 3)
                write_part(word, 3, "y", out);
        else if (ends(word, "sses") || ends(word, "xes") || ends(word, "ches") ||
                 ends(word, "shes") || ends(word, "zzes") || ends(word, "tuses") ||
                 ends(word, "buses") || ends(word, "ruses") || ends(word, "nuses") ||
                 ends(word, "puses") || ends(word, "iases"))
                write_part(word, 2, "", out);
        else if (ends(word, "s") && !ends(word, "ss") && !ends(word, "us") && !ends(word, "is") &&
                 word.n > 1)
                write_part(word, 1, "", out);
        else
                buf_add_span(out, word);
}

static int write_with(struct span name, void (*write)(struct span, struct buf *), struct buf *out)
{
        struct span word = last_word(name);
        const char *after = word.at + word.n, *end = name.at + name.n;

        buf_add(out, name.at, (size_t)(word.at - name.at));
        write(word, out);
        buf_add(out, after, (size_t)(end - after));
        return out->failed;
}

int name_write_plural(struct span name, struct buf *out)
{
        return write_with(name, write_plural_word, out);
}

int name_write_singular(struct span name, struct buf *out)
{
        return write_with(name, write_singular_word, out);
}
