#!/usr/bin/env python3
"""Compares what we read out of mails with what Python's `email` package reads.

    corpus_mime.py FOLDER DUMP.jsonl [DIFFERENCES.md]

FOLDER holds `.eml` files. DUMP has one line per file: {"file": name, "eml": output of eml.parse, "ioc": output of
ioc-extract.extract}. Compared are, for each mail and everything attached to it:

  message_id                   of the mail itself
  subject                      of the mail itself, decoded
  from, to, cc, reply_to       names and addresses
  attachments                  name, size, SHA-256 of every file (name alone for attached mails: Python keeps no bytes)
  urls                         everything that the regular expression below finds in decoded text and HTML parts, wherever
                               they are, is among our URLs

A URL is compared without what belongs to the sentence around it: character references of HTML are decoded (what follows
`&quot;` is not part of a URL in an attribute), invisible characters and closing punctuation are dropped, control
characters percent-encoded, scheme and host are in lower case. The regular expression runs to the next space, so it swallows whatever touches a URL; ours may
end earlier only at a character that no host can contain.

Every difference has to be listed in DIFFERENCES.md (beside this file) under the heading of its reason, as
"- `file.eml`: field". One that is not listed fails, and so does a listed one that does not occur: the list is
neither too short nor too long. Exit code 0: nothing unexplained; 1: something is; 2: wrong usage.
"""

import collections
import email.header
import email.parser
import email.policy
import email.utils
import hashlib
import html
import json
import pathlib
import re
import sys

URL = re.compile(r"https?://[^\s\"'<>]+")
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufe00-\ufe0f]")
PUNCTUATION = ".,;:!?*|\\^`)]}…”’»“‘"
LONGEST_URL = 8 * 1024
ENTRY = re.compile(r"^- `([^`]+)`: (.+)$")


def read(path):
    """The mail as Python sees it."""
    return email.parser.BytesParser(policy=email.policy.compat32).parsebytes(path.read_bytes())


def unfolded(value):
    """A header on one line, raw bytes as UTF-8 or Windows-1252."""
    raw = str(value).encode("ascii", "surrogateescape") if not isinstance(value, email.header.Header) else None
    if raw is None:
        raw = b"".join(part if isinstance(part, bytes) else part.encode("ascii", "surrogateescape")
                       for part, _ in email.header.decode_header(value))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return re.sub(r"\r?\n", "", text).strip()


def decoded(value):
    """Encoded words decoded, as `email.header` does it."""
    parts = []
    for part, charset in email.header.decode_header(value):
        if isinstance(part, str):
            parts.append(part)
            continue
        try:
            parts.append(part.decode(charset or "utf-8"))
        except (LookupError, UnicodeDecodeError):
            parts.append(part.decode("cp1252", "replace"))
    return "".join(parts)


def spaces(text):
    return " ".join(text.split())


def addresses(message, name, every):
    values = [unfolded(value) for value in message.get_all(name, [])]
    found = email.utils.getaddresses(values if every else values[:1])
    return [[spaces(decoded(person)), address] for person, address in found if address]


def leaves(message):
    return [part for part in message.walk() if not part.is_multipart() and part.get_content_maintype() != "multipart"]


def file_name(part):
    name = part.get_filename()
    return None if name is None else decoded(unfolded(name))


def is_body(part):
    """Text that is shown rather than attached; the same rule as in eml.parse."""
    text = part.get_content_type() in ("text/plain", "text/html")
    return text and part.get_content_disposition() != "attachment" and file_name(part) is None


def files(message):
    found = collections.Counter()
    for part in leaves(message):
        if not is_body(part) and part is not message:
            content = part.get_payload(decode=True) or b""
            found[(file_name(part), len(content), hashlib.sha256(content).hexdigest())] += 1
    for part in message.walk():
        if part.get_content_type() == "message/rfc822" and part.is_multipart():
            found[(file_name(part), "mail")] += 1
    return found


def text_of(part):
    content = part.get_payload(decode=True) or b""
    label = part.get_content_charset() or "utf-8"
    for charset in (label, "utf-8", "cp1252"):
        try:
            return content.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    return content.decode("cp1252", "replace")


def normal(url):
    """The form in which URLs are compared; None if nothing of it is left."""
    url = INVISIBLE.sub("", url)
    match = re.match(r"(https?://)([^\s\"'<>]*)", url, re.IGNORECASE)
    if not match:
        return None
    scheme, rest = match.group(1).lower(), match.group(2)
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" not in authority:
        # What no host contains ends the URL, e.g. the bracket of `[http://a](http://b)`.
        impossible = re.search(r"[()\[\]{},;|*!^`$&+=~]", authority)
        if impossible:
            rest = authority = authority[: impossible.start()]
    rest = re.sub("[\x00-\x1f\x7f]", lambda control: f"%{ord(control[0]):02X}", rest)
    rest = (authority.lower() + rest[len(authority):])[:LONGEST_URL].rstrip(PUNCTUATION)
    return scheme + rest if rest else None


def urls(message):
    found = set()
    for part in leaves(message):
        if part.get_content_type() in ("text/plain", "text/html"):
            markup = part.get_content_type() == "text/html"
            found |= {normal(html.unescape(url) if markup else url) for url in URL.findall(text_of(part))}
    return found - {None}


def theirs(message):
    return {
        "message_id": unfolded(message["message-id"]) if message["message-id"] else None,
        "subject": spaces(decoded(unfolded(message["subject"]))) if message["subject"] is not None else None,
        "from": addresses(message, "from", True),
        "to": addresses(message, "to", False),
        "cc": addresses(message, "cc", False),
        "reply_to": addresses(message, "reply-to", False),
        "attachments": files(message),
        "urls": urls(message),
    }


def ours(eml, ioc):
    pairs = lambda entries: [[entry["name"], entry["address"]] for entry in entries]
    found = collections.Counter()
    for mail in [eml, *eml["messages"]]:
        for item in mail["attachments"]:
            mail_part = item["content_type"] == "message/rfc822" and item["message"] is not None
            key = (item["name"], "mail") if mail_part else (item["name"], item["size"], item["sha256"])
            found[key] += 1
    return {
        "message_id": eml["message_id"],
        "subject": None if eml["subject"] is None else spaces(eml["subject"]),
        "from": pairs(eml["from_all"]),
        "to": pairs(eml["to"]),
        "cc": pairs(eml["cc"]),
        "reply_to": pairs(eml["reply_to"]),
        "attachments": found,
        "urls": {normal(url["value"]) for url in ioc["urls"]} - {None},
    }


def differences(path, line):
    left, right = theirs(read(path)), ours(line["eml"], line["ioc"])
    for field, expected in left.items():
        actual = right[field]
        if field == "urls":
            missing = expected - actual
            if missing:
                yield field, f"missing {sorted(missing)}"
        elif expected != actual:
            yield field, f"python {expected!r}\n      ours   {actual!r}"


def explained(path):
    entries = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        match = ENTRY.match(line)
        if match:
            entries |= {(match.group(1), field.strip()) for field in match.group(2).split(",")}
    return entries


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    folder, dump = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    beside = pathlib.Path(__file__).with_name("corpus_mime_differences.md")
    allowed = explained(pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else beside)
    lines = {line["file"]: line for line in map(json.loads, dump.read_text(encoding="utf-8").splitlines())}
    paths = sorted(folder.glob("*.eml"))
    failed = False
    for name in sorted({path.name for path in paths} ^ lines.keys()):
        print(f"{name}: only on one side")
        failed = True
    seen = collections.Counter()
    totals = collections.Counter()
    for path in paths:
        line = lines.get(path.name)
        if line is None:
            continue
        totals["urls"] += len(line["ioc"]["urls"])
        totals["attachments"] += len(line["eml"]["attachments"])
        for field, what in differences(path, line):
            seen[(path.name, field)] += 1
            if (path.name, field) not in allowed:
                print(f"{path.name}: {field}: {what}")
                failed = True
    for name, field in sorted(allowed - seen.keys()):
        if name in lines:
            print(f"{name}: {field}: listed as a difference, but there is none")
            failed = True
    print(
        f"{len(paths)} mails, {totals['attachments']} attachments, {totals['urls']} URLs; "
        f"{len(seen)} differences, {len(seen.keys() - allowed)} unexplained"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
