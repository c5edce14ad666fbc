#pragma once
/* Template source to tokens, by the rules of jinja2.lexer with trim_blocks and lstrip_blocks:
 * one newline after a block or comment is dropped; blanks before a block or comment that begins its
 * line are dropped; "-" in a tag strips all white space on its side, "+" switches the two off;
 * \r\n and \r are \n. */

#include "common/json.h"
#include "daemon/template/arena.h"
#include "daemon/template/report.h"

enum token_kind {
        T_EOF,
        T_DATA,
        T_VARIABLE_BEGIN,
        T_VARIABLE_END,
        T_BLOCK_BEGIN,
        T_BLOCK_END,
        T_NAME,
        T_STRING,
        T_INTEGER,
        T_FLOAT,
        T_ADD,
        T_SUB,
        T_MUL,
        T_DIV,
        T_FLOORDIV,
        T_MOD,
        T_POW,
        T_TILDE,
        T_LBRACKET,
        T_RBRACKET,
        T_LPAREN,
        T_RPAREN,
        T_LBRACE,
        T_RBRACE,
        T_EQ,
        T_NE,
        T_GT,
        T_GE,
        T_LT,
        T_LE,
        T_ASSIGN,
        T_DOT,
        T_COLON,
        T_PIPE,
        T_COMMA,
        T_SEMICOLON,
        T_BROKEN, /* instead of what a tag holds that cannot be read; told already */
};

struct token {
        enum token_kind kind;
        unsigned line, column;
        struct span
                text; /* data; name; string without quotes, escapes resolved; number as written */
};

struct tokens {
        struct token *at; /* owned; the last is T_EOF */
        size_t n;
        size_t room;
};

void tokens_done(struct tokens *t);
/* Texts live in the arena. CONDITION_REFUSED: of a fault that is not in the report (NULL: none is
 * wanted); -ENOMEM. */
int lexer_run(struct arena *arena, struct span source, struct tokens *ret, struct report *report,
              struct diag *diag) _must_check_;
const char *token_describe(enum token_kind kind);
