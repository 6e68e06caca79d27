#!/usr/bin/env python3
"""The layer test: the includes of src/ against src/layers.txt.

Usage: check_layers.py [--root FOLDER] [--compile-commands FILE]

Prints one line a fault, "FILE:LINE: what", and ends with 1 when there is any. Checked are:
  edges      a module includes itself and the modules of its row only
  cycles     neither the rows nor the headers go round in a circle
  internal   src/MODULE/internal/ is included by MODULE only
  outside    a header from outside stands in the module's `third` row; C++ standard headers need no row
  own first  x.cc includes x.h (or internal/x.h) before anything else
  built      every source belongs to a module's library; with --compile-commands, to a target of the build
"""
import argparse
import json
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = re.compile(r"^[a-z0-9_]+$")  # <vector>: no folder and no ending


def read_rows(path, faults):
    """The rows of layers.txt: module -> modules below, module -> headers from outside."""
    below, third = {}, {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        head, colon, tail = text.partition(":")
        if not colon:
            faults.append(f"{path}:{number}: a row has the form 'module: modules' or 'third module: headers'")
        elif head.startswith("third "):
            third[head.split()[1]] = tail.split()
        else:
            below[head] = tail.split()
    for module in sorted(set(third) - set(below)):
        faults.append(f"{path}: a third row for '{module}', which is no module")
    for module, others in below.items():
        for other in others:
            if other not in below:
                faults.append(f"{path}: '{module}' may include '{other}', which is no module")
    return below, third


def find_cycle(edges):
    """Nodes of a cycle in {node: nodes}, or None. Without recursion."""
    state = {}
    for start in sorted(edges):
        if start in state:
            continue
        stack = [(start, iter(sorted(edges[start])))]
        state[start] = "open"
        while stack:
            node, others = stack[-1]
            for other in others:
                if state.get(other) == "open":
                    path = [entry[0] for entry in stack]
                    return path[path.index(other):] + [other]
                if other not in state and other in edges:
                    state[other] = "open"
                    stack.append((other, iter(sorted(edges[other]))))
                    break
            else:
                state[node] = "done"
                stack.pop()
    return None


def includes_of(path):
    """(line number, kind, name) of each include."""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


class Check:
    def __init__(self, root):
        self.src = root / "src"
        self.faults = []
        self.below, self.third = read_rows(self.src / "layers.txt", self.faults)
        self.header_edges = {}

    def fault(self, path, number, text):
        self.faults.append(f"{path}:{number}: {text}")

    def run(self, compile_commands):
        cycle = find_cycle({module: set(others) for module, others in self.below.items()})
        if cycle:
            self.faults.append(f"{self.src / 'layers.txt'}: a circle: {' -> '.join(cycle)}")
        sources = []
        for path in sorted(self.src.rglob("*")):
            if path.suffix in (".h", ".cc"):
                self.check_file(path)
            if path.suffix == ".cc":
                sources.append(path)
            if path.suffix in (".c", ".cpp", ".cxx", ".hpp", ".hh"):
                self.fault(path, 1, "no target builds this: sources end in .cc, headers in .h")
        cycle = find_cycle(self.header_edges)
        if cycle:
            self.faults.append(f"{self.src}: headers that include each other: {' -> '.join(cycle)}")
        if compile_commands:
            self.check_built(sources, compile_commands)
        return self.faults

    def check_file(self, path):
        name = path.relative_to(self.src).as_posix()
        module = name.split("/")[0]
        if module not in self.below or "/" not in name:
            self.fault(path, 1, "no target builds this: its folder has no row in layers.txt")
            return
        if path.name == "main.cc" and name != "cli/main.cc":
            self.fault(path, 1, "no target builds this: main.cc stands in cli only")
        includes = list(includes_of(path))
        if path.suffix == ".cc":
            self.check_own_first(path, name, includes)
        else:
            self.header_edges[name] = {other for _, kind, other in includes if kind == '"'}
        for number, kind, other in includes:
            if kind == '"':
                self.check_inner(path, number, module, other)
            else:
                self.check_outer(path, number, module, other)

    def check_own_first(self, path, name, includes):
        folder, _, stem = name.removesuffix(".cc").rpartition("/")
        for own in (f"{folder}/{stem}.h", f"{folder}/internal/{stem}.h"):
            if (self.src / own).exists():
                if not includes or includes[0][2] != own:
                    self.fault(path, includes[0][0] if includes else 1, f'the first include is not "{own}"')
                return

    def check_inner(self, path, number, module, other):
        target = other.split("/")[0]
        if not (self.src / other).is_file():
            self.fault(path, number, f'"{other}" is not in src/')
        elif target != module and target not in self.below[module]:
            self.fault(path, number, f"{module} may not include {target}: see src/layers.txt")
        elif target != module and "/internal/" in other:
            self.fault(path, number, f'"{other}" is internal to {target}')

    def check_outer(self, path, number, module, header):
        if STANDARD.match(header):
            return
        allowed = self.third.get(module, [])
        if not any(header == row or (row.endswith("/") and header.startswith(row)) for row in allowed):
            self.fault(path, number, f"<{header}> is not in the row 'third {module}' of src/layers.txt")

    def check_built(self, sources, compile_commands):
        built = {pathlib.Path(entry["directory"], entry["file"]).resolve() for entry in json.loads(compile_commands.read_text())}
        for path in sources:
            if path.resolve() not in built:
                self.fault(path, 1, "no target builds this (or the build was configured before it was there)")


def main():
    parser = argparse.ArgumentParser(description="Checks the includes of src/ against src/layers.txt.")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--compile-commands", type=pathlib.Path)
    words = parser.parse_args()
    faults = Check(words.root).run(words.compile_commands)
    for fault in faults:
        print(fault.replace(f"{words.root}/", "", 1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
