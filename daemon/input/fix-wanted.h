#pragma once
/* What was asked for and is not there: a word of a filter that means nothing in this analysis, or
 * another tree than the one that was looked at.
 *
 * A word that is known, but of which nothing was found, is no mistake: what is repaired is found no
 * more. So categories that analysers have, rules that they say they did not find, and
 * phases select nothing and that is told; anything else is one, and refused where
 * nothing at all is selected. */

#include "daemon/input/fix-making.h"

/* places: per incident. n: selected, whose files are here. CONDITION_REFUSED with failure; or
 * warnings are added to the work. */
int fix_wanted_look(struct making *m, const struct place *places, size_t n,
                    struct failure **ret_failure) _must_check_;
/* At the end: the phases that were asked for are empty. */
int fix_wanted_look_at_phases(struct making *m) _must_check_;
