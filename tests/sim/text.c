#include <stdio.h>

#include "common/str.h"
#include "tests/sim/go.h"
#include "tests/sim/writer.h"

static const char *setting(const struct facts_view *v, const char *name, const char *otherwise)
{
        const char *text = facts_setting(v, name);

        return text ? text : otherwise;
}

static void write_gomod(const struct facts_view *v, struct buf *b)
{
        buf_printf(b, "module %s\n\ngo %s\n", setting(v, "module", "unknown"),
                   setting(v, "go_version", "1.19"));
}

static void write_flags(const struct facts_view *v, struct buf *b)
{
        struct yaml_node *flags = yaml_get(facts_get(v, "build"), "flags");

        for (size_t i = 0; i < node_size(flags); i++)
                buf_printf(b, " %s", node_at(flags, i)->text ? node_at(flags, i)->text : "");
}

static void write_dockerfile(const struct facts_view *v, struct buf *b)
{
        const char *app = setting(v, "app", "app");

        if (facts_says(v, "ARG SERVICE")) {
                buf_printf(b,
                           "FROM golang:%s-alpine AS build\nARG SERVICE\nWORKDIR /src\nCOPY go.mod "
                           "./\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -o /out/service "
                           "./cmd/${SERVICE}\n\nFROM gcr.io/distroless/static\nCOPY --from=build "
                           "/out/service /service\nUSER nonroot\nEXPOSE 8080\nENTRYPOINT "
                           "[\"/service\"]\n",
                           setting(v, "go_version", "1.19"));
                return;
        }
        buf_printf(b,
                   "FROM golang:%s-alpine AS build\nWORKDIR /src\nCOPY go.mod ./\nCOPY . .\nRUN "
                   "CGO_ENABLED=0 go build -trimpath",
                   setting(v, "go_version", "1.19"));
        write_flags(v, b);
        buf_printf(b,
                   " -o /out/%s ./cmd/%s\n\nFROM gcr.io/distroless/static\nCOPY --from=build "
                   "/out/%s /%s\nUSER nonroot\n",
                   app, app, app, app);
        if (facts_setting(v, "http") || facts_get(v, "contracts"))
                buf_add_text(b, "EXPOSE 8080\n");
        buf_printf(b, "ENTRYPOINT [\"/%s\"]\n", app);
}

static void write_makefile(const struct facts_view *v, struct buf *b)
{
        const char *app = setting(v, "app", "app"), *target = facts_setting(v, "coverage_target"),
                   *bin = setting(v, "output_path", "bin");

        if (facts_says(v, "go build -o bin/ ./cmd/...")) {
                buf_add_text(b, ".PHONY: all build test cover vet fmt run clean\n\nall: build "
                                "test\n\nbuild:\n\tgo build -o bin/ ./cmd/...\n\ntest:\n\tgo test "
                                "./...\n\ncover:\n\tgo test -coverprofile=coverage.out ./...\n");
                if (target)
                        buf_printf(
                                b,
                                "\tgo tool cover -func=coverage.out | awk '/^total:/ { exit ($$3 "
                                "+ 0 < %s) }'\n",
                                target);
                buf_add_text(b, "\nvet:\n\tgo vet ./...\n\nfmt:\n\tgofmt -w .\n\nrun:\n\tdocker "
                                "compose up --build\n\nclean:\n\trm -rf bin coverage.out\n");
                return;
        }
        buf_add_text(b, ".PHONY: all build test cover vet fmt run clean\n\nall: build "
                        "test\n\nbuild:\n\tgo build");
        write_flags(v, b);
        buf_printf(b,
                   " -o %s/%s ./cmd/%s\n\ntest:\n\tgo test ./...\n\ncover:\n\tgo test "
                   "-coverprofile=coverage.out ./...\n",
                   bin, app, app);
        if (target)
                buf_printf(b,
                           "\tgo tool cover -func=coverage.out | awk '/^total:/ { exit ($$3 + 0 < "
                           "%s) }'\n",
                           target);
        buf_printf(b,
                   "\nvet:\n\tgo vet ./...\n\nfmt:\n\tgofmt -w .\n\nrun: "
                   "build\n\t%s/%s\n\nclean:\n\trm -rf %s coverage.out\n",
                   bin, app, bin);
}

static void write_gitignore(_unused_ const struct facts_view *v, struct buf *b)
{
        buf_add_text(
                b,
                "/bin/\n*.test\n*.out\ncoverage.*\n.env\n.genopt/\n.idea/\n.vscode/\n.DS_Store\n");
}

/* All facts, a heading for each key. */
static void write_lists(const struct facts_view *v, struct buf *b)
{
        for (size_t d = 0; d < v->n_docs; d++)
                for (size_t i = 0; i < node_size(v->docs[d]); i++) {
                        const struct yaml_node *value = v->docs[d]->items[i];

                        buf_printf(b, "\n## %s\n\n", v->docs[d]->keys[i]->text);
                        for (size_t j = 0; value->kind == YAML_LIST && j < value->n_items; j++) {
                                buf_add_text(b, "- ");
                                node_write(value->items[j], b);
                                buf_add_char(b, '\n');
                        }
                        if (value->kind != YAML_LIST) {
                                node_write(value, b);
                                buf_add_char(b, '\n');
                        }
                }
}

static void write_readme(const struct facts_view *v, struct buf *b)
{
        const char *app = setting(v, "app", "app"), *description = facts_setting(v, "description");

        buf_printf(b, "# %s\n", setting(v, "name", "Project"));
        if (description)
                buf_printf(b, "\n%s\n", description);
        buf_printf(b, "\nRun `make build` to build `%s`, `make test` to test it.\n", app);
        write_lists(v, b);
}

/* A table for each entity, with the columns that the facts tell. */
static void write_schema(const struct facts_view *v, struct buf *b)
{
        struct yaml_node *entities[512];
        size_t n = facts_list(v, "entities", entities, N_ELEMENTS(entities));

        for (size_t i = 0; i < n; i++) {
                const struct yaml_node *fields = yaml_get(entities[i], "attributes");
                char name[GO_NAME_BYTES];

                go_snake(node_text(entities[i], "name") ? node_text(entities[i], "name") : "entity",
                         name);
                buf_printf(b, "%sCREATE TABLE \"%ss\" (\n", i ? "\n" : "", name);
                for (size_t k = 0; k < node_size(fields); k++) {
                        const char *field = node_text(node_at(fields, k), "name");

                        go_snake(field ? field : "field", name);
                        buf_printf(b, "    \"%s\" TEXT%s%s\n", name,
                                   str_is_equal(field, "ID") ? " PRIMARY KEY" : "",
                                   k + 1 < node_size(fields) ? "," : "");
                }
                buf_add_text(b, ");\n");
        }
}

static void write_plain(const struct facts_view *v, struct buf *b)
{
        const char *entity = node_text(v->task, "entity");

        buf_printf(b, "%s\n", entity ? entity : "Facts");
        write_lists(v, b);
        for (size_t i = 0; i < v->facts->n_shown; i++)
                buf_printf(b, "\nUses %s, %zu bytes of interface.\n", v->facts->shown[i].path,
                           v->facts->shown[i].n_text);
}

int text_write(const struct facts_view *v, const char *path, const char *role, struct buf *b)
{
        static const struct {
                const char *role, *comment;
                void (*write)(const struct facts_view *v, struct buf *b);
        } table[] = {
                {"gomod", "// ", write_gomod},
                {"dockerfile", "# ", write_dockerfile},
                {"makefile", "# ", write_makefile},
                {"gitignore", "# ", write_gitignore},
                {"readme", "", write_readme},
                {"schema", "-- ", write_schema},
                {"proto", "// ", text_write_proto},
                {"compose", "# ", text_write_compose},
                {"project_file", "# ", text_write_project},
        };
        size_t from = b->n;

        for (size_t i = 0; i < N_ELEMENTS(table); i++) {
                if (!str_is_equal(table[i].role, role))
                        continue;
                table[i].write(v, b);
                writer_add_rest(v, table[i].comment, from, b);
                return b->failed;
        }
        if (str_has_suffix(path, ".md"))
                write_readme(v, b);
        else
                write_plain(v, b);
        writer_add_rest(v, "", from, b);
        return b->failed;
}
