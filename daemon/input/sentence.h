#pragma once
/* One sentence about entities, as people type them:
 *
 *     sentence = create | add | remove
 *     create   = ("create"|"make"|"build"|…) [article] ["system to manage"|…] NAME ["entity"|…]
 *                ["with" fields]
 *     add      = ("add"|…) fields "to" NAME ["entity"]
 *     remove   = ("remove"|"delete"|…) fields "from" NAME ["entity"]  |  … NAME ["entity"]
 *     fields   = field (("," | "and" | ", and") field)*
 *     field    = ["required"|"optional"|"unique"] words [":" TYPE | "as" TYPE |
 *                "(" TYPE {"," word} ")"]
 *
 * in English or Portuguese. Sentences follow one another as a history: what is added needs its
 * entity before it. A field that is called like an entity which is there already is a relation:
 * "add course to student" gives student a course_id; "add courses to student" many courses. As in
 * BAES, every entity has `id: int` first. */

#include "daemon/input/reader.h"

bool sentence_is_one(struct span text); /* it begins with one of the verbs, and goes on */
void sentence_read(struct reader *rd, struct span text, const struct yaml_node *at);
/* "name (string, required)", for the entity that came last; false: it is no field. */
bool sentence_read_field(struct reader *rd, struct span text, const struct yaml_node *at);
/* The entity that a name means, however it is spelled; NULL: none. */
struct entity *sentence_find(struct reader *rd, const char *name);
/* `from` has one `to`, by an attribute `to_id`; or many. */
void sentence_relate(struct reader *rd, struct entity *from, const char *to, bool is_many,
                     const struct yaml_node *at);
void sentence_add_identity(struct reader *rd, struct entity *e);
