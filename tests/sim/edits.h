#pragma once
/* Answers as edits: what a text that the prompt shows lacks of what the prompt asks for. */

#include "tests/sim/facts.h"

/* The text of the file as the prompt shows it, to be edited; NULL: it shows none. */
const struct shown *edits_find_text(const struct facts *f, const char *path);
/* A file with findings: edits that repair each. */
int repair_write(const struct facts_view *v, const struct shown *text, const char *tag,
                 struct buf *b) _must_check_;
/* Edits between their markers. own: the file as it would be written whole. CONDITION_ABSENT: more
 * is to change than edits would say; it is written whole. */
int edits_write(const struct facts_view *v, const struct shown *text, struct span own,
                const char *tag, struct buf *b) _must_check_;
