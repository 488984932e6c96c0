"""Lets DavMail judge the simulator: a bridge from IMAP and SMTP to EWS that nobody of this project wrote.

Usage: davmail_check.py URL DAVMAIL

DAVMAIL is a folder with davmail.jar, the jars it needs, and `native` (see .ci/davmail). Needs a `java`, and a simulator
that serves crates/exchange-sim/tests/fixture. DavMail runs on loopback ports and ends with the check. What it did is
judged by what the simulator says, not by what DavMail says.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import base64
import email
import email.policy
import hashlib
import imaplib
import json
import pathlib
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from email.message import EmailMessage

ALICE = "alice@corp.example"
BOB = "bob@corp.example"
PASSWORDS = {ALICE: "alice", BOB: "bob"}
URL, DAVMAIL = sys.argv[1], pathlib.Path(sys.argv[2])
FIXTURE = pathlib.Path(__file__).parents[2] / "crates/exchange-sim/tests/fixture"

checks = []


def check(function):
    checks.append(function)
    return function


def view(name):
    request = urllib.request.Request(URL.replace("/EWS/Exchange.asmx", f"/sim/{name}"))
    login = base64.b64encode(f"{ALICE}:{PASSWORDS[ALICE]}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def folder(name, mailbox=ALICE):
    """The items of a folder, as the simulator has them; None if there is no such folder."""
    mailboxes = {box["address"]: box for box in view("snapshot")}
    for found in mailboxes[mailbox]["folders"]:
        if found["path"].endswith(f"Top of Information Store/{name}"):
            return found["items"]
    return None


def by_subject(items, subject):
    found = [item for item in items or [] if item["subject"] == subject]
    assert len(found) == 1, f"{len(found)} items called {subject!r}"
    return found[0]


class Bridge:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.imap_port, self.smtp_port = free_port(), free_port()
        settings = {
            "davmail.server": "true",
            "davmail.mode": "EWS",
            "davmail.url": URL,
            "davmail.imapPort": self.imap_port,
            "davmail.smtpPort": self.smtp_port,
            "davmail.caldavPort": "",
            "davmail.ldapPort": "",
            "davmail.popPort": "",
            "davmail.bindAddress": "127.0.0.1",
            "davmail.allowRemote": "false",
            "davmail.disableUpdateCheck": "true",
            "davmail.enableKeepAlive": "false",
            "davmail.logFilePath": f"{self.folder.name}/davmail.log",
            "log4j.logger.davmail": "WARN",
        }
        path = pathlib.Path(self.folder.name, "davmail.properties")
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        classes = f"{DAVMAIL}/native:{DAVMAIL}/davmail.jar:{DAVMAIL}/*"
        command = ["java", "-Xmx256m", "-cp", classes, "davmail.DavGateway", "-server", str(path)]
        self.said = open(f"{self.folder.name}/said", "w+")
        self.process = subprocess.Popen(command, stdout=self.said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def wait(self):
        # It opens them one after the other, in an order of its own.
        waited_for = [self.smtp_port, self.imap_port]
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                while waited_for:
                    socket.create_connection(("127.0.0.1", waited_for[-1]), 1).close()
                    waited_for.pop()
                return
            except OSError:
                time.sleep(0.2)
        self.said.seek(0)
        raise SystemExit(f"DavMail did not start:\n{self.said.read()}")

    def imap(self, user=ALICE, password=None):
        imap = imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=60)
        imap.login(user, password or PASSWORDS[user])
        return imap

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()
        self.folder.cleanup()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def select(imap, name):
    return int(ok(imap.select(name))[0])


def uid_of(imap, subject):
    found = ok(imap.uid("SEARCH", "SUBJECT", f'"{subject}"'))[0].split()
    assert len(found) == 1, (subject, found)
    return found[0].decode()


@check
def refuses_a_wrong_password(bridge):
    try:
        bridge.imap(ALICE, "wrong")
    except imaplib.IMAP4.error:
        return
    raise AssertionError("a wrong password was let in")


@check
def lists_folders(bridge):
    with bridge.imap() as imap:
        names = {line.decode().rsplit('"/" ', 1)[1].strip('"') for line in ok(imap.list())}
    assert {"INBOX", "INBOX/Processed", "Drafts", "Sent", "Trash", "Junk"} <= names, names


@check
def fetches_every_byte(bridge):
    with bridge.imap() as imap:
        count = select(imap, "INBOX")
        hashes = {item["sha256"] for item in folder("Inbox")}
        assert count == len(hashes) >= 8, (count, len(hashes))
        fetched = [part[1] for part in ok(imap.uid("FETCH", "1:*", "(BODY.PEEK[])")) if isinstance(part, tuple)]
        assert {hashlib.sha256(raw).hexdigest() for raw in fetched} == hashes
        assert not any(item["is_read"] for item in folder("Inbox")), "looking is not reading"
        raw = next(raw for raw in fetched if b"Subject: Your invoice" in raw)
    put_in = email.message_from_bytes(
        (FIXTURE / ALICE / "inbox/02-invoice.eml").read_bytes(), policy=email.policy.default
    )
    got = email.message_from_bytes(raw, policy=email.policy.default)
    assert got["Message-ID"] == put_in["Message-ID"] and got["Subject"] == put_in["Subject"]
    files = [(part.get_filename(), part.get_content()) for part in got.iter_attachments()]
    assert files == [("invoice.bin", bytes(range(256)) * 4)], [name for name, _ in files]


@check
def searches(bridge):
    with bridge.imap() as imap:
        everything = select(imap, "INBOX")
        count = lambda *words: len(ok(imap.search(None, *words))[0].split())
        assert count("ALL") == everything
        assert count("SUBJECT", '"invoice"') == 1
        assert count("FROM", '"carol@partner.example"') >= 1
        assert count("FROM", '"nobody@partner.example"') == 0
        assert count("UNSEEN") == everything and count("SEEN") == 0
        assert count("HEADER", "Message-ID", '"<q1@partner.example>"') == 1


@check
def marks(bridge):
    with bridge.imap() as imap:
        select(imap, "INBOX")
        uid = uid_of(imap, "Quarterly")
        ok(imap.uid("STORE", uid, "+FLAGS", r"(\Seen \Flagged)"))
        item = by_subject(folder("Inbox"), "Quarterly report")
        flag = [prop["values"] for prop in item["extended"] if prop["property"].get("tag") == 0x1090]
        assert item["is_read"] and flag == [["2"]], item
        assert len(ok(imap.search(None, "SEEN"))[0].split()) == 1
        assert len(ok(imap.search(None, "FLAGGED"))[0].split()) == 1
        ok(imap.uid("STORE", uid, "-FLAGS", r"(\Seen)"))
        assert not by_subject(folder("Inbox"), "Quarterly report")["is_read"]


@check
def makes_renames_and_removes_folders(bridge):
    with bridge.imap() as imap:
        ok(imap.create("Cases"))
        assert folder("Cases") == []
        ok(imap.rename("Cases", "Closed"))
        assert folder("Closed") == [] and folder("Cases") is None
        ok(imap.delete("Closed"))
        assert folder("Closed") is None


@check
def copies_and_moves(bridge):
    with bridge.imap() as imap:
        ok(imap.create("Kept"))
        select(imap, "INBOX")
        ok(imap.uid("COPY", uid_of(imap, "To be moved"), "Kept"))
        assert by_subject(folder("Kept"), "To be moved")["sha256"] == by_subject(folder("Inbox"), "To be moved")["sha256"]
        ok(imap.uid("MOVE", uid_of(imap, "To be moved"), "Junk"))
        assert by_subject(folder("Junk Email"), "To be moved")
        assert not [item for item in folder("Inbox") if item["subject"] == "To be moved"]
        before = select(imap, "Junk")
        assert before == 1


@check
def numbers_rise(bridge):
    with bridge.imap() as imap:
        select(imap, "INBOX")
        last = max(int(uid) for uid in ok(imap.uid("SEARCH", "ALL"))[0].split())
        select(imap, "Kept")
        ok(imap.uid("COPY", uid_of(imap, "To be moved"), "INBOX"))
        select(imap, "INBOX")
        assert int(uid_of(imap, "To be moved")) > last


@check
def deletes(bridge):
    with bridge.imap() as imap:
        count = select(imap, "INBOX")
        ok(imap.uid("STORE", uid_of(imap, "Hard"), "+FLAGS", r"(\Deleted)"))
        assert len(folder("Inbox")) == count, "nothing is gone before it is expunged"
        ok(imap.expunge())
        assert len(folder("Inbox")) == count - 1
        assert not [item for item in folder("Inbox") if item["subject"] == "Hard"]
        assert select(imap, "INBOX") == count - 1


@check
def appends(bridge):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "Größe of a draft"
    message["Message-ID"] = "<appended@corp.example>"
    message.set_content("Grüße\n")
    with bridge.imap() as imap:
        ok(imap.append("Drafts", r"(\Draft \Seen)", None, message.as_bytes()))
        item = by_subject(folder("Drafts"), "Größe of a draft")
        assert item["is_draft"] and item["message_id"] == "<appended@corp.example>", item
        ok(imap.append("INBOX", None, None, message.as_bytes()))
        assert not by_subject(folder("Inbox"), "Größe of a draft")["is_draft"]


@check
def sends(bridge):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, BOB, "Sent through SMTP"
    message["Message-ID"] = "<smtp@corp.example>"
    message.set_content("See file.\n.\n..two dots\n")
    contents = bytes(range(256)) * 400
    message.add_attachment(contents, maintype="application", subtype="octet-stream", filename="Größe.bin")
    with smtplib.SMTP("127.0.0.1", bridge.smtp_port, timeout=60) as smtp:
        smtp.login(ALICE, PASSWORDS[ALICE])
        assert smtp.send_message(message, to_addrs=[BOB, "carol@partner.example"]) == {}
    kept = by_subject(folder("Sent Items"), "Sent through SMTP")
    assert kept["message_id"] == "<smtp@corp.example>" and not kept["is_draft"], kept
    assert by_subject(folder("Inbox", BOB), "Sent through SMTP")
    sent = [effect for effect in view("ledger")["effects"] if effect["kind"] == "sent"]
    assert sorted(sent[-1]["recipients"]) == [BOB, "carol@partner.example"], sent
    with bridge.imap(BOB) as imap:
        select(imap, "INBOX")
        raw = ok(imap.uid("FETCH", uid_of(imap, "Sent through SMTP"), "(BODY.PEEK[])"))[0][1]
    got = email.message_from_bytes(raw, policy=email.policy.default)
    assert got["Message-ID"] == "<smtp@corp.example>" and b"carol@partner.example" not in raw
    assert [(p.get_filename(), p.get_content()) for p in got.iter_attachments()] == [("Größe.bin", contents)]
    text = got.get_body().get_content().replace("\r\n", "\n")
    assert text == "See file.\n.\n..two dots\n", text


def main():
    bridge = Bridge()
    passed = failed = 0
    try:
        bridge.wait()
        for function in checks:
            try:
                function(bridge)
                passed += 1
            except Exception:
                failed += 1
                print(f"--- {function.__name__}")
                traceback.print_exc(file=sys.stdout)
    finally:
        bridge.end()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
