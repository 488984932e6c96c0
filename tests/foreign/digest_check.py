"""Lets lighttpd judge our log-ins by Digest: it stands before the simulator and lets in by Digest alone.

Usage: digest_check.py PORTCULLIS LIGHTTPD URL

LIGHTTPD is a folder with the server (see .ci/lighttpd); URL leads into a simulator that serves
crates/exchange-sim/tests/fixture and takes Basic.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import base64
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

PORTCULLIS, LIGHTTPD, URL = sys.argv[1:]
PORTCULLIS = str(pathlib.Path(PORTCULLIS).resolve())
LIGHTTPD = pathlib.Path(LIGHTTPD).resolve()
BEHIND = urllib.parse.urlsplit(URL)
ALICE, REALM, PASSWORD = "alice@corp.example", "Corp, EWS", "correct horse ÄÖ: battery"
# Names without a backslash: with the escape that RFC 7616 has for it lighttpd takes none, of no client.
USERS = ["alice@corp.example", "alice"]

checks = []


def check(function):
    checks.append(function)
    return function


class Door:
    """lighttpd before the simulator, with one algorithm."""

    def __init__(self, folder, algorithm):
        self.folder = pathlib.Path(folder)
        make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]
        lines = [f"{user}:{REALM}:{make(f'{user}:{REALM}:{PASSWORD}'.encode()).hexdigest()}\n" for user in USERS]
        (self.folder / "users").write_text("".join(lines))
        with socket.socket() as here:
            here.bind(("127.0.0.1", 0))
            self.port = here.getsockname()[1]
        inside = base64.b64encode(f"{ALICE}:alice".encode()).decode()
        (self.folder / "lighttpd.conf").write_text(
            'server.modules = ("mod_auth", "mod_authn_file", "mod_setenv", "mod_proxy", "mod_accesslog")\n'
            f'server.document-root = "{folder}"\nserver.bind = "127.0.0.1"\nserver.port = {self.port}\n'
            f'server.errorlog = "{folder}/errors"\naccesslog.filename = "{folder}/log"\n'
            'accesslog.format = "%s %u %{Authorization}i"\n'
            f'auth.backend = "htdigest"\nauth.backend.htdigest.userfile = "{folder}/users"\n'
            f'auth.require = ("/" => ("method" => "digest", "algorithm" => "{algorithm}", "realm" => "{REALM}",'
            ' "require" => "valid-user"))\n'
            f'setenv.set-request-header = ("Authorization" => "Basic {inside}")\n'
            f'proxy.server = ("" => (("host" => "{BEHIND.hostname}", "port" => {BEHIND.port})))\n'
        )
        libraries = {str(path.parent) for path in LIGHTTPD.glob("**/*.so.*")}
        command = [str(LIGHTTPD / "usr/sbin/lighttpd"), "-D", "-f", str(self.folder / "lighttpd.conf")]
        self.server = subprocess.Popen(
            command + ["-m", str(LIGHTTPD / "usr/lib/lighttpd")],
            env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(libraries)},
        )
        for _ in range(100):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("lighttpd did not start")

    def close(self):
        self.server.terminate()
        self.server.wait()

    def configure(self, user, password=PASSWORD, kind="digest"):
        (self.folder / "password").write_text(password)
        (self.folder / "password").chmod(0o600)
        auth = {"kind": kind, "user": user, "password": {"file": "password"}}
        mail = {"kind": "ews", "url": f"http://127.0.0.1:{self.port}{BEHIND.path}", "email": ALICE, "access": "self"}
        # JSON is YAML.
        (self.folder / "portcullis.yaml").write_text(json.dumps({"connections": {"mail": {**mail, "auth": auth}}}))

    def portcullis(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return subprocess.run(
            [PORTCULLIS, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=150
        )

    def test(self, *who, **how):
        """The stage at which a connection fails, and why; None if it does not."""
        self.configure(*who, **how)
        done = self.portcullis("connection", "test", "mail", "--json")
        assert PASSWORD not in done.stdout + done.stderr
        failed = [stage for stage in json.loads(done.stdout)["stages"] if stage["result"] == "failed"]
        return (failed[0]["stage"], failed[0]["reason"], failed[0]["remedy"]) if failed else None


@check
def every_kind_of_name_logs_in(door):
    for user in USERS:
        found = door.test(user)
        assert found is None, (user, found)


@check
def many_requests_with_one_challenge(door):
    door.configure(ALICE)
    searched = door.portcullis("action", "run", "mail.search", "--with", f"mailbox={ALICE}", "--with", "folder=inbox")
    assert searched.returncode == 0 and "Quarterly report" in searched.stdout, searched


@check
def a_wrong_password_and_an_unknown_user_are_refused(door):
    for user, password in ((ALICE, "another"), ("nobody", PASSWORD)):
        found = door.test(user, password)
        assert found and found[0] == "log_in", found


@check
def another_way_to_log_in_is_not_taken_because_it_is_offered(door):
    found = door.test(ALICE, kind="basic")
    assert found and found[0] == "log_in" and "takes Digest" in found[2], found


failed = 0
for algorithm in ["SHA-256", "MD5"]:
    with tempfile.TemporaryDirectory() as folder:
        here = Door(folder, algorithm)
        try:
            for function in checks:
                try:
                    function(here)
                    print(f"passed: {function.__name__} with {algorithm}")
                except Exception:
                    failed += 1
                    print(f"FAILED: {function.__name__} with {algorithm}")
                    traceback.print_exc(file=sys.stdout)
        finally:
            here.close()
print(f"{2 * len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
