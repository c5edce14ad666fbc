"""A small application of our own and what an analyser would find in it: for tests and the benchmark of `genopt fix`."""

import json

RENAME = "Replace the `old.{0}` import statement with `new.{0}`"


def java(name, imports, body):
    lines = ["package org.boats;", ""] + [f"import {i};" for i in imports] + ["", f"public class {name} {{"]
    lines += [f"    {line}" if line else "" for line in body] + ["}"]
    return "\n".join(lines) + "\n"


def finding(rule, path, line, message, code=None, prefix="/opt/input/source/", **more):
    snippet = None if code is None else f"{line - 1:3}  \n{line:3}  {code}\n{line + 1:3}  "
    return {"rule": rule, "incident": {"uri": f"file://{prefix}{path}", "lineNumber": line, "message": message,
                                       **({"codeSnip": snippet} if snippet else {}), **more}}


class App:
    """files: path → text; findings: in the order of the analyser."""

    def __init__(self, n=6):
        self.files, self.findings = {}, []
        for i in range(n):
            self.add_class(f"Boat{i}", i)
        self.files["src/main/resources/unit.xml"] = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<unit version="2.1"\n      xmlns="http://old.example/ns/unit">\n'
            '  <name>boats</name>\n</unit>\n')
        self.add("xml-001", "src/main/resources/unit.xml", 3,
                 "Replace `http://old.example/ns/unit` with `https://new.example/ns/unit` and change the schema version number")
        self.add("xml-002", "src/main/resources/unit.xml", 2, "In the root tag, replace the `version` attribute value `2.1` with `3.0`")
        self.files["target/classes/unit.xml"] = self.files["src/main/resources/unit.xml"]
        self.add("xml-001", "target/classes/unit.xml", 3, "Replace `http://old.example/ns/unit` with `https://new.example/ns/unit`")

    def add_class(self, name, i):
        path = f"src/main/java/org/boats/{name}.java"
        text = java(name, ["java.util.List", "old.sea.Wave", "old.sea.Wind", "old.dock.Rope"],
                    ["@Moored", f"private Wave wave{i};", "", f"public int knots{i}() {{", f"    return {i} + wave{i}.height();", "}"])
        self.files[path] = text
        for line, group in ((4, "sea"), (5, "sea"), (6, "dock")):
            self.add("import-001", path, line, RENAME.format(group), text.split("\n")[line - 1])
        if i % 2 == 0:
            self.add("moor-001", path, 9, "Mooring by annotation has gone: moor in the constructor instead.", "    @Moored", effort=3)
        if i % 3 == 0:
            self.add("speed-001", path, 12, f"Speeds are doubles in the new library; `knots{i}` must give one.", f"    public int knots{i}() {{",
                     effort=5)

    def add(self, rule, path, line, message, code=None, effort=1, **more):
        self.findings.append({**finding(rule, path, line, message, code, **more), "effort": effort})

    def write(self, root):
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    def analysis(self):
        violations = {}
        for f in self.findings:
            v = violations.setdefault(f["rule"], {"description": f"What {f['rule']} is about", "category": "mandatory",
                                                  "labels": ["konveyor.io/target=new"], "effort": f["effort"], "incidents": []})
            v["incidents"].append(f["incident"])
        return [{"name": "boats", "violations": violations, "errors": {"broken-001": "it broke"}, "unmatched": ["never-001"]},
                {"name": "empty", "unmatched": ["never-002"]}]

    def write_analysis(self, path):
        path.write_text(json.dumps(self.analysis()))  # JSON is YAML
        return path
