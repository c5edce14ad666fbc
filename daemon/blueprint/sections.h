#pragma once
/* The sections of a slice, and their items as statements: the same facts in pieces, so that a
 * prompt may state the facts of many tasks once. */

#include "daemon/blueprint/layout.h"

/* A part of the context: a list of items, or one value. */
enum section {
        SECTION_PROJECT,
        SECTION_PARAMETERS,
        SECTION_ENTITIES,
        SECTION_PACKAGES,
        SECTION_RELATIONS,
        SECTION_CONTRACTS,
        SECTION_RULES,
        SECTION_REQUIREMENTS,
        SECTION_SCENARIOS,
        SECTION_CRITERIA,
        SECTION_PATTERNS,
        SECTION_TESTING,
        SECTION_BUILD,
        SECTION_LIBRARIES,
        SECTION_LINKS,
        N_SECTIONS
};

struct section_row {
        const char *key;
        bool is_list;    /* of pieces; else the piece is the value */
        uint64_t inputs; /* that declare it */
};

#define BIT(input) (UINT64_C(1) << (input))

extern const struct section_row sections[N_SECTIONS];

/* Makes the piece a statement of the work, once: p->statement. text: as it stands in the facts. */
int state_piece(struct layout *l, enum section section, struct piece *p,
                struct span text) _must_check_;
