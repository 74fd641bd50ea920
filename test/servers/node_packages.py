"""Packages of Node, where they are installed: of npm where NODE_PATH says, or of Debian.  Nothing here downloads them."""

import os
import shutil
from pathlib import Path

from .ground import ROOT
from .process import ServerFailed

OF_DEBIAN = "/usr/share/nodejs"


class PackageMissing(ServerFailed):
    """Node, or a package of it, is not installed.  The message says where to get it."""


def node_path():
    """The folders in which packages are looked for, as NODE_PATH."""
    return ":".join(filter(None, [os.environ.get("NODE_PATH"), OF_DEBIAN]))


def find(package):
    """Returns the folder of a package."""
    if not shutil.which("node"):
        raise PackageMissing("Node is not installed (of Debian: nodejs)")
    for folder in node_path().split(":"):
        if (found := Path(folder, package)).joinpath("package.json").exists():
            return found
    raise PackageMissing(f"{package} for Node is not installed (of Debian: node-{package}; of npm: npm install {package}, and NODE_PATH with the "
                         "path of its node_modules)")


def copy_program(source, folder, packages):
    """Copies a program with packages beside it, as `npm install` puts them there.  `white-cross` is the one of this tree."""
    folder.mkdir()
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    modules = folder / "node_modules"
    modules.mkdir()
    for package in packages:
        (modules / package).symlink_to(ROOT / "clients/node" if package == "white-cross" else find(package))
    return folder
