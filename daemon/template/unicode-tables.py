#!/usr/bin/env python3
"""Makes unicode-tables.c from Python's own character data, so that case and classes agree with the reference engine.

Run: /usr/bin/python3 unicode-tables.py > unicode-tables.c (the version of Unicode is named in the file).
"""
import unicodedata

CODES = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def longest(points, same):
    """Greedy runs of points with a step of 1 or 2: (first, last, step)."""
    i = 0
    while i < len(points):
        best, best_n = (points[i], points[i], 1), 1
        for step in (1, 2):
            j = i
            while j + 1 < len(points) and points[j + 1] - points[j] == step and same(points[i], points[j + 1]):
                j += 1
            if j - i + 1 > best_n:
                best, best_n = (points[i], points[j], step), j - i + 1
        yield best
        i += best_n


def emit(head, rows):
    print("\n/* clang-format off */")
    print(head)
    line = "       "
    for row in rows:
        if len(line) + len(row) > 98:
            print(line)
            line = "       "
        line += " " + row
    print(line)
    print("};\n/* clang-format on */")


def emit_class(name, test):
    rows = [f"{{0x{a:x},0x{b:x},{s}}}," for a, b, s in longest([c for c in CODES if test(chr(c))], lambda a, b: True)]
    emit(f"const struct unicode_range unicode_{name}[] = {{", rows)
    print(f"const size_t n_unicode_{name} = N_ELEMENTS(unicode_{name});")


def emit_map(name, fn, is_needed):
    delta = {c: ord(fn(chr(c))) - c for c in CODES if len(fn(chr(c))) == 1 and is_needed(c)}
    rows = [f"{{0x{a:x},0x{b:x},{s},{delta[a]}}}," for a, b, s in longest(sorted(delta), lambda a, b: delta[a] == delta[b])]
    emit(f"const struct unicode_shift unicode_to_{name}[] = {{", rows)
    print(f"const size_t n_unicode_to_{name} = N_ELEMENTS(unicode_to_{name});")


def emit_special(name, fn):
    rows = []
    for c in CODES:
        to = fn(chr(c))
        if len(to) > 1:
            rows.append("{0x%x,{%s}}," % (c, ",".join("0x%x" % ord(x) for x in to)))
    emit(f"const struct unicode_special unicode_special_{name}[] = {{", rows)
    print(f"const size_t n_unicode_special_{name} = N_ELEMENTS(unicode_special_{name});")


def main():
    print(f"/* Made by unicode-tables.py from Unicode {unicodedata.unidata_version}; do not edit. */")
    print('#include "daemon/template/unicode.h"')
    emit_class("word_ranges", lambda s: s.isalnum() or s == "_")
    emit_class("printable_ranges", str.isprintable)
    emit_class("space_ranges", str.isspace)
    emit_class("upper_ranges", str.isupper)
    emit_class("lower_ranges", str.islower)
    emit_class("titled_ranges", lambda s: unicodedata.category(s) == "Lt")
    emit_map("upper", str.upper, lambda c: chr(c).upper() != chr(c))
    emit_map("lower", str.lower, lambda c: chr(c).lower() != chr(c))
    emit_map("title", str.capitalize, lambda c: chr(c).capitalize() != chr(c).upper())
    emit_special("upper", str.upper)
    emit_special("lower", str.lower)
    emit_special("title", str.capitalize)


main()
