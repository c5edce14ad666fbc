#include "client/choices.h"

#include "client/files/merge.h"

const char *choices_fault(const struct client *c, size_t at)
{
        if (c->values[at + CHOICE_MERGE] && c->values[at + CHOICE_OVERWRITE])
                return "--merge and --overwrite are two answers to one question; give one";
        return NULL;
}

int choices_need_git(struct failure **ret_failure)
{
        _cleanup_free_ char *git = NULL;
        int r = merge_find_git(&git);

        if (r != CONDITION_ABSENT)
                return r;
        *ret_failure = failure_new(FAILURE_UNAVAILABLE,
                                   "git is not found in PATH, and --merge merges by it");
        if (!*ret_failure ||
            failure_set_remedy(*ret_failure,
                               "install git; without --merge your edits are kept as they are") < 0)
                return -ENOMEM;
        return CONDITION_REFUSED;
}

int choices_read(const struct client *c, size_t at, enum edits *ret_edits, bool *ret_is_pruning,
                 struct failure **ret_failure)
{
        enum edits edits = c->values[at + CHOICE_MERGE]       ? EDITS_MERGE
                           : c->values[at + CHOICE_OVERWRITE] ? EDITS_OVERWRITE
                                                              : EDITS_KEEP;
        int r = edits == EDITS_MERGE ? choices_need_git(ret_failure) : 0;

        if (r != 0)
                return r;
        *ret_edits = edits;
        *ret_is_pruning = c->values[at + CHOICE_PRUNE];
        return 0;
}
