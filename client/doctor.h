#pragma once
/* What the checks of `genopt doctor` share: findings, and what the daemon says of itself. */

#include "client/client.h"

enum grade { GRADE_OK, GRADE_NOTE, GRADE_WARNING, GRADE_FAULT, N_GRADES };

struct doctor {
        struct client *c;    /* borrowed: the command's */
        const char *subject; /* of the check that runs */
        json_t *findings;    /* owned */
        json_t *status;      /* owned; NULL: no daemon answers */
        json_t *cache;       /* owned; NULL likewise */
        char *daemon;        /* owned; path of genoptd, or NULL */
        bool is_foreign;     /* the daemon that answers is another user's */
        int error;           /* sticks */
        unsigned n[N_GRADES];
};

/* remedy: what to do, or NULL. */
void doctor_find(struct doctor *d, enum grade grade, const char *remedy, const char *format, ...)
        _printf_(4, 5);

/* doctor-places.c: what lies in the file system. */
void doctor_check_config(struct doctor *d);
void doctor_check_data(struct doctor *d);
void doctor_check_keys(struct doctor *d);
void doctor_check_places(struct doctor *d);
void doctor_check_sockets(struct doctor *d);
void doctor_check_units(struct doctor *d);
