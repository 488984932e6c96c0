#!/usr/bin/env python3
"""Compares what eml.parse sees in mails that are wrapped with what programs by others see, or put there.

    outlook_check.py SAMPLES READER [OPENSSL]

SAMPLES holds `.msg` files (written by the Rust crate `cfb`) and TNEF streams. READER prints for each file that it is
given one JSON object: {"file": path, "eml": output of eml.parse}. Compared are

  .msg         subject, sender, recipients, bodies and attachments, with `extract_msg`
  TNEF         attachments, with `tnefparse`
  S/MIME       signed (opaque, detached) and encrypted by `cryptography`; signed by `openssl` with open lengths (BER)

Exit code 0: all the same; 1: a difference, which is printed; 2: wrong usage.
"""

import datetime
import email.message
import hashlib
import json
import logging
import pathlib
import re
import subprocess
import sys

import extract_msg
import tnefparse
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

FAILURES = []
COUNT = 0


def same(what, theirs, ours):
    global COUNT
    COUNT += 1
    if theirs != ours:
        FAILURES.append(f"{what}: theirs {theirs!r}\n    ours {ours!r}")


def read(reader, paths):
    lines = subprocess.run([reader, *map(str, paths)], check=True, capture_output=True, text=True).stdout.splitlines()
    return {pathlib.Path(line["file"]).name: line["eml"] for line in map(json.loads, lines)}


def words(text):
    return re.sub(r"\s+", "", text or "")


def files(pairs):
    return sorted((name, hashlib.sha256(content).hexdigest()) for name, content in pairs)


def our_files(mail):
    return sorted((item["name"], item["sha256"]) for item in mail["attachments"])


def msg(path, mail):
    with extract_msg.openMsg(str(path)) as theirs:
        name = path.name
        same(f"{name}: subject", theirs.headerDict.get("Subject", theirs.subject), mail["subject"])
        sender = re.search(r"[^<\s]+@[^>\s]+", theirs.sender)
        # Without headers it shows the name alone.
        sender = sender[0] if sender else theirs.getStringStream("__substg1.0_5D02")
        same(f"{name}: from", sender, mail["from"]["address"])
        for kind, field in ((1, "to"), (2, "cc"), (3, "bcc")):
            people = [(person.name, person.email or person.smtpAddress) for person in theirs.recipients
                      if person.type == kind]
            same(f"{name}: {field}", people, [(person["name"], person["address"]) for person in mail[field]])
        same(f"{name}: text", theirs.body, mail["text_body"])
        same(f"{name}: html", words(theirs.htmlBody.decode("utf-8")), words(mail["html_body"]))
        same(f"{name}: files", files((item.longFilename, item.data) for item in theirs.attachments), our_files(mail))
        same(f"{name}: date", theirs.props.get("00390040").value.strftime("%Y-%m-%dT%H:%M:%SZ"), mail["date"])


def tnef(path, mail):
    theirs = tnefparse.TNEF(path.read_bytes())
    plain = [item for item in theirs.attachments if item.data and not getattr(item, "embed", None)]
    same(f"{path.name}: number of files", len(theirs.attachments), len(mail["attachments"]))
    # By their bytes: names in another code page than UTF-8 are too much for it.
    ours = {item["sha256"] for item in mail["attachments"]}
    for item in plain:
        digest = hashlib.sha256(item.data).hexdigest()
        same(f"{path.name}: a file of {len(item.data)} bytes", True, digest in ours)


def identity():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256())


def smime(folder, reader, openssl):
    inner = email.message.EmailMessage()
    inner.set_content("Please pay: https://evil.example/invoice")
    inner.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="invoice.pdf")
    # Only the part itself is signed; what the mail says of itself stands around it.
    entity = inner.as_bytes(policy=inner.policy.clone(linesep="\r\n"))
    key, certificate = identity()
    signer = pkcs7.PKCS7SignatureBuilder().set_data(entity).add_signer(certificate, key, hashes.SHA256())
    options = pkcs7.PKCS7Options
    envelope = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: wrapped\r\n"
    mails = {
        "opaque.eml": signer.sign(serialization.Encoding.SMIME, [options.Binary]),
        "detached.eml": signer.sign(serialization.Encoding.SMIME, [options.DetachedSignature, options.Binary]),
        "encrypted.eml": pkcs7.PKCS7EnvelopeBuilder().set_data(entity).add_recipient(certificate)
        .encrypt(serialization.Encoding.SMIME, [options.Binary]),
    }
    if openssl:
        (folder / "entity").write_bytes(entity)
        (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        command = [openssl, "cms", "-sign", "-nodetach", "-binary", "-stream", "-in", folder / "entity",
                   "-signer", folder / "cert.pem", "-inkey", folder / "key.pem"]
        mails["streamed.eml"] = subprocess.run(command, check=True, capture_output=True).stdout
        (folder / "key.pem").unlink()
    for name, content in mails.items():
        (folder / name).write_bytes(envelope + content)
    seen = read(reader, [folder / name for name in mails])
    for name, mail in seen.items():
        encrypted = name == "encrypted.eml"
        same(f"{name}: subject", "wrapped", mail["subject"])
        same(f"{name}: signed, encrypted", (not encrypted, encrypted), (mail["signed"], mail["encrypted"]))
        same(f"{name}: signature", [None if encrypted else "not_verified"],
             [item["signature"] for item in mail["protection"]])
        if encrypted:
            same(f"{name}: text", None, mail["text_body"])
            continue
        same(f"{name}: text", "Please pay: https://evil.example/invoice", (mail["text_body"] or "").strip())
        found = {item["name"]: item["sha256"] for item in mail["attachments"]}
        same(f"{name}: file", hashlib.sha256(b"%PDF-1.7").hexdigest(), found.get("invoice.pdf"))
    same("mails in S/MIME", len(mails), len(seen))


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    folder, reader = pathlib.Path(sys.argv[1]), sys.argv[2]
    paths = sorted([*folder.glob("*.msg"), *folder.glob("*.tnef")])
    if not paths:
        print(f"there are no samples in {folder}")
        return 1
    mails = read(reader, paths)
    for path in paths:
        (msg if path.suffix == ".msg" else tnef)(path, mails[path.name])
    smime(folder, reader, sys.argv[3] if len(sys.argv) == 4 else None)
    for failure in FAILURES:
        print(failure)
    print(f"{len(paths)} files of Outlook and the mails in S/MIME: {COUNT} comparisons, {len(FAILURES)} differ")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
