#!/usr/bin/python3
"""Writes the manual page worker.toml(5), in scdoc's form, from the commented config/worker.toml.

    docs/man/worker_toml.py < config/worker.toml > worker.toml.5.scd

A paragraph of comment stands above each setting there; it becomes the setting's description, so nothing is said twice.
"""

import re
import sys

HEAD = """worker.toml(5)

# NAME

worker.toml - configuration of wc-worker

# SYNOPSIS

*/etc/white_cross/worker.toml*

# DESCRIPTION

The file is TOML. Each setting below stands with its default. A setting that is unknown or out of range is an error, and
wc-worker does not start.

Settings marked (live) follow a reload: *systemctl reload wc-worker*, or the signal HUP. The others need a restart.
A word in capitals at the end of a description is an environment variable, which overrides the file.

*wc-worker --config* _FILE_ *--check-config* prints the settings in force, with passwords masked.
"""

TAIL = """
# FILES

_/etc/white_cross/worker.toml_
	Holds passwords, or names the files that do: readable by the worker's user alone (mode 0640 or less).

# SEE ALSO

*wc-worker*(1)
"""

SETTING = re.compile(r"^#?\s*(\w+) = (.*)$")


def escaped(text):
    """Text in which nothing is markup for scdoc."""
    return re.sub(r"([\\_*#<\[])", r"\\\1", text)


def page(lines):
    yield HEAD
    comment = []
    in_section = False
    for line in map(str.rstrip, lines):
        section, setting = re.match(r"^\[(\w+)\]$", line), SETTING.match(line)
        if section:
            yield f"# {section[1].upper()}\n"
            in_section, comment = True, []
        elif in_section and setting:
            name, rest = setting.groups()
            value, _, remark = rest.partition("  # ")
            yield f"*{escaped(name)}* = {escaped(value.strip())}"
            for sentence in [*comment, remark]:
                if sentence:
                    yield "\t" + escaped(sentence)
            yield ""
            comment = []
        elif line.startswith("#"):
            comment.append(line.lstrip("# "))
        else:
            comment = []
    yield TAIL.strip("\n")


if __name__ == "__main__":
    print("\n".join(page(sys.stdin)))
