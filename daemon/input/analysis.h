#pragma once
/* What an analyser found: rules, and the places (incidents) where each holds. One model for all
 * forms that are read:
 *
 *     Konveyor     a list of rulesets: {name, violations {rule: V}, insights, errors, unmatched}
 *     simplified   {violations: [V with id]}
 *     plan         {phases: [{id, risk, deferred, violations: [V with violation_id]}]}, of
 *                  kantra-ai
 *
 *     V = {description, category, labels, effort, links, incidents: [{uri, message, codeSnip,
 *          lineNumber, variables, isDependencyIncident}]}
 *
 * JSON is read as YAML. What is not there, null or zero is absent here (line 0); nothing is left
 * out but what the counts tell. A rule is known by its id and its ruleset: an id may stand in
 * several. */

#include <jansson.h>

#include "common/macros.h"
#include "common/str.h"
#include "proto/failure.h"

#define ANALYSIS_MAX_BYTES ((size_t)16 << 20) /* a blob's limit */
#define ANALYSIS_MAX_INCIDENTS 200000u
#define EFFORT_UNKNOWN (-1)

struct analysis_rule {
        char *ruleset, *id, *description, *category; /* owned; NULL: not told */
        json_t *links;                               /* owned: [{url, title}] */
        int effort;                                  /* 0 to 10, or EFFORT_UNKNOWN */
        size_t phase;                                /* of a plan: into phases */
        bool is_insight;
};

struct analysis_phase {
        char *id, *risk; /* owned; risk may be NULL */
        bool is_deferred;
};

struct incident {
        uint32_t rule;
        char *uri, *message; /* owned; message may be "" */
        char *code;          /* owned: its line, as the analyser saw it; NULL: not told */
        json_t *variables;   /* owned, or NULL */
        unsigned line;       /* 0: not told */
        bool is_dependency;
};

struct analysis {
        struct analysis_rule *rules; /* owned */
        size_t n_rules, room_rules;
        struct incident *incidents; /* owned */
        size_t n_incidents, room_incidents;
        struct analysis_phase *phases; /* owned; of a plan */
        size_t n_phases, room_phases;
        size_t n_errors, n_unmatched, n_skipped; /* of the analyser itself */
        struct strlist unmatched;                /* rules of which it found nothing */
};

/* CONDITION_REFUSED: the text has none of the forms; the failure names line and column. */
int analysis_read(struct span text, const char *name, struct analysis **ret,
                  struct failure **ret_failure) _must_check_;
struct analysis *analysis_free(struct analysis *a);
DEFINE_CLEANUP(struct analysis, analysis_free);
