#pragma once
/* The certificates that connections trust, read once: an X509_STORE, shared by counting. May be
 * built in a worker. */

#include <openssl/types.h>
#include <sys/stat.h>

#include "common/macros.h"

/* $SSL_CERT_FILE, else fallback. */
const char *certs_path(const char *fallback);
/* What tells one version of the file from another; zero when there is none. */
struct certs_stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
};
void certs_get_stamp(const char *path, struct certs_stamp *ret);
bool certs_stamp_is_equal(const struct certs_stamp *a, const struct certs_stamp *b);
/* -ENOMEM, -ENOENT (no certificate could be read: the store is then not made). */
int certs_load(const char *path, X509_STORE **ret) _must_check_;
X509_STORE *certs_free(X509_STORE *s);
/* For an SSL_CTX: takes a reference of its own. */
void certs_use(X509_STORE *s, void *ssl_ctx);
