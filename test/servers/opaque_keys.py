"""Opaque keys on all servers of a run: with WC_OPAQUE_KEYS=1 in the environment, tests of plain keys run with opaque ones."""

import base64
import hashlib
import hmac
import os

from .process import own

IS_ON = os.environ.get("WC_OPAQUE_KEYS") == "1"
SECRET = "the-secret-of-a-whole-run-of-the-tests"


def name_of(student):
    """What keys have in the place of this id, in a run with opaque keys; the id itself in another run."""
    if not IS_ON:
        return student
    return base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), student.encode(), hashlib.sha256)[:16]).decode().rstrip("=")


def _secret_file(ground):
    """Server and worker share it."""
    file = ground.folder / "opaque-keys"
    if not file.exists():
        file.write_text(SECRET + "\n")
        own(file)
        file.chmod(0o640)
    return str(file)


def server_settings(ground):
    """Returns settings of PostgreSQL.  Those of the log are what docs/security.md asks for: an application's statements have ids in them."""
    return {"white_cross.opaque_keys": "on", "white_cross.key_secret_file": _secret_file(ground),
            "log_error_verbosity": "terse", "log_min_error_statement": "panic"} if IS_ON else {}


def worker_settings(ground):
    """Returns settings of the worker's section [redis]."""
    return {"opaque_keys": True, "key_secret_file": _secret_file(ground)} if IS_ON else {}
