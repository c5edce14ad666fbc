#include "tests/sim/go.h"

/* Package web, as prompts ask for it: the whole of it is told in words, so it is written as it
 * stands here. */
static const char source[] =
        "\ntype contextKey struct{}\n"
        "\ntype entry struct {\n\tmethod  string\n\tparts   []string\n\thandler "
        "http.HandlerFunc\n}\n"
        "\n// Router sends requests to handlers by method and path.\ntype Router struct "
        "{\n\tentries []entry\n}\n"
        "\n// NewRouter makes a router without routes.\nfunc NewRouter() *Router {\n\treturn "
        "&Router{}\n}\n"
        "\n// Handle adds a route; {name} in the pattern stands for one segment.\n"
        "func (r *Router) Handle(method, pattern string, handler http.HandlerFunc) {\n"
        "\tr.entries = append(r.entries, entry{method, cut(pattern), handler})\n}\n"
        "\nfunc cut(path string) []string {\n\treturn strings.Split(strings.Trim(path, \"/\"), "
        "\"/\")\n}\n"
        "\nfunc isName(part string) bool {\n\treturn strings.HasPrefix(part, \"{\") && "
        "strings.HasSuffix(part, \"}\")\n}\n"
        "\nfunc (e *entry) match(parts []string) (map[string]string, bool) {\n\tif len(parts) != "
        "len(e.parts) {\n\t\treturn nil, false\n\t}\n"
        "\tvalues := make(map[string]string)\n\tfor i, want := range e.parts {\n\t\tif "
        "!isName(want) {\n\t\t\tif want != parts[i] {\n"
        "\t\t\t\treturn nil, false\n\t\t\t}\n\t\t\tcontinue\n\t\t}\n\t\tvalue, err := "
        "url.PathUnescape(parts[i])\n"
        "\t\tif err != nil || value == \"\" {\n\t\t\treturn nil, "
        "false\n\t\t}\n\t\tvalues[strings.Trim(want, \"{}\")] = value\n\t}\n\treturn values, "
        "true\n}\n"
        "\nfunc (e *entry) isBefore(other *entry) bool {\n\tfor i := range e.parts {\n\t\tif "
        "isName(e.parts[i]) != isName(other.parts[i]) {\n"
        "\t\t\treturn isName(other.parts[i])\n\t\t}\n\t}\n\treturn false\n}\n"
        "\n// ServeHTTP calls the handler of the route that fits best.\nfunc (r *Router) "
        "ServeHTTP(w http.ResponseWriter, req *http.Request) {\n"
        "\tvar best *entry\n\tvar bestValues map[string]string\n\tallowed := "
        "make(map[string]bool)\n\tparts := cut(req.URL.EscapedPath())\n"
        "\tfor i := range r.entries {\n\t\te := &r.entries[i]\n\t\tvalues, ok := "
        "e.match(parts)\n\t\tif !ok {\n\t\t\tcontinue\n\t\t}\n"
        "\t\tallowed[e.method] = true\n\t\tif e.method == req.Method && (best == nil || "
        "e.isBefore(best)) {\n\t\t\tbest, bestValues = e, values\n\t\t}\n\t}\n"
        "\tif best != nil {\n\t\tbest.handler(w, req.WithContext(context.WithValue(req.Context(), "
        "contextKey{}, bestValues)))\n\t\treturn\n\t}\n"
        "\tif len(allowed) == 0 {\n\t\tWriteError(w, http.StatusNotFound, errors.New(\"no such "
        "path\"))\n\t\treturn\n\t}\n"
        "\tmethods := make([]string, 0, len(allowed))\n\tfor method := range allowed "
        "{\n\t\tmethods = append(methods, method)\n\t}\n\tsort.Strings(methods)\n"
        "\tw.Header().Set(\"Allow\", strings.Join(methods, \", \"))\n\tWriteError(w, "
        "http.StatusMethodNotAllowed, errors.New(\"method not allowed\"))\n}\n"
        "\n// Param gives the value of a name in the pattern.\nfunc Param(req *http.Request, name "
        "string) string {\n"
        "\tvalues, _ := req.Context().Value(contextKey{}).(map[string]string)\n\treturn "
        "values[name]\n}\n"
        "\n// ReadJSON decodes the body into value.\nfunc ReadJSON(req *http.Request, value "
        "interface{}) error {\n"
        "\tdecoder := json.NewDecoder(io.LimitReader(req.Body, 1<<20))\n\tif err := "
        "decoder.Decode(value); err != nil {\n"
        "\t\treturn fmt.Errorf(\"read body: %w\", err)\n\t}\n\tif decoder.More() {\n\t\treturn "
        "errors.New(\"read body: data after the value\")\n\t}\n\treturn nil\n}\n"
        "\n// WriteJSON answers with value.\nfunc WriteJSON(w http.ResponseWriter, status int, "
        "value interface{}) {\n"
        "\tw.Header().Set(\"Content-Type\", \"application/json\")\n\tw.WriteHeader(status)\n\t_ = "
        "json.NewEncoder(w).Encode(value)\n}\n"
        "\n// WriteError answers with the text of err.\nfunc WriteError(w http.ResponseWriter, "
        "status int, err error) {\n"
        "\tWriteJSON(w, status, map[string]string{\"error\": err.Error()})\n}\n";

int go_write_router(struct go_out *o)
{
        static const char *const imports[] = {"context",  "encoding/json", "errors", "fmt",    "io",
                                              "net/http", "net/url",       "sort",   "strings"};

        if (!facts_says(o->v, "func ReadJSON(req *http.Request, value interface{}) error")) {
                go_starve(o, "what package web shall declare");
                return 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        buf_add_text(&o->body, source);
        go_emit(o, "\n");
        go_emit_rules(o, "");
        return 0;
}
