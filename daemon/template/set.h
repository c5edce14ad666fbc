#pragma once
/* set.c and template.c. */

#include "daemon/template/render.h"

struct template
{
        struct template_set *set;  /* counted */
        const struct unit *unit;   /* borrowed: the set's */
        const char *name;          /* borrowed: the set's */
        const struct unit **units; /* owned: itself and all that it can reach, which the set owns */
        size_t n_units;
        struct hash hash;
        size_t n_fixed;
};

struct template_set *template_set_ref(struct template_set *s);
