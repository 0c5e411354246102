#!/usr/bin/env python3
"""That the tests of the pages notice what is wrong with a page, and say where. squid-mesh is in PATH."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
UUID = "01a22817-ec86-7ecc-8997-a4d1b9433cf9"


def fence(language, text, *directives):
    return "".join(f"<!-- test: {d} -->\n" for d in directives) + f"```{language}\n{text}\n```\n"


class Mistakes(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self._project = pathlib.Path(self._directory.name)
        (self._project / "docs").mkdir()
        (self._project / "README.md").write_text("# A project\n")

    def tearDown(self):
        self._directory.cleanup()

    def _run(self, script, page, *arguments):
        (self._project / "docs/page.md").write_text(page)
        return subprocess.run([sys.executable, "-B", HERE / script, self._project, *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _extract(self, page):
        return self._run("extract.py", page, self._project / "extracted")

    def _play(self, page):
        return self._run("play.py", page, "docs/page.md", self._project / "played")

    def _assert_refused(self, done, *words):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)

    def _assert_played(self, page):
        done = self._play(page)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_blocks_of_which_nobody_knows_how_to_test_them(self):
        self._assert_refused(self._extract("# Page\n" + fence("sql", "SELECT 1")), "docs/page.md:3", "sql")
        self._assert_refused(self._extract(fence("cpp", "int x;", "statement")), "docs/page.md:3", '"statement"')
        self._assert_refused(self._extract(fence("cpp", "int x;", "no")), "docs/page.md:3", "why not")
        self._assert_refused(self._extract("<!-- test: statements -->\n\n" + fence("cpp", "int x;")), "docs/page.md:2")
        self._assert_refused(self._extract("```cpp\nint x;\n"), "docs/page.md:2", "isn't closed")

    def test_code_keeps_its_place(self):
        self.assertEqual(self._extract("# Page\n\n" + fence("cpp", "int x;")).returncode, 0)
        self.assertIn('#line 4 "docs/page.md"\nint x;\n', (self._project / "extracted/page.cc").read_text())

    def test_output_that_is_another_one(self):
        self._assert_refused(self._play(fence("console", "$ echo yes\nno")), "docs/page.md:2", "    yes\n", "    no\n")
        self._assert_refused(self._play(fence("console", "$ echo yes")), "    yes\n")
        self._assert_refused(self._play(fence("console", "$ true\nyes")), "    yes\n")
        self._assert_played(fence("console", "$ echo yes and no\nyes ... no\n$ seq 5\n1\n...\n5"))

    def test_commands_that_end_otherwise(self):
        self._assert_refused(self._play(fence("console", "$ false")), "exit code 1")
        self._assert_refused(self._play(fence("console", "$ true", "fails")), "exit code 0")
        self._assert_refused(self._play(fence("console", "$ false\n$ false", "fails")), "docs/page.md:3")
        self._assert_played(fence("console", "$ true\n$ false", "fails"))

    def test_one_id_is_one_id(self):
        other = UUID.replace("01a2", "02b3")
        twice = f"$ echo {other} {other}\n{UUID} {UUID}\n$ echo {UUID} | grep {other}\n{UUID}"
        self._assert_played(fence("console", twice))
        self._assert_refused(self._play(fence("console", f"$ echo {other} {UUID}\n{UUID} {UUID}")))
        self._assert_refused(self._play(fence("console", f"$ echo {other}\n{UUID}\n$ echo no {UUID[:-1]}0\nno {UUID}")))

    def test_times_are_any_and_other_numbers_are_not(self):
        written, shown = "at 2026-03-01 10:11:12  3 s ago, took 5 ms", "at 2020-01-01 01:02:03 now, took 2 s"
        self._assert_played(fence("console", f"$ echo {written}\n{shown}"))
        self._assert_refused(self._play(fence("console", "$ echo 5 runs\n4 runs")))

    def test_what_other_terminals_write(self):
        second = "terminal second"
        busy = "for i in {1..200000}; do :; done"  # what is to be interrupted comes after what is shown
        self._assert_played(fence("console", f"$ echo up; {busy}; sleep 1000\nup", second) +
                            fence("console", "^C", second))
        self._assert_played(fence("console", "$ (until [ -e go ]; do sleep 0.01; done; echo gone)", second) +
                            fence("console", "$ touch go") + fence("console", "gone", second))

    def test_data_that_is_not_what_it_looks_like(self):
        self._assert_refused(self._play(fence("json", '{"a": 1,\n "b" 2}')), "docs/page.md:3")
        endless = '{"name": "x", "triggers": [{"name": "m"}], "steps": [{"name": "a"}]}'
        self._assert_refused(self._play(fence("json", endless)), "docs/page.md:2", "breaks 1 rule")
        self._assert_refused(self._play(fence("cmake", "find_package(squid_mush REQUIRED)")), "docs/page.md:2")


if __name__ == "__main__":
    unittest.main()
