"""What the server is given is ASCII: it must load, and be read, in a database of any encoding."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
COMMENT = re.compile(r"//[^\n]*")


def not_ascii(files, text_of):
    return [f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}" for path in files
            for number, line in enumerate(path.read_text().splitlines(), 1) if not text_of(line).isascii()]


def test_the_install_script():
    assert not_ascii(sorted((ROOT / "sql/install").glob("*.sql")), str) == []


def test_messages_of_the_extension_are_ascii():
    files = sorted((ROOT / "src/extension").rglob("*.[ch]pp"))
    assert files
    assert not_ascii(files, lambda line: "".join(STRING.findall(COMMENT.sub("", line)))) == []
