#pragma once
/* Where the places of an analysis lie in the user's tree. An analyser ran elsewhere, as a rule in a
 * container: file:///opt/input/source/src/A.java is src/A.java here. The folder that its tree had
 * there is the one under which most of its paths have a file here, longest paths counting most;
 * what lies elsewhere is not of this tree. */

#include "daemon/input/analysis.h"

enum place_kind {
        PLACE_HERE,       /* a file of the tree */
        PLACE_GONE,       /* of the tree, but the file is not there */
        PLACE_BUILD,      /* what a build has made */
        PLACE_DEPENDENCY, /* of a library */
        PLACE_ELSEWHERE,  /* of no tree that we know */
        N_PLACE_KINDS
};
extern const char *const place_kind_names[N_PLACE_KINDS];

struct place {
        enum place_kind kind;
        uint32_t file;    /* PLACE_HERE: into the list of paths */
        const char *path; /* borrowed from the incident: below the tree's folder, else all of it */
};

/* paths: of the tree, sorted. ret: per incident, malloc. *ret_prefix: the tree's folder there ("":
 * it was none; owned by the caller), for people. */
int places_of(const struct analysis *a, const char *const *paths, size_t n_paths,
              struct place **ret, char **ret_prefix) _must_check_;
