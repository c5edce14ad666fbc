#pragma once
/* What a request and its answer tell about the order of work: which files it asks for, whose text
 * it shows, and when each file of its answer had been sent. bound.c reads it from the log. */

#include <jansson.h>

#include "tests/sim/facts.h"

struct told_file {
        char *path;    /* owned */
        size_t end;    /* offset in the answer behind its end line */
        uint64_t usec; /* model time when that had been sent; 0: not yet */
};

struct told {
        bool is_told_why;        /* the prompt says why the last answer was refused */
        json_t *asks, *shows;    /* owned lists of paths; NULL: none */
        struct told_file *files; /* owned */
        size_t n_files;
};

void told_done(struct told *t);
/* asks, shows, is_told_why. -ENOMEM. */
int told_read_facts(const struct facts *f, struct told *t) _must_check_;
/* files: of an answer that goes on from `before`. -ENOMEM. */
int told_read_answer(struct span before, struct span text, struct told *t) _must_check_;
void told_note_sent(struct told *t, size_t n_bytes, uint64_t now_usec);
/* Adds "asks", "shows", "told_why" and "files": [{"path", "us"}] of those that were sent. */
void told_write(const struct told *t, json_t *row);
