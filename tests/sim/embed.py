"""Makes C of text files, so that a program carries them: embed.py OUT FILE…"""

import pathlib
import sys

out, *paths = map(pathlib.Path, sys.argv[1:])
lines = ['#include "tests/sim/py-words.h"', "", "const struct py_words_file py_words_files[] = {"]
for path in paths:
    lines.append(f'        {{"{path.name}",')
    for line in path.read_text().splitlines():
        text = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        lines.append(f'         "{text}\\n"')
    lines.append("        },")
lines += ["};", f"const size_t n_py_words_files = {len(paths)};", ""]
out.write_text("\n".join(lines))
