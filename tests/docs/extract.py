#!/usr/bin/env python3
"""Writes what the C++ blocks of all pages say as source files, and their list for CMake.

Usage: extract.py PROJECT OUTPUT_DIRECTORY
Run by CMake while it configures. #line directives let the compiler speak of the pages' own lines.
"""

import pathlib
import sys

import pages

COMMON = """\
// Written by tests/docs/extract.py from {page}.
#include <squid_mesh/squid_mesh.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace sm = squid_mesh;
using namespace std::chrono_literals;
"""


def with_lines(block):
    return f'#line {block.line} "{block.page.path}"\n{block.text}'


def fragments(project, page):
    """The translation unit of a page: what it declares, with its statements in functions."""
    unit = COMMON.format(page=page.path)
    prelude = pathlib.Path(project) / "tests/docs/preludes" / f"{page.name}.h"
    if prelude.exists():
        unit += f'#include "{prelude.name}"\n'
    for block in page.declarations_and_statements():
        if block.has("statements"):
            unit += f"[[maybe_unused]] static squid_mesh::result<void> statements_of_line_{block.line}() {{\n"
            unit += with_lines(block) + "return {};\n}\n"
        else:
            unit += with_lines(block)
    return unit


def write(path, text):
    """What hasn't changed isn't compiled again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(project, output):
    output = pathlib.Path(output)
    calls = ""
    for page in [pages.read(project, path) for path in pages.paths(project)]:
        if page.declarations_and_statements():
            source = output / f"{page.name}.cc"
            write(source, fragments(project, page))
            calls += f'squid_mesh_page_fragments({page.name} "{source}")\n'
        programs = []
        for name, blocks in page.programs().items():
            sources = [output / page.name / f"{name}_{number}.cc" for number in range(len(blocks))]
            for source, block in zip(sources, blocks):
                write(source, with_lines(block))
            quoted = " ".join(f'"{source}"' for source in sources)
            calls += f"squid_mesh_page_program({page.name} {name} {quoted})\n"
            programs.append(name)
        if page.is_played():
            installed = "INSTALLED" if page.needs_installed_tree() else ""
            calls += f"squid_mesh_page_test({page.name} \"{page.path}\" {installed} PROGRAMS {' '.join(programs)})\n"
    write(output / "pages.cmake", calls)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except pages.Mistake as mistake:
        sys.exit(str(mistake))
