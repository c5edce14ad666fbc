#pragma once
/* Section imports of blueprint.yaml. Not for other rooms. */

#include "daemon/blueprint/parse.h"

struct check_set;

void imports_parse(struct parse *p,
                   struct yaml_node *top); /* before the kinds, whose sets use it */
void imports_use(const struct blueprint *b, const char *language, struct check_set *s);
void imports_release(struct blueprint *b); /* after the kinds */
