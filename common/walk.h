#pragma once
/* The regular files below a directory, those of one directory in the order of their names (bytes).
 * Links are not followed, not even when somebody puts one in a directory's place meanwhile. */

#include <sys/stat.h>

#include "common/macros.h"

struct walk_file {
        int dir_fd;       /* of the directory that it is in */
        const char *name; /* in that */
        const char *path; /* below the first directory */
        const struct stat *st;
};

struct walk {
        unsigned max_depth; /* of directories below the first; what is deeper is passed over */
        bool is_lenient;    /* what cannot be opened is passed over, too; else it ends the walk */
        /* Of files and directories alike: others are not even looked at. NULL: all. */
        bool (*is_wanted)(const char *name);
        int (*on_file)(const struct walk_file *f, void *arg); /* not 0: the walk ends with it */
        void *arg;
};

/* 0, -errno, or what on_file gave. */
int walk_files(int dir_fd, const struct walk *w) _must_check_;
