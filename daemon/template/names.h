#pragma once
/* Names of things in the ways that code writes them, and English plurals.
 *
 * A name is split into words at everything that is no letter or digit, before an upper case letter
 * that follows a lower case letter or a digit, and before the last letter of a run of upper case
 * letters that goes on in lower case: HTTPServer is HTTP Server, userIDs is user IDs. Words in
 * upper case are acronyms and keep their form in PascalCase, unless the whole name of several words
 * is in upper case (ORDER_ITEM). */

#include "common/buf.h"
#include "common/macros.h"

enum name_style { NAME_SNAKE, NAME_CAMEL, NAME_PASCAL, NAME_KEBAB, NAME_CONSTANT, NAME_WORDS };

/* acronyms: words that are written as given there in camelCase and PascalCase ("ID", "URL"); may be
 * NULL. Appends. */
int name_write(enum name_style style, struct span name, const struct span *acronyms,
               size_t n_acronyms, struct buf *out) _must_check_;
/* The last word in the plural or singular, in the case it is written in; the rest as it stands.
 * Appends. */
int name_write_plural(struct span name, struct buf *out) _must_check_;
int name_write_singular(struct span name, struct buf *out) _must_check_;
