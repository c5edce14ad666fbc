#pragma once
/* The files of python/ as the program carries them; embed.py makes their table.
 *
 *     file = 1*("#: " key " " value LF) text
 *     key  = "role" / "says"
 *
 * A file is written for a role where the prompt says all that its `says` lines say: who was not
 * told how the parts of a project call each other must not know it. */

#include <stddef.h>

struct py_words_file {
        const char *name, *text; /* static */
};
extern const struct py_words_file py_words_files[];
extern const size_t n_py_words_files;
