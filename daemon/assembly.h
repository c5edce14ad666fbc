#pragma once
/* The daemon put together: rooms made from the bottom up, given their configuration, and told of
 * each other through callbacks. Taken apart in the opposite order. */

#include "common/macros.h"
#include "proto/failure.h"

struct assembly;

struct assembly_arguments {
        const char *socket; /* path to bind when nothing was inherited; NULL: the usual one */
        const char *config; /* file; NULL: the usual one */
};

/* What went wrong is said in the log, and to those who wait at an inherited socket. -EBUSY: another
 * daemon has the state. ret_exit_code: set on failure. */
int assembly_new(const struct assembly_arguments *a, struct assembly **ret,
                 int *ret_exit_code) _must_check_;
struct assembly *assembly_free(struct assembly *a);
DEFINE_CLEANUP(struct assembly, assembly_free);
/* Until it is told to stop; -ENOENT: until its state was taken away. */
int assembly_run(struct assembly *a) _must_check_;

/* For --check-config: reads the configuration and says on standard error what is wrong with it.
 * Returns the exit status. */
int assembly_check_config(const char *path) _must_check_;
