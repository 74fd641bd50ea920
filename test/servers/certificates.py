"""Makes certificates for the tests with the openssl command.  No program of the machine trusts them."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .process import own

HERE = "DNS:localhost,IP:127.0.0.1"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
CONFIGURATION = """
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anybody
copy_extensions = copyall
x509_extensions = signed
[anybody]
commonName = supplied
[signed]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd="/")


@dataclass
class Certificate:
    certificate: Path
    key: Path

    def put(self, other):
        """Renews the certificate: writes that of `other`, and its key, into the same files."""
        for source, target in (other.certificate, self.certificate), (other.key, self.key):
            fresh = target.with_suffix(".new")
            shutil.copy(source, fresh)
            own(fresh)
            fresh.replace(target)


class Authority:
    """An authority that signs certificates.  Its own certificate is in `file`."""

    def __init__(self, folder, name="authority"):
        self.folder = folder / name
        self.folder.mkdir()
        self.file = self.folder / "authority.crt"
        self._key = self.folder / "authority.key"
        self._configuration = self.folder / "ca.conf"
        self._configuration.write_text(CONFIGURATION.format(folder=self.folder))
        (self.folder / "index").touch()
        # Python checks RFC 5280 strictly since 3.13.
        openssl("req", "-x509", *NEW_KEY, "-keyout", self._key, "-out", self.file, "-subj", f"/CN={name}", "-days", 2,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        own(self.folder)
        own(self.file)

    def sign(self, name, hosts=HERE, from_days=-1, to_days=1, common_name=None):
        """Returns a certificate, valid between these numbers of days from now, whose key the servers' user can read."""
        made = Certificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        openssl("req", *NEW_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={common_name or name}",
                "-addext", f"subjectAltName={hosts}", "-addext", "basicConstraints=critical,CA:FALSE")
        now = datetime.now(timezone.utc)
        start, end = (f"{now + timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (from_days, to_days))
        openssl("ca", "-batch", "-notext", "-config", self._configuration, "-cert", self.file, "-keyfile", self._key,
                "-in", request, "-out", made.certificate, "-startdate", start, "-enddate", end)
        own(made.certificate)
        own(made.key)
        return made

    def revoke(self, *certificates):
        """Revokes certificates.  Returns the file of the list that says so."""
        signing = ["-config", self._configuration, "-cert", self.file, "-keyfile", self._key]
        for one in certificates:
            openssl("ca", *signing, "-revoke", one.certificate)
        file = self.folder / "revoked.crl"
        openssl("ca", *signing, "-gencrl", "-crldays", 2, "-out", file)
        own(file)
        return file
