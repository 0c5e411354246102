"""The fenced blocks of a Markdown page, and what their test directives say. CONTRIBUTING.md lists the directives."""

import dataclasses
import pathlib
import re

LANGUAGES = ("cpp", "console", "cmake", "json", "text")
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>.*)$")
DIRECTIVE = re.compile(r"^ *<!-- test: (?P<text>.*?) -->$")
WORDS = {
    "cpp": ("statements", "program", "file", "no"),
    "console": ("terminal", "eventually", "fails", "no"),
    "cmake": ("file", "no"),
    "json": ("file", "no"),
    "text": ("file", "no"),
}


class Mistake(Exception):
    """Something in a page that its author has to change."""


@dataclasses.dataclass
class Block:
    page: "Page"
    language: str
    line: int  # of the first line inside the fence, from 1
    lines: list
    directives: dict = dataclasses.field(default_factory=dict)

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    @property
    def where(self):
        return f"{self.page.path}:{self.line}"

    def has(self, word):
        return word in self.directives


@dataclasses.dataclass
class Page:
    name: str
    path: str  # relative to the project
    blocks: list = dataclasses.field(default_factory=list)
    uses_postgresql: bool = False

    def declarations_and_statements(self):
        return [b for b in self.blocks if b.language == "cpp" and not b.directives.keys() & {"no", "program", "file"}]

    def programs(self):
        """The blocks of each program, by its name."""
        programs = {}
        for block in self.blocks:
            if block.has("program"):
                programs.setdefault(block.directives["program"], []).append(block)
        return programs

    def is_played(self):
        """Whether there is anything to be done with the page besides compiling it."""
        return any(b.language in ("console", "cmake", "json") and not b.has("no") for b in self.blocks)

    def needs_installed_tree(self):
        return any(b.language == "cmake" and not b.has("no") for b in self.blocks)


def read(project, path):
    """Reads a page; raises Mistake."""
    name = pathlib.PurePath(path).with_suffix("").as_posix().removeprefix("docs/").replace("/", "_").lower()
    page = Page(name, path)
    open_block, indent, directives = None, "", {}
    for number, line in enumerate((pathlib.Path(project) / path).read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if open_block:
            if fence and not fence["info"].strip():
                page.blocks.append(open_block)
                open_block = None
            else:
                open_block.lines.append(line.removeprefix(indent))
        elif fence:
            indent = fence["indent"]
            open_block = Block(page, fence["info"].strip(), number + 1, [], directives)
            check(open_block)
            directives = {}
        elif found := DIRECTIVE.match(line):
            if found["text"] == "page postgresql":
                page.uses_postgresql = True
            else:
                word, _, rest = found["text"].replace(",", " ", 1).partition(" ")
                directives = directives | {word: rest.strip()}
        elif directives:
            raise Mistake(f"{path}:{number}: a test directive stands on the line before its fence")
    if open_block:
        raise Mistake(f"{open_block.where}: this block isn't closed")
    return page


def check(block):
    """Refuses a block of which nobody knows how to test it."""
    if block.language not in LANGUAGES:
        raise Mistake(f"{block.where}: a block of \"{block.language}\"; there are tests for {', '.join(LANGUAGES)}")
    for word, rest in block.directives.items():
        if word not in WORDS[block.language]:
            raise Mistake(f"{block.where}: a block of {block.language} can't be \"{word}\"")
        if word in ("no", "program", "file", "terminal") and not rest:
            raise Mistake(f"{block.where}: \"{word}\" of what? For \"no\": why not?")
    if block.language == "text" and not block.directives:
        raise Mistake(f"{block.where}: a block of text is a file for the page's commands, or says why it has no test")


def paths(project):
    """All pages whose blocks are tested."""
    docs = sorted(p.relative_to(project).as_posix() for p in (pathlib.Path(project) / "docs").rglob("*.md"))
    return ["README.md"] + [p for p in docs if not p.startswith("docs/decisions/")]
