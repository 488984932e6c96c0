"""Lets MIT Kerberos judge our log-ins by Negotiate: its key distribution centre gives the tickets, and its library, with
the key of the service, decides whether a log-in is one.

Usage: kerberos_check.py PORTCULLIS KERBEROS URL

KERBEROS is a folder with the programs (see .ci/kerberos); URL leads into a simulator that serves
crates/exchange-sim/tests/fixture and takes Basic. Before the simulator stands a server of this check that lets in by
Kerberos alone, and then hands requests on. Centre, keys and certificate are in a folder that goes away.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import base64
import ctypes
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

PORTCULLIS, KERBEROS, URL = sys.argv[1:]
PORTCULLIS = str(pathlib.Path(PORTCULLIS).resolve())
KERBEROS = pathlib.Path(KERBEROS).resolve()
BEHIND = urllib.parse.urlsplit(URL)
REALM = "CORP.EXAMPLE"
PASSWORD = "correct horse ÄÖ battery"
# Whom a ticket names, and the account of the simulator that is theirs.
ALICE = "alice@corp.example"
PEOPLE = {f"alice@{REALM}": ALICE, f"alice\\@corp.example@{REALM}": ALICE}

checks = []


def check(function):
    checks.append(function)
    return function


def libraries():
    """Where the libraries of the packages are, in the order in which they need each other."""
    names = ["libkeyutils", "libcom_err", "libkrb5support", "libk5crypto", "libkrb5", "libgssapi_krb5"]
    return [next(path for path in sorted(KERBEROS.glob(f"**/{name}.so.?")) if path.exists()) for name in names]


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_char_p)]

    @classmethod
    def of(cls, data):
        return cls(len(data), data)


class Bindings(ctypes.Structure):
    _fields_ = [
        ("initiator_type", ctypes.c_uint32),
        ("initiator", Buffer),
        ("acceptor_type", ctypes.c_uint32),
        ("acceptor", Buffer),
        ("data", Buffer),
    ]


class OutBuffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    def bytes(self):
        return ctypes.string_at(self.value, self.length) if self.value else b""


class Refused(Exception):
    pass


class Acceptor:
    """GSSAPI as a server uses it: tokens in, and who it is out."""

    CONTINUE = 1
    CHANNEL_BOUND = 2048

    def __init__(self):
        for path in libraries():
            self.gss = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        for name in ["gss_accept_sec_context", "gss_display_name", "gss_display_status"]:
            getattr(self.gss, name).restype = ctypes.c_uint32

    def words(self, status, kind):
        minor, more, text = ctypes.c_uint32(), ctypes.c_uint32(), OutBuffer()
        refs = [ctypes.byref(minor), ctypes.c_uint32(status), kind, None, ctypes.byref(more), ctypes.byref(text)]
        self.gss.gss_display_status(*refs)
        return text.bytes().decode(errors="replace")

    def take(self, context, token, binding):
        """(context, answer, who or None): one step of a log-in."""
        minor, source, out = ctypes.c_uint32(), ctypes.c_void_p(), OutBuffer()
        flags = ctypes.c_uint32()
        bound = None
        if binding:
            bound = ctypes.byref(Bindings(0, Buffer(), 0, Buffer(), Buffer.of(binding)))
        major = self.gss.gss_accept_sec_context(
            ctypes.byref(minor),
            ctypes.byref(context),
            None,
            ctypes.byref(Buffer.of(token)),
            bound,
            ctypes.byref(source),
            None,
            ctypes.byref(out),
            ctypes.byref(flags),
            None,
            None,
        )
        if major >> 16:
            raise Refused(f"{self.words(major, 1)}: {self.words(minor.value, 2)}")
        if major == self.CONTINUE:
            return context, out.bytes(), None
        if binding and not flags.value & self.CHANNEL_BOUND:
            raise Refused("the log-in is not bound to the certificate")
        name = OutBuffer()
        self.gss.gss_display_name(ctypes.byref(minor), source, ctypes.byref(name), None)
        return context, out.bytes(), name.bytes().decode()


class Door(http.server.BaseHTTPRequestHandler):
    """What stands before the simulator. One of these for each connection."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.context, self.who = ctypes.c_void_p(), None

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one(self):
        world = self.server.world
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        said = []
        if token:
            if scheme != "Negotiate":
                world.refused.append(f"the scheme {scheme}")
                return self.answer(401, [("WWW-Authenticate", "Negotiate")])
            try:
                before = ctypes.c_void_p() if self.who else self.context
                step = world.acceptor.take(before, base64.b64decode(token), self.server.binding)
            except Refused as why:
                self.context = ctypes.c_void_p()
                world.refused.append(str(why))
                return self.answer(401, [("WWW-Authenticate", "Negotiate")])
            self.context, answer, self.who = step
            said = [("WWW-Authenticate", f"Negotiate {base64.b64encode(answer).decode()}")] if answer else []
            if not self.who:
                return self.answer(401, said)
            world.let_in.append(self.who)
        if not self.who:
            return self.answer(401, [("WWW-Authenticate", "Negotiate")])
        account = PEOPLE.get(self.who)
        if not self.server.keeps:
            self.context, self.who = ctypes.c_void_p(), None
        if not account:
            return self.answer(403, said)
        basic = base64.b64encode(f"{account}:{account.split('@')[0]}".encode()).decode()
        behind = http.client.HTTPConnection(BEHIND.hostname, BEHIND.port, timeout=60)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "authorization")}
        behind.request(self.command, self.path, body, {**kept, "Authorization": f"Basic {basic}"})
        got = behind.getresponse()
        page = got.read()
        ours = ("content-length", "transfer-encoding", "connection", "www-authenticate")
        headers = [(name, value) for name, value in got.getheaders() if name.lower() not in ours]
        behind.close()
        return self.answer(got.status, headers + said, page)

    do_GET = do_POST = do_HEAD = do_OPTIONS = handle_one


class World:
    """A centre, a realm in it, and doors before the simulator."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.centre, self.doors = None, []
        self.let_in, self.refused = [], []
        self.port = free_port()
        self.settings()
        path = ":".join(str(path) for path in {library.parent for library in KERBEROS.glob("**/*.so.*")})
        self.environment = {
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": path,
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
        }
        self.program("kdb5_util", "create", "-s", "-r", REALM, "-P", "the key of the centre")
        self.admin(f'addprinc -pw "{PASSWORD}" +requires_preauth alice')
        self.admin(f'addprinc -pw "{PASSWORD}" +requires_preauth alice\\@corp.example')
        self.admin(f'addprinc -pw "{PASSWORD}" +requires_preauth -e aes128-cts-hmac-sha1-96:normal small')
        self.admin(f'addprinc -pw "{PASSWORD}" +requires_preauth stranger')
        self.admin(f'addprinc -pw "{PASSWORD}" +requires_preauth -expire yesterday former')
        self.admin(f'addprinc -pw "{PASSWORD}" -requires_preauth open')
        self.admin("addprinc -randkey HTTP/localhost")
        self.admin(f"ktadd -k {self.folder}/service.keytab HTTP/localhost")
        os.environ["KRB5_CONFIG"] = self.environment["KRB5_CONFIG"]
        os.environ["KRB5_KTNAME"] = f"FILE:{self.folder}/service.keytab"
        # Of one user and one second there may be two log-ins; the memory for repeated ones is in this folder too.
        os.environ["KRB5RCACHENAME"] = f"dfl:{self.folder}/replays"
        os.environ["KRB5RCACHEDIR"] = str(self.folder)
        self.acceptor = Acceptor()

    def settings(self):
        modules = next(KERBEROS.glob("**/plugins/kdb/db2.so")).parent
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n  default_realm = {REALM}\n  dns_lookup_kdc = false\n  dns_canonicalize_hostname = false\n"
            f"  rdns = false\n[realms]\n  {REALM} = {{\n    kdc = 127.0.0.1:{self.port}\n  }}\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n  kdc_listen = 127.0.0.1:{self.port}\n  kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n  {REALM} = {{\n    database_name = {self.folder}/principal\n"
            f"    key_stash_file = {self.folder}/stash\n    acl_file = {self.folder}/acl\n    max_life = 1h\n  }}\n"
            f"[dbmodules]\n  db_module_dir = {modules}\n[logging]\n  kdc = FILE:{self.folder}/centre.log\n"
        )

    def program(self, name, *arguments):
        command = [str(KERBEROS / "usr/sbin" / name), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        return done.stdout + done.stderr

    def admin(self, query):
        said = self.program("kadmin.local", "-r", REALM, "-q", query)
        assert "rror" not in said and "while" not in said, said

    def open(self):
        command = [str(KERBEROS / "usr/sbin/krb5kdc"), "-n", "-r", REALM]
        self.centre = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the key distribution centre did not start")

    def close(self):
        if self.centre:
            self.centre.terminate()
            self.centre.wait()
            self.centre = None

    def door(self, keeps=True, tls=False):
        """A server that lets in by Kerberos, and its address."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        server.world, server.keeps, server.binding, server.daemon_threads = self, keeps, None, True
        if tls:
            server.binding = self.certificate()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.doors.append(server)
        return f"http{'s' if tls else ''}://localhost:{server.server_port}{BEHIND.path}"

    def certificate(self):
        """Makes one for localhost; what log-ins are bound to."""
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-days", "2", "-nodes"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
        command += ["-keyout", str(self.folder / "server.key"), "-out", str(self.folder / "server.pem")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        der = ssl.PEM_cert_to_DER_cert((self.folder / "server.pem").read_text())
        return b"tls-server-end-point:" + hashlib.sha256(der).digest()

    def configure(self, url, user=ALICE, password=PASSWORD, more="", beside="", kdc=None):
        (self.folder / "password").write_text(password)
        (self.folder / "password").chmod(0o600)
        kdc = kdc or f"tcp://127.0.0.1:{self.port}"
        (self.folder / "portcullis.yaml").write_text(
            f"connections:\n  mail:\n    kind: ews\n    url: {url}\n    email: {ALICE}\n    access: self\n"
            f"{beside}    auth:\n      kind: negotiate\n      user: '{user}'\n      password: {{ file: password }}\n"
            f"      kdc: {kdc}\n{more}"
        )

    def portcullis(self, *arguments):
        # No krb5.conf: whatever is on this machine must not decide.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KRB5_CONFIG": "/nowhere"}
        return subprocess.run(
            [PORTCULLIS, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=150
        )

    def test(self, url, **settings):
        """The stage at which a connection fails, and why; None if it does not."""
        self.let_in.clear()
        self.refused.clear()
        self.configure(url, **settings)
        done = self.portcullis("connection", "test", "mail", "--json")
        assert PASSWORD not in done.stdout + done.stderr
        report = json.loads(done.stdout)
        failed = [stage for stage in report["stages"] if stage["result"] == "failed"]
        return (failed[0]["stage"], failed[0]["reason"], failed[0]["remedy"]) if failed else None

    def log(self):
        return (self.folder / "centre.log").read_text()


def free_port():
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        return here.getsockname()[1]


@check
def a_user_of_the_realm_logs_in(world):
    url = world.door()
    assert world.test(url, user=f"{REALM}\\alice") is None, world.test(url, user=f"{REALM}\\alice")
    assert set(world.let_in) == {f"alice@{REALM}"}, world.let_in
    assert not world.refused, world.refused
    assert f"alice@{REALM} for HTTP/localhost@{REALM}" in world.log()


@check
def user_and_domain_apart(world):
    found = world.test(world.door(), user="alice", more="      domain: corp.example\n")
    assert found is None and set(world.let_in) == {f"alice@{REALM}"}, (found, world.let_in)


@check
def a_whole_name_is_one_name(world):
    found = world.test(world.door())
    assert found is None and set(world.let_in) == {f"alice\\@corp.example@{REALM}"}, (found, world.let_in)


@check
def an_account_without_a_long_key_is_told_so(world):
    found = world.test(world.door(), user=f"{REALM}\\small")
    assert found and found[0] == "log_in" and not world.let_in, (found, world.let_in)
    assert "AES-256" in found[2], found


@check
def an_account_that_needs_no_password_is_told_so(world):
    found = world.test(world.door(), user=f"{REALM}\\open")
    assert found and found[0] == "log_in" and "preauthentication" in found[2] and not world.let_in, found


@check
def a_log_in_is_bound_to_the_certificate(world):
    found = world.test(world.door(tls=True), beside="    tls: { ca: server.pem }\n")
    assert found is None and world.let_in and not world.refused, (found, world.let_in, world.refused)


@check
def a_log_in_that_is_passed_on_to_another_server_is_refused(world):
    url = world.door(tls=True)
    world.doors[-1].binding = b"tls-server-end-point:" + bytes(32)
    found = world.test(url, beside="    tls: { ca: server.pem }\n")
    assert found and found[0] == "log_in", found
    assert any("binding" in why for why in world.refused), world.refused


@check
def a_server_that_wants_a_log_in_for_each_request(world):
    url = world.door(keeps=False)
    assert world.test(url) is None, world.test(url)
    searched = world.portcullis(
        "action", "run", "mail.search", "--with", f"mailbox={ALICE}", "--with", "folder=inbox"
    )
    assert searched.returncode == 0 and "Quarterly report" in searched.stdout, searched
    assert len(world.let_in) >= 3 and not world.refused, (world.let_in, world.refused)


@check
def a_stranger_is_let_in_nowhere(world):
    found = world.test(world.door(), user=f"{REALM}\\stranger")
    assert found and found[0] == "log_in" and set(world.let_in) == {f"stranger@{REALM}"}, (found, world.let_in)


@check
def a_wrong_password(world):
    found = world.test(world.door(), user=f"{REALM}\\alice", password="another")
    assert found and found[0] == "log_in" and "password" in found[1], found
    assert not world.let_in and "PREAUTH_FAILED" in world.log().upper().replace(" ", "_"), world.log()


@check
def nobody_of_that_name(world):
    found = world.test(world.door(), user=f"{REALM}\\nobody")
    assert found and found[0] == "log_in" and "user" in found[1] and not world.let_in, found


@check
def an_account_that_has_expired(world):
    found = world.test(world.door(), user=f"{REALM}\\former")
    assert found and found[0] == "log_in" and "expired" in found[1], found


@check
def another_realm(world):
    found = world.test(world.door(), user="OTHER.EXAMPLE\\alice")
    assert found and found[0] == "log_in" and "realm OTHER.EXAMPLE" in found[1] and not world.let_in, found


@check
def a_service_the_centre_does_not_know(world):
    found = world.test(world.door().replace("localhost", "127.0.0.1"), user=f"{REALM}\\alice")
    assert found and found[0] == "log_in" and "HTTP/127.0.0.1" in found[1] and not world.let_in, found


@check
def a_centre_that_is_away(world):
    url = world.door()
    world.close()
    found = world.test(url, user=f"{REALM}\\alice")
    assert found and found[0] == "log_in" and f"127.0.0.1:{world.port}" in found[1], found
    world.open()
    assert world.test(url, user=f"{REALM}\\alice") is None


@check
def something_else_in_place_of_the_centre(world):
    found = world.test(world.door(), user=f"{REALM}\\alice", kdc=f"tcp://127.0.0.1:{BEHIND.port}")
    assert found and found[0] == "log_in" and "key distribution centre" in found[1] and not world.let_in, found


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            world.open()
            for function in checks:
                try:
                    function(world)
                    print(f"passed: {function.__name__}")
                except Exception:
                    failed += 1
                    print(f"FAILED: {function.__name__}")
                    traceback.print_exc(file=sys.stdout)
        finally:
            world.close()
            for door in world.doors:
                door.shutdown()
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
