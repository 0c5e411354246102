"""A shell that a page's commands are typed into, and the comparison of its output with what the page shows."""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

PATIENCE = 180  # seconds for a command to end, or for its output to come; some compile
END = "the-command-has-ended-with"

# Who starts the tests in the background may ignore it, and shells pass that on: ^C would end nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What is another one each time: the first sight of an id in a page binds it, later ones have to be the same.
BOUND = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
                   r"|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{12})\b")
# What is seldom the same twice: points in time, and how long ago something was or how long it took. These are applied
# to a pattern in which a space has become " +".
TIMES = (
    (re.compile(r"\d{4}-\d\d-\d\d"), r"\\d{4}-\\d\\d-\\d\\d"),
    (re.compile(r"(?<!\d)\d\d:\d\d(:\d\d)?(\\\.\d+)?"), r"\\d\\d:\\d\\d(:\\d\\d)?(\\.\\d+)?"),
    (re.compile(r"\b(\d+ \+(ms|s) \+ago|now)\b"), r"(\\d+ +(s|min) +ago|now)"),
    (re.compile(r"\b\d+ \+(ms|s)\b"), r"\\d+ +(ms|s|min)"),
)


class Expectation:
    """The lines that a page shows, as a regular expression. `ids` are those that the page has shown so far."""

    def __init__(self, lines, ids):
        self.new_ids = []
        self.ids = ids
        self.pattern = "".join(self._line(line.rstrip()) for line in lines)

    def _line(self, line):
        return r"(?:[^\n]*\n)*?" if line == "..." else self._text(line) + r" *\n"

    def _text(self, text):
        pattern, end = "", 0
        for found in BOUND.finditer(text):
            pattern += self._plain(text[end : found.start()]) + self._id(found[0])
            end = found.end()
        return pattern + self._plain(text[end:])

    def _id(self, shown):
        if shown in self.ids:
            return re.escape(self.ids[shown])
        group = f"id{self.new_ids.index(shown) if shown in self.new_ids else len(self.new_ids)}"
        if shown in self.new_ids:
            return f"(?P={group})"
        self.new_ids.append(shown)
        return f"(?P<{group}>{'[0-9a-f-]{36}' if '-' in shown else '[0-9a-f]{%d}' % len(shown)})"

    @staticmethod
    def _plain(text):
        pattern = re.escape(text).replace(r"\.\.\.", r"[^\n]*?")
        pattern = re.sub(r"(\\ )+", " +", pattern)
        pattern = pattern.replace(r"\-", "-")
        for times, any_time in TIMES:
            pattern = times.sub(any_time, pattern)
        return pattern

    def match(self, output, entire):
        """The end of what matches from the start of the output, or None. Remembers the ids that were seen."""
        found = re.match(self.pattern + (r"\Z" if entire else ""), output)
        if not found:
            return None
        for number, shown in enumerate(self.new_ids):
            self.ids[shown] = found[f"id{number}"]
        return found.end()


class Terminal:
    """One shell. Standard error is where standard output is, as a person sees them."""

    def __init__(self, directory, environment):
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=directory, env=environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._output = ""
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while part := os.read(self._bash.stdout.fileno(), 65536):
            with self._changed:
                self._output += part.decode(errors="replace")
                self._changed.notify_all()

    def type(self, command):
        with self._changed:
            self._output = ""
        # The shell's own input isn't the command's.
        line = f"{{ {command}\n}} </dev/null; printf '\\n%s %d\\n' {END} $?\n"
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()

    def interrupt(self):
        """Interrupts what the shell runs. What the page has shown so far may be older than that process."""
        children = pathlib.Path(f"/proc/{self._bash.pid}/task/{self._bash.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while not (running := children.read_text().split()) and time.monotonic() < deadline:
            time.sleep(0.01)
        for child in running:
            os.kill(int(child), signal.SIGINT)

    def wait(self, expected, may_go_on):
        """Waits until the command has ended, or may go on and has written what is expected. Returns whether
        that is what it has written, its output, and its exit code, which is None for a command that goes on."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                ended = re.search(rf"\n?{END} (\d+)\n\Z", self._output)
                if ended:
                    output = self._output[: ended.start()]
                    output += "\n" if output and not output.endswith("\n") else ""
                    return expected.match(output, entire=True) is not None, output, int(ended[1])
                if may_go_on and (end := expected.match(self._output, entire=False)) is not None:
                    output, self._output = self._output[:end], self._output[end:]
                    return True, output, None
                if time.monotonic() > deadline:
                    return False, self._output + "(and nothing more)\n", None
                self._changed.wait(0.5)

    def close(self):
        """Ends the shell and all that it has started."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._bash.pid, how)
                self._bash.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
