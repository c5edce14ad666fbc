#pragma once
/* Tokens of a text, by rules that look like a byte-pair tokenizer's and know nothing of bytes per
 * token: words are cut where case changes and into pieces, digits come in small groups, line breaks
 * and indentation are tokens, punctuation goes in pairs, a blank belongs to the word after it. */

#include "common/macros.h"

/* Where the token that starts at `at` ends (> at for at < s.n). */
size_t token_end(struct span s, size_t at, bool is_dense);
uint64_t tokens_count(struct span s, bool is_dense);
