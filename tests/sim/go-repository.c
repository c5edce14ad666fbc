#include <stdio.h>

#include "tests/sim/go.h"

/* Some blueprints want parts of the list of what is kept. */
static bool has_pages(struct go_out *o)
{
        return facts_says(o->v, "Page(ctx context.Context, offset, limit int) ([]*E, error)") &&
               facts_says(o->v, "Count(ctx context.Context) (int, error)");
}

static void emit_verbs(struct go_out *o, const char *id_type)
{
        go_emit(o,
                "\n// %1$sRepository stores %2$s entities.\ntype %1$sRepository interface {\n"
                "\tCreate(ctx context.Context, e *%1$s) error\n"
                "\tGet(ctx context.Context, id %3$s) (*%1$s, error)\n"
                "\tList(ctx context.Context) ([]*%1$s, error)\n"
                "\tUpdate(ctx context.Context, e *%1$s) error\n"
                "\tDelete(ctx context.Context, id %3$s) error\n",
                o->entity, o->lower, id_type);
        if (has_pages(o))
                go_emit(o,
                        "\tPage(ctx context.Context, offset, limit int) ([]*%s, error)\n"
                        "\tCount(ctx context.Context) (int, error)\n",
                        o->entity);
        go_emit(o, "}\n");
}

/* How an identifier that is empty is filled, by its type; lines of Create. store is the receiver's
 * way to all entities. */
static void emit_assign(struct go_out *o, const char *id_type)
{
        if (str_is_equal(id_type, "string")) {
                go_import(o, "crypto/rand");
                go_import(o, "encoding/hex");
                go_emit(o,
                        "\tif e.ID == \"\" {\n\t\traw := make([]byte, 16)\n\t\tif _, err := "
                        "rand.Read(raw); err != nil {\n"
                        "\t\t\treturn fmt.Errorf(\"create %s: %%w\", err)\n\t\t}\n\t\te.ID = "
                        "hex.EncodeToString(raw)\n\t}\n",
                        o->lower);
                go_import(o, "fmt");
        } else if (go_is_integer(id_type)) {
                go_emit(o, "\tif e.ID == 0 {\n\t\tfor _, old := range r.items {\n\t\t\tif old.ID > "
                           "e.ID {\n\t\t\t\te.ID = old.ID\n\t\t\t}\n\t\t}\n"
                           "\t\te.ID++\n\t}\n");
        }
}

static void emit_find(struct go_out *o, const char *type, const char *id_type)
{
        go_emit(o,
                "\n// find tells the position of an identifier, or -1. The caller holds the lock.\n"
                "func (r *%s) find(id %s) int {\n\tfor i, e := range r.items {\n\t\tif e.ID == id "
                "{\n\t\t\treturn i\n\t\t}\n\t}\n\treturn -1\n}\n",
                type, id_type);
}

static void emit_reads(struct go_out *o, const char *type, const char *id_type, const char *lock,
                       const char *unlock)
{
        go_emit(o,
                "\n// Get returns a copy of the %2$s with this identifier.\n"
                "func (r *%1$s) Get(ctx context.Context, id %3$s) (*%4$s, error) {\n"
                "\tif err := ctx.Err(); err != nil {\n\t\treturn nil, "
                "err\n\t}\n\tr.mu.%5$s()\n\tdefer r.mu.%6$s()\n"
                "\ti := r.find(id)\n\tif i < 0 {\n\t\treturn nil, Err%4$sNotFound\n\t}\n\tcopied "
                ":= *r.items[i]\n\treturn &copied, nil\n}\n",
                type, o->lower, id_type, o->entity, lock, unlock);
        go_emit(o,
                "\n// List returns copies of all, in the order of their creation.\n"
                "func (r *%1$s) List(ctx context.Context) ([]*%2$s, error) {\n"
                "\tif err := ctx.Err(); err != nil {\n\t\treturn nil, "
                "err\n\t}\n\tr.mu.%3$s()\n\tdefer r.mu.%4$s()\n"
                "\tlist := make([]*%2$s, 0, len(r.items))\n\tfor _, e := range r.items "
                "{\n\t\tcopied := *e\n\t\tlist = append(list, &copied)\n\t}\n"
                "\treturn list, nil\n}\n",
                type, o->entity, lock, unlock);
}

/* How a store is written: what every verb begins with, what follows a change. In a file, `before`
 * is put back when saving fails. */
struct kind_of_store {
        const char *type, *id_type, *lock, *unlock, *keep, *done;
        bool is_file;
};

/* Both see the list that List gives. */
static void emit_pages(struct go_out *o, const char *type)
{
        if (!has_pages(o))
                return;
        go_emit(o,
                "\n// Page returns at most limit of what List returns, from offset on.\n"
                "func (r *%1$s) Page(ctx context.Context, offset, limit int) ([]*%2$s, error) {\n"
                "\tlist, err := r.List(ctx)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n"
                "\tif offset < 0 || limit < 0 || offset >= len(list) {\n\t\treturn list[:0], "
                "nil\n\t}\n\tif list = list[offset:]; limit < len(list) {\n\t\tlist = "
                "list[:limit]\n\t}\n\treturn list, nil\n}\n"
                "\n// Count tells how many there are.\n"
                "func (r *%1$s) Count(ctx context.Context) (int, error) {\n"
                "\tlist, err := r.List(ctx)\n\treturn len(list), err\n}\n",
                type, o->entity);
}

static const char opening[] = "\tif err := ctx.Err(); err != nil {\n\t\treturn err\n\t}\n";

static void emit_create(struct go_out *o, const struct kind_of_store *k)
{
        go_import(o, "errors");
        go_emit(o,
                "\n// Create stores a copy; an empty identifier is assigned.\nfunc (r *%s) "
                "Create(ctx context.Context, e *%s) error {\n%s",
                k->type, o->entity, opening);
        go_emit(o,
                "\tif e == nil {\n\t\treturn errors.New(\"create %s: nothing "
                "given\")\n\t}\n\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n",
                o->lower);
        emit_assign(o, k->id_type);
        go_emit(o,
                "\tif r.find(e.ID) >= 0 {\n\t\treturn Err%sExists\n\t}\n\tcopied := "
                "*e\n%s\tr.items = append(r.items, &copied)\n%s",
                o->entity, k->keep, k->done);
}

static void emit_update(struct go_out *o, const struct kind_of_store *k)
{
        go_emit(o,
                "\n// Update replaces what is stored under the identifier.\nfunc (r *%s) "
                "Update(ctx context.Context, e *%s) error {\n%s",
                k->type, o->entity, opening);
        go_emit(o,
                "\tif e == nil {\n\t\treturn errors.New(\"update %s: nothing "
                "given\")\n\t}\n\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n"
                "\ti := r.find(e.ID)\n\tif i < 0 {\n\t\treturn Err%sNotFound\n\t}\n\tcopied := "
                "*e\n%s",
                o->lower, o->entity, k->keep);
        go_emit(o, "%s", k->is_file ? "\tr.items = append([]*" : "\tr.items[i] = &copied\n");
        if (k->is_file)
                go_emit(o, "%s(nil), before...)\n\tr.items[i] = &copied\n", o->entity);
        go_emit(o, "%s", k->done);
}

static void emit_delete(struct go_out *o, const struct kind_of_store *k)
{
        go_emit(o,
                "\n// Delete removes what is stored under the identifier.\nfunc (r *%s) Delete(ctx "
                "context.Context, id %s) error {\n%s",
                k->type, k->id_type, opening);
        go_emit(o,
                "\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n\ti := r.find(id)\n\tif i < 0 {\n\t\treturn "
                "Err%sNotFound\n\t}\n%s",
                o->entity, k->keep);
        go_emit(o,
                "\tkept := make([]*%s, 0, len(r.items)-1)\n\tkept = append(kept, "
                "r.items[:i]...)\n\tr.items = append(kept, r.items[i+1:]...)\n%s",
                o->entity, k->done);
}

/* The five, in the order in which they are told. */
static void emit_all(struct go_out *o, const char *type, const char *id_type, bool is_file)
{
        struct kind_of_store k = {
                .type = type,
                .id_type = id_type,
                .is_file = is_file,
                .lock = is_file ? "Lock" : "RLock",
                .unlock = is_file ? "Unlock" : "RUnlock",
                .keep = is_file ? "\tbefore := r.items\n" : "",
                .done = is_file ? "\tif err := r.save(); err != nil {\n\t\tr.items = "
                                  "before\n\t\treturn err\n\t}\n\treturn nil\n}\n"
                                : "\treturn nil\n}\n"};

        emit_create(o, &k);
        emit_reads(o, type, id_type, k.lock, k.unlock);
        emit_pages(o, type);
        emit_update(o, &k);
        emit_delete(o, &k);
}

int go_write_repository(struct go_out *o)
{
        const struct go_file *file = NULL;
        const struct go_param *id = go_need_id(o, &file);
        char id_type[GO_NAME_BYTES];

        if (!id)
                return 0;
        go_use_type(o, file, id->type, id_type);
        go_import(o, "context");
        go_import(o, "errors");
        go_import(o, "sync");
        go_emit(o,
                "\n// Err%1$sNotFound tells that there is no %2$s with the identifier.\nvar "
                "Err%1$sNotFound = errors.New(\"%2$s not found\")\n",
                o->entity, o->lower);
        go_emit(o,
                "\n// Err%1$sExists tells that the identifier is in use.\nvar Err%1$sExists = "
                "errors.New(\"%2$s exists already\")\n",
                o->entity, o->lower);
        emit_verbs(o, id_type);
        go_emit(o,
                "\n// Memory%1$sRepository is a %1$sRepository in memory.\ntype "
                "Memory%1$sRepository struct {\n\tmu    sync.RWMutex\n\titems []*%1$s\n}\n"
                "\nvar _ %1$sRepository = (*Memory%1$sRepository)(nil)\n"
                "\n// NewMemory%1$sRepository makes an empty repository.\nfunc "
                "NewMemory%1$sRepository() *Memory%1$sRepository {\n"
                "\treturn &Memory%1$sRepository{}\n}\n",
                o->entity);
        char type[GO_NAME_BYTES * 2];
        (void)snprintf(type, sizeof(type), "Memory%sRepository", o->entity);
        emit_find(o, type, id_type);
        emit_all(o, type, id_type, false);
        go_emit(o, "\n");
        go_emit_rules(o, "");
        return 0;
}

static void emit_save(struct go_out *o)
{
        static const char *const imports[] = {"encoding/json", "fmt", "os", "path/filepath"};

        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_emit(o,
                "\n// save writes all to a temporary file beside the target and renames it. The "
                "caller holds the lock.\n"
                "func (r *File%1$sRepository) save() error {\n\tdata, err := "
                "json.MarshalIndent(r.items, \"\", \"  \")\n\tif err != nil {\n"
                "\t\treturn fmt.Errorf(\"encode %2$s file: %%w\", err)\n\t}\n\tdir := "
                "filepath.Dir(r.path)\n"
                "\tif err := os.MkdirAll(dir, 0o755); err != nil {\n\t\treturn fmt.Errorf(\"store "
                "%2$s file: %%w\", err)\n\t}\n"
                "\ttemporary, err := os.CreateTemp(dir, \".%2$s-*\")\n\tif err != nil "
                "{\n\t\treturn fmt.Errorf(\"store %2$s file: %%w\", err)\n\t}\n"
                "\tdefer os.Remove(temporary.Name())\n\t_, err = temporary.Write(append(data, "
                "'\\n'))\n\tif err == nil {\n"
                "\t\terr = temporary.Sync()\n\t}\n\tif closed := temporary.Close(); err == nil "
                "{\n\t\terr = closed\n\t}\n\tif err == nil {\n"
                "\t\terr = os.Rename(temporary.Name(), r.path)\n\t}\n\tif err != nil {\n\t\treturn "
                "fmt.Errorf(\"store %2$s file: %%w\", err)\n\t}\n"
                "\treturn nil\n}\n",
                o->entity, o->lower);
}

int go_write_file_repository(struct go_out *o)
{
        const struct go_file *file = NULL;
        const struct go_param *id = go_need_id(o, &file);
        char id_type[GO_NAME_BYTES], type[GO_NAME_BYTES * 2], interface[GO_NAME_BYTES * 2],
                error[GO_NAME_BYTES * 2];

        if (!id)
                return 0;
        (void)snprintf(type, sizeof(type), "File%sRepository", o->entity);
        (void)snprintf(interface, sizeof(interface), "%sRepository", o->entity);
        (void)snprintf(error, sizeof(error), "Err%sNotFound", o->entity);
        if (!go_find_type(&o->w, o->dir, interface, NULL) ||
            !go_has_variable(&o->w, o->dir, error)) {
                go_starve(o, "the interface of the file that declares %s", interface);
                return 0;
        }
        go_use_type(o, file, id->type, id_type);
        go_import(o, "context");
        go_import(o, "errors");
        go_import(o, "sync");
        go_emit(o,
                "\n// File%1$sRepository is a %1$sRepository in one JSON file.\ntype "
                "File%1$sRepository struct {\n\tmu    sync.Mutex\n\tpath  string\n"
                "\titems []*%1$s\n}\n\nvar _ %1$sRepository = (*File%1$sRepository)(nil)\n",
                o->entity);
        go_emit(o,
                "\n// NewFile%1$sRepository reads the file; one that is missing is an empty "
                "store.\n"
                "func NewFile%1$sRepository(path string) (*File%1$sRepository, error) {\n\tr := "
                "&File%1$sRepository{path: path}\n"
                "\tdata, err := os.ReadFile(path)\n\tif errors.Is(err, os.ErrNotExist) "
                "{\n\t\treturn r, nil\n\t}\n\tif err != nil {\n"
                "\t\treturn nil, fmt.Errorf(\"read %2$s file: %%w\", err)\n\t}\n\tif err := "
                "json.Unmarshal(data, &r.items); err != nil {\n"
                "\t\treturn nil, fmt.Errorf(\"read %2$s file %%s: %%w\", path, err)\n\t}\n\treturn "
                "r, nil\n}\n",
                o->entity, o->lower);
        emit_save(o);
        emit_find(o, type, id_type);
        emit_all(o, type, id_type, true);
        go_emit(o, "\n");
        go_emit_rules(o, "");
        return 0;
}
