#include <stdio.h>

#include "tests/sim/go.h"

/* What has to do with SQL: a repository that keeps documents, its test, and the database that the
 * test runs on, as prompts tell them. */

static const char database[] =
        "\n"
        "// Database is a database in memory.\n"
        "type Database struct {\n"
        "\tmu     sync.Mutex\n"
        "\trows   []record\n"
        "\tbroken error\n"
        "}\n"
        "\n"
        "type record struct {\n"
        "\ttable  string\n"
        "\tvalues map[string]driver.Value\n"
        "}\n"
        "\n"
        "// Open makes an empty database.\n"
        "func Open() (*sql.DB, *Database) {\n"
        "\td := &Database{}\n"
        "\treturn sql.OpenDB(door{d}), d\n"
        "}\n"
        "\n"
        "// Break makes statements fail with err until it is called with nil.\n"
        "func (d *Database) Break(err error) {\n"
        "\td.mu.Lock()\n"
        "\tdefer d.mu.Unlock()\n"
        "\td.broken = err\n"
        "}\n"
        "\n"
        "type door struct{ d *Database }\n"
        "\n"
        "func (o door) Connect(context.Context) (driver.Conn, error) { return &session{d:"
        " o.d}, nil }\n"
        "func (o door) Driver() driver.Driver                        { return o }\n"
        "func (o door) Open(string) (driver.Conn, error)             { return &session{d:"
        " o.d}, nil }\n"
        "\n"
        "type session struct {\n"
        "\td    *Database\n"
        "\tkept []record\n"
        "}\n"
        "\n"
        "func (s *session) Prepare(text string) (driver.Stmt, error) { return command{s.d"
        ", text}, nil }\n"
        "func (s *session) Close() error                             { return nil }\n"
        "func (s *session) Commit() error                            { return nil }\n"
        "func (s *session) Begin() (driver.Tx, error) {\n"
        "\ts.d.mu.Lock()\n"
        "\tdefer s.d.mu.Unlock()\n"
        "\ts.kept = append([]record(nil), s.d.rows...)\n"
        "\treturn s, nil\n"
        "}\n"
        "func (s *session) Rollback() error {\n"
        "\ts.d.mu.Lock()\n"
        "\tdefer s.d.mu.Unlock()\n"
        "\ts.d.rows = s.kept\n"
        "\treturn nil\n"
        "}\n"
        "\n"
        "type command struct {\n"
        "\td    *Database\n"
        "\ttext string\n"
        "}\n"
        "\n"
        "func (c command) Close() error  { return nil }\n"
        "func (c command) NumInput() int { return strings.Count(c.text, \"?\") }\n"
        "\n"
        "// quoted gives the names between double quotes.\n"
        "func quoted(text string) []string {\n"
        "\tvar names []string\n"
        "\tfor i, part := range strings.Split(text, \"\\\"\") {\n"
        "\t\tif i%2 == 1 {\n"
        "\t\t\tnames = append(names, part)\n"
        "\t\t}\n"
        "\t}\n"
        "\treturn names\n"
        "}\n"
        "\n"
        "// isMeant tells whether a record is one that the condition of the statement mea"
        "ns.\n"
        "func (c command) isMeant(r record, table string, args []driver.Value) bool {\n"
        "\t_, condition, has := strings.Cut(c.text, \" WHERE \")\n"
        "\tif r.table != table || !has {\n"
        "\t\treturn r.table == table\n"
        "\t}\n"
        "\tcondition, _, _ = strings.Cut(condition, \" ORDER BY \")\n"
        "\tfor i, part := range strings.Split(condition, \" AND \") {\n"
        "\t\tis := r.values[quoted(part)[0]] == args[i]\n"
        "\t\tif is == strings.Contains(part, \"<>\") {\n"
        "\t\t\treturn false\n"
        "\t\t}\n"
        "\t}\n"
        "\treturn true\n"
        "}\n"
        "\n"
        "func (c command) Exec(args []driver.Value) (driver.Result, error) {\n"
        "\tc.d.mu.Lock()\n"
        "\tdefer c.d.mu.Unlock()\n"
        "\tnames := quoted(c.text)\n"
        "\tif c.d.broken != nil || len(names) == 0 {\n"
        "\t\treturn nil, c.d.broken\n"
        "\t}\n"
        "\tn := 0\n"
        "\tswitch {\n"
        "\tcase strings.HasPrefix(c.text, \"INSERT INTO \"):\n"
        "\t\tvalues := map[string]driver.Value{}\n"
        "\t\tfor i, name := range names[1:] {\n"
        "\t\t\tvalues[name] = args[i]\n"
        "\t\t}\n"
        "\t\tc.d.rows = append(c.d.rows, record{names[0], values})\n"
        "\t\tn = 1\n"
        "\tcase strings.HasPrefix(c.text, \"UPDATE \"):\n"
        "\t\tset := names[1 : len(names)-1]\n"
        "\t\tfor i, r := range c.d.rows {\n"
        "\t\t\tif !c.isMeant(r, names[0], args[len(set):]) {\n"
        "\t\t\t\tcontinue\n"
        "\t\t\t}\n"
        "\t\t\tvalues := map[string]driver.Value{}\n"
        "\t\t\tfor name, value := range r.values {\n"
        "\t\t\t\tvalues[name] = value\n"
        "\t\t\t}\n"
        "\t\t\tfor k, name := range set {\n"
        "\t\t\t\tvalues[name] = args[k]\n"
        "\t\t\t}\n"
        "\t\t\tc.d.rows[i] = record{names[0], values}\n"
        "\t\t\tn++\n"
        "\t\t}\n"
        "\tcase strings.HasPrefix(c.text, \"DELETE FROM \"):\n"
        "\t\tvar left []record\n"
        "\t\tfor _, r := range c.d.rows {\n"
        "\t\t\tif c.isMeant(r, names[0], args) {\n"
        "\t\t\t\tn++\n"
        "\t\t\t} else {\n"
        "\t\t\t\tleft = append(left, r)\n"
        "\t\t\t}\n"
        "\t\t}\n"
        "\t\tc.d.rows = left\n"
        "\tdefault:\n"
        "\t\treturn nil, fmt.Errorf(\"unknown statement: %s\", c.text)\n"
        "\t}\n"
        "\treturn driver.RowsAffected(n), nil\n"
        "}\n"
        "\n"
        "func (c command) Query(args []driver.Value) (driver.Rows, error) {\n"
        "\tc.d.mu.Lock()\n"
        "\tdefer c.d.mu.Unlock()\n"
        "\twhat, rest, ok := strings.Cut(strings.TrimPrefix(c.text, \"SELECT \"), \" FROM"
        " \")\n"
        "\tif c.d.broken != nil {\n"
        "\t\treturn nil, c.d.broken\n"
        "\t}\n"
        "\tif !ok || len(quoted(rest)) == 0 {\n"
        "\t\treturn nil, fmt.Errorf(\"unknown statement: %s\", c.text)\n"
        "\t}\n"
        "\tvar found []record\n"
        "\tfor _, r := range c.d.rows {\n"
        "\t\tif c.isMeant(r, quoted(rest)[0], args) {\n"
        "\t\t\tfound = append(found, r)\n"
        "\t\t}\n"
        "\t}\n"
        "\tif _, by, ok := strings.Cut(rest, \" ORDER BY \"); ok {\n"
        "\t\tkey := quoted(by)[0]\n"
        "\t\tsort.SliceStable(found, func(i, k int) bool {\n"
        "\t\t\ta, b := found[i].values[key], found[k].values[key]\n"
        "\t\t\tif x, ok := a.(int64); ok {\n"
        "\t\t\t\treturn x < b.(int64)\n"
        "\t\t\t}\n"
        "\t\t\treturn fmt.Sprint(a) < fmt.Sprint(b)\n"
        "\t\t})\n"
        "\t}\n"
        "\tif strings.HasSuffix(rest, \" LIMIT ? OFFSET ?\") {\n"
        "\t\tlimit, _ := args[len(args)-2].(int64)\n"
        "\t\toffset, _ := args[len(args)-1].(int64)\n"
        "\t\tif offset >= int64(len(found)) {\n"
        "\t\t\tfound = nil\n"
        "\t\t} else if found = found[offset:]; limit < int64(len(found)) {\n"
        "\t\t\tfound = found[:limit]\n"
        "\t\t}\n"
        "\t}\n"
        "\tnames := quoted(what)\n"
        "\tif strings.HasPrefix(what, \"COUNT\") {\n"
        "\t\treturn &answer{names: []string{\"n\"}, left: [][]driver.Value{{int64(len(fou"
        "nd))}}}, nil\n"
        "\t}\n"
        "\tif strings.HasPrefix(what, \"COALESCE\") {\n"
        "\t\tvar most int64\n"
        "\t\tfor _, r := range found {\n"
        "\t\t\tif n, ok := r.values[names[0]].(int64); ok && n > most {\n"
        "\t\t\t\tmost = n\n"
        "\t\t\t}\n"
        "\t\t}\n"
        "\t\treturn &answer{names: names, left: [][]driver.Value{{most}}}, nil\n"
        "\t}\n"
        "\ta := &answer{names: names}\n"
        "\tfor _, r := range found {\n"
        "\t\tline := make([]driver.Value, len(names))\n"
        "\t\tfor i, name := range names {\n"
        "\t\t\tline[i] = r.values[name]\n"
        "\t\t}\n"
        "\t\ta.left = append(a.left, line)\n"
        "\t}\n"
        "\treturn a, nil\n"
        "}\n"
        "\n"
        "type answer struct {\n"
        "\tnames []string\n"
        "\tleft  [][]driver.Value\n"
        "}\n"
        "\n"
        "func (a *answer) Columns() []string { return a.names }\n"
        "func (a *answer) Close() error      { return nil }\n"
        "func (a *answer) Next(line []driver.Value) error {\n"
        "\tif len(a.left) == 0 {\n"
        "\t\treturn io.EOF\n"
        "\t}\n"
        "\tif copy(line, a.left[0]) < len(line) {\n"
        "\t\treturn errors.New(\"too few columns\")\n"
        "\t}\n"
        "\ta.left = a.left[1:]\n"
        "\treturn nil\n"
        "}\n";

static const char repository[] =
        "\n"
        "// SQL%1$sRepository is a %1$sRepository in a database: a document for each enti"
        "ty.\n"
        "type SQL%1$sRepository struct {\n"
        "\tdb *sql.DB\n"
        "}\n"
        "\n"
        "var _ %1$sRepository = (*SQL%1$sRepository)(nil)\n"
        "\n"
        "// NewSQL%1$sRepository keeps entities in db.\n"
        "func NewSQL%1$sRepository(db *sql.DB) *SQL%1$sRepository {\n"
        "\treturn &SQL%1$sRepository{db: db}\n"
        "}\n"
        "\n"
        "// Create inserts a new entity.\n"
        "func (r *SQL%1$sRepository) Create(ctx context.Context, e *%1$s) error {\n"
        "\tif e == nil {\n"
        "\t\treturn errors.New(\"create %2$s: nil\")\n"
        "\t}\n"
        "%4$s\tif _, err := r.Get(ctx, e.ID); err == nil {\n"
        "\t\treturn fmt.Errorf(\"create %2$s %%v: %%w\", e.ID, Err%1$sExists)\n"
        "\t} else if !errors.Is(err, Err%1$sNotFound) {\n"
        "\t\treturn err\n"
        "\t}\n"
        "%6$s\tdocument, err := json.Marshal(e)\n"
        "\tif err != nil {\n"
        "\t\treturn fmt.Errorf(\"create %2$s: %%w\", err)\n"
        "\t}\n"
        "\t_, err = r.db.ExecContext(ctx, `INSERT INTO \"%5$s\" (\"id\", \"document\") VA"
        "LUES (?, ?)`, e.ID, string(document))\n"
        "\tif err != nil {\n"
        "\t\treturn fmt.Errorf(\"create %2$s: %%w\", err)\n"
        "\t}\n"
        "\treturn nil\n"
        "}\n"
        "\n"
        "// Get reads one entity.\n"
        "func (r *SQL%1$sRepository) Get(ctx context.Context, id %3$s) (*%1$s, error) {\n"
        "\tvar document string\n"
        "\terr := r.db.QueryRowContext(ctx, `SELECT \"document\" FROM \"%5$s\" WHERE \"id"
        "\" = ?`, id).Scan(&document)\n"
        "\tif errors.Is(err, sql.ErrNoRows) {\n"
        "\t\treturn nil, fmt.Errorf(\"get %2$s %%v: %%w\", id, Err%1$sNotFound)\n"
        "\t}\n"
        "\tif err != nil {\n"
        "\t\treturn nil, fmt.Errorf(\"get %2$s %%v: %%w\", id, err)\n"
        "\t}\n"
        "\te := new(%1$s)\n"
        "\tif err := json.Unmarshal([]byte(document), e); err != nil {\n"
        "\t\treturn nil, fmt.Errorf(\"get %2$s %%v: %%w\", id, err)\n"
        "\t}\n"
        "\treturn e, nil\n"
        "}\n"
        "\n"
        "// List reads all entities by identifier.\n"
        "func (r *SQL%1$sRepository) List(ctx context.Context) ([]*%1$s, error) {\n"
        "\treturn r.query(ctx, `SELECT \"document\" FROM \"%5$s\" ORDER BY \"id\"`)\n"
        "}\n"
        "\n"
        "// Page reads at most limit entities, from offset on.\n"
        "func (r *SQL%1$sRepository) Page(ctx context.Context, offset, limit int) ([]*%1$s"
        ", error) {\n"
        "\tif offset < 0 || limit < 0 {\n"
        "\t\treturn make([]*%1$s, 0), nil\n"
        "\t}\n"
        "\treturn r.query(ctx, `SELECT \"document\" FROM \"%5$s\" ORDER BY \"id\" LIMIT ? OF"
        "FSET ?`, limit, offset)\n"
        "}\n"
        "\n"
        "// Count counts all entities.\n"
        "func (r *SQL%1$sRepository) Count(ctx context.Context) (int, error) {\n"
        "\tvar n int\n"
        "\tif err := r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM \"%5$s\"`).Scan(&n); err "
        "!= nil {\n"
        "\t\treturn 0, fmt.Errorf(\"count %2$s: %%w\", err)\n"
        "\t}\n"
        "\treturn n, nil\n"
        "}\n"
        "\n"
        "func (r *SQL%1$sRepository) query(ctx context.Context, text string, args ...interface{"
        "}) ([]*%1$s, error) {\n"
        "\trows, err := r.db.QueryContext(ctx, text, args...)\n"
        "\tif err != nil {\n"
        "\t\treturn nil, fmt.Errorf(\"list %2$s: %%w\", err)\n"
        "\t}\n"
        "\tdefer rows.Close()\n"
        "\tall := make([]*%1$s, 0)\n"
        "\tfor rows.Next() {\n"
        "\t\tvar document string\n"
        "\t\te := new(%1$s)\n"
        "\t\tif err := rows.Scan(&document); err != nil {\n"
        "\t\t\treturn nil, fmt.Errorf(\"list %2$s: %%w\", err)\n"
        "\t\t}\n"
        "\t\tif err := json.Unmarshal([]byte(document), e); err != nil {\n"
        "\t\t\treturn nil, fmt.Errorf(\"list %2$s: %%w\", err)\n"
        "\t\t}\n"
        "\t\tall = append(all, e)\n"
        "\t}\n"
        "\treturn all, rows.Err()\n"
        "}\n"
        "\n"
        "// Update replaces an entity.\n"
        "func (r *SQL%1$sRepository) Update(ctx context.Context, e *%1$s) error {\n"
        "\tif e == nil {\n"
        "\t\treturn errors.New(\"update %2$s: nil\")\n"
        "\t}\n"
        "%6$s\tdocument, err := json.Marshal(e)\n"
        "\tif err != nil {\n"
        "\t\treturn fmt.Errorf(\"update %2$s: %%w\", err)\n"
        "\t}\n"
        "\tdone, err := r.db.ExecContext(ctx, `UPDATE \"%5$s\" SET \"document\" = ? WHERE"
        " \"id\" = ?`, string(document), e.ID)\n"
        "\tif err != nil {\n"
        "\t\treturn fmt.Errorf(\"update %2$s: %%w\", err)\n"
        "\t}\n"
        "\tif n, err := done.RowsAffected(); err != nil || n == 0 {\n"
        "\t\treturn fmt.Errorf(\"update %2$s %%v: %%w\", e.ID, Err%1$sNotFound)\n"
        "\t}\n"
        "\treturn nil\n"
        "}\n"
        "\n"
        "// Delete removes an entity.\n"
        "func (r *SQL%1$sRepository) Delete(ctx context.Context, id %3$s) error {\n"
        "\tdone, err := r.db.ExecContext(ctx, `DELETE FROM \"%5$s\" WHERE \"id\" = ?`, id"
        ")\n"
        "\tif err != nil {\n"
        "\t\treturn fmt.Errorf(\"delete %2$s: %%w\", err)\n"
        "\t}\n"
        "\tif n, err := done.RowsAffected(); err != nil || n == 0 {\n"
        "\t\treturn fmt.Errorf(\"delete %2$s %%v: %%w\", id, Err%1$sNotFound)\n"
        "\t}\n"
        "\treturn nil\n"
        "}\n";

static const char assign_text[] = "\tif e.ID == \"\" {\n"
                                  "\t\traw := make([]byte, 16)\n"
                                  "\t\tif _, err := rand.Read(raw); err != nil {\n"
                                  "\t\t\treturn fmt.Errorf(\"create: %w\", err)\n"
                                  "\t\t}\n"
                                  "\t\te.ID = hex.EncodeToString(raw)\n"
                                  "\t}\n";

static const char assign_number[] = "\tif e.ID == 0 {\n"
                                    "\t\tall, err := r.List(ctx)\n"
                                    "\t\tif err != nil {\n"
                                    "\t\t\treturn err\n"
                                    "\t\t}\n"
                                    "\t\tfor _, old := range all {\n"
                                    "\t\t\tif old.ID > e.ID {\n"
                                    "\t\t\t\te.ID = old.ID\n"
                                    "\t\t\t}\n"
                                    "\t\t}\n"
                                    "\t\te.ID++\n"
                                    "\t}\n";

static const char test[] =
        "\n"
        "func TestSQL%1$sRepository_Verbs(t *testing.T) {\n"
        "\tctx := context.Background()\n"
        "\tdb, _ := sqltest.Open()\n"
        "\tdefer db.Close()\n"
        "\tr := NewSQL%1$sRepository(db)\n"
        "\te := &%1$s{}\n"
        "\tif err := r.Create(ctx, e); err != nil {\n"
        "\t\tt.Fatalf(\"Create: %%v\", err)\n"
        "\t}\n"
        "\tif err := r.Create(ctx, e); !errors.Is(err, Err%1$sExists) {\n"
        "\t\tt.Errorf(\"Create again: %%v\", err)\n"
        "\t}\n"
        "\tif _, err := r.Get(ctx, e.ID); err != nil {\n"
        "\t\tt.Errorf(\"Get: %%v\", err)\n"
        "\t}\n"
        "\tif err := r.Update(ctx, e); err != nil {\n"
        "\t\tt.Errorf(\"Update: %%v\", err)\n"
        "\t}\n"
        "\tif list, err := r.List(ctx); err != nil || len(list) != 1 {\n"
        "\t\tt.Errorf(\"List: %%d entities, %%v\", len(list), err)\n"
        "\t}\n"
        "\tif err := r.Delete(ctx, e.ID); err != nil {\n"
        "\t\tt.Errorf(\"Delete: %%v\", err)\n"
        "\t}\n"
        "\tif err := r.Delete(ctx, e.ID); !errors.Is(err, Err%1$sNotFound) {\n"
        "\t\tt.Errorf(\"Delete again: %%v\", err)\n"
        "\t}\n"
        "}\n"
        "\n"
        "func TestSQL%1$sRepository_Broken(t *testing.T) {\n"
        "\tctx := context.Background()\n"
        "\tdb, broken := sqltest.Open()\n"
        "\tdefer db.Close()\n"
        "\tcause := errors.New(\"broken\")\n"
        "\tbroken.Break(cause)\n"
        "\tif _, err := NewSQL%1$sRepository(db).List(ctx); !errors.Is(err, cause) {\n"
        "\t\tt.Errorf(\"List: %%v\", err)\n"
        "\t}\n"
        "}\n";

int go_write_sqltest(struct go_out *o)
{
        static const char *const imports[] = {"context", "database/sql", "database/sql/driver",
                                              "errors",  "fmt",          "io",
                                              "sort",    "strings",      "sync"};

        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_emit(o, "%s", database);
        return 0;
}

/* What the interface blocks must show of the repository. */
static bool is_repository_shown(struct go_out *o)
{
        char interface[GO_NAME_BYTES * 2], absent[GO_NAME_BYTES * 2];

        (void)snprintf(interface, sizeof(interface), "%sRepository", o->entity);
        (void)snprintf(absent, sizeof(absent), "Err%sNotFound", o->entity);
        if (go_find_type(&o->w, o->dir, interface, NULL) && go_has_variable(&o->w, o->dir, absent))
                return true;
        go_starve(o, "the interface of the file that declares %s", interface);
        return false;
}

/* What the facts' rules call unique; false: nothing. */
static bool emit_taken(struct go_out *o)
{
        struct yaml_node *rules[64];
        size_t n = facts_list(o->v, "rules", rules, N_ELEMENTS(rules)), n_emitted = 0;
        char field[GO_NAME_BYTES];

        for (size_t i = 0; i < n; i++) {
                if (!str_is_equal(node_text(rules[i], "rule"), "unique") ||
                    !str_is_equal(node_text(rules[i], "entity"), o->entity) ||
                    !node_text(rules[i], "attribute"))
                        continue;
                if (n_emitted++ == 0)
                        go_emit(o,
                                "\n// taken tells of another one that has what must be unique.\n"
                                "func (r *SQL%1$sRepository) taken(ctx context.Context, e *%1$s) "
                                "error {\n\tall, err := r.List(ctx)\n\tif err != nil {\n"
                                "\t\treturn err\n\t}\n\tvar none %1$s\n"
                                "\tfor _, other := range all {\n",
                                o->entity);
                go_export(node_text(rules[i], "attribute"), field);
                go_emit(o,
                        "\t\tif other.ID != e.ID && e.%1$s != none.%1$s && other.%1$s == e.%1$s {\n"
                        "\t\t\treturn fmt.Errorf(\"%2$s %%v: %%w\", e.ID, Err%3$sExists)\n\t\t}\n",
                        field, o->lower, o->entity);
        }
        if (n_emitted > 0)
                go_emit(o, "\t}\n\treturn nil\n}\n");
        return n_emitted > 0;
}

int go_write_sql_repository(struct go_out *o)
{
        static const char *const imports[] = {"context", "database/sql", "encoding/json", "errors",
                                              "fmt"};
        const struct go_file *file = NULL;
        const struct go_param *id = go_need_id(o, &file);
        char id_type[GO_NAME_BYTES], table[GO_NAME_BYTES];
        bool is_text, has_unique;

        if (!id || !is_repository_shown(o))
                return 0;
        go_use_type(o, file, id->type, id_type);
        go_snake(o->entity, table);
        is_text = str_is_equal(id_type, "string");
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        if (is_text) {
                go_import(o, "crypto/rand");
                go_import(o, "encoding/hex");
        }
        has_unique = emit_taken(o);
        go_emit(o, repository, o->entity, o->lower, id_type, is_text ? assign_text : assign_number,
                table,
                has_unique ? "\tif err := r.taken(ctx, e); err != nil {\n\t\treturn err\n\t}\n"
                           : "");
        go_emit(o, "\n");
        go_emit_rules(o, "");
        return 0;
}

int go_write_sql_test(struct go_out *o)
{
        static const char *const imports[] = {"context", "errors", "testing"};
        char path[GO_NAME_BYTES];

        if (!go_need_id(o, NULL) || !is_repository_shown(o))
                return 0;
        if (!go_find_type(&o->w, "internal/sqltest", "Database", NULL) ||
            !go_path_of_package(o, "sqltest", path)) {
                go_starve(o, "the package sqltest");
                return 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_import(o, path);
        go_emit(o, test, o->entity);
        return 0;
}
