#!/usr/bin/env python3
"""Does what a page tells its reader to do, from its first block to its last, in a directory of its own.

Usage: play.py PROJECT PAGE DIRECTORY
The environment says how: SQUID_MESH_DOCS_PATH (what comes before PATH), and what CMake takes from it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pages
import terminal

# Around a fragment of a CMakeLists.txt which says how a program gets the library.
CMAKE_BEFORE = "cmake_minimum_required(VERSION 3.25)\nproject(fragment LANGUAGES CXX)\nadd_executable(app main.cc)\n"


class Player:
    def __init__(self, directory, environment):
        self._directory = directory
        self._environment = environment
        self._terminals = {}
        self._ids = {}

    def play(self, block):
        if block.has("no"):
            return
        if block.has("file"):
            path = self._directory / block.directives["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        if block.language == "json":
            self._check_json(block)
        elif block.language == "cmake" and not block.has("file"):
            self._configure(block)
        elif block.language == "console":
            self._type(block)

    def close(self):
        for each in self._terminals.values():
            each.close()

    def _run(self, block, *command):
        done = subprocess.run(command, cwd=self._directory, env=self._environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise pages.Mistake(f"{block.where}: {' '.join(command)}:\n{done.stdout}")

    def _check_json(self, block):
        """What looks like a workflow's definition has to be one."""
        try:
            document = json.loads(block.text)
        except json.JSONDecodeError as wrong:
            raise pages.Mistake(f"{block.page.path}:{block.line + wrong.lineno - 1}: {wrong.msg}")
        if isinstance(document, dict) and {"name", "steps"} <= document.keys():
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(block.text)
                file.flush()
                self._run(block, "squid-mesh", "definitions", "check", file.name)

    def _configure(self, block):
        with tempfile.TemporaryDirectory() as project:
            (pathlib.Path(project) / "CMakeLists.txt").write_text(CMAKE_BEFORE + block.text)
            (pathlib.Path(project) / "main.cc").write_text("int main() {}\n")
            self._run(block, "cmake", "-S", project, "-B", project + "/build")

    def _with_ids(self, typed):
        for here, there in self._ids.items():
            typed = typed.replace(here, there)
        return typed

    def _type(self, block):
        """Types the commands of a block, and compares what they write."""
        commands = typed_and_shown(block)
        for line, typed, shown in commands:
            is_last = line == commands[-1][0]
            deadline = time.monotonic() + terminal.PATIENCE
            while wrong := self._wrong_about(block, is_last, typed, shown):
                if not block.has("eventually") or time.monotonic() > deadline:
                    raise pages.Mistake(f"{block.page.path}:{line}: {typed}\nThe page shows:\n{indented(shown)}{wrong}")
                time.sleep(0.05)

    def _wrong_about(self, block, is_last, typed, shown):
        """Types one command, or nothing, or an interrupt. Returns what was otherwise than the page says."""
        name = block.directives.get("terminal", "")
        if name not in self._terminals:
            self._terminals[name] = terminal.Terminal(self._directory, self._environment)
        shell = self._terminals[name]
        if typed == "^C":
            shell.interrupt()
        elif typed:
            shell.type(self._with_ids(typed))
        may_go_on = bool(name) and is_last and typed != "^C"
        is_as_shown, output, code = shell.wait(terminal.Expectation(shown, self._ids), may_go_on)
        if code is not None:
            has_failed = code not in ((0, 130) if typed == "^C" else (0,))
            is_as_shown = is_as_shown and has_failed == (block.has("fails") and is_last)
        if is_as_shown:
            return None
        end = "" if code is None else f" (exit code {code})"
        return f"It wrote{end}:\n{indented(output.splitlines())}"


def indented(lines):
    return "".join(f"    {line}\n" for line in lines)


def typed_and_shown(block):
    """(line, command, shown lines) for each command; the command is empty for output of one that still runs."""
    commands = []
    for number, line in enumerate(block.lines, block.line):
        if line.startswith("$ ") or line == "^C":
            commands.append((number, line.removeprefix("$ "), []))
        elif line.startswith("> ") and commands and not commands[-1][2]:
            number, typed, shown = commands[-1]
            commands[-1] = (number, f"{typed}\n{line[2:]}", shown)
        else:
            if not commands:
                commands.append((number, "", []))
            commands[-1][2].append(line)
    return commands


def with_postgresql(project, environment):
    """Starts a private server, which libpq's tools find as they would find the machine's own. Returns what ends it."""
    directory = tempfile.mkdtemp(prefix="squid_mesh_pg.")
    cluster = f"{project}/tests/postgres/cluster"
    subprocess.run([cluster, "start", "--owner", str(os.getpid()), directory, "fsync=off"], check=True)
    environment |= {"PGHOST": directory, "PGUSER": "postgres",
                    "PGPORT": (pathlib.Path(directory) / "port").read_text().strip()}
    return lambda: subprocess.run([cluster, "remove", directory], check=True)


def main(project, path, directory):
    page = pages.read(project, path)
    directory = pathlib.Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8", "USER": "you"}
    environment["PATH"] = os.environ.get("SQUID_MESH_DOCS_PATH", "") + ":" + os.environ["PATH"]
    for variable in ("SQUID_MESH_DATABASE", "PGDATABASE"):
        environment.pop(variable, None)
    remove_server = with_postgresql(project, environment) if page.uses_postgresql else lambda: None
    player = Player(directory, environment)
    try:
        for block in page.blocks:
            player.play(block)
    finally:
        player.close()
        remove_server()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except pages.Mistake as mistake:
        sys.exit(str(mistake))
