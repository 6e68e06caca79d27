#!/usr/bin/env python3
"""The style of the repository, executed as a test.

Usage: tidy.py [--root FOLDER]

Looks at every tracked file once, prints one line a fault, "FILE:LINE: what", and ends with 1 when there is any. The
rules are the functions called check_...; each says in its first line what it holds files to.
"""
import argparse
import ast
import json
import pathlib
import re
import subprocess
import sys

MAX_LINE = 130
MAX_FUNCTION_LINES = 100
MAX_FILE_BYTES = 1 << 20

# Functions that may be longer, as "FILE:FUNCTION", each with its reason.
LONG_FUNCTIONS = {}
# Files that may be larger than MAX_FILE_BYTES; also what their style is not looked at.
GENERATED = ("data/dictionary/", "src/dicom/dictionary_data.cc")
# Bytes that tests are made of, whatever they look like.
DATA = ("fuzz/corpus/", "tests/data/", "tests/golden/", "data/", "benchmarks/results/")

CODE = {".cc", ".h", ".py", ".sh", ".cmake"}
TEXT = CODE | {".md", ".txt", ".json", ".toml", ".yml", ".yaml", ".sql", ".ts", ".tsx", ".css", ".html", ""}
CHANGE_BUCKETS = ("Features", "Safety and performance", "Fixes", "Internals")

MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$})/-])/(?:work|home|root|tmp|Users)/\w")
REGISTRY = re.compile(
    r"\b(?:registry\.[a-z]+\.[a-z]+|pypi\.org|pythonhosted\.org|npm" r"js\.(?:org|com)|deb\.debian\.org|proxy\.golang\.org|"
    r"(?:static\.)?crates\.io|ghcr\.io|docker\.io|quay\.io)\b")
TEST_MACRO = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\((\w+),\s*(\w+)\)")
CAMEL = re.compile(r"^[A-Z][A-Za-z0-9]*$")
NOT_FUNCTIONS = re.compile(
    r"^\s*(?:(?:inline|export)\s+)?(?:if|for|while|switch|else|do|namespace|class|struct|enum|union|extern)\b")


class File:
    """One tracked file; text is None for bytes that are no UTF-8 text."""

    def __init__(self, root, name, executable):
        self.name = name
        self.path = pathlib.PurePosixPath(name)
        self.executable = executable
        self.bytes = (root / name).read_bytes()
        try:
            self.text = self.bytes.decode("utf-8") if b"\0" not in self.bytes else None
        except UnicodeDecodeError:
            self.text = None
        self.lines = (self.text or "").split("\n")
        self.is_code = self.path.suffix in CODE or self.path.name == "CMakeLists.txt" or self.bytes.startswith(b"#!")
        self.is_text = self.text is not None and (self.is_code or self.path.suffix in TEXT)
        self.is_generated = name.startswith(GENERATED)
        self.is_data = name.startswith(DATA)


def tracked(root):
    """(name, executable) of every tracked file that is there."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-s", "-z"]
    listing = subprocess.run(command, capture_output=True, check=True).stdout
    for row in listing.decode().split("\0"):
        if row:
            head, name = row.split("\t", 1)
            if (root / name).is_file() and not (root / name).is_symlink():
                yield name, head.startswith("100755")


def check_size(file):
    """No file is larger than a megabyte."""
    if len(file.bytes) > MAX_FILE_BYTES and not file.is_generated:
        yield 1, f"{len(file.bytes)} bytes; a tracked file has at most {MAX_FILE_BYTES}"


def check_lines(file):
    """Lines are short, without tabs, blanks at the end and marks of unfinished work."""
    if not file.is_text or file.is_generated or file.is_data:
        return
    for number, line in enumerate(file.lines, 1):
        longest_word = max(map(len, line.split()), default=0)
        if file.is_code and len(line) > MAX_LINE and longest_word <= 100:
            yield number, f"{len(line)} characters; a line has at most {MAX_LINE}"
        if "\t" in line:
            yield number, "a tab"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if MARKS.search(line):
            yield number, f"'{MARKS.search(line).group(1)}': do it, or write it down as an issue"
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "no line end at the end of the file"


def check_places(file):
    """Nothing names a folder of one machine or a package registry's host."""
    if not file.is_text or file.is_generated:
        return
    for number, line in enumerate(file.lines, 1):
        if MACHINE_PATH.search(line):
            yield number, f"a path of one machine: {line.strip()[:80]}"
        if REGISTRY.search(line):
            yield number, f"a registry's host: {REGISTRY.search(line).group(0)}"


def check_name(file):
    """Names of code files are snake_case; CMake's own modules are CamelCase."""
    if file.path.suffix in (".cc", ".h", ".py", ".sh") and not re.fullmatch(r"[a-z0-9_]+\.[a-z]+", file.path.name):
        yield 1, "the name is not snake_case"


def check_script(file):
    """A file is executable if and only if it begins with '#!'."""
    script = file.bytes.startswith(b"#!")
    if script != file.executable and not file.is_data:
        yield 1, "begins with '#!' but is not executable" if script else "is executable but does not begin with '#!'"


def check_header(file):
    """A header begins with a comment that says what it is, and has '#pragma once'."""
    if file.path.suffix != ".h" or file.is_generated:
        return
    if not file.lines[0].startswith("// "):
        yield 1, "a header begins with a comment: what it is, when to use it"
    if "#pragma once" not in file.lines:
        yield 1, "'#pragma once' is missing"


def check_markdown(file):
    """A document begins with its title, and only the title is of the first level."""
    if file.path.suffix != ".md" or file.text is None:
        return
    if not file.lines[0].startswith("# "):
        yield 1, "a document begins with its title: '# ...'"
    fenced = False
    for number, line in enumerate(file.lines, 1):
        fenced ^= line.lstrip().startswith("```")
        if number > 1 and not fenced and line.startswith("# "):
            yield number, "a second title"


def check_changelog(file):
    """CHANGELOG.md: versions from new to old, in them the buckets in their order, in these one line a change."""
    if file.name != "CHANGELOG.md":
        return
    if file.lines[0] != "# Changelog":
        yield 1, "the title is '# Changelog'"
    versions, bucket = [], -1
    for number, line in enumerate(file.lines[1:], 2):
        if line.startswith("## "):
            bucket = -1
            match = re.fullmatch(r"## (?:Unreleased|(\d+)\.(\d+)\.(\d+), \d{4}-\d\d-\d\d)", line)
            version = tuple(int(part) for part in match.groups()) if match and match.group(1) else None
            if not match or (version is None and versions):
                yield number, "a section is '## Unreleased' (the first) or '## X.Y.Z, YYYY-MM-DD'"
            elif version and versions and versions[-1] and versions[-1] <= version:
                yield number, "versions go from new to old"
            versions.append(version)
        elif line.startswith("### "):
            after = CHANGE_BUCKETS.index(line[4:]) if line[4:] in CHANGE_BUCKETS else -1
            if not versions or after <= bucket:
                yield number, f"a version's buckets are, in this order: {', '.join(CHANGE_BUCKETS)}"
            bucket = max(bucket, after)
        elif line and versions and not line.startswith(("- ", "  ")):
            yield number, "a change is a line that begins with '- ' (and '  ' where it goes on)"
        elif line.startswith("- ") and bucket < 0:
            yield number, "a change stands in a bucket"


def check_tests(file):
    """Tests are where the build finds them; suites and tests are CamelCase."""
    parts = file.path.parts
    if len(parts) == 3 and parts[0] == "tests" and file.path.suffix == ".cc" and not file.path.name.endswith("_test.cc"):
        if any(TEST_MACRO.match(line) for line in file.lines):
            yield 1, "no target builds this: a test's name ends with _test.cc"
    if not file.path.name.endswith("_test.cc"):
        return
    names = set()
    for number, line in enumerate(file.lines, 1):
        match = TEST_MACRO.match(line)
        if match and not (CAMEL.match(match.group(1)) and CAMEL.match(match.group(2))):
            yield number, "suites and tests have CamelCase names"
        if match and match.groups() in names:
            yield number, "a second test of this name"
        if match:
            names.add(match.groups())


def blank_out(text):
    """C++ with comments and literals replaced by blanks; line ends stay."""
    comments = r"//[^\n]*|/\*.*?\*/"
    strings = r'R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    characters = r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
    pattern = re.compile(f"{comments}|{strings}|{characters}", re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def cpp_functions(text):
    """(first line, last line, name) of the outermost functions."""
    text = re.sub(r"(?m)^[ ]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: re.sub(r"[^\n]", " ", match.group(0)), blank_out(text))
    stack, start, line = [], 0, 1
    inside = None  # depth at which the present function began
    for at, char in enumerate(text):
        if char == "\n":
            line += 1
        elif char == "{":
            head = text[start:at]
            if inside is None and "(" in head and not NOT_FUNCTIONS.match(head) and "= " not in head.split("(")[0]:
                inside = (len(stack), line, " ".join(head.split("(")[0].split()))
            stack.append(char)
            start = at + 1
        elif char == "}" and stack:
            stack.pop()
            start = at + 1
            if inside and inside[0] == len(stack):
                yield inside[1], line, inside[2].split(" ")[-1]
                inside = None
        elif char == ";":
            start = at + 1


def check_functions(file):
    """A function has at most a hundred lines."""
    found = []
    if file.path.suffix in (".cc", ".h") and file.text and not file.is_generated:
        found = list(cpp_functions(file.text))
    elif file.path.suffix == ".py" and file.text:
        functions = (node for node in ast.walk(ast.parse(file.text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        found = [(node.lineno, node.end_lineno, node.name) for node in functions]
    for first, last, name in found:
        if last - first + 1 > MAX_FUNCTION_LINES and f"{file.name}:{name}" not in LONG_FUNCTIONS:
            yield first, f"{name} has {last - first + 1} lines; a function has at most {MAX_FUNCTION_LINES}"


def check_json(file):
    """JSON files are JSON."""
    if file.path.suffix == ".json" and file.text and not file.is_data:
        try:
            json.loads(file.text)
        except ValueError as error:
            yield 1, f"not JSON: {error}"


def check_modules(root, names):
    """Every module of src/ has a README.md."""
    for module in sorted({name.split("/")[1] for name in names if name.startswith("src/") and name.count("/") > 1}):
        if f"src/{module}/README.md" not in names:
            yield f"src/{module}: a module has a README.md"
    if "README.md" not in names and (root / "src").exists():
        yield "README.md is missing"


CHECKS = (check_size, check_lines, check_places, check_name, check_script, check_header, check_markdown, check_changelog,
          check_tests, check_functions, check_json)


def faults_of(root):
    names = []
    for name, executable in tracked(root):
        names.append(name)
        file = File(root, name, executable)
        for check in CHECKS:
            for number, what in check(file):
                yield f"{name}:{number}: {what}"
    yield from check_modules(root, set(names))


def main():
    parser = argparse.ArgumentParser(description="Checks the style of all tracked files.")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    words = parser.parse_args()
    if not (words.root / ".git").exists():
        print("no git repository here: nothing is checked")
        return 0
    faults = list(faults_of(words.root))
    print("\n".join(faults) if faults else "tidy")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
