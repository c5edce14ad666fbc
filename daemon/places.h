#pragma once
/* Where the daemon's files are. Each is found the same way from a build tree as when installed. */

#include "common/macros.h"

struct places {
        char *state_dir; /* $GENOPT_STATE_DIR, $STATE_DIRECTORY, $XDG_STATE_HOME/genopt,
                            ~/.local/state/genopt */
        char *cache_dir; /* $GENOPT_CACHE_DIR, $CACHE_DIRECTORY, $XDG_CACHE_HOME/genopt,
                            ~/.cache/genopt */
        char *data_dir;  /* $GENOPT_DATA_DIR, share/genopt beside the executable's folder,
                            PREFIX/share/genopt */
};

int places_find(struct places *ret) _must_check_; /* -ENOENT: no home, or no data */
void places_done(struct places *p);
