#!/usr/bin/env python3
"""The layer test must fail where it should: on a fixture with one forbidden edge, and on changes to it."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TOOL = HERE.parent.parent / "tools" / "check_layers.py"


class CheckLayers(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        shutil.copytree(HERE / "fixture" / "src", self.root / "src")

    def check(self, *words):
        command = [sys.executable, str(TOOL), "--root", str(self.root), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout.splitlines()

    def write(self, name, text):
        path = self.root / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def mend(self):
        self.write("base/low.cc", '#include "base/low.h"\n#include <unistd.h>\n')

    def test_fixture_has_its_one_forbidden_edge(self):
        self.assertEqual(self.check(), ["src/base/low.cc:6: base may not include dicom: see src/layers.txt"])

    def test_mended_fixture_passes(self):
        self.mend()
        self.assertEqual(self.check(), [])

    def expect(self, *parts):
        lines = self.check()
        self.assertEqual(len(lines), 1, lines)
        for part in parts:
            self.assertIn(part, lines[0])

    def test_circle_of_modules(self):
        self.mend()
        self.write("layers.txt", "base: dicom\ndicom: base\nthird base: unistd.h\n")
        self.expect("a circle", "base -> dicom -> base")

    def test_circle_of_headers(self):
        self.mend()
        self.write("base/low.h", '#include "base/other.h"\n')
        self.write("base/other.h", '#include "base/low.h"\n')
        self.expect("headers that include each other")

    def test_internal_of_another_module(self):
        self.mend()
        self.write("base/internal/secret.h", "")
        self.write("base/own.cc", '#include "base/internal/secret.h"\n')
        self.write("dicom/high.cc", '#include "dicom/high.h"\n#include "base/internal/secret.h"\n')
        self.expect("src/dicom/high.cc:2", "internal to base")

    def test_header_from_outside_its_row(self):
        self.mend()
        self.write("dicom/high.h", "#include <unistd.h>\n#include <vector>\n")
        self.expect("src/dicom/high.h:1", "'third dicom'")

    def test_own_header_first(self):
        self.mend()
        self.write("dicom/high.cc", '#include <vector>\n#include "dicom/high.h"\n')
        self.expect("src/dicom/high.cc:1", '"dicom/high.h"')

    def test_header_that_is_not_there(self):
        self.mend()
        self.write("dicom/high.h", '#include "base/lower.h"\n')
        self.expect("not in src/")

    def test_sources_that_no_target_builds(self):
        self.mend()
        self.write("dicom/main.cc", "")
        self.expect("main.cc stands in cli only")
        (self.root / "src/dicom/main.cc").unlink()
        self.write("other/file.cc", "")
        self.expect("no row in layers.txt")
        shutil.rmtree(self.root / "src/other")
        self.write("dicom/file.cpp", "")
        self.expect("sources end in .cc")

    def test_sources_that_are_not_in_the_build(self):
        self.mend()
        commands = self.root / "compile_commands.json"
        commands.write_text(json.dumps([{"directory": str(self.root), "file": "src/base/low.cc"}]))
        self.assertEqual(self.check("--compile-commands", str(commands)), [])
        self.write("base/new.cc", "")
        self.assertEqual(len(self.check("--compile-commands", str(commands))), 1)

    def test_row_with_an_unknown_module(self):
        self.mend()
        self.write("layers.txt", "base:\ndicom: base nothing\nthird base: unistd.h\n")
        self.expect("'nothing', which is no module")


if __name__ == "__main__":
    unittest.main()
