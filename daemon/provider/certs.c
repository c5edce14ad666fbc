#include "daemon/provider/certs.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

const char *certs_path(const char *fallback)
{
        const char *named = secure_getenv("SSL_CERT_FILE");

        return named && named[0] ? named : fallback;
}

void certs_get_stamp(const char *path, struct certs_stamp *ret)
{
        struct stat st;

        *ret = (struct certs_stamp){};
        if (path && stat(path, &st) == 0)
                *ret = (struct certs_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

bool certs_stamp_is_equal(const struct certs_stamp *a, const struct certs_stamp *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int certs_load(const char *path, X509_STORE **ret)
{
        X509_STORE *s = X509_STORE_new();

        if (!s)
                return -ENOMEM;
        if (!path || X509_STORE_load_file(s, path) != 1) {
                ERR_clear_error();
                X509_STORE_free(s);
                return -ENOENT;
        }
        /* As libcurl does for a store of its own: any certificate of the bundle may end a chain. */
        (void)X509_STORE_set_flags(s, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
        *ret = s;
        return 0;
}

X509_STORE *certs_free(X509_STORE *s)
{
        X509_STORE_free(s);
        return NULL;
}

void certs_use(X509_STORE *s, void *ssl_ctx)
{
        if (X509_STORE_up_ref(s) == 1)
                SSL_CTX_set_cert_store(ssl_ctx, s);
}
