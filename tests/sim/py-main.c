#include <stdio.h>

#include "tests/sim/py.h"

int py_write_package(struct py_out *o)
{
        const char *title = facts_setting(o->v, "title");

        py_emit(o, "\"\"\"%s.\"\"\"\n", title ? title : "A package");
        return 0;
}

/* Endpoints that belong to no entity. */
static void write_free(struct py_out *o)
{
        struct yaml_node *items[PY_CONTRACTS_MAX];
        size_t n = facts_list(o->v, "contracts", items, N_ELEMENTS(items));

        for (size_t i = 0; i < n; i++) {
                const char *method = node_text(items[i], "method"),
                           *endpoint = node_text(items[i], "endpoint"),
                           *description = node_text(items[i], "description");
                char lower[16] = "";

                if (!method || !endpoint)
                        continue;
                for (size_t k = 0; method[k] && k + 1 < sizeof(lower); k++)
                        lower[k] = (char)(method[k] | 0x20);
                py_emit(o, "\n    @app.%s(\"%s\")\n    def answer_%zu() -> dict[str, str]:\n",
                        lower, endpoint, i + 1);
                py_docstring(o, 2, description ? description : "Answer that all is well.");
                py_emit(o, "        return {\"status\": \"ok\"}\n");
        }
        if (n)
                py_emit(o, "\n");
}

int py_write_main(struct py_out *o)
{
        struct yaml_node *entities[1024];
        size_t n = facts_list(o->v, "entities", entities, N_ELEMENTS(entities));
        const char *app = facts_setting(o->v, "app"), *name = facts_setting(o->v, "name");
        _cleanup_buf_ struct buf title = {0};

        py_emit(o, "\"\"\"Puts the application together.\"\"\"\n");
        py_import(o, "os", NULL);
        py_import(o, "fastapi", NULL);
        py_import(o, "sqlalchemy", "orm");
        py_import(o, "app", "database");
        py_import(o, "app", "migrations");
        py_import(o, "app", "pages");
        for (size_t i = 0; i < n; i++)
                py_import(o, "app.routes", node_text(entities[i], "module"));
        py_emit(o, "\n");
        py_begin(o, 0, "RESOURCES = (");
        for (size_t i = 0; i < n; i++)
                py_arg(o, "%s", node_text(entities[i], "module"));
        py_end(o, n == 1 ? ",)" : ")");
        py_quote(name ? name : "Application", &title);
        py_emit(o, "\n\ndef create_app(url: str | None = None) -> fastapi.FastAPI:\n"
                   "    \"\"\"Build it around the database that the url leads to.\"\"\"\n"
                   "    if url is None:\n");
        py_begin(o, 2, "url = os.environ.get(");
        py_arg(o, "\"DATABASE_URL\"");
        py_arg(o, "\"sqlite:///%s.db\"", app ? app : "app");
        py_end(o, ")");
        py_begin(o, 1, "app = fastapi.FastAPI(");
        py_arg(o, "title=%s", title.at ? title.at : "\"\"");
        py_end(o, ")");
        py_emit(o, "    app.state.engine = database.make_engine(url)\n"
                   "    migrations.migrate(app.state.engine)\n");
        py_begin(o, 1, "app.state.sessions = orm.sessionmaker(");
        py_arg(o, "app.state.engine");
        py_arg(o, "future=True");
        py_end(o, ")");
        write_free(o);
        py_emit(o, "    made = pages.make_router([part.RESOURCE for part in RESOURCES])\n"
                   "    for router in [*(part.router for part in RESOURCES), made]:\n"
                   "        app.include_router(router)\n    return app\n");
        return 0;
}
