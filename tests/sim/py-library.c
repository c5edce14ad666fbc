#include "tests/sim/py.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/writer.h"

/* A library of topics: an entity's class, what a topic can do with its entities, and its test. */

#define ENTITIES_MAX 64

static const char *module_of(struct py_out *o)
{
        const char *module = facts_setting(o->v, "module");

        return module ? module : "library";
}

/* "values", or "tides" of the package that the task is in. */
static const char *topic_of(struct py_out *o)
{
        const char *topic = node_text(o->v->task, "package");

        return topic ? topic : "values";
}

static const char *name_of(struct yaml_node *e)
{
        const char *name = node_text(e, "name");

        return name ? name : "Entity";
}

static bool is_required(struct yaml_node *attribute)
{
        return str_is_equal(node_text(attribute, "required"), "true") ||
               str_is_equal(node_text(attribute, "name"), "id");
}

static const char *type_of(struct yaml_node *attribute)
{
        const char *type = node_text(attribute, "type");

        return type ? type : "str";
}

/* Requirements and scenarios, a comment each; py_write() breaks no lines here, so they are broken
 * by py_docstring's rule: within a docstring. */
static void emit_rules(struct py_out *o, unsigned depth, const char *first)
{
        struct yaml_node *items[256];
        _cleanup_buf_ struct buf text = {0};
        size_t n = facts_list(o->v, "requirements", items, N_ELEMENTS(items));

        buf_add_text(&text, first);
        for (size_t i = 0; i < n; i++) {
                buf_add_text(&text, " Requirement: ");
                node_write(items[i], &text);
        }
        n = facts_list(o->v, "scenarios", items, N_ELEMENTS(items));
        for (size_t i = 0; i < n; i++) {
                buf_add_text(&text, " Scenario: ");
                node_write(items[i], &text);
        }
        py_docstring(o, depth, text.at ? text.at : first);
}

/* ---- an entity ---- */

static void import_types(struct py_out *o, struct yaml_node *attributes)
{
        static const char *const modules[] = {"datetime.", "decimal.", "uuid."};

        for (size_t i = 0; i < node_size(attributes); i++)
                for (size_t k = 0; k < N_ELEMENTS(modules); k++)
                        if (strstr(type_of(node_at(attributes, i)), modules[k])) {
                                char name[32];

                                (void)snprintf(name, sizeof(name), "%.*s",
                                               (int)strlen(modules[k]) - 1, modules[k]);
                                py_import(o, name, NULL);
                        }
}

static void emit_field(struct py_out *o, struct yaml_node *a)
{
        const char *name = node_text(a, "name"), *type = type_of(a);
        const char *description = node_text(a, "description");

        if (description)
                py_emit(o, "    # %.70s\n", description);
        if (is_required(a))
                py_emit(o, "    %s: %s\n", name, type);
        else if (str_is_equal(type, "bool"))
                py_emit(o, "    %s: bool = False\n", name);
        else if (str_has_prefix(type, "tuple["))
                py_emit(o, "    %s: %s = ()\n", name, type);
        else if (str_has_prefix(type, "dict["))
                py_emit(o, "    %s: %s = dataclasses.field(default_factory=dict)\n", name, type);
        else
                py_emit(o, "    %s: %s | None = None\n", name, type);
}

/* How an empty value of a required field is told; false: it has none. */
static bool empty_test(const char *type, const char **ret_tail)
{
        *ret_tail = str_is_equal(type, "str") ? ".strip()" : "";
        return **ret_tail || str_is_equal(type, "bytes") || str_has_prefix(type, "tuple[") ||
               str_has_prefix(type, "dict[");
}

static void emit_checks(struct py_out *o, struct yaml_node *attributes)
{
        const char *tail;
        bool is_first = true;

        for (size_t i = 0; i < node_size(attributes); i++) {
                struct yaml_node *a = node_at(attributes, i);

                if (!is_required(a) || !empty_test(type_of(a), &tail))
                        continue;
                if (is_first)
                        py_emit(o, "\n    def __post_init__(self) -> None:\n        \"\"\"Refuse "
                                   "what is empty.\"\"\"\n");
                is_first = false;
                py_import(o, module_of(o), "errors");
                py_emit(o, "        if not self.%s%s:\n", node_text(a, "name"), tail);
                py_begin(o, 3, "raise errors.InvalidValue(");
                py_arg(o, "\"%s: %s is empty\"", o->entity, node_text(a, "name"));
                py_end(o, ")");
        }
}

/* The topic of an entity: its own package's where the references do not name another. */
static const char *topic_of_entity(struct py_out *o, const char *entity)
{
        struct yaml_node *references = yaml_get(o->own, "references");

        for (size_t i = 0; i < node_size(references); i++) {
                const char *path = node_text(node_at(references, i), "import_path");
                const char *slash = path ? strrchr(path, '/') : NULL;

                if (slash && str_is_equal(node_text(node_at(references, i), "entity"), entity))
                        return slash + 1;
        }
        return topic_of(o);
}

/* Entities that types name are imported for annotations alone. */
static void emit_references(struct py_out *o, struct yaml_node *attributes)
{
        struct strlist seen = {0};

        for (size_t i = 0; i < node_size(attributes); i++) {
                const char *type = type_of(node_at(attributes, i));
                char name[PY_NAME_BYTES];

                while (str_has_prefix(type, "tuple["))
                        type += strlen("tuple[");
                (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, ",]"), type);
                if (*name < 'A' || *name > 'Z' || str_is_equal(name, o->entity) ||
                    strlist_has(&seen, name))
                        continue;
                py_import(o, "typing", "TYPE_CHECKING");
                py_emit(o, "%s    from %s.%s import %s\n", seen.n ? "" : "\nif TYPE_CHECKING:\n",
                        module_of(o), topic_of_entity(o, name), name);
                if (strlist_add(&seen, name) < 0)
                        o->body.failed = -ENOMEM;
        }
        strlist_done(&seen);
}

int py_write_dataclass(struct py_out *o)
{
        struct yaml_node *attributes = o->own ? yaml_get(o->own, "attributes") : NULL;
        char about[PY_NAME_BYTES];

        (void)snprintf(about, sizeof(about), "%.60s, a value of this topic.", o->entity);
        py_docstring(o, 0, about);
        if (!o->own) {
                py_starve(o, "the facts of the entity");
                return 0;
        }
        py_import(o, "__future__", "annotations");
        py_import(o, "dataclasses", NULL);
        import_types(o, attributes);
        emit_references(o, attributes);
        py_emit(o, "\n\n@dataclasses.dataclass(frozen=True, kw_only=True)\nclass %s:\n", o->entity);
        emit_rules(o, 1,
                   node_text(o->own, "description") ? node_text(o->own, "description")
                                                    : "A value that does not change.");
        py_emit(o, "\n");
        for (size_t i = 0; i < node_size(attributes); i++)
                if (node_text(node_at(attributes, i), "name"))
                        emit_field(o, node_at(attributes, i));
        emit_checks(o, attributes);
        return 0;
}

/* ---- what a topic can do ---- */

/* Interfaces of the prompt: the module path of the file that declares a class. */
static bool module_that_says(struct py_out *o, const char *needle, const char *folder,
                             char at[static PY_NAME_BYTES])
{
        for (size_t i = 0; i < o->v->facts->n_shown; i++) {
                const struct shown *s = &o->v->facts->shown[i];
                const char *path = s->path;
                size_t n;

                if (!strstr(s->text, needle) || (folder && !strstr(path, folder)))
                        continue;
                path += str_has_prefix(path, "src/") ? 4 : 0;
                n = strlen(path);
                n -= n > 3 && str_is_equal(path + n - 3, ".py") ? 3 : 0;
                (void)snprintf(at, PY_NAME_BYTES, "%.*s", (int)n, path);
                for (char *c = at; *c; c++)
                        *c = *c == '/' ? '.' : *c;
                return true;
        }
        return false;
}

/* Where the class of an entity of this topic is; false: not shown. */
static bool module_of_entity(struct py_out *o, const char *entity, char at[static PY_NAME_BYTES])
{
        char needle[PY_NAME_BYTES], folder[PY_NAME_BYTES];

        (void)snprintf(needle, sizeof(needle), "class %.100s:", entity);
        (void)snprintf(folder, sizeof(folder), "/%.100s/", topic_of(o));
        return module_that_says(o, needle, folder, at);
}

static void many_of(const char *entity, char at[static PY_NAME_BYTES])
{
        char snake[PY_NAME_BYTES];

        py_snake(entity, snake);
        py_plural(snake, at);
}

/* Topics that this one builds on and whose core is shown. */
static size_t others_of(struct py_out *o, const char **list, size_t max)
{
        struct yaml_node *own = facts_find(o->v, "packages", "name", topic_of(o)),
                         *others = own ? yaml_get(own, "depends_on") : NULL;
        char folder[PY_NAME_BYTES], at[PY_NAME_BYTES];
        size_t n = 0;

        for (size_t i = 0; i < node_size(others) && n < max; i++) {
                (void)snprintf(folder, sizeof(folder), "/%.100s/core.py", node_at(others, i)->text);
                if (module_that_says(o, "class Collection:", folder, at))
                        list[n++] = node_at(others, i)->text;
        }
        return n;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void emit_init(struct py_out *o, const char **others, size_t n_others,
                      struct yaml_node **entities, size_t n)
{
        char many[PY_NAME_BYTES];

        if (n_others) {
                py_begin(o, 1, "def __init__(");
                py_arg(o, "self");
                py_arg(o, "*");
                for (size_t i = 0; i < n_others; i++)
                        py_arg(o, "%1$s: %1$s_core.Collection | None = None", others[i]);
                py_end(o, ") -> None:");
        } else {
                py_emit(o, "    def __init__(self) -> None:\n");
        }
        py_emit(o, "        \"\"\"Start without values.\"\"\"\n");
        for (size_t i = 0; i < n; i++) {
                many_of(name_of(entities[i]), many);
                py_begin(o, 2, "self.%s = registry.Registry(", many);
                py_arg(o, "lambda value: value.id");
                py_end(o, ")");
        }
        for (size_t i = 0; i < n_others; i++)
                py_emit(o, "        self.%1$s = %1$s\n", others[i]);
}

int py_write_core(struct py_out *o)
{
        struct yaml_node *entities[ENTITIES_MAX];
        size_t n = facts_list(o->v, "entities", entities, ENTITIES_MAX), n_others;
        const char *others[ENTITIES_MAX], *sorted[ENTITIES_MAX];
        char about[PY_NAME_BYTES], module[PY_NAME_BYTES], many[PY_NAME_BYTES];

        (void)snprintf(about, sizeof(about), "What can be done with %.40s.", topic_of(o));
        py_docstring(o, 0, about);
        if (!module_that_says(o, "class Registry", NULL, module)) {
                py_starve(o, "the registry");
                return 0;
        }
        py_import(o, "__future__", "annotations");
        py_import(o, module_of(o), "registry");
        n_others = others_of(o, others, ENTITIES_MAX);
        for (size_t i = 0; i < n; i++) {
                if (!module_of_entity(o, name_of(entities[i]), module)) {
                        py_starve(o, "the class of an entity");
                        return 0;
                }
                py_import(o, module, name_of(entities[i]));
        }
        if (n_others)
                py_import(o, "typing", "TYPE_CHECKING");
        memcpy(sorted, others, n_others * sizeof(*sorted));
        qsort(sorted, n_others, sizeof(*sorted), compare_names);
        for (size_t i = 0; i < n_others; i++)
                py_emit(o, "%1$s    from %2$s.%3$s import core as %3$s_core\n",
                        i ? "" : "\nif TYPE_CHECKING:\n", module_of(o), sorted[i]);
        py_emit(o, "\n\nclass Collection:\n");
        emit_rules(o, 1, "All values of the topic.");
        py_emit(o, "\n");
        for (size_t i = 0; i < n; i++) {
                many_of(name_of(entities[i]), many);
                py_emit(o, "    %s: registry.Registry[%s]\n", many, name_of(entities[i]));
        }
        for (size_t i = 0; i < n_others; i++)
                py_emit(o, "    %1$s: %1$s_core.Collection | None\n", others[i]);
        py_emit(o, "\n");
        emit_init(o, others, n_others, entities, n);
        return 0;
}

int py_write_namespace(struct py_out *o)
{
        struct yaml_node *entities[ENTITIES_MAX];
        size_t n = facts_list(o->v, "entities", entities, ENTITIES_MAX);
        struct yaml_node *own = facts_find(o->v, "packages", "name", topic_of(o));
        const char *purpose = node_text(own, "purpose");
        char module[PY_NAME_BYTES], about[PY_NAME_BYTES];
        struct strlist names = {0};
        int r = strlist_add(&names, "Collection");

        (void)snprintf(about, sizeof(about), "%.60s: %.100s", topic_of(o),
                       purpose ? purpose : "a topic.");
        py_docstring(o, 0, about);
        (void)snprintf(module, sizeof(module), "%.80s.%.80s.core", module_of(o), topic_of(o));
        py_import(o, module, "Collection");
        for (size_t i = 0; i < n && r == 0; i++) {
                if (!module_of_entity(o, name_of(entities[i]), module)) {
                        py_starve(o, "the class of an entity");
                        continue;
                }
                py_import(o, module, name_of(entities[i]));
                r = strlist_add(&names, name_of(entities[i]));
        }
        if (r == 0) {
                qsort(names.at, names.n, sizeof(*names.at), compare_names);
                py_emit(o, "\n");
                py_begin(o, 0, "__all__ = [");
                for (size_t i = 0; i < names.n; i++)
                        py_arg(o, "\"%s\"", names.at[i]);
                py_end(o, "]");
        }
        strlist_done(&names);
        return r;
}

/* ---- its test ---- */

/* A value that is not empty, told apart by n where it is a text. */
static void value_of(struct py_out *o, const char *type, const char *name,
                     char at[static PY_NAME_BYTES])
{
        static const char *const plain[][2] = {
                {"int", "1"},
                {"float", "1.5"},
                {"bool", "True"},
                {"bytes", "b\"1\""},
                {"object", "\"1\""},
                {"decimal.Decimal", "decimal.Decimal(\"1\")"},
                {"datetime.date", "datetime.date(2021, 3, 4)"},
                {"datetime.datetime", "datetime.datetime(2021, 3, 4, 5)"},
                {"datetime.time", "datetime.time(5, 6)"},
                {"datetime.timedelta", "datetime.timedelta(minutes=7)"},
                {"uuid.UUID", "uuid.UUID(int=1)"},
        };

        (void)snprintf(at, PY_NAME_BYTES, "\"%.100s\"", name);
        for (size_t i = 0; i < N_ELEMENTS(plain); i++)
                if (str_is_equal(plain[i][0], type)) {
                        const char *dot = strchr(type, '.');
                        char module[32];

                        (void)snprintf(at, PY_NAME_BYTES, "%s", plain[i][1]);
                        (void)snprintf(module, sizeof(module), "%.*s", (int)strcspn(type, "."),
                                       type);
                        if (dot)
                                py_import(o, module, NULL);
                }
        if (str_has_prefix(type, "tuple["))
                (void)snprintf(at, PY_NAME_BYTES, "(\"%.100s\",)", name);
        if (str_has_prefix(type, "dict["))
                (void)snprintf(at, PY_NAME_BYTES, "{\"key\": 1}");
}

/* A helper that makes a value; gives the required text that can be made empty, if there is one. */
static void emit_sample(struct py_out *o, struct yaml_node *e, const char *snake)
{
        struct yaml_node *attributes = yaml_get(e, "attributes");

        py_emit(o, "\n\ndef _%s(**changes):\n    values = dict(\n", snake);
        for (size_t i = 0; i < node_size(attributes); i++) {
                struct yaml_node *a = node_at(attributes, i);
                char value[PY_NAME_BYTES];

                if (!node_text(a, "name") || !is_required(a))
                        continue;
                value_of(o, type_of(a), node_text(a, "name"), value);
                py_emit(o, "        %s=%s,\n", node_text(a, "name"), value);
        }
        py_emit(o, "    )\n    values.update(changes)\n    return %s(**values)\n", name_of(e));
}

static void emit_tests(struct py_out *o, struct yaml_node *e)
{
        struct yaml_node *attributes = yaml_get(e, "attributes");
        const char *id_type = "str", *tail;
        char snake[PY_NAME_BYTES], many[PY_NAME_BYTES], other[PY_NAME_BYTES];

        py_snake(name_of(e), snake);
        many_of(name_of(e), many);
        for (size_t i = 0; i < node_size(attributes); i++)
                if (str_is_equal(node_text(node_at(attributes, i), "name"), "id"))
                        id_type = type_of(node_at(attributes, i));
        (void)snprintf(other, sizeof(other), "%s",
                       str_is_equal(id_type, "int")         ? "2"
                       : str_is_equal(id_type, "uuid.UUID") ? "uuid.UUID(int=2)"
                                                            : "\"other\"");
        emit_sample(o, e, snake);
        py_emit(o,
                "\n\ndef test_%1$s_is_kept():\n    \"\"\"What is kept is found, once.\"\"\"\n"
                "    values = Collection().%2$s\n    first = _%1$s()\n    second = "
                "_%1$s(id=%3$s)\n    values.add(first)\n"
                "    values.add(second)\n    assert values.get(first.id) == first\n    assert "
                "list(values) == [first, second]\n"
                "    with pytest.raises(errors.AlreadyThere):\n        values.add(first)\n"
                "    values.remove(first.id)\n    with pytest.raises(errors.NotFound):\n        "
                "values.get(first.id)\n",
                snake, many, other);
        for (size_t i = 0; i < node_size(attributes); i++) {
                struct yaml_node *a = node_at(attributes, i);

                if (!is_required(a) || !str_is_equal(type_of(a), "str") ||
                    !empty_test(type_of(a), &tail))
                        continue;
                py_emit(o,
                        "\n\ndef test_%1$s_needs_%2$s():\n    \"\"\"An empty one is "
                        "refused.\"\"\"\n    with "
                        "pytest.raises(errors.InvalidValue):\n        _%1$s(%2$s=\" \")\n",
                        snake, node_text(a, "name"));
        }
}

int py_write_core_test(struct py_out *o)
{
        struct yaml_node *entities[ENTITIES_MAX];
        size_t n = facts_list(o->v, "entities", entities, ENTITIES_MAX);
        char home[PY_NAME_BYTES], about[PY_NAME_BYTES], at[PY_NAME_BYTES];

        (void)snprintf(about, sizeof(about), "Tests of %.60s.", topic_of(o));
        py_docstring(o, 0, about);
        (void)snprintf(home, sizeof(home), "%.90s.%.90s", module_of(o), topic_of(o));
        if (!module_that_says(o, "class Collection:", NULL, at)) {
                py_starve(o, "the class Collection");
                return 0;
        }
        py_import(o, "pytest", NULL);
        py_import(o, module_of(o), "errors");
        py_import(o, home, "Collection");
        for (size_t i = 0; i < n; i++) {
                py_import(o, home, name_of(entities[i]));
                emit_tests(o, entities[i]);
        }
        return 0;
}

/* ---- what holds the topics ---- */

int py_write_library(struct py_out *o)
{
        const char *name = facts_setting(o->v, "name"),
                   *description = facts_setting(o->v, "description");
        _cleanup_buf_ struct buf about = {0};

        buf_printf(&about, "%s: %s", name ? name : "Library",
                   description ? description : "a library.");
        py_docstring(o, 0, about.at ? about.at : "A library.");
        py_emit(o, "\n__version__ = \"0.1.0\"\n");
        return about.failed;
}

/* Told in signatures alone. */
static const char registry[] =
        "\nT = TypeVar(\"T\")\n"
        "\n\nclass Registry(Generic[T]):\n    \"\"\"Values that a key identifies.\"\"\"\n"
        "\n    def __init__(self, key: Callable[[T], Hashable]) -> None:\n        \"\"\"Begin "
        "empty.\"\"\"\n        self._key = key\n        self._items: list[T] = []\n"
        "\n    def _find(self, key: object) -> int | None:\n        for i, item in "
        "enumerate(self._items):\n            if self._key(item) == key:\n                return "
        "i\n        return None\n"
        "\n    def _place(self, key: object) -> int:\n        place = self._find(key)\n        if "
        "place is None:\n            raise errors.NotFound(f\"there is no {key!r}\")\n        "
        "return place\n"
        "\n    def add(self, value: T) -> None:\n        \"\"\"Append a value.\"\"\"\n        if "
        "self._key(value) in self:\n            raise errors.AlreadyThere(f\"there is "
        "{self._key(value)!r}\")\n        self._items.append(value)\n"
        "\n    def get(self, key: Hashable) -> T:\n        \"\"\"Find a value.\"\"\"\n        "
        "return self._items[self._place(key)]\n"
        "\n    def replace(self, value: T) -> None:\n        \"\"\"Exchange a value.\"\"\"\n      "
        "  self._items[self._place(self._key(value))] = value\n"
        "\n    def remove(self, key: Hashable) -> None:\n        \"\"\"Drop a value.\"\"\"\n      "
        "  del self._items[self._place(key)]\n"
        "\n    def __contains__(self, key: object) -> bool:\n        \"\"\"Whether the key is "
        "known.\"\"\"\n        return self._find(key) is not None\n"
        "\n    def __iter__(self) -> Iterator[T]:\n        \"\"\"All values, oldest "
        "first.\"\"\"\n        return iter(list(self._items))\n"
        "\n    def __len__(self) -> int:\n        \"\"\"Count the values.\"\"\"\n        return "
        "len(self._items)\n";

int py_write_registry(struct py_out *o)
{
        static const char *const names[] = {"Callable", "Hashable", "Iterator"};

        py_docstring(o, 0, "Values by their keys.");
        if (!facts_says(o->v, "def __init__(self, key: Callable[[T], Hashable]) -> None")) {
                py_starve(o, "what the registry shall have");
                return 0;
        }
        py_import(o, "__future__", "annotations");
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                py_import(o, "collections.abc", names[i]);
        py_import(o, "typing", "Generic");
        py_import(o, "typing", "TypeVar");
        py_import(o, module_of(o), "errors");
        buf_add_text(&o->body, registry);
        return 0;
}

void text_write_project(const struct facts_view *v, struct buf *b)
{
        const char *module = facts_setting(v, "module"),
                   *description = facts_setting(v, "description");
        _cleanup_buf_ struct buf literal = {0};

        py_quote(description ? description : "A library.", &literal);
        buf_printf(b,
                   "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = "
                   "\"setuptools.build_meta\"\n\n[project]\nname = \"%1$s\"\nversion = "
                   "\"0.1.0\"\ndescription = %2$s\nrequires-python = \">=3.11\"\n"
                   "\n[tool.setuptools.packages.find]\nwhere = [\"src\"]\n"
                   "\n[tool.pytest.ini_options]\npythonpath = [\"src\"]\ntestpaths = [\"tests\"]\n"
                   "\n[tool.black]\nline-length = 79\n"
                   "\n[tool.isort]\nprofile = \"black\"\nline_length = "
                   "79\nknown_first_party = [\"%1$s\"]\n",
                   module ? module : "library", literal.at ? literal.at : "\"\"");
        if (literal.failed)
                b->failed = literal.failed;
}
