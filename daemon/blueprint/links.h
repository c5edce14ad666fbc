#pragma once
/* Links: relations of two entities as their tables see them. Not for other rooms. */

#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/types.h"

/* A relation of two entities as their tables see it. */
enum link_kind { LINK_REFERENCE, LINK_JOIN };
struct lay_link {
        enum link_kind kind;
        uint32_t from, to;    /* a reference's column stands in `from` */
        char *name, *back;    /* owned: what it is called in `from`, and in `to` */
        char *column, *other; /* owned: columns of `from`, or of the joining table */
        const struct lay_attribute *attribute, *back_attribute; /* borrowed: that declare it */
        const struct lay_attribute *column_attribute;           /* borrowed: that is the column */
        bool is_unique;        /* at most one `from` for each `to` */
        bool is_required;      /* a relationship says so; attributes say it of themselves */
        bool is_back_required; /* of a join: that of the other side says so */
};

char *links_snake(const char *name) _must_check_; /* owned by the caller */
const struct lay_attribute *links_attribute(const struct lay_entity *e, const char *name,
                                            const struct lay_attribute *but);
bool attribute_is_required(const struct lay_attribute *a);
bool links_is_required(const struct lay_link *k);
/* links-circles.c: what refers to itself by what must be there, at last, is told; so nobody could
 * make the first. One reference of each circle becomes optional. */
int links_circles(struct layout *l) _must_check_;
/* links-identity.c: the type of an identity that the specification does not give, from the keys
 * that lead to it; is there one to be decided? */
int links_identities(struct layout *l, const char *text) _must_check_;
bool links_may_give_identity(const struct layout *l, uint32_t entity);
/* links-fields.c: what attributes are keys of; fields for relationships that none says */
int links_fields(struct layout *l) _must_check_;
/* links-names.c: names of both sides, and the pieces of the entities */
int links_finish(struct layout *l) _must_check_;
int layout_links(struct layout *l) _must_check_;
void layout_links_free(struct layout *l);

/* types.c */
/* As layout_type(), without a word to the user; CONDITION_ABSENT: no rule knows it. */
int layout_known_type(struct layout *l, const char *text, const char **ret_skeleton) _must_check_;
/* The entity that the type is (*ret_is_many: one of several, in a list); CONDITION_ABSENT. */
int skeleton_link(const struct layout *l, const char *skeleton, uint32_t *ret,
                  bool *ret_is_many) _must_check_;
