"""docs/install.md, as somebody follows it."""

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs/install.md"


def step(text):
    print(f"  {text}", flush=True)


class Book:
    def __init__(self, package):
        text = FILE.read_text()
        self.sections = dict(part.split("\n", 1) for part in re.split(r"^## ", text, flags=re.M)[1:])
        rows = re.findall(r"^\| `([^`]+)` \|", self.sections["If something is wrong"], re.M)
        assert rows, "docs/install.md has no table of messages"
        # An ellipsis is whatever stands there.
        self.messages = {row: re.compile(".*".join(map(re.escape, row.split("…")))) for row in rows}
        self.seen = set()
        assert package in self.sections["1. Package"], f"docs/install.md installs another package than {package}"

    def commands(self, section):
        """The commands of a section, one text for each block."""
        blocks = re.findall(r"^```sh\n(.*?)^```", self.sections[section], re.M | re.S)
        assert blocks, f"docs/install.md has no commands in {section}"
        return blocks

    def knows(self, text):
        """That one of the table's messages is in this text; returns the line."""
        for row, pattern in self.messages.items():
            for line in text.splitlines():
                if pattern.search(line):
                    self.seen.add(row)
                    step("says: " + line.strip())
                    return line
        raise AssertionError(f"none of the messages of docs/install.md is in:\n{text}")

    def has_been_seen_whole(self):
        unseen = self.messages.keys() - self.seen
        assert not unseen, f"docs/install.md has messages that nothing says: {unseen}"
