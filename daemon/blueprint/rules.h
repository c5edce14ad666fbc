#pragma once
/* Rules: sentences of requirements that a blueprint knows become data ("Every boat has a unique
 * registration": {rule: unique, entity: Boat, attribute: Registration}), which templates can
 * express. Not for other rooms.
 *
 * A requirement is ruled only as a whole: every sentence of it matches a rule, every attribute that
 * is named is one of the entity's, and it says nothing beside its text (no threshold). What is not
 * wholly understood stays a requirement for a model. */

#include "common/macros.h"
#include "common/str.h"
#include "daemon/blueprint/regex.h"

struct blueprint;
struct layout;
struct parse;
struct yaml_node;

enum rule_field { RULE_ENTITY, RULE_ATTRIBUTE, RULE_MIN, RULE_MAX, RULE_VALUE, N_RULE_FIELDS };

struct rule_row {
        char *rule;
        struct regex match;          /* a sentence, upper and lower case alike */
        struct regex types;          /* of the attribute, as the language calls them */
        char *fields[N_RULE_FIELDS]; /* "$1": a group; else as it stands; NULL: not said */
        struct strlist in;           /* kinds whose files make it true */
};

void rules_parse(struct parse *p, struct yaml_node *top);
/* After the kinds: every rule is made true by templates that read it. */
void rules_check(struct parse *p, struct yaml_node *top);
void rules_release(struct blueprint *b);
/* Fills the requirements' rules; routes and entities are there. */
int layout_rules(struct layout *l) _must_check_;
