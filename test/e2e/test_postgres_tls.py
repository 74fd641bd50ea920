"""PostgreSQL over TLS: both sides' certificates, SCRAM and libpq's password file; and every way in which that can be refused.

Each refusal is one clear line in the log and the state at /healthz, and the worker is healthy again once the fault is repaired.
"""

import contextlib

import pytest

from refused_worker import IMPATIENT
from school import School
from servers import Authority, Cluster, Worker, until

pytestmark = pytest.mark.thorough

PASSWORD = "hush-of-the-worker"
# Who logs in by a certificate, by a certificate and a password, and by a password; nobody without TLS.
HBA = """local all all trust
hostssl all {cert} 127.0.0.1/32 cert
hostssl all {both} 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl all {scram} 127.0.0.1/32 scram-sha-256
"""
BY_CERT, BY_BOTH, BY_SCRAM = "wc_by_cert", "wc_by_both", "wc_by_scram"


@pytest.fixture(scope="module")
def authority(ground):
    return Authority(ground.folder_for("postgres-certificates"))


@pytest.fixture(scope="module")
def another_authority(ground):
    return Authority(ground.folder_for("other-certificates"), "another")


@pytest.fixture(scope="module")
def client(authority):
    return authority.sign(BY_CERT)


@pytest.fixture(scope="module")
def shown(authority):
    """What the server shows: other certificates are put into its files."""
    return authority.sign("shown")


@pytest.fixture(scope="module")
def revoked(authority):
    """A certificate of a client and one of the server, and the list that says so."""
    certificates = authority.sign(BY_CERT + "-revoked", common_name=BY_CERT), authority.sign("revoked-server")
    return *certificates, authority.revoke(*certificates)


@pytest.fixture(scope="module")
def secure(ground, authority, shown, revoked):
    settings = {"ssl": "on", "ssl_cert_file": shown.certificate, "ssl_key_file": shown.key, "ssl_ca_file": authority.file, "ssl_crl_file": revoked[2]}
    with Cluster(ground, "postgres-tls", settings) as cluster:
        (cluster.data / "pg_hba.conf").write_text(HBA.format(cert=BY_CERT, both=BY_BOTH, scram=BY_SCRAM))
        cluster.create_database("school")
        with School(cluster, "school") as school:
            school.attach()
            for role in BY_CERT, BY_BOTH, BY_SCRAM:
                school.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; SELECT wc_grant_worker('{role}')")
            school.sql("SELECT pg_reload_conf()")
            yield school


@pytest.fixture
def start(ground, secure, redis_server, authority, client):
    """start(user, settings of [postgres], **parameters of the URL): a worker that nobody waits for."""
    with contextlib.ExitStack() as stack:
        def start(user=BY_CERT, postgres=None, **parameters):
            with redis_server.connect() as connection:
                connection.flushall()
            given = {"sslmode": "verify-full", "sslrootcert": authority.file, "sslcert": client.certificate, "sslkey": client.key} | parameters
            url = f"postgresql://{user}@127.0.0.1:{secure.cluster.port}/school?" + "&".join(f"{name}={value}" for name, value in given.items() if value)
            worker = Worker(ground, url, redis_server, settings=IMPATIENT | {"postgres": {"connection_timeout_ms": 2000} | (postgres or {})})
            stack.callback(worker.stop)
            worker.start(wait=False)
            return worker
        yield start


def complains(worker, *words, state="no postgres"):
    """In one line, however often it has tried; and /healthz says it too."""
    until(lambda: worker.get("/metrics")[0] == 200 and worker.failures("postgres") >= 4, 30, "some tries")
    (line,) = [line for line in worker.log.read_text().splitlines() if " warning: " in line]
    status, body = worker.get("/healthz")
    assert status == 503 and state in body, body
    for word in words:
        assert word in line
    assert PASSWORD not in worker.log.read_text() + body


def test_a_certificate_or_a_password_or_both(start, secure):
    for user, more in (BY_CERT, {}), (BY_BOTH, {"password": PASSWORD}), (BY_SCRAM, {"password": PASSWORD}):
        certificate = {} if user != BY_SCRAM else {"sslcert": "", "sslkey": "", "channel_binding": "require"}
        worker = start(user, more, **certificate)
        until(worker.healthy, 30, "the worker to be healthy")
        assert secure.rows("""SELECT DISTINCT a.usename, s.ssl, s.client_dn FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)
                              WHERE a.application_name LIKE 'wc-worker%%'""") == [(user, True, None if user == BY_SCRAM else f"/CN={BY_CERT}")]
        assert worker.warnings() == [] and worker.stop() == 0


# ---- servers that are not believed ----

def test_a_server_that_cannot_be_believed_until_it_can(start, secure, authority, another_authority, shown, revoked):
    good = authority.sign("good")
    unverified = "certificate verify failed", "expired", "revoked", "sslrootcert", f"openssl s_client -starttls postgres -connect 127.0.0.1:{secure.cluster.port}"
    wrong = {"expired": (authority.sign("expired", from_days=-3, to_days=-1), unverified),
             "early": (authority.sign("early", from_days=1, to_days=2), unverified),
             "other host": (authority.sign("other-host", hosts="DNS:db.example,IP:127.0.0.2"), ('does not match host name "127.0.0.1"',)),
             "stranger": (another_authority.sign("stranger"), unverified),
             "revoked": (revoked[1], unverified)}
    for certificate, words in wrong.values():
        shown.put(certificate)
        secure.sql("SELECT pg_reload_conf()")
        worker = start(sslcrl=revoked[2])
        complains(worker, "cannot connect", *words)
        shown.put(good)
        secure.sql("SELECT pg_reload_conf()")
        until(worker.healthy, 30, "the worker to be healthy")
        assert worker.stop() == 0


def test_an_authority_that_is_not_known(start, another_authority, tmp_path):
    complains(start(sslrootcert=another_authority.file), "certificate verify failed")
    complains(start(sslrootcert=tmp_path / "none.crt"), f'root certificate file "{tmp_path}/none.crt" does not exist')


def test_a_server_without_tls(start, secure, cluster):
    worker = start(host="127.0.0.1", port=cluster.port)
    complains(worker, "server does not support SSL")


# ---- certificates that the server refuses ----

def test_a_certificate_that_is_refused_until_it_is_renewed(start, authority, another_authority, client, revoked):
    wrong = {"expired": (authority.sign("expired-client", from_days=-3, to_days=-1, common_name=BY_CERT), "certificate expired", "no postgres"),
             "stranger": (another_authority.sign("client-of-another", common_name=BY_CERT), "unknown ca", "no postgres"),
             "somebody else": (authority.sign("somebody-else"), f'certificate authentication failed for user "{BY_CERT}"', "no rights"),
             "revoked": (revoked[0], "certificate revoked", "no postgres")}
    own_files = authority.sign("own-files")
    for certificate, words, state in wrong.values():
        own_files.put(certificate)
        worker = start(sslcert=own_files.certificate, sslkey=own_files.key)
        complains(worker, "cannot connect", words, state=state)
        own_files.put(client)
        until(worker.healthy, 30, "the worker to be healthy")
        assert worker.stop() == 0


def test_no_certificate_where_one_is_demanded(start):
    complains(start(BY_BOTH, {"password": PASSWORD}, sslcert="", sslkey=""), "connection requires a valid client certificate", state="no rights")


def test_a_key_that_others_may_read_is_not_used_until_they_may_not(start, authority, client):
    mine = authority.sign("mine")
    mine.put(client)
    mine.key.chmod(0o644)
    worker = start(sslcert=mine.certificate, sslkey=mine.key)
    complains(worker, f'private key file "{mine.key}" has group or world access')
    mine.key.chmod(0o600)
    until(worker.healthy, 30, "the worker to be healthy")


def test_a_key_of_another_certificate(start, authority, tmp_path):
    complains(start(sslkey=authority.sign("another-key").key), "another-key.key", "key values mismatch")
    complains(start(sslkey=tmp_path / "none.key"), "none.key")


# ---- passwords ----

def test_a_wrong_password_until_it_is_right(start, secure):
    worker = start(BY_SCRAM, {"password": "another"})
    complains(worker, f'password authentication failed for user "{BY_SCRAM}"', state="no rights")
    secure.sql(f"ALTER ROLE {BY_SCRAM} PASSWORD 'another'")
    until(worker.healthy, 30, "the worker to be healthy")
    secure.sql(f"ALTER ROLE {BY_SCRAM} PASSWORD '{PASSWORD}'")


def test_a_password_file_of_libpq(start, secure, tmp_path):
    """One that others may read is not used: libpq says why, and the worker that no password was there."""
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{secure.cluster.port}:school:{BY_SCRAM}:{PASSWORD}\n")
    file.chmod(0o644)
    worker = start(BY_SCRAM, passfile=file)
    complains(worker, "no password supplied", state="no rights")
    assert f'password file "{file}" has group or world access' in worker.log.read_text()
    file.chmod(0o600)
    until(worker.healthy, 30, "the worker to be healthy")
    assert PASSWORD not in worker.log.read_text() + worker.get("/metrics")[1]
