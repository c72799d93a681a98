#!/usr/bin/env python3
"""Who may use a ring, and how a server tells that it may not: logins, rights, encryption, and contact
points that are wrong. README.md says what each check claims."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import cql  # noqa: E402
import load  # noqa: E402
from certificates import Authority  # noqa: E402
from command import Ring, check_each, equal  # noqa: E402
from server import Server, binary  # noqa: E402
from verdicts import Verdicts  # noqa: E402

ADDRESS = f"127.0.{os.environ.get('CASSANDRA_BLOCK', '0')}.1"
NODE = f"{ADDRESS}:{cql.PORT}"
# A ring says at once that it does not know us.
REFUSED_WITHIN_S = 5
# As long as a server looks for a contact point that answers, and some seconds more.
TOLD_WITHIN_S = 14
CHANGED_WITHIN_S = 30
PASSWORD = "planted-password-{}"
ROLES = {"maker": PASSWORD.format(1), "server": PASSWORD.format(2)}
WRONG_PASSWORD = PASSWORD.format(3)
SECRETS = (*ROLES.values(), WRONG_PASSWORD, load.SERVER_SECRET, load.KEY[1], load.TOKEN)
QUICK = [word for name in ("permissions", "roles", "credentials")
         for word in ("--set", f"{name}_validity=100ms")]
WITH_LOGIN = ["--set", "authenticator=PasswordAuthenticator",
              "--set", "authorizer=CassandraAuthorizer", *QUICK]
MADE = "replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def login(role, password=None):
    return {"user": role, "password": password or ROLES[role]}


class Watched(Server):
    """A server that need not become ready: how it ended, or what it says of being ready."""

    def __init__(self, folder, **store):
        table = {"kind": "cassandra", "contact_points": [NODE], "replication_factor": 1} | store
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        # At the level of most words a secret would be told first.
        config = "\n".join(['log_level = "trace"', load.CONFIG, "[store]", *lines])
        super().__init__(config, folder=str(folder))

    def _wait_until_ready(self):
        self.began = time.monotonic()
        while not self._listening.wait(0.02) and self.process.poll() is None:
            if time.monotonic() - self.began > CHANGED_WITHIN_S:
                break
        if self.address is None:
            self.reader.join(1)
        self.took_s = time.monotonic() - self.began

    def said(self):
        """The status with which it ended and its last words, or those of `/health/ready`."""
        if self.process.poll() is not None:
            return self.process.returncode, next(
                (line for line in reversed(self.log) if line.startswith("whowas: ")), "nothing")
        return self.get("/health/ready") if self.address else (0, "it does not listen")

    def comes_to(self, status, *words):
        """Complaints unless this is so after a while."""
        began = time.monotonic()
        while True:
            found, text = self.said()
            is_right = found == status and all(word in text for word in words)
            if is_right or time.monotonic() - began > CHANGED_WITHIN_S:
                break
            time.sleep(0.05)
        print(f"     {found} after {time.monotonic() - began:.1f} s: {text.strip()}",
              file=sys.stderr, flush=True)
        return [] if is_right else [f"{found} {text!r}, not {status} {words}"]


class Stage:
    """The ring, the servers, and what all of them said."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ring = Ring(folder)
        self.servers, self.said = [], []
        self.ours, self.others = Authority(self.folder / "ours"), Authority(self.folder / "others")
        self.store = self.folder / "store.pem"
        self.running = None

    def server(self, **store):
        folder = self.folder / f"server-{len(self.servers)}"
        folder.mkdir()
        server = Watched(folder, **store)
        self.servers.append(server)
        return server

    def outcome(self, status, *words, within_s=TOLD_WITHIN_S, **store):
        """Complaints unless a server ends so, or says so of being ready."""
        with self.server(**store) as server:
            found, text = server.said()
        print(f"     {found} after {server.took_s:.1f} s: {text.strip()}", file=sys.stderr,
              flush=True)
        wrong = [] if server.took_s < within_s else [f"it took {server.took_s:.1f} s"]
        if found != status or not all(word in text for word in words):
            wrong.append(f"{found} {text!r}, not {status} {words}")
        return wrong

    def refused(self, *words, **store):
        return self.outcome(2, *words, within_s=REFUSED_WITHIN_S, **store)

    def waits(self, *words, **store):
        return self.outcome(503, "not ready", *words, **store)

    def serves(self, **store):
        """A server that is ready, though it may have to make its tables first."""
        with self.server(**store) as server:
            return server.comes_to(200, "ready") + works(server)

    def command(self, status, *words, **store):
        """Complaints unless `whowas store ...` ends so; `words` end with what it has to say."""
        *words, told = words
        config = self.folder / "command.toml"
        server = self.server(**store)
        config.write_text(server.config, encoding="utf-8")
        done = subprocess.run([binary(), "store", *words, "--config", config],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.said += done.stdout.splitlines()
        print(f"     {done.returncode}: {done.stdout.strip()}", file=sys.stderr, flush=True)
        return [] if done.returncode == status and told in done.stdout else [
            f"store {words} ended with {done.returncode}: {done.stdout}"]

    def say(self, *statements):
        with cql.Connection(ADDRESS) as node:
            return [node.rows(statement) for statement in statements][-1]

    def identity(self, authority, name):
        certificate, key = authority.sign(name)
        return {"cert_file": str(certificate), "key_file": str(key)}

    def tls(self, authority=None):
        return {"tls": True, "ca_file": str((authority or self.ours).certificate)}

    def show(self, authority, name, *more):
        """What the node shows from its next start on."""
        certificate, key = authority.sign(name, *more)
        self.store.write_text(key.read_text() + certificate.read_text(), encoding="utf-8")

    def encrypted(self, asks_for_ours):
        """A ring of one, encrypted."""
        self.ring.do("down")
        self.show(self.ours, "node", ADDRESS)
        options = {
            "enabled": True, "optional": False, "require_client_auth": asks_for_ours,
            "keystore": str(self.store), "truststore": str(self.ours.certificate),
            "ssl_context_factory": {
                "class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"}}
        self.ring.do("up", 1, "--set", f"client_encryption_options={json.dumps(options)}")

    def starts_with(self, authority, name, *more):
        self.ring.do("kill", 1)
        self.show(authority, name, *more)
        self.ring.do("start", 1)

    def fall(self):
        with contextlib.ExitStack() as last:
            last.callback(self.ring.run, "down")
            for server in self.servers:
                if hasattr(server, "process"):
                    last.callback(server.__exit__)


def works(server):
    """A user is registered and found, an event taken and shown."""
    done = [*writes(server), *reads(server)]
    return [repr(answer) for answer in done if not answer.is_good()]


def writes(server):
    to = server.address
    return [
        load.im(to, "RegisterUsers", {"AppId": load.APP, "Users": [
            {"UserId": 7, "NickName": "somebody"}]}),
        load.im(to, "BatchUpdateUser", {"AppId": load.APP, "Users": [
            {"UserId": 7, "NickName": f"somebody {time.monotonic_ns()}"}]}),
        load.take_events(to, [load.event("joined", "room", time.monotonic_ns(), 1)]),
    ]


def reads(server):
    to = server.address
    return [load.im(to, "BatchGetUser", {"AppId": load.APP, "UserIds": [7]}),
            load.query_user_infos(to, ["7"]), load.list_user_info(to, "room")]


def the_right_login_makes_the_keyspace_and_serves(stage):
    for role, password in ROLES.items():
        stage.say(f"CREATE ROLE {role} WITH LOGIN = true AND PASSWORD = '{password}'")
    stage.say("GRANT CREATE ON ALL KEYSPACES TO maker")
    return stage.serves(keyspace="made", **login("maker"))


def a_wrong_password_is_refused(stage):
    told = '"server"', "check the user and the password"
    return (stage.refused(*told, keyspace="made", **login("server", WRONG_PASSWORD))
            + stage.refused('"nobody"', keyspace="made", **login("nobody", WRONG_PASSWORD)))


def no_login_is_refused(stage):
    return stage.refused("set a user and a password", keyspace="made")


def without_create_nothing_is_made(stage):
    """Neither a keyspace nor tables, and it is said which right is missing."""
    stage.say(f"CREATE KEYSPACE empty WITH {MADE}",
              "GRANT SELECT ON KEYSPACE empty TO server", "GRANT MODIFY ON KEYSPACE empty TO server")
    at = {"keyspace": "empty"} | login("server")
    wrong = stage.refused("no CREATE permission on <all tables in empty>", **at)
    wrong += stage.command(2, "migrate", "no CREATE permission on <all tables in empty>", **at)
    wrong += stage.refused("no CREATE permission on <all keyspaces>", **at | {"keyspace": "none"})
    return wrong + equal(stage.say(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'empty'"), [], "tables")


def tables_that_are_there_need_select_and_modify_only(stage):
    stage.say("GRANT SELECT ON KEYSPACE made TO server", "GRANT MODIFY ON KEYSPACE made TO server")
    return stage.serves(keyspace="made", **login("server"))


def without_alter_old_options_stay(stage):
    at = {"keyspace": "made"}
    stage.say("ALTER TABLE made.users WITH speculative_retry = '99p'")
    wrong = stage.command(2, "migrate", "no ALTER permission on <table made.users>",
                          **at | login("server"))
    wrong += stage.command(0, "migrate", "an older program: 1", **at | login("maker"))
    return wrong + stage.command(0, "migrate", "nothing was changed", **at | login("maker"))


def without_modify_or_select_no_server_starts(stage):
    wrong = []
    for right in ("MODIFY", "SELECT"):
        stage.say(f"REVOKE {right} ON KEYSPACE made FROM server")
        time.sleep(0.2)
        wrong += stage.refused(f"no {right} permission", keyspace="made", **login("server"))
        stage.say(f"GRANT {right} ON KEYSPACE made TO server")
    return wrong


def when_modify_is_taken_away_reads_go_on(stage):
    """Writes are refused in each vendor's words, and the server says that it is not ready, and why,
    until it may write again."""
    server = stage.running = stage.server(keyspace="made", **login("server"))
    server.__enter__()
    wrong = server.comes_to(200, "ready") + works(server)
    stage.say("REVOKE MODIFY ON KEYSPACE made FROM server")
    time.sleep(0.2)
    wrong += [f"not refused: {answer!r}" for answer in writes(server)
              if not answer.is_unavailable()]
    wrong += server.comes_to(503, "no MODIFY permission")
    wrong += [f"a read: {answer!r}" for answer in reads(server) if not answer.is_good()]
    stage.say("GRANT MODIFY ON KEYSPACE made TO server")
    return wrong + server.comes_to(200, "ready") + works(server)


def when_select_is_taken_away_everybody_is_told(stage):
    server = stage.running
    stage.say("REVOKE SELECT ON KEYSPACE made FROM server")
    time.sleep(0.2)
    wrong = [f"not refused: {answer!r}" for answer in reads(server) if not answer.is_unavailable()]
    wrong += server.comes_to(503, "no SELECT permission")
    stage.say("GRANT SELECT ON KEYSPACE made TO server")
    return wrong + server.comes_to(200, "ready") + works(server)


def while_roles_cannot_be_looked_up_servers_wait(stage):
    """Then the ring answers as if the password were wrong, which is no reason to give up: neither
    for a server that runs nor for one that starts."""
    stage.ring.do("kill", 2)
    wrong = stage.running.comes_to(503, "not ready")
    with stage.server(keyspace="made", **login("server")) as server:
        wrong += server.comes_to(503, "Unable to perform authentication")
        stage.ring.do("start", 2)
        wrong += server.comes_to(200, "ready") + works(server)
    wrong += stage.running.comes_to(200, "ready") + works(stage.running)
    stage.running.__exit__()
    return wrong


def keyspaces_that_are_not_ours_are_refused(stage):
    stage.say(f"CREATE KEYSPACE other WITH {MADE}",
              "CREATE TABLE other.orders (id int PRIMARY KEY)",
              f"CREATE KEYSPACE newer WITH {MADE}",
              "CREATE TABLE newer.whowas_meta (key text PRIMARY KEY, version int, shards int)",
              "INSERT INTO newer.whowas_meta (key, version, shards) VALUES ('schema', 99, 4)",
              *(f"GRANT ALL ON KEYSPACE {name} TO maker" for name in ("other", "newer")))
    maker = login("maker")
    return (stage.refused('tables of another program ("orders")', keyspace="other", **maker)
            + stage.refused("has version 99", keyspace="newer", **maker)
            + stage.refused("the replication factor is 9", keyspace="many",
                            **maker | {"replication_factor": 9})
            + stage.refused('no data centre "dc9"', keyspace="made", local_data_center="dc9",
                            **maker))


def nothing_is_copied_from_a_keyspace_that_is_not_there(stage):
    store = f"cassandra:{NODE}/forgotten"
    wrong = stage.command(1, "copy", "--from", store, "--to", f"embedded:{stage.folder}/copy",
                          f"there is no store at {store}", keyspace="made", **login("maker"))
    return wrong + equal(stage.say(
        "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'forgotten'"),
        [], "keyspaces")


@contextlib.contextmanager
def listener(answer):
    """A port where whoever connects is sent `answer`, and then waited for."""
    taken = []

    def take():
        with contextlib.suppress(OSError):
            while True:
                taken.append(listening.accept()[0])
                taken[-1].sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=take, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    for one in taken:
        one.close()


def contact_points_that_are_wrong_are_waited_for(stage):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"127.0.0.1:{listening.getsockname()[1]}"
    at = {"keyspace": "made"} | login("server")
    wrong = stage.waits(nobody, "the connection is refused", **at | {"contact_points": [nobody]})
    wrong += stage.waits("no name could be resolved",
                         **at | {"contact_points": ["nobody.invalid"]})
    silent, http = b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"
    for answer, told, encryption in [
            (silent, "nobody answers in time", {}), (silent, "did not answer for", stage.tls()),
            (http, "no node's", {}),
            (http, "does not speak TLS", stage.tls())]:
        with listener(answer) as point:
            wrong += stage.waits(told, **at | {"contact_points": [point]} | encryption)
    # One of several is enough.
    with listener(silent) as point:
        with stage.server(**at | {"contact_points": [nobody, point, NODE]}) as server:
            wrong += server.comes_to(200, "ready")
    return wrong


def a_port_that_is_not_encrypted_is_told_from_one_that_is(stage):
    return stage.waits("does not speak TLS", keyspace="made", **login("server"), **stage.tls())


def the_right_authority_serves(stage):
    stage.encrypted(asks_for_ours=False)
    return stage.serves(keyspace="made", **stage.tls())


def a_wrong_authority_is_not_believed(stage):
    told = "signed by none of our authorities"
    return (stage.waits(told, keyspace="made", **stage.tls(stage.others))
            + stage.waits(told, keyspace="made", tls=True))


def without_tls_it_is_said_that_the_port_may_be_encrypted(stage):
    return stage.waits("the port may be encrypted", keyspace="made")


def files_that_are_wrong_are_refused(stage):
    tls, ours = stage.tls(), stage.identity(stage.ours, "client")
    missing, empty = stage.folder / "missing.pem", stage.folder / "empty.pem"
    empty.touch()
    key = str(stage.others.key)
    return (stage.refused(str(missing), "No such file", **tls | {"ca_file": str(missing)})
            + stage.refused(str(empty), "it holds no certificate", **tls | {"ca_file": str(empty)})
            + stage.refused(key, "cannot be used for TLS", **tls | ours | {"key_file": key}))


def an_expired_certificate_is_waited_for(stage):
    """Whoever runs the ring renews it."""
    stage.starts_with(stage.ours, "expired", ADDRESS, -9, -2)
    at = {"keyspace": "made"} | stage.tls()
    wrong = stage.waits("has expired", tls_check_addresses=False, **at)
    with stage.server(**at) as server:
        wrong += server.comes_to(503, "has expired")
        stage.starts_with(stage.ours, "renewed", ADDRESS)
        return wrong + server.comes_to(200, "ready") + works(server)


def a_certificate_of_another_name_is_taken_only_if_names_are_not_looked_at(stage):
    stage.starts_with(stage.ours, "another")
    at = {"keyspace": "made"} | stage.tls()
    wrong = stage.waits("does not name the address", **at)
    wrong += stage.serves(tls_check_addresses=False, **at)
    # Only the name is not looked at.
    return wrong + stage.waits("signed by none", keyspace="made", tls_check_addresses=False,
                               **stage.tls(stage.others))


def a_ring_that_comes_later_is_found(stage):
    stage.ring.do("kill", 1)
    with stage.server(keyspace="made", **stage.tls()) as server:
        wrong = server.comes_to(503, "the connection is refused")
        stage.starts_with(stage.ours, "node", ADDRESS)
        return wrong + server.comes_to(200, "ready") + works(server)


def a_node_that_asks_for_our_certificate_gets_it(stage):
    stage.encrypted(asks_for_ours=True)
    ours = stage.identity(stage.ours, "client")
    return stage.serves(keyspace="made", **stage.tls(), **ours)


def without_it_or_with_a_wrong_one_the_server_waits(stage):
    at = {"keyspace": "made"} | stage.tls()
    # The node tells why, or hangs up before it is heard.
    wrong = stage.waits("certificate of ours", **at)
    wrong += stage.waits("not take our certificate", **at, **stage.identity(stage.others, "client"))
    expired, key = stage.ours.sign("late", None, -9, -2)
    return wrong + stage.waits("not take our certificate", cert_file=str(expired),
                               key_file=str(key), **at)


def no_secret_is_told(stage):
    keys = [line for file in stage.folder.rglob("*.key") for line in file.read_text().splitlines()
            if "-----" not in line]
    told = [*stage.said, *(line for server in stage.servers for line in server.log)]
    if len(told) < 1_000 or len(keys) < 10:
        return [f"{len(told)} lines were looked at for {len(keys)} lines of keys"]
    return [line for line in told if any(secret in line for secret in (*SECRETS, *keys))][:5]


LOGINS = [
    the_right_login_makes_the_keyspace_and_serves, a_wrong_password_is_refused,
    no_login_is_refused, without_create_nothing_is_made,
    tables_that_are_there_need_select_and_modify_only, without_alter_old_options_stay,
    without_modify_or_select_no_server_starts, when_modify_is_taken_away_reads_go_on,
    when_select_is_taken_away_everybody_is_told, while_roles_cannot_be_looked_up_servers_wait,
    keyspaces_that_are_not_ours_are_refused, nothing_is_copied_from_a_keyspace_that_is_not_there,
    contact_points_that_are_wrong_are_waited_for,
    a_port_that_is_not_encrypted_is_told_from_one_that_is,
]
ENCRYPTION = [
    the_right_authority_serves, a_wrong_authority_is_not_believed,
    without_tls_it_is_said_that_the_port_may_be_encrypted, files_that_are_wrong_are_refused,
    an_expired_certificate_is_waited_for,
    a_certificate_of_another_name_is_taken_only_if_names_are_not_looked_at,
    a_ring_that_comes_later_is_found, a_node_that_asks_for_our_certificate_gets_it,
    without_it_or_with_a_wrong_one_the_server_waits,
]


def main():
    verdicts = Verdicts("cassandra access", [])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder)
        try:
            stage.ring.do("up", 2, *WITH_LOGIN)
            check_each([*LOGINS, *ENCRYPTION, no_secret_is_told], stage, verdicts)
        finally:
            stage.fall()
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
