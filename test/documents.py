"""The code blocks of README.md, CONTRIBUTING.md and docs/, as a reader sees them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

# "setup" is the comment with what a document needs beforehand.
LANGUAGES = {"sql", "sh", "text", "json", "toml", "ini", "python", "js", "setup"}

PIECE = re.compile(r"^(?P<fence>```+)(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ \t]*$|<!-- setup\b[^\n]*\n(?P<setup>.*?)-->", re.M | re.S)


@dataclass
class Block:
    """language "setup": an HTML comment with the SQL that a document needs beforehand."""

    page: Path
    line: int
    language: str
    text: str
    output: str | None = None  # of a text block directly behind it

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line} ({self.language})"


def blocks(page):
    """Returns the blocks in their order. A text block directly behind a block of sql or sh is that block's output, and no block
    of its own."""
    text = page.read_text()
    found, end = [], 0
    for match in PIECE.finditer(text):
        language = "setup" if match["setup"] is not None else match["language"].strip()
        between = text[end:match.start()]
        if language == "text" and found and not between.strip() and found[-1].language in ("sql", "sh") and found[-1].output is None:
            found[-1].output = match["text"]
        else:
            found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, match["setup"] or match["text"] or ""))
        end = match.end()
    return found


def prose(page):
    """The document without its blocks and comments, line by line; blocks leave empty lines."""
    return re.sub(r"<!--.*?-->", lambda m: "\n" * m[0].count("\n"), PIECE.sub(lambda m: "\n" * m[0].count("\n"), page.read_text()),
                  flags=re.S).splitlines()


def normal(text):
    """Runs of white space are one, and there is none beside the signs of JSON, which documents set as they please."""
    return re.sub(r" ?([\[\]{},:]) ?", r"\1", re.sub(r"\s+", " ", text)).strip()


def matches(printed, shown):
    """`…` in what a document shows stands for anything."""
    pattern = ".*?".join(re.escape(normal(part)) if part.strip() else "" for part in re.split("…", normal(shown)))
    return re.fullmatch(pattern, normal(printed), re.S) is not None
