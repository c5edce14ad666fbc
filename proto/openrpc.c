/* The method table as an OpenRPC document (spec.open-rpc.org, 1.2.6). */

#include "common/json.h"
#include "proto/methods.h"

static int put_param(json_t *list, const struct param *p)
{
        _cleanup_json_ json_t *content = json_object();

        if (!content || json_put(content, "name", json_string(p->name)) < 0 ||
            json_put(content, "required", json_boolean(p->is_required && !p->unless)) < 0 ||
            json_put(content, "schema", param_to_schema(p)) < 0)
                return -ENOMEM;
        return json_add(list, take(content));
}

static int put_result(json_t *method, const struct method *m)
{
        json_t *result;

        if (m->is_notification)
                return 0;
        if (json_put(method, "result", json_object()) < 0)
                return -ENOMEM;
        result = json_object_get(method, "result");
        if (json_put(result, "name", json_string("result")) < 0 ||
            json_put(result, "description", json_string(m->result)) < 0)
                return -ENOMEM;
        return json_put(result, "schema", json_pack("{s:s}", "type", "object"));
}

static int put_method(json_t *methods, const struct method *m)
{
        _cleanup_json_ json_t *method = json_object();
        json_t *params;

        if (!method || json_put(method, "name", json_string(m->name)) < 0 ||
            json_put(method, "summary", json_string(m->sentence)) < 0 ||
            json_put(method, "paramStructure", json_string("by-name")) < 0 ||
            json_put(method, "params", json_array()) < 0 || put_result(method, m) < 0)
                return -ENOMEM;
        params = json_object_get(method, "params");
        for (const struct param *p = m->params; p->name; p++)
                if (put_param(params, p) < 0)
                        return -ENOMEM;
        return json_add(methods, take(method));
}

int methods_to_openrpc(const char *version, json_t **ret)
{
        _cleanup_json_ json_t *document = json_object();
        json_t *methods;

        if (!document || json_put(document, "openrpc", json_string("1.2.6")) < 0 ||
            json_put(document, "info",
                     json_pack("{s:s,s:s}", "title", "genoptd", "version", version)) < 0 ||
            json_put(document, "methods", json_array()) < 0)
                return -ENOMEM;
        methods = json_object_get(document, "methods");
        for (size_t i = 0; i < N_METHODS; i++)
                if (put_method(methods, &method_table[i]) < 0)
                        return -ENOMEM;
        *ret = take(document);
        return 0;
}
