#include "daemon/server/methods.h"

const struct server_method server_methods[N_METHODS] = {
#define X(id, handler, name, params, sentence, result) [METHOD_##id] = {method_##handler},
        METHOD_TABLE(X)
#undef X
};
