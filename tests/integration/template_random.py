"""Templates by chance, from a grammar of what both engines know; the same seed gives the same templates."""
import random

NAMES = ["n", "f", "yes", "nothing", "text", "names", "numbers", "items", "mapping", "nested", "empty", "s", "missing", "i", "x"]
CONTEXT = {
    "n": 3, "f": 2.5, "yes": True, "nothing": None, "text": "The Quick brown\nfox é", "s": "",
    "names": ["beta", "Alpha", "gamma"], "numbers": [3, 1, 2, 3], "empty": [],
    "items": [{"name": "b", "n": 2, "tags": ["q"]}, {"name": "A", "n": 1}, {"name": "c", "n": 2.0}],
    "mapping": {"k": 1, "a": 2, "name": "m"}, "nested": {"a": {"b": [1, {"c": "deep"}]}},
}
FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "sort", "unique|list", "reverse|list",
    "string", "int", "float", "abs", "round", "min", "max", "sum", "join", "join('-')", "tojson", "wordcount", "items|list",
    "dictsort", "default('d')", "default('e', true)", "replace('a', 'b')", "indent", "truncate(9)", "batch(2)|list",
    "map('string')|list", "map('upper')|list", "map(attribute='name')|list", "map(attribute='n', default=0)|list",
    "select|list", "reject('none')|list", "select('string')|list", "selectattr('tags', 'defined')|list",
    "rejectattr('n', 'gt', 1)|list", "selectattr('name')|list", "sort(attribute='name')", "sort(reverse=true)", "count",
    "max(attribute='n')", "sum(attribute='n')", "round(1)", "round(1, 'floor')", "int(7)", "float(1.5)", "format(1)",
    "format(n, f)", "join(', ', attribute='name')", "tojson(1)", "unique(true)|list", "sort(case_sensitive=true)", "d(1)",
    "batch(2, 0)|list", "indent(2, true)", "replace('', '.', 2)", "trim('Tfé')", "dictsort(by='value')", "min(attribute='n')",
]
TESTS = ["defined", "none", "string", "number", "mapping", "iterable", "sequence", "even", "odd", "boolean", "integer", "float",
         "true", "false", "upper", "lower", "undefined", "divisibleby 2", "divisibleby(n)", "in names", "eq 3", "gt 1", "sameas none",
         "in mapping", "lessthan(f)", "callable", "ne 'a'"]
PARTS = {
    "part": "<{{ n }}{{ x|default('no x') }}{{ i|default('no i') }}>\n",
    "setting": "{% set n = n|default(0) %}{% set y = 'from part' %}{{ y }}{{ loop.index if loop is defined else '-' }}",
    "macros": "{% macro m(a, b=2) %}({{ a }}{{ b }}{{ varargs }}{{ n|default('no n') }}){% endmacro %}{% macro w() %}[{{ caller(1) if caller is defined }}]{% endmacro %}{% set v = 5 %}printed",
    "base": "A{% block one %}one{{ n }}{% endblock %}\n{% for i in numbers %}{% block two scoped %}{{ i }}{% endblock %}{% endfor %}{{ x|default('no x') }}{{ self.one() }}",
    "middle": "{% extends 'base' %}{% block one %}mid{{ super() }}{% endblock %}{% set x = 'mid' %}",
}
METHODS = [".items()|list", ".keys()|list", ".get('k')", ".get('z', 5)", ".upper()", ".split()", ".split('e')", ".strip()",
           ".startswith('T')", ".replace('e', '3')", ".append(1)", ".join(names)", ".values()|list", ".count('a')", ".title",
           ".name", ".n", ".a.b", "[0]", "[-1]", "['name']", "[n]", "[1:]", "[::-1]", "[:2]", ".0", ".find('e')", "[:n - 1]", ".tags"]
LITERALS = ["1", "0", "-2", "2.5", "1e3", "'a'", "'x y'", "\"it's\"", "''", "none", "true", "false", "[]", "[1, 2.0, 'z']", "{}",
            "{'a': 1, 2: 'b'}", "(1, 'q')", "range(3)", "'%s-%s'", "'%05.1f'", "[[1, 2], [3]]", "'-12'", "' 7.9 '", "(2,)", "1.0"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def atom(self):
        return self.r.choice(NAMES if self.r.random() < 0.6 else LITERALS)

    def expression(self, depth=3):
        r = self.r.random()
        if depth <= 0 or r < 0.2:
            return self.atom()
        if r < 0.42:
            return f"{self.operand(depth)}|{self.r.choice(FILTERS)}"
        if r < 0.52:
            return f"{self.operand(depth)} is {self.r.choice(['', 'not '])}{self.r.choice(TESTS)}"
        if r < 0.66:
            return f"{self.operand(depth)}{self.r.choice(METHODS)}"
        if r < 0.86:
            return f"{self.operand(depth)} {self.r.choice(BINARY)} {self.operand(depth)}"
        if r < 0.90:
            otherwise = f" else {self.operand(depth)}" if self.r.random() < 0.7 else ""
            return f"{self.operand(depth)} if {self.operand(depth)}{otherwise}"
        if r < 0.93:
            return f"not {self.operand(depth)}"
        if r < 0.96:
            return f"[{self.expression(depth - 1)}, {self.expression(depth - 1)}]"
        return f"{self.r.choice('-+')}{self.operand(depth)}"

    def operand(self, depth):
        text = self.expression(depth - 1)
        return text if self.r.random() < 0.35 or text.isidentifier() else f"({text})"

    def tag(self, inside):
        left = self.r.choice(["", "", "", "", "-", "+"])
        right = self.r.choice(["", "", "", "", "-", "+"])
        return "{%" + left + " " + inside + " " + right + "%}"

    def text(self):
        return self.r.choice(["", " ", "\n", "a", " b ", "\n  ", "  \n", "c\n", "\n\n", "\td", "{", "%} ", "# ", "\r\n"])

    def loop(self, depth):
        target, over = self.r.choice([("i", "numbers"), ("i", "names"), ("x", "items"), ("k, v", "mapping.items()"), ("i", "range(n)"),
                                      ("k, v", "mapping|dictsort"), ("i", self.expression(1)), ("c", "text"), ("i", "empty")])
        test = f" if {self.expression(1)}" if self.r.random() < 0.3 else ""
        body = self.body(depth - 1) + self.r.choice(["", "{{ loop.index }}", "{{ loop.last }}", "{{ loop.length }}", "{{ i }}",
                                                     "{{ loop.nextitem|default('-') }}", "{{ loop.revindex }}", "{{ k }}",
                                                     "{{ loop.cycle('a', 'b') }}", "{{ ',' if not loop.last }}"])
        otherwise = self.tag("else") + self.body(depth - 1) if self.r.random() < 0.3 else ""
        return self.tag(f"for {target} in {over}{test}") + body + otherwise + self.tag("endfor")

    def statement(self, depth):
        r = self.r.random()
        if r < 0.45 or depth <= 0:
            return self.r.choice(["{{ ", "{{ ", "{{ ", "{{- "]) + self.expression() + self.r.choice([" }}", " }}", " }}", " -}}"])
        if r < 0.6:
            more = self.tag(f"elif {self.expression(2)}") + self.body(depth - 1) if self.r.random() < 0.3 else ""
            last = self.tag("else") + self.body(depth - 1) if self.r.random() < 0.5 else ""
            return self.tag(f"if {self.expression(2)}") + self.body(depth - 1) + more + last + self.tag("endif")
        if r < 0.78:
            return self.loop(depth)
        if r < 0.88:
            return self.tag(f"set {self.r.choice(['x', 'i', 'n', 's', 'y'])} = {self.expression(2)}")
        if r < 0.91:
            return self.tag("set y") + self.body(depth - 1) + self.tag("endset")
        if r < 0.94:
            return self.tag(f"with x = {self.expression(1)}") + self.body(depth - 1) + self.tag("endwith")
        if r < 0.96:
            return self.tag("filter " + self.r.choice(["upper", "trim", "indent(2)", "replace('a', 'b')"])) + self.body(depth - 1) + self.tag("endfilter")
        return self.r.choice(["{# c #}", "{#- c -#}", "{% raw %} {{ x }} {% endraw %}", "{% raw -%} a {%- endraw %}", "{#c#}\n"])

    def body(self, depth):
        return "".join(self.text() + self.statement(depth) for _ in range(self.r.randint(0, 3))) + self.text()

    def template(self):
        return self.body(3)


class ModuleMaker(Maker):
    """Templates of templates; expressions that mostly work, so that what is around them is seen."""

    def expression(self, depth=0):
        return self.r.choice(["n", "text", "yes", "x|default(n)", "i|default('i')", "numbers|length", "names|join", "n + 1", "s", "v|default('v')",
                              "m(1)", "m(b=n, a=2)", "f(x|default(1))", "f()|length", "t.m(3)", "self.one()", "super()", "loop.index", "(m|default(f))(1)",
                              "f", "t.v", "caller()", "varargs|default('-')", "kwargs|default('-')", "k|default(s)", "loop is defined"])

    def block(self, depth):
        return self.tag(f"block {self.r.choice(['one', 'two', 'three'])}{self.r.choice(['', '', ' scoped'])}") + self.body(depth - 1) + self.tag("endblock")

    def statement(self, depth):
        r = self.r.random()
        if depth <= 0 or r < 0.4:
            return super().statement(depth)
        if r < 0.52:
            signature = self.r.choice(["", "a", "a, b=2", "a=n, b=a", "x", "caller=none", "n=3"])
            return self.tag(f"macro {self.r.choice(['f', 'm', 'f'])}({signature})") + self.body(depth - 1) + self.tag("endmacro")
        if r < 0.60:
            call = self.r.choice(["call f()", "call w()", "call(x) w()", "call t.w()", "call(i, n=1) t.w()", "call m(1)"])
            return self.tag(call) + self.body(depth - 1) + self.tag("endcall")
        if r < 0.72:
            name = self.r.choice(["'part'", "'setting'", "['nope', 'part']", "'middle'", "'nope' ignore missing", "'par' ~ 't'", "'base'"])
            return self.tag(f"include {name}{self.r.choice(['', '', '', ' without context', ' with context'])}")
        if r < 0.82:
            return self.tag(self.r.choice(["import 'macros' as t", "from 'macros' import m, w", "from 'macros' import v as x, m", "import 'macros' as t with context",
                                           "from 'macros' import m with context", "from 'macros' import nope"]))
        if r < 0.94:
            return self.block(depth)
        return self.tag("for i in [[1, [2]], [3]] recursive") + self.body(depth - 1) + "{{ loop(i) if i is iterable }}" + self.tag("endfor")

    def template(self):
        start = self.r.choice(["", "", "", self.tag("extends 'base'"), self.tag("extends 'middle'"), self.tag("if yes") + self.tag("extends 'base'") + self.tag("endif")])
        imports = self.r.choice(["", self.tag("from 'macros' import m, w"), self.tag("import 'macros' as t"), self.tag("macro f(a=1)") + "{{ a }}" + self.tag("endmacro")])
        return start + imports + self.body(3)


def modules(seed, n):
    maker = ModuleMaker(seed)
    return [maker.template() for _ in range(n)]


def templates(seed, n):
    maker = Maker(seed)
    return [maker.template() for _ in range(n)]


def expressions(seed, n):
    """One expression each: a refusal hides nothing else."""
    maker = Maker(seed)
    return ["{{ " + maker.expression(maker.r.randint(1, 3)) + " }}" for _ in range(n)]


def structures(seed, n):
    """Statements and white space around expressions that cannot fail."""
    maker = Maker(seed)
    maker.expression = lambda depth=0: maker.r.choice(["n", "text", "names", "yes", "empty", "n > 2", "x|default(n)", "y|default('y')",
                                                       "i|default('i')", "numbers|length", "not empty", "loop is defined", "names|join",
                                                       "(x|default([n]))|string", "n + 1", "s"])
    return [maker.body(3) for _ in range(n)]
