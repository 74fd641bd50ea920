"""Data folders of new clusters.

initdb runs once for each Ground; what it made is copied, which takes a twentieth of the time.  A copy gets a system identifier of its
own, as initdb would have given it one: by it we, and PostgreSQL's standbys, tell one server from another.
"""

import secrets
import struct
import subprocess
import weakref

from .process import ServerFailed, as_server_user, own

SUPERUSER = "postgres"

# Where PostgreSQL keeps the system identifier: at the beginning of pg_control, whose checksum follows its last field, and in
# the header of the first page of a WAL file.
IDENTIFIER = struct.Struct("<Q")
CHECKSUM = struct.Struct("<I")
AT_IN_CONTROL, AT_IN_WAL = 0, 24

_made = weakref.WeakKeyDictionary()  # Ground: {folder of initdb: (folder, password of the superuser)}


def _table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


CASTAGNOLI = tuple(_table())


def new_data(ground, programs, data):
    """Makes a cluster's data folder; returns the password of its superuser.  `programs`: the folder of initdb."""
    made = _made.setdefault(ground, {})
    if programs not in made:
        made[programs] = _run_initdb(ground, programs, f"initdb-{len(made)}")
    template, password = made[programs]
    # As the server's user, whose files they are.
    subprocess.run(["cp", "-a", template, data], check=True, cwd="/", **as_server_user())
    _give_identifier(data, secrets.randbits(63))
    return password


def _run_initdb(ground, programs, name):
    password = secrets.token_hex(12)
    folder = ground.folder_for(name)
    file = folder / "superuser.password"
    file.write_text(password)
    file.chmod(0o600)
    own(file)
    done = subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", SUPERUSER, "--locale=C.UTF-8", "--encoding=UTF8", "--auth-local=trust",
         "--auth-host=scram-sha-256", f"--pwfile={file}", "--no-sync", "--no-instructions"],
        cwd="/", capture_output=True, text=True, **as_server_user())
    file.unlink()
    if done.returncode != 0:
        raise ServerFailed(f"initdb failed:\n{done.stderr}")
    return folder / "data", password


def _give_identifier(data, identifier):
    control = data / "global/pg_control"
    content = bytearray(control.read_bytes())
    at = _checksum_at(content)
    IDENTIFIER.pack_into(content, AT_IN_CONTROL, identifier)
    CHECKSUM.pack_into(content, at, _checksums(content, at)[at])
    _write_over(control, 0, content)
    for wal in (data / "pg_wal").glob("0*"):
        _write_over(wal, AT_IN_WAL, IDENTIFIER.pack(identifier))


def _checksum_at(content):
    """Where the checksum of all that is before it stands; that differs from version to version."""
    sums = _checksums(content, len(content) - CHECKSUM.size)
    for at in range(IDENTIFIER.size, len(sums), CHECKSUM.size):
        if content[at:at + 4] == CHECKSUM.pack(sums[at]):
            return at
    raise ServerFailed("no checksum is found in pg_control")


def _checksums(content, end):
    """The CRC-32C of the first n bytes, for each n up to `end`."""
    register, sums = 0xFFFFFFFF, [0]
    for byte in content[:end]:
        register = register >> 8 ^ CASTAGNOLI[(register ^ byte) & 0xFF]
        sums.append(register ^ 0xFFFFFFFF)
    return sums


def _write_over(path, at, content):
    """Changes bytes of a file, which keeps its owner."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)
