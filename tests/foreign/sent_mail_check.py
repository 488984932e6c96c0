"""Lets Python's `email` judge what `mail.send` and `mail.reply` send.

Usage: sent_mail_check.py PORTCULLIS URL USER PASSWORD

URL, USER and PASSWORD lead into a simulator with crates/exchange-sim/tests/fixture. exchangelib puts a mail with files
into a mailbox; a playbook sends those files on and answers the mail; exchangelib fetches what arrived.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import email
import email.policy
import email.utils
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from exchangelib import IMPERSONATION, FileAttachment, Mailbox, Message

from exchangelib_check import ALICE, BOB, account, by_subject, judge

PORTCULLIS, URL, USER, PASSWORD = sys.argv[1:]
PORTCULLIS = str(pathlib.Path(PORTCULLIS).resolve())

EVERY_BYTE = bytes(range(256)) * 40 + b"\r\n.\r\n--=_boundary--\r\n"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
FILES = [("Übersicht – Fälle.pdf", "application/pdf", EVERY_BYTE), ("pixel.png", "image/png", PIXEL)]
SUBJECT = "Prüfbericht für 東京 – 🛡 und ein Betreff, der länger ist, als eine Zeile eines Kopfes sein darf"
TEXT = "Grüße aus 東京.\n.\nFrom here on: = ? _\n"
HTML = '<p>Grüße aus <b>東京</b> &amp; more: <img src="cid:pixel"></p>'
NOTE = "ein Wert mit Umlaut: ä"

PLAYBOOK = """
playbook: 1
id: sent-mail-check
name: Sends what is judged
connections:
  mail: { kind: exchange }
inputs:
  item_id: { type: string }
  text: { type: string }
  html: { type: string }
  subject: { type: string }
  note: { type: string }
steps:
  - id: fetch
    uses: mail.get_attachments
    with: { mailbox: alice@corp.example, item_id: '${{ inputs.item_id }}' }
  - id: files
    set:
      all: '${{ steps.fetch.output.attachments }}'
      report: '${{ size(self.all) > 0 ? self.all[0].content : null }}'
      pixel: '${{ size(self.all) > 1 ? self.all[1].content : null }}'
  - id: send
    if: '${{ steps.files.output.report != null && steps.files.output.pixel != null }}'
    uses: mail.send
    with:
      mailbox: alice@corp.example
      to: [bob@corp.example, other@partner.test]
      cc: [desk@corp.example]
      bcc: [hidden@partner.test]
      reply_to: [answers@corp.example]
      subject: '${{ inputs.subject }}'
      text: '${{ inputs.text }}'
      html: '${{ inputs.html }}'
      importance: high
      headers:
        - { name: X-Case, value: '4711' }
        - { name: X-Note, value: '${{ inputs.note }}' }
      attachments:
        - { content: '${{ steps.files.output.report }}', name: 'Übersicht – Fälle.pdf' }
        - { content: '${{ steps.files.output.pixel }}', name: pixel.png, content_id: pixel }
  - id: answer
    uses: mail.reply
    with:
      mailbox: alice@corp.example
      item_id: '${{ inputs.item_id }}'
      text: 'Danke – schön.'
outputs:
  sent:
    type: [string, "null"]
    value: '${{ steps.send.status == "succeeded" ? steps.send.output.internet_message_id : null }}'
  answered: { type: [string, "null"], value: '${{ steps.answer.output.internet_message_id }}' }
"""

RAW = """From: "Liddell, Alice" <alice@corp.example>
To: =?utf-8?Q?B=C3=B6b?= <bob@corp.example>
Subject: =?iso-2022-jp?B?GyRCRWw1fhsoQg==?=
Date: Fri, 20 Nov 2026 07:00:00 +0000
Message-ID: <raw-1@corp.example>
MIME-Version: 1.0
Content-Type: multipart/signed; boundary="s"; micalg=sha-256;
 protocol="application/pkcs7-signature"

--s
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße, signed and not to be touched \t
--s
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64

MIAGCSqGSIb3
--s--
"""

checks = []


def check(function):
    checks.append(function)
    return function


def portcullis(folder, *arguments):
    environment = {**os.environ, "SENT_MAIL_PASSWORD": PASSWORD}
    command = [PORTCULLIS, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def send_everything(folder, alice):
    """Sends what is judged, and gives the outputs of the playbook and of the single action."""
    message = Message(
        account=alice,
        folder=alice.inbox,
        subject="Bitte prüfen",
        body="Siehe Anhang.",
        author=Mailbox(name="Carol Ä.", email_address="bob@corp.example"),
        to_recipients=[Mailbox(email_address=ALICE)],
        message_id="<question-1@corp.example>",
        references="<before-1@corp.example>",
    )
    for name, kind, content in FILES:
        message.attach(FileAttachment(name=name, content_type=kind, content=content))
    message.save()
    (folder / "portcullis.yaml").write_text(
        f"connections:\n  mail:\n    kind: ews\n    url: {URL}\n    auth: {{ kind: basic, user: {USER}, password: "
        f"{{ env: SENT_MAIL_PASSWORD }} }}\n"
    )
    (folder / "playbook.yaml").write_text(PLAYBOOK)
    inputs = {"item_id": message.id, "text": TEXT, "html": HTML, "subject": SUBJECT, "note": NOTE}
    (folder / "inputs.json").write_text(json.dumps(inputs, ensure_ascii=False))
    ran = portcullis(folder, "run", "playbook.yaml", "--inputs", "inputs.json", "--json")
    whole = {"mailbox": ALICE, "to": [BOB], "subject": "東京", "raw_message": RAW}
    raw = portcullis(folder, "action", "run", "mail.send", "--connection", "mail", "--yes", "--json", json.dumps(whole))
    return ran, raw


def received(mailbox, subject):
    raw = by_subject(mailbox.inbox, subject).mime_content
    return raw, email.message_from_bytes(raw, policy=email.policy.default)


def addresses(message, header):
    return [one.addr_spec for one in message[header].addresses] if message[header] else []


def faults(message):
    """What Python's parser finds wrong with a message, its parts and its headers."""
    found = [defect for part in message.walk() for defect in part.defects]
    return found + [defect for part in message.walk() for value in part.values() for defect in value.defects]


@check
def the_head_is_what_was_given(sent, answer, raw, outputs):
    _, message = sent
    assert message["Subject"] == SUBJECT, message["Subject"]
    assert addresses(message, "From") == [ALICE]
    assert addresses(message, "To") == [BOB, "other@partner.test"]
    assert addresses(message, "Cc") == ["desk@corp.example"]
    assert addresses(message, "Reply-To") == ["answers@corp.example"]
    assert message["Bcc"] is None and b"hidden@partner.test" not in sent[0]
    assert message["Importance"].lower() == "high"
    assert (message["X-Case"], message["X-Note"]) == ("4711", NOTE), message["X-Note"]
    assert message["Message-ID"] == outputs["sent"], (message["Message-ID"], outputs)
    assert email.utils.parsedate_to_datetime(message["Date"]).tzinfo is not None


@check
def every_message_says_that_a_machine_sent_it(sent, answer, raw, outputs):
    for _, message in (sent, answer, raw):
        assert message["Auto-Submitted"].startswith("auto-"), message["Auto-Submitted"]
        assert message["X-Auto-Response-Suppress"] == "All"
    assert answer[1]["Auto-Submitted"] == "auto-replied"


@check
def both_bodies_are_there_in_their_order(sent, answer, raw, outputs):
    _, message = sent
    bodies = [part for part in message.walk() if part.get_content_type() == "multipart/alternative"]
    assert len(bodies) == 1, message.get_content_type()
    plain, html = bodies[0].iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content_charset() == html.get_content_charset() == "utf-8"
    assert plain.get_content().replace("\r\n", "\n").strip() == TEXT.strip(), plain.get_content()
    assert html.get_content().strip() == HTML, html.get_content()


@check
def files_have_their_names_and_bytes(sent, answer, raw, outputs):
    _, message = sent
    files = [part for part in message.walk() if part.get_filename()]
    found = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in files]
    assert found == FILES, [(name, kind, hashlib.sha256(content).hexdigest()) for name, kind, content in found]
    report, pixel = files
    assert report.get_content_disposition() == "attachment" and report["Content-ID"] is None
    assert pixel.get_content_disposition() == "inline" and pixel["Content-ID"] == "<pixel>"


@check
def an_answer_belongs_to_its_thread(sent, answer, raw, outputs):
    _, message = answer
    assert message["Subject"] == "RE: Bitte prüfen", message["Subject"]
    assert message["In-Reply-To"] == "<question-1@corp.example>", message["In-Reply-To"]
    assert message["References"].split() == ["<before-1@corp.example>", "<question-1@corp.example>"], message["References"]
    assert addresses(message, "To") == [BOB] and addresses(message, "From") == [ALICE]
    assert message["Message-ID"] == outputs["answered"]
    assert message.get_body(("plain", "html")).get_content().strip() == "Danke – schön."


@check
def a_whole_message_is_not_touched(sent, answer, raw, outputs):
    given = RAW.replace("\n", "\r\n").encode()
    marks, _, rest = raw[0].partition(b"From: ")
    assert b"From: " + rest == given, rest
    assert marks == b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n", marks
    _, message = raw
    assert message["Message-ID"] == outputs["raw"] == "<raw-1@corp.example>"
    assert message["Subject"] == "東京" and message["To"].addresses[0].display_name == "Böb"


@check
def nothing_is_wrong_in_the_eyes_of_the_parser(sent, answer, raw, outputs):
    for _, message in (sent, answer, raw):
        assert faults(message) == [], faults(message)


def main():
    settings = (URL, USER, PASSWORD)
    alice, bob = (account(*settings, address, IMPERSONATION) for address in (ALICE, BOB))
    with tempfile.TemporaryDirectory() as folder:
        ran, raw_output = send_everything(pathlib.Path(folder), alice)
    outputs = {**ran["outputs"], "raw": raw_output["internet_message_id"]}
    sent, answer, raw = received(bob, SUBJECT), received(bob, "RE: Bitte prüfen"), received(bob, "東京")
    judge([(check.__name__, check, sent, answer, raw, outputs) for check in checks])


if __name__ == "__main__":
    main()
