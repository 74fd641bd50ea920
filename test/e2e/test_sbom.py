"""The bill of materials of `make sbom`: well formed, the same for the same build, and complete."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from servers.cluster import pg_config
from servers.ground import BUILD, ROOT

EXTENSION = BUILD / "stage" / pg_config("pkglibdir").lstrip("/") / "white_cross.so"
WORKER = BUILD / "wc-worker"
RUNTIME = ("libc.so.", "libm.so.", "libstdc++.so.", "libgcc_s.so.", "ld-linux", "libasan.so.", "libubsan.so.", "libtsan.so.")
PACKAGES = re.search(r"^WORKER_PACKAGES = (.+)", (ROOT / "worker/worker.mk").read_text(), re.M)[1]

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="names packages of Debian")


def written(path, **environment):
    subprocess.run([sys.executable, ROOT / "docs/sbom.py", "--extension", EXTENSION, "--worker", WORKER, "--packages", PACKAGES,
                    "--pg-config", os.environ.get("PG_CONFIG", "pg_config"), "--output", path],
                   check=True, cwd=path.parent, env={**os.environ, "SOURCE_DATE_EPOCH": "1760000000", **environment})
    return path.read_bytes()


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    return json.loads(written(tmp_path_factory.mktemp("sbom") / "white_cross.spdx.json"))


def by_name(bill):
    return {package["name"]: package for package in bill["packages"]}


def needed(binary):
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True).stdout)
    assert names, f"{binary} is linked with nothing"
    return {name for name in names if not name.startswith(RUNTIME)}


def unlisted(bill, product, binary):
    """The libraries of a file that no package of the bill, linked with that product, names."""
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    linked = {one["relatedSpdxElement"] for one in bill["relationships"]
              if one["relationshipType"] == "DYNAMIC_LINK" and packages[one["spdxElementId"]]["name"] == product}
    return needed(binary) - {name for id in linked for name in re.split(r"[ ,]+", packages[id]["sourceInfo"])}


def test_it_has_what_spdx_demands(bill):
    assert (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert bill["name"] and re.fullmatch(r"https://[^#\s]+-[0-9a-f]{64}", bill["documentNamespace"])
    assert bill["creationInfo"]["created"] == "2025-10-09T08:53:20Z"
    assert all(re.fullmatch(r"(Tool|Person|Organization): .+", creator) for creator in bill["creationInfo"]["creators"])
    for package in bill["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["versionInfo"] and package["downloadLocation"] and package["filesAnalyzed"] is False
        for licence in (package["licenseConcluded"], package["licenseDeclared"]):
            assert re.fullmatch(r"[A-Za-z0-9.+-]+( WITH [A-Za-z0-9.-]+)?", licence) and licence != "NOASSERTION", package
        for reference in package.get("externalRefs", []):
            assert reference["referenceLocator"].startswith("pkg:")


def test_ids_are_unique_and_relationships_resolve(bill):
    ids = [bill["SPDXID"], *(package["SPDXID"] for package in bill["packages"])]
    assert len(set(ids)) == len(ids)
    related = {end for one in bill["relationships"] for end in (one["spdxElementId"], one["relatedSpdxElement"])}
    assert related == set(ids), "each end of a relationship is there, and nothing is there that is not related"
    described = {one["relatedSpdxElement"] for one in bill["relationships"] if one["relationshipType"] == "DESCRIBES"}
    assert {by_name(bill)[name]["SPDXID"] for name in ("white_cross", "wc-worker")} <= described


@pytest.mark.parametrize("product, binary", [("white_cross", EXTENSION), ("wc-worker", WORKER)])
def test_every_library_that_a_product_is_linked_with_is_listed(bill, product, binary):
    assert unlisted(bill, product, binary) == set()


def test_a_library_that_is_left_out_is_found(bill):
    for name in sorted(needed(WORKER)):
        holed = json.loads(json.dumps(bill))
        gone = {package["SPDXID"] for package in holed["packages"] if name in re.split(r"[ ,]+", package.get("sourceInfo", ""))}
        holed["relationships"] = [one for one in holed["relationships"] if one["relatedSpdxElement"] not in gone]
        assert name in unlisted(holed, "wc-worker", WORKER)


def test_headers_that_are_compiled_in_are_listed(bill):
    static = {one["relatedSpdxElement"] for one in bill["relationships"] if one["relationshipType"] == "STATIC_LINK"}
    assert {by_name(bill)[name]["SPDXID"] for name in ("cli11", "nlohmann-json3")} <= static


def test_the_same_build_gives_the_same_bytes(tmp_path, bill):
    """In whatever surroundings."""
    again = written(tmp_path / "again.json", PYTHONHASHSEED="1", TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", HOME=str(tmp_path))
    assert again == (json.dumps(bill, indent=2) + "\n").encode()


def test_the_documentation_names_each_part_and_its_licence(bill):
    section = (ROOT / "docs/security.md").read_text().partition("## What it is made of\n")[2].partition("\n## ")[0]
    told = {name: licence for cells in re.findall(r"^\| `(.+?)` \|.*\| (.+?) \|$", section, re.M) for name, licence in [cells]}
    assert told == {name: package["licenseConcluded"] for name, package in by_name(bill).items()}
