#!/usr/bin/env python3
"""The style test must fail where it should: each rule on a small repository that breaks it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "tidy.py"
HEADER = "// What it is.\n#pragma once\n"


class Tidy(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write("README.md", "# A title\n")
        self.write("src/base/README.md", "# Base\n")
        self.write("src/base/good.h", HEADER)

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        subprocess.run(["git", "-C", str(self.root), "add", name], check=True)

    def check(self):
        done = subprocess.run([sys.executable, str(TOOL), "--root", str(self.root)], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0 if done.stdout == "tidy\n" else 1)
        return done.stdout.splitlines()

    def refuses(self, name, text, *parts, mode=0o644):
        self.write(name, text, mode)
        lines = self.check()
        self.assertEqual(len(lines), 1, lines)
        for part in (name, *parts):
            self.assertIn(part, lines[0])

    def test_good_repository(self):
        self.assertEqual(self.check(), ["tidy"])

    def test_long_line(self):
        self.refuses("src/base/x.cc", "// " + "word " * 26 + "end\n", ":1: 136 characters")

    def test_line_of_one_long_word_passes(self):
        self.write("src/base/x.cc", "// " + "a" * 200 + "\n")
        self.assertEqual(self.check(), ["tidy"])

    def test_tab_and_trailing_blank(self):
        self.refuses("src/base/x.cc", "\tint x;\n", "a tab")
        self.refuses("src/base/x.cc", "int x; \n", "blanks at the end")
        self.refuses("src/base/x.cc", "int x;", "no line end")

    def test_marks_of_unfinished_work(self):
        self.refuses("src/base/x.cc", "// TO" + "DO: all\n", "'TO" + "DO'")

    def test_machine_paths_and_registries(self):
        self.refuses("src/base/x.cc", 'auto x = "/ho' + 'me/me/x";\n', "a path of one machine")
        self.refuses("src/base/x.cc", "// see https://registry.np" + "mjs.org/x\n", "a registry's host")
        self.write("src/base/x.cc", 'auto x = "$here/tmp/x"; auto y = "tests/home/x";\n')
        self.assertEqual(self.check(), ["tidy"])

    def test_names(self):
        self.refuses("src/base/CamelCase.cc", "", "not snake_case")

    def test_scripts(self):
        self.refuses("tools/run.sh", "#!/bin/sh\n", "not executable")
        self.refuses("tools/run.sh", "echo\n", "does not begin with", mode=0o755)

    def test_headers(self):
        self.refuses("src/base/x.h", "#pragma once\n", "begins with a comment")
        self.refuses("src/base/x.h", "// What it is.\n", "'#pragma once' is missing")

    def test_markdown(self):
        self.refuses("docs/x.md", "Text\n", "its title")
        self.refuses("docs/x.md", "# One\n# Two\n", "second title")
        self.write("docs/x.md", "# One\n```\n# a comment in an example\n```\n")
        self.assertEqual(self.check(), ["tidy"])

    def test_changelog(self):
        good = "# Changelog\n\n## Unreleased\n\n### Features\n\n- One\n  goes on\n\n### Fixes\n- Two\n\n"
        good += "## 0.1.0, 2026-01-02\n\n### Features\n- Three\n"
        self.write("CHANGELOG.md", good)
        self.assertEqual(self.check(), ["tidy"])
        self.refuses("CHANGELOG.md", good.replace("0.1.0, 2026", "0.1.0 2026"), ":13: a section is")
        self.refuses("CHANGELOG.md", good.replace("### Fixes", "### Other"), "buckets are")
        self.refuses("CHANGELOG.md", good + "\n## 0.2.0, 2026-01-03\n", "from new to old")
        self.refuses("CHANGELOG.md", good.replace("- Two", "Two"), "a change is a line")

    def test_tests(self):
        self.refuses("tests/base/x.cc", "TEST(A, B) {\n}\n", "ends with _test.cc")
        self.write("tests/base/x.cc", "")
        self.refuses("tests/base/x_test.cc", "TEST(A, with_blanks) {\n}\n", "CamelCase")
        self.refuses("tests/base/x_test.cc", "TEST(A, B) {\n}\nTEST(A, B) {\n}\n", ":3: a second test")

    def test_long_functions(self):
        body = "  if (x) {\n    y();\n  }\n" * 34
        self.refuses("src/base/x.cc", "namespace a {\nint Long(int x) {\n" + body + "}\n}\n", ":2: Long has 104 lines")
        self.refuses("src/base/x.cc", "class A {\n  void f() const {\n" + body + "  }\n};\n", ":2: f has 104 lines")
        raw = "const char* x = R\"(int f() {\n" + "\n" * 200 + ")\";\n"
        self.write("src/base/x.cc", raw + "int kTable[] = {\n" + "1,\n" * 200 + "};\n")
        self.assertEqual(self.check(), ["tidy"])
        self.refuses("tools/x.py", "def long():\n" + "    pass\n" * 100, ":1: long has 101 lines")

    def test_large_files(self):
        self.refuses("docs/x.png", b"\0" * (1 << 20) + b"\0", "1048577 bytes")

    def test_modules_have_a_page(self):
        self.write("src/table/x.cc", "")
        self.assertEqual(self.check(), ["src/table: a module has a README.md"])


if __name__ == "__main__":
    unittest.main()
