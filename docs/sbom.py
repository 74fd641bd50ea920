#!/usr/bin/python3
"""Writes what the two products are made of as a software bill of materials: SPDX 2.3 in JSON.

docs/sbom.py --extension white_cross.so --worker wc-worker --packages "libpq openssl …" --pg-config pg_config [--output FILE]

Looks at what was built: the libraries that both files are linked with (readelf, ldd), the Debian packages that these libraries come from
with their versions and licences (dpkg), and the header-only libraries among pkg-config's packages.  The same files and the same
SOURCE_DATE_EPOCH give the same bytes.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMESPACE = "https://white-cross.example.org/spdx"
OURS = "PostgreSQL"

# The C and C++ run-time libraries of the system, which every program has.
RUNTIME = re.compile(r"(?:libc|libm|libstdc\+\+|libgcc_s|ld-linux.*|linux-vdso)\.so\.\d+$|libasan|libubsan|libtsan")

# Debian's short names of licences, where SPDX has others.
SPDX_NAMES = {"expat": "MIT", "expat with embedded exception": "MIT WITH fmt-exception", "bsd-3-clause": "BSD-3-Clause"}

# What the packages for applications need is not on this machine.
APPLICATION_LICENCES = {"redis": "MIT"}


def output_of(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


@dataclass
class Component:
    name: str
    version: str
    licence: str
    homepage: str = "NOASSERTION"
    locator: str = ""  # a package URL
    linked: set = field(default_factory=set)
    sha256: str = ""

    @property
    def id(self):
        return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", self.name)

    def spdx(self):
        found = {"SPDXID": self.id, "name": self.name, "versionInfo": self.version, "downloadLocation": "NOASSERTION",
                 "filesAnalyzed": False, "licenseConcluded": self.licence, "licenseDeclared": self.licence, "copyrightText": "NOASSERTION"}
        if self.homepage != "NOASSERTION":
            found["homepage"] = self.homepage
        if self.linked:
            found["sourceInfo"] = "linked as " + ", ".join(sorted(self.linked))
        if self.locator:
            found["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": self.locator}]
        if self.sha256:
            found["checksums"] = [{"algorithm": "SHA256", "checksumValue": self.sha256}]
        return found


# ---- what the system knows --------------------------------------------------------------------------------------

def licence_of(package):
    """That of the package's files by its machine-readable copyright file, but for those that it lists one by one."""
    text = Path(f"/usr/share/doc/{package}/copyright").read_text()
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if re.search(r"^Files:\s*\*\s*$", paragraph, re.M) and (licence := re.search(r"^License:\s*(.+?)\s*$", paragraph, re.M)):
            return SPDX_NAMES.get(licence[1].lower(), licence[1])
    raise SystemExit(f"/usr/share/doc/{package}/copyright names no licence of all files")


def packages_of(paths):
    """The Debian packages that files come from, as components, asked for all at once because dpkg reads long lists."""
    files = {path: Path(path).resolve() for path in paths}
    if not files:
        return {}
    # dpkg knows some files of /usr/lib under /lib.
    lines = output_of("dpkg-query", "-S", *(f"*/{file.name}" for file in files.values())).splitlines()
    owners = {Path(known).resolve(): owner.split(",")[0] for owner, _, known in (line.partition(": ") for line in lines)}
    return {path: component_of(owners[file]) for path, file in files.items()}


def component_of(owner):
    package, source, version, homepage = output_of(
        "dpkg-query", "-W", "-f", "${Package}\t${source:Package}\t${Version}\t${Homepage}", owner).split("\t")
    upstream = re.sub(r"^\d+:|-[^-]*$", "", version)
    is_libpq = source.startswith("postgresql-") and package.startswith("libpq")
    return Component("libpq" if is_libpq else re.sub(r"^postgresql-\d+$", "postgresql", source), upstream, licence_of(package),
                     homepage or "NOASSERTION", f"pkg:deb/debian/{package}@{version}")


def needed(binary):
    """The names of the libraries that a file is linked with, but for those of the system's run time."""
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "-d", binary))
    return [name for name in names if not RUNTIME.match(name)]


def linked_components(binary):
    places = dict(re.findall(r"^\s*(\S+) => (\S+)", output_of("ldd", binary), re.M))
    names, found = needed(binary), {}
    packages = packages_of(places[name] for name in names)
    for name in names:
        component = packages[places[name]]
        found.setdefault(component.name, component).linked.add(name)
    return list(found.values())


def header_components(packages, linked):
    """Of pkg-config's packages those of which nothing is linked: headers alone."""
    known = {component.name for component in linked}
    descriptions = [Path(output_of("pkg-config", "--variable=pcfiledir", name).strip()) / f"{name}.pc" for name in packages]
    for component in packages_of(descriptions).values():
        if component.name not in known:
            known.add(component.name)
            yield component


def server_component(pg_config):
    version = re.search(r"PostgreSQL (\S+)", output_of(pg_config, "--version"))[1]
    return Component("postgresql", version, "PostgreSQL", "https://www.postgresql.org/", f"pkg:generic/postgresql@{version}")


def application_components():
    """The packages for applications, each with what it needs."""
    node = json.loads((ROOT / "clients/node/package.json").read_text())
    python = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]
    yield (Component("white-cross for Node", node["version"], node["license"], locator=f"pkg:npm/{node['name']}@{node['version']}"),
           [Component(f"{name} for Node", range_, APPLICATION_LICENCES[name], locator=f"pkg:npm/{name}")
            for name, range_ in {**node.get("dependencies", {}), **node.get("peerDependencies", {})}.items()])
    needs = [re.match(r"([\w-]+)(.*)", line).groups() for line in python["dependencies"]]
    yield (Component("white-cross for Python", python["version"], python["license"]["text"],
                     locator=f"pkg:pypi/{python['name']}@{python['version']}"),
           [Component(f"{name} for Python", range_, APPLICATION_LICENCES[name], locator=f"pkg:pypi/{name}") for name, range_ in needs])


# ---- the document -----------------------------------------------------------------------------------------------

def product(name, version, binary):
    return Component(name, version, OURS, sha256=hashlib.sha256(Path(binary).read_bytes()).hexdigest())


def materials(extension, worker, packages, pg_config):
    """All components, and the relationships between them."""
    version = re.search(r"^default_version = '(.+)'", (ROOT / "white_cross.control").read_text(), re.M)[1]
    ours = [product("white_cross", version, extension), product("wc-worker", version, worker)]
    library = Component("white_cross.lua", version, OURS)
    found, relations = {}, []

    def relate(one, kind, other):
        known = found.setdefault(other.name, other)
        known.linked |= other.linked
        relations.append((found[one.name].id, kind, known.id))

    for one in ours:
        found[one.name] = one
        relations.append(("SPDXRef-DOCUMENT", "DESCRIBES", one.id))
    for one, binary in zip(ours, (extension, worker)):
        for component in linked_components(binary):
            relate(one, "DYNAMIC_LINK", component)
    for component in header_components(packages, found.values()):
        relate(ours[1], "STATIC_LINK", component)
    relate(ours[0], "DEPENDS_ON", server_component(pg_config))
    relate(ours[1], "CONTAINS", library)
    for package, needs in application_components():
        found[package.name] = package
        relations.append(("SPDXRef-DOCUMENT", "DESCRIBES", package.id))
        for component in needs:
            relate(package, "DEPENDS_ON", component)
    return version, found, relations


def document(*built):
    version, found, relations = materials(*built)
    packages = [found[name].spdx() for name in sorted(found)]
    content = hashlib.sha256(json.dumps([packages, sorted(relations)]).encode()).hexdigest()
    created = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"white_cross-{version}",
        "documentNamespace": f"{NAMESPACE}/white_cross-{version}-{content}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created)), "creators": ["Tool: white_cross-sbom"]},
        "packages": packages,
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in sorted(relations)],
    }


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--extension", required=True)
    options.add_argument("--worker", required=True)
    options.add_argument("--packages", required=True, help="those of pkg-config that the worker is built with")
    options.add_argument("--pg-config", default="pg_config")
    options.add_argument("--output", default="/dev/stdout")
    chosen = options.parse_args()
    text = json.dumps(document(chosen.extension, chosen.worker, chosen.packages.split(), chosen.pg_config), indent=2)
    Path(chosen.output).write_text(text + "\n")


if __name__ == "__main__":
    main()
