#include "tests/sim/tokens.h"

/* Longest piece of a word, of a number, of indentation: the newer tokenizer has the smaller pieces.
 */
struct rules {
        uint8_t letters, digits, blanks;
};

static const struct rules rules_of[2] = {{7, 3, 8}, {5, 2, 4}};

enum sort { LOWER, UPPER, DIGIT, BLANK, NEWLINE, WIDE, PUNCT };

/* Sort of a byte; all from 0x80 on are WIDE. */
static const uint8_t sorts[256] = {
        [0 ... 8] = PUNCT,     ['\t'] = BLANK,        ['\n'] = NEWLINE,      [11 ... 12] = PUNCT,
        ['\r'] = NEWLINE,      [14 ... 31] = PUNCT,   [' '] = BLANK,         ['!' ... '/'] = PUNCT,
        ['0' ... '9'] = DIGIT, [':' ... '@'] = PUNCT, ['A' ... 'Z'] = UPPER, ['[' ... '`'] = PUNCT,
        ['a' ... 'z'] = LOWER, ['{' ... 127] = PUNCT, [128 ... 255] = WIDE,
};

static enum sort sort_of(unsigned char c)
{
        return (enum sort)sorts[c];
}

/* An upper-case run that ends before a capitalised word ("HTTPServer"), or a capital and its
 * lower-case letters. */
static size_t word_end(struct span s, size_t at, size_t max)
{
        size_t end = at + 1, limit = MIN2(s.n, at + max);

        if (sort_of((unsigned char)s.at[at]) == UPPER && end < s.n &&
            sort_of((unsigned char)s.at[end]) == UPPER) {
                while (end < limit && sort_of((unsigned char)s.at[end]) == UPPER)
                        end++;
                if (end < s.n && end - at > 1 && sort_of((unsigned char)s.at[end]) == LOWER)
                        end--;
                return end;
        }
        while (end < limit && sort_of((unsigned char)s.at[end]) == LOWER)
                end++;
        return end;
}

static size_t run_end(struct span s, size_t at, size_t max, enum sort kind)
{
        size_t end = at + 1, limit = MIN2(s.n, at + max);

        while (end < limit && sort_of((unsigned char)s.at[end]) == kind)
                end++;
        return end;
}

static size_t wide_end(struct span s, size_t at)
{
        size_t end = at + 1;

        while (end < s.n && ((unsigned char)s.at[end] & 0xc0) == 0x80)
                end++;
        return end;
}

size_t token_end(struct span s, size_t at, bool is_dense)
{
        const struct rules *rules = &rules_of[is_dense];
        enum sort kind = sort_of((unsigned char)s.at[at]), next;

        switch (kind) {
        case LOWER:
        case UPPER:
                return word_end(s, at, rules->letters);
        case DIGIT:
                return run_end(s, at, rules->digits, DIGIT);
        case BLANK:
                if (s.at[at] == ' ' && at + 1 < s.n) {
                        next = sort_of((unsigned char)s.at[at + 1]);
                        if (next == LOWER || next == UPPER)
                                return word_end(s, at + 1, rules->letters);
                }
                return run_end(s, at, rules->blanks, BLANK);
        case NEWLINE:
                return run_end(s, at, 2, NEWLINE);
        case WIDE:
                return wide_end(s, at);
        case PUNCT:
                break;
        }
        return run_end(s, at, 2, PUNCT);
}

uint64_t tokens_count(struct span s, bool is_dense)
{
        uint64_t n = 0;

        for (size_t at = 0; at < s.n; at = token_end(s, at, is_dense))
                n++;
        return n;
}
