#include "tests/sim/go-procedures.h"

#include <stdio.h>
#include <string.h>

/* Messages and both ends of a service, from its contracts. */

static const char *text_or(const char *text, const char *otherwise)
{
        return text ? text : otherwise;
}

size_t procedures_read(struct go_out *o, struct procedure *list, size_t max)
{
        struct yaml_node *items[PROCEDURES_MAX];
        size_t n = facts_list(o->v, "contracts", items, MIN2(max, (size_t)PROCEDURES_MAX)),
               count = 0;

        for (size_t i = 0; i < n; i++) {
                const char *action = node_text(items[i], "action"),
                           *endpoint = node_text(items[i], "endpoint");
                struct procedure *p = &list[count];

                if (!action || !endpoint)
                        continue;
                *p = (struct procedure){.entity = node_text(items[i], "entity"),
                                        .description = node_text(items[i], "description"),
                                        .contract = items[i]};
                if (str_is_equal(node_text(items[i], "method"), "RPC")) {
                        (void)snprintf(p->name, sizeof(p->name), "%s", action);
                        (void)snprintf(p->path, sizeof(p->path), "%s", endpoint);
                } else {
                        (void)snprintf(p->name, sizeof(p->name), "%.70s%.80s", action,
                                       text_or(p->entity, ""));
                        (void)snprintf(p->path, sizeof(p->path), "/%.80s.Service/%.159s",
                                       o->package, p->name);
                }
                count++;
        }
        return count;
}

static void set_field(struct message_field *f, const char *name, const char *type)
{
        const char *note;
        size_t n;

        go_export(name, f->name);
        n = strlen(f->name);
        if (n > 3 && str_is_equal(f->name + n - 3, "Ids"))
                f->name[n - 2] = 'D';
        go_snake(name, f->json);
        go_type_of(type, f->type, &note);
}

size_t procedure_fields(_unused_ struct go_out *o, const struct procedure *p, const char *key,
                        struct message_field list[static MESSAGE_MAX])
{
        const char *endpoint = node_text(p->contract, "endpoint");
        struct go_field fields[MESSAGE_MAX];
        size_t n = go_fields(yaml_get(p->contract, key), fields, MESSAGE_MAX), count = 0;

        for (const char *s = strchr(endpoint, '{'); str_is_equal(key, "request") && s;
             s = strchr(s + 1, '{')) {
                char name[64];

                (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(s + 1, "}"), s + 1);
                if (count < MESSAGE_MAX)
                        set_field(&list[count++], name, "string");
        }
        for (size_t i = 0; i < n && count < MESSAGE_MAX; i++)
                set_field(&list[count++], fields[i].name, fields[i].type);
        return count;
}

static void emit_message(struct go_out *o, const struct procedure *p, const char *key,
                         const char *kind)
{
        struct message_field fields[MESSAGE_MAX];
        size_t n = procedure_fields(o, p, key, fields);
        int names = 0, types = 0;

        go_emit(o, "\n// %1$s%2$s is the %3$s of %1$s.\ntype %1$s%2$s struct%4$s{", p->name, kind,
                key, n ? " " : "");
        for (size_t i = 0; i < n; i++) {
                char type[GO_NAME_BYTES];

                go_use_type(o, NULL, fields[i].type, type);
                memcpy(fields[i].type, type, sizeof(type));
                names = MAX2(names, (int)strlen(fields[i].name));
                types = MAX2(types, (int)strlen(type));
        }
        for (size_t i = 0; i < n; i++)
                go_emit(o, "%s\t%-*s %-*s `json:\"%s%s\"`\n", i ? "" : "\n", names, fields[i].name,
                        types, fields[i].type, fields[i].json,
                        strchr("*[", fields[i].type[0]) || str_has_prefix(fields[i].type, "map[")
                                ? ",omitempty"
                                : "");
        go_emit(o, "}\n");
}

static void emit_api(struct go_out *o, const struct procedure *list, size_t n)
{
        go_emit(o, "\n// API is what the service offers.\ntype API interface%s{", n ? " " : "");
        for (size_t i = 0; i < n; i++) {
                go_emit(o, "%s", i ? "" : "\n");
                go_emit_comment(o, "\t", "", list[i].description);
                go_emit(o, "\t%1$s(ctx context.Context, in *%1$sRequest) (*%1$sResponse, error)\n",
                        list[i].name);
        }
        go_emit(o, "}\n\n// Register adds the procedures of api to a server.\nfunc Register(s "
                   "*rpc.Server, api API) {");
        for (size_t i = 0; i < n; i++)
                go_emit(o, "%s\trpc.Handle(s, \"%s\", api.%s)\n", i ? "" : "\n", list[i].path,
                        list[i].name);
        go_emit(o, "}\n");
}

static void emit_remote(struct go_out *o, const struct procedure *list, size_t n)
{
        go_emit(o, "\n// Remote calls the service elsewhere.\ntype Remote struct {\n\tclient "
                   "*rpc.Client\n}\n"
                   "\n// NewRemote calls by means of client.\nfunc NewRemote(client *rpc.Client) "
                   "*Remote {\n\treturn &Remote{client: client}\n}\n");
        for (size_t i = 0; i < n; i++)
                go_emit(o,
                        "\n// %1$s calls the procedure.\nfunc (r *Remote) %1$s(ctx "
                        "context.Context, in *%1$sRequest) (*%1$sResponse, error) {\n"
                        "\treturn rpc.Call[%1$sResponse](ctx, r.client, \"%2$s\", in)\n}\n",
                        list[i].name, list[i].path);
}

int go_write_transport(struct go_out *o)
{
        _cleanup_free_ struct procedure *list = calloc(PROCEDURES_MAX, sizeof(*list));
        const char *rpc = facts_setting(o->v, "rpc");
        size_t n;

        if (!list)
                return -ENOMEM;
        if (!rpc) {
                go_starve(o, "the import path of package rpc");
                return 0;
        }
        n = procedures_read(o, list, PROCEDURES_MAX);
        go_import(o, rpc);
        if (n)
                go_import(o, "context");
        for (size_t i = 0; i < n; i++) {
                emit_message(o, &list[i], "request", "Request");
                emit_message(o, &list[i], "response", "Response");
        }
        emit_api(o, list, n);
        emit_remote(o, list, n);
        return 0;
}
