"""Lets GNOME Keyring and secret-tool judge how secrets get into the keyring of a desktop and out of it.

Usage: dbus-run-session -- keyring_check.py PORTCULLIS KEYRING URL USER PASSWORD

KEYRING is a folder with the programs (see .ci/gnome-keyring); URL, USER and PASSWORD lead into a simulator. The bus is that
of dbus-run-session, and everything that is kept is in a folder that goes away.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

PORTCULLIS, KEYRING, URL, USER, PASSWORD = sys.argv[1:]
KEYRING = pathlib.Path(KEYRING).resolve()
PORTCULLIS = str(pathlib.Path(PORTCULLIS).resolve())
LIBRARIES = ":".join(str(path.parent) for path in KEYRING.glob("usr/lib/*/libsecret-1.so.0"))
OWNER = "the password of the keyring"

checks = []


def check(function):
    checks.append(function)
    return function


class Desktop:
    """A home, and a GNOME Keyring for it on the bus of this process."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        run = self.home / "run"
        run.mkdir(mode=0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_RUNTIME_DIR": str(run),
            "DBUS_SESSION_BUS_ADDRESS": os.environ["DBUS_SESSION_BUS_ADDRESS"],
        }
        self.daemon = None

    def start(self):
        command = [str(KEYRING / "usr/bin/gnome-keyring-daemon"), "--foreground", "--unlock", "--components=secrets"]
        self.daemon = subprocess.Popen(
            command,
            env={**self.environment, "LD_LIBRARY_PATH": LIBRARIES},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.daemon.stdin.write(OWNER.encode())
        self.daemon.stdin.close()
        for _ in range(100):
            if self.tool("search", "service", "nobody").returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("GNOME Keyring did not start")

    def stop(self):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()
            self.daemon = None

    def tool(self, *arguments, secret=""):
        return subprocess.run(
            [str(KEYRING / "usr/bin/secret-tool"), *arguments],
            env={**self.environment, "LD_LIBRARY_PATH": LIBRARIES},
            input=secret,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def lock(self):
        # `secret-tool lock` of Debian 12 crashes.
        service, path = "org.freedesktop.secrets", "/org/freedesktop/secrets"
        command = ["dbus-send", "--session", "--print-reply", f"--dest={service}", path]
        method = ["org.freedesktop.Secret.Service.Lock", f"array:objpath:{path}/collection/login"]
        subprocess.run(command + method, env=self.environment, check=True, capture_output=True, timeout=60)

    def store(self, name, secret, *more):
        attributes = ["service", "portcullis", "username", name, *more]
        stored = self.tool("store", "--label", "a check", *attributes, secret=secret)
        assert stored.returncode == 0, stored.stderr

    def lookup(self, name):
        return self.tool("lookup", "service", "portcullis", "username", name)

    def portcullis(self, *arguments, secret=""):
        return subprocess.run(
            [PORTCULLIS, *arguments],
            cwd=self.home,
            env=self.environment,
            input=secret,
            capture_output=True,
            text=True,
            timeout=150,
        )

    def test(self, name):
        """The stage at which a connection fails whose password is in the keyring, and why; None if it does not."""
        (self.home / "portcullis.yaml").write_text(
            f"connections:\n  mail:\n    kind: ews\n    url: {URL}\n    auth: {{ kind: basic, user: {USER}, password: "
            f"{{ keyring: {name} }} }}\n"
        )
        report = json.loads(self.portcullis("connection", "test", "mail", "--json").stdout)
        failed = [stage for stage in report["stages"] if stage["result"] == "failed"]
        return (failed[0]["stage"], failed[0]["reason"]) if failed else None


@check
def what_secret_tool_stores_logs_in(desktop):
    desktop.store("theirs", PASSWORD)
    assert desktop.test("theirs") is None, desktop.test("theirs")
    desktop.store("wrong", "another password")
    stage, reason = desktop.test("wrong")
    assert stage == "log_in", (stage, reason)


@check
def what_we_store_secret_tool_reads(desktop):
    for secret in ["first", PASSWORD, 'ä "quoted" \\ $PATH %s']:
        stored = desktop.portcullis("secret", "set", "ours", secret=secret + "\n")
        assert stored.returncode == 0 and "desktop" in stored.stdout, stored
        assert desktop.lookup("ours").stdout == secret
    found = desktop.tool("search", "--all", "service", "portcullis", "username", "ours")
    labels = [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("label = ")]
    assert labels == ["label = Portcullis: ours"], found
    removed = desktop.portcullis("secret", "remove", "ours")
    assert removed.returncode == 0 and "desktop" in removed.stdout, removed
    assert desktop.lookup("ours").returncode == 1
    assert desktop.portcullis("secret", "remove", "ours").returncode == 5


@check
def what_is_not_there_is_said(desktop):
    stage, reason = desktop.test("nothing")
    assert stage == "configuration" and "portcullis secret set nothing" in reason, (stage, reason)


@check
def two_of_a_name_are_not_guessed_between(desktop):
    desktop.store("two", PASSWORD)
    desktop.store("two", PASSWORD, "more", "of it")
    stage, reason = desktop.test("two")
    assert stage == "configuration" and "2 secrets" in reason, (stage, reason)


@check
def a_locked_keyring_is_said_and_nobody_waits_for_ever(desktop):
    desktop.store("locked", PASSWORD)
    desktop.lock()
    begun = time.monotonic()
    stage, reason = desktop.test("locked")
    took = time.monotonic() - begun
    assert stage == "configuration" and "keyring of the desktop" in reason, (stage, reason)
    assert took < 120, took


@check
def a_bus_without_a_keyring_is_none(desktop):
    desktop.stop()
    stage, reason = desktop.test("nothing")
    assert stage == "configuration", (stage, reason)
    assert "keyring of the kernel" in reason or "there is no keyring here" in reason, reason


failed = 0
for function in checks:
    with tempfile.TemporaryDirectory() as folder:
        here = Desktop(folder)
        try:
            here.start()
            function(here)
            print(f"passed: {function.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED: {function.__name__}")
            traceback.print_exc(file=sys.stdout)
        finally:
            here.stop()
print(f"{len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
