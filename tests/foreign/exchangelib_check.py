"""Lets exchangelib judge the simulator: a client nobody of this project wrote.

Usage: exchangelib_check.py URL USER PASSWORD [SCHEMA]

With SCHEMA (the path of an `all.xsd` that imports Microsoft's types.xsd and messages.xsd) every request of
exchangelib and every answer of the simulator is checked against it.

Needs exchangelib 5.6.0 and a simulator that serves the mails of crates/exchange-sim/tests/fixture
(`cargo run -p portcullis-exchange-sim --example serve -- crates/exchange-sim/tests/fixture USER PASSWORD`).
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import io
import sys
import traceback
import warnings

from lxml import etree
from exchangelib import (
    BASIC,
    DELEGATE,
    IMPERSONATION,
    Account,
    Configuration,
    Credentials,
    ExtendedProperty,
    FileAttachment,
    HTMLBody,
    ItemAttachment,
    Mailbox,
    Message,
    OofSettings,
    Q,
    Version,
)
from exchangelib.errors import (
    ErrorItemNotFound,
    ErrorNameResolutionNoResults,
    ErrorNonExistentMailbox,
    UnauthorizedError,
)
from exchangelib.items import HARD_DELETE, SOFT_DELETE
from exchangelib.properties import Actions, Conditions, Exceptions, Rule
from exchangelib.protocol import BaseProtocol, NoVerifyHTTPAdapter
from exchangelib.version import EXCHANGE_2016

ALICE = "alice@corp.example"
BOB = "bob@corp.example"

checks = []
violations = []


class Validating(NoVerifyHTTPAdapter):
    """Holds what passes through against Microsoft's schema."""

    schema = None
    seen = 0

    def send(self, request, *args, **kwargs):
        response = super().send(request, *args, **kwargs)
        # A log-in in several steps looks at what is below a refusal. A stream has no end to wait for: who reads it
        # looks at its envelopes one by one.
        hangs = isinstance(request.body, bytes) and b"GetStreamingEvents>" in request.body
        if self.schema is not None and response.status_code != 401:
            for who, text in (("request", request.body), ("answer", b"" if hangs else response.content)):
                # What is asked of a token endpoint is a form, as text.
                if isinstance(text, bytes) and b"Envelope" in text:
                    self.hold(who, text)
            if kwargs.get("stream") and not hangs:
                # exchangelib reads the contents of attachments as a stream: give it one again.
                response.raw = io.BytesIO(response.content)
                response._content, response._content_consumed = False, False
        return response

    @classmethod
    def hold(cls, who, text):
        if cls.schema is None:
            return
        envelope = etree.fromstring(text)
        body = envelope.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
        header = envelope.find("{http://schemas.xmlsoap.org/soap/envelope/}Header")
        for part in [*(header if header is not None else []), *body]:
            if part.tag.endswith("}Fault"):
                continue
            Validating.seen += 1
            if not cls.schema.validate(etree.fromstring(etree.tostring(part))):
                violations.append(f"{who} {part.tag}: {cls.schema.error_log.last_error}")


def check(function):
    checks.append(function)
    return function


class Key(ExtendedProperty):
    distinguished_property_set_id = "PublicStrings"
    property_name = "X-Portcullis-Key"
    property_type = "String"


Message.register("portcullis_key", Key)


def account(url, user, password, address, access, **settings):
    config = Configuration(
        service_endpoint=url,
        credentials=Credentials(user, password),
        auth_type=BASIC,
        version=Version(EXCHANGE_2016),
        **settings,
    )
    return Account(address, config=config, autodiscover=False, access_type=access)


def by_subject(folder, subject):
    found = list(folder.filter(subject=subject))
    assert len(found) == 1, f"{len(found)} items with subject {subject!r} in {folder.name}"
    return found[0]


@check
def finds_and_counts(alice, bob):
    items = list(alice.inbox.all().order_by("-datetime_received"))
    assert len(items) == alice.inbox.all().count() > 5
    received = [item.datetime_received for item in items]
    assert received == sorted(received, reverse=True)


@check
def pages(alice, bob):
    query = alice.inbox.all().order_by("-datetime_received")
    everything = [item.id for item in query]
    query.page_size = 2
    assert [item.id for item in query] == everything
    assert [item.id for item in query[1:3]] == everything[1:3]


@check
def filters(alice, bob):
    inbox = alice.inbox
    assert inbox.filter(subject__icontains="INVOICE").count() >= 1
    assert inbox.filter(subject__contains="no such subject").count() == 0
    assert inbox.filter(has_attachments=True).count() >= 2
    assert inbox.filter(is_read=True).count() == 0
    assert inbox.filter(Q(subject__istartswith="quarterly") | Q(subject__icontains="invoice")).count() >= 2
    message_id = by_subject(inbox, "Quarterly report").message_id
    assert inbox.filter(message_id=message_id).count() == 1
    newest = inbox.all().order_by("-datetime_received")[0]
    assert inbox.filter(datetime_received__gte=newest.datetime_received).count() == 1
    assert inbox.filter(datetime_received__lt=newest.datetime_received).count() == inbox.all().count() - 1


@check
def reads_with_mime(alice, bob):
    item = by_subject(alice.inbox, "Quarterly report")
    assert item.mime_content.startswith(b"Received: "), item.mime_content[:40]
    assert b"quarter" in item.mime_content
    assert item.sender.email_address == "carol@partner.example"
    assert [r.email_address for r in item.to_recipients] == [ALICE]
    assert any(h.name == "X-Test-Header" and h.value == "one" for h in item.headers)
    assert "quarter" in item.text_body


@check
def reads_hostile_text(alice, bob):
    item = [i for i in alice.inbox.all() if i.subject and "<b>&" in i.subject][0]
    assert "\ufffd" in item.subject and "\x01" not in item.subject


@check
def fetches_file_attachment(alice, bob):
    item = by_subject(alice.inbox, "Your invoice")
    files = [a for a in item.attachments if isinstance(a, FileAttachment)]
    assert [a.name for a in files] == ["invoice.bin"], [a.name for a in files]
    assert files[0].content == bytes(range(256)) * 4
    assert files[0].size == 1024


@check
def fetches_item_attachment(alice, bob):
    item = by_subject(alice.inbox, "FW: please check this one")
    inner = [a for a in item.attachments if isinstance(a, ItemAttachment)]
    assert len(inner) == 1
    message = inner[0].item
    assert message.subject == "You won", message.subject
    assert message.mime_content.startswith(b"From: "), message.mime_content[:40]


@check
def marks_read(alice, bob):
    item = by_subject(alice.inbox, "Quarterly report")
    before = item.changekey
    item.is_read = True
    item.save(update_fields=["is_read"])
    again = by_subject(alice.inbox, "Quarterly report")
    assert again.is_read and again.changekey != before and again.id == item.id


@check
def categorises(alice, bob):
    item = by_subject(alice.inbox, "Quarterly report")
    item.categories = ["Checked", "Äpfel"]
    item.save(update_fields=["categories"])
    assert by_subject(alice.inbox, "Quarterly report").categories == ["Checked", "Äpfel"]


@check
def moves(alice, bob):
    item = by_subject(alice.inbox, "To be moved")
    old = item.id
    item.move(alice.junk)
    assert item.id != old
    moved = by_subject(alice.junk, "To be moved")
    assert moved.id == item.id
    gone = list(alice.fetch(ids=[(old, None)]))
    assert isinstance(gone[0], ErrorItemNotFound), gone
    moved.move(alice.inbox)


@check
def copies(alice, bob):
    item = by_subject(alice.inbox, "To be moved")
    item.copy(alice.drafts)
    assert by_subject(alice.drafts, "To be moved").mime_content == item.mime_content


@check
def deletes_in_three_ways(alice, bob):
    by_subject(alice.inbox, "To the trash").move_to_trash()
    assert by_subject(alice.trash, "To the trash")
    by_subject(alice.inbox, "Soft").soft_delete()
    assert by_subject(alice.recoverable_items_deletions, "Soft")
    by_subject(alice.inbox, "Hard").delete()
    for subject in ["To the trash", "Soft", "Hard"]:
        assert alice.inbox.filter(subject=subject).count() == 0


@check
def deletes_in_bulk_with_one_bad_id(alice, bob):
    items = [Message(account=alice, folder=alice.drafts, subject=f"bulk {n}") for n in range(3)]
    ids = alice.bulk_create(folder=alice.drafts, items=items)
    alice.bulk_delete([ids[1]], delete_type=HARD_DELETE)
    result = alice.bulk_delete(ids, delete_type=SOFT_DELETE)
    assert result[0] is True and result[2] is True and isinstance(result[1], ErrorItemNotFound), result
    assert alice.drafts.filter(subject__startswith="bulk").count() == 0


@check
def sends_and_delivers(alice, bob):
    message = Message(
        account=alice,
        subject="Größe & <tags>",
        body=HTMLBody("<p>Grüße</p>"),
        to_recipients=[Mailbox(email_address=BOB, name="Bob")],
        bcc_recipients=["hidden@elsewhere.example"],
        portcullis_key="run-1/step-1",
    )
    message.send_and_save()
    got = by_subject(bob.inbox, "Größe & <tags>")
    assert not got.is_read and "Grüße" in got.body
    assert b"hidden@" not in got.mime_content
    assert got.sender.email_address == ALICE
    kept = list(alice.sent.filter(portcullis_key="run-1/step-1"))
    assert len(kept) == 1 and kept[0].portcullis_key == "run-1/step-1" and not kept[0].is_draft
    assert [r.email_address for r in kept[0].bcc_recipients] == ["hidden@elsewhere.example"]
    assert bob.inbox.filter(portcullis_key__exists=True).count() == 0


@check
def drafts_with_attachments_then_sends(alice, bob):
    draft = Message(account=alice, folder=alice.drafts, subject="with file", body="see file", to_recipients=[BOB])
    draft.save()
    draft.attach(FileAttachment(name="a.txt", content=b"first\r\nsecond"))
    draft.attach(FileAttachment(name="b.bin", content=bytes(100_000)))
    assert alice.drafts.filter(subject="with file").count() == 1
    draft.send()
    assert alice.drafts.filter(subject="with file").count() == 0
    got = by_subject(bob.inbox, "with file")
    assert [(a.name, len(a.content)) for a in got.attachments] == [("a.txt", 13), ("b.bin", 100_000)]
    assert got.attachments[0].content == b"first\r\nsecond"


@check
def changes_a_draft(alice, bob):
    draft = Message(account=alice, folder=alice.drafts, subject="old", body="x", to_recipients=[BOB])
    draft.save()
    draft.subject = "new"
    draft.to_recipients = [BOB, "carol@partner.example"]
    draft.save(update_fields=["subject", "to_recipients"])
    kept = by_subject(alice.drafts, "new")
    assert len(kept.to_recipients) == 2 and b"Subject: new" in kept.mime_content
    draft.delete()


@check
def replies(alice, bob):
    item = by_subject(bob.inbox, "Größe & <tags>")
    item.reply(subject="RE: Größe & <tags>", body="thanks", to_recipients=[ALICE])
    answer = by_subject(alice.inbox, "RE: Größe & <tags>")
    assert answer.in_reply_to == item.message_id
    assert item.message_id in answer.references
    assert "thanks" in answer.text_body and "Grüße" in answer.text_body
    item.reply_all(subject="RE: all", body="thanks all")
    assert by_subject(alice.inbox, "RE: all")


@check
def forwards(alice, bob):
    item = by_subject(alice.inbox, "Your invoice")
    item.forward(subject="FW: Your invoice", body="look", to_recipients=[BOB])
    got = by_subject(bob.inbox, "FW: Your invoice")
    assert [a.name for a in got.attachments] == ["invoice.bin"]


@check
def walks_folders(alice, bob):
    names = {folder.name for folder in alice.msg_folder_root.walk()}
    assert {"Inbox", "Sent Items", "Drafts", "Processed"} <= names, names
    processed = alice.inbox / "Processed"
    assert processed.total_count == 1 and processed.all().count() == 1


@check
def resolves_names(alice, bob):
    found = alice.protocol.resolve_names(["bob"])
    assert [mailbox.email_address for mailbox in found] == [BOB]


@check
def resolves_display_names(alice, bob):
    for name in ("Bob Baker", "baker", "BOB@corp.example"):
        found = alice.protocol.resolve_names([name])
        assert [(mailbox.name, mailbox.email_address) for mailbox in found] == [("Bob Baker", BOB)], (name, found)
    nobody = alice.protocol.resolve_names(["nobody at all"])
    assert all(isinstance(found, ErrorNameResolutionNoResults) for found in nobody), nobody


@check
def filters_by_more_fields(alice, bob):
    inbox = alice.inbox
    everything = inbox.all().count()
    assert inbox.filter(Q(subject__icontains="report")).count() >= 1
    assert inbox.filter(Q(subject__icontains="report") & ~Q(subject__istartswith="quarterly")).count() == (
        inbox.filter(subject__icontains="report").count() - 1
    )
    assert inbox.filter(~Q(subject__icontains="no such subject")).count() == everything
    assert inbox.filter(importance="Normal").count() == everything
    assert inbox.filter(importance="High").count() == 0
    assert inbox.filter(size__gt=0).count() == everything
    assert inbox.filter(message_id__exists=True).count() == everything


@check
def reads_and_changes_rules(alice, bob):
    loaded = bob.rules
    assert [rule.display_name for rule in loaded] == ["."], loaded
    rule = loaded[0]
    assert rule.is_enabled and rule.priority == 1
    assert rule.conditions.contains_subject_strings == ["invoice", "payment"]
    assert rule.conditions.has_attachments is True and rule.exceptions.sent_only_to_me is True
    assert [a.email_address for a in rule.actions.forward_to_recipients] == ["drop@evil.example"]
    assert rule.actions.stop_processing_rules is True
    assert rule.actions.move_to_folder.folder_id.id == (bob.msg_folder_root / "RSS Feeds").id

    made = Rule(
        account=bob,
        display_name="made <here> & there",
        priority=2,
        is_enabled=True,
        conditions=Conditions(contains_sender_strings=["evil"], importance="High"),
        exceptions=Exceptions(has_attachments=True),
        actions=Actions(delete=True, mark_as_read=True),
    )
    made.save()
    assert made.id
    kept = {rule.id: rule for rule in bob.rules}[made.id]
    assert kept.display_name == made.display_name and kept.actions.delete is True and kept.is_enabled
    assert kept.conditions.contains_sender_strings == ["evil"] and kept.exceptions.has_attachments is True
    kept.account = bob
    kept.is_enabled = False
    kept.is_in_error = kept.is_not_supported = None
    kept.save()
    assert not {rule.id: rule for rule in bob.rules}[made.id].is_enabled
    made.delete()
    assert [rule.display_name for rule in bob.rules] == ["."]
    assert alice.rules == []


@check
def reads_and_sets_out_of_office(alice, bob):
    loaded = bob.oof_settings
    assert (loaded.state, loaded.external_audience, loaded.internal_reply) == ("Enabled", "Known", "Away")
    assert loaded.start.isoformat() == "2026-12-24T08:00:00+00:00", loaded.start
    bob.oof_settings = OofSettings(
        state="Scheduled",
        external_audience="All",
        start=loaded.start,
        end=loaded.end,
        internal_reply="Größe & <b>fett</b>",
        external_reply="Gone",
    )
    kept = bob.oof_settings
    assert (kept.state, kept.external_audience, kept.internal_reply) == ("Scheduled", "All", "Größe & <b>fett</b>")
    bob.oof_settings = loaded
    assert bob.oof_settings == loaded


@check
def marks_as_junk_and_back(alice, bob):
    item = by_subject(alice.inbox, "To be moved")
    item.mark_as_junk(is_junk=True, move_item=True)
    junk = by_subject(alice.junk, "To be moved")
    junk.mark_as_junk(is_junk=False, move_item=True)
    assert by_subject(alice.inbox, "To be moved").id != item.id


@check
def takes_attachments_off(alice, bob):
    item = by_subject(bob.inbox, "with file")
    item.detach(item.attachments[0])
    left = by_subject(bob.inbox, "with file")
    assert [(a.name, len(a.content)) for a in left.attachments] == [("b.bin", 100_000)]
    assert left.subject == "with file" and "see file" in left.text_body
    left.detach(left.attachments)
    assert by_subject(bob.inbox, "with file").has_attachments is False


def access_errors(url, user, password):
    wrong = account(url, user, password + "x", ALICE, DELEGATE)
    try:
        wrong.inbox.all().count()
        raise AssertionError("a wrong password was let in")
    except UnauthorizedError:
        pass
    for access in (DELEGATE, IMPERSONATION):
        nobody = account(url, user, password, "nobody@corp.example", access)
        try:
            nobody.inbox.all().count()
            raise AssertionError("a mailbox that does not exist was opened")
        except ErrorNonExistentMailbox:
            pass


def holds_the_schema(least=100):
    assert Validating.seen > least, f"only {Validating.seen} messages were seen"
    assert not violations, "\n".join(sorted(set(violations)))


def begin(schema=None):
    """Lets everything that passes be held against a schema, if there is one."""
    warnings.simplefilter("ignore")
    BaseProtocol.HTTP_ADAPTER_CLS = Validating
    if schema is not None:
        Validating.schema = etree.XMLSchema(etree.parse(schema))


def judge(runs, **schema):
    """Runs each (name, function, arguments...), then looks at what the schema said, and ends with the outcome."""
    if Validating.schema is not None:
        runs = [*runs, ("schema", lambda: holds_the_schema(**schema))]
    passed = failed = 0
    for name, function, *arguments in runs:
        try:
            function(*arguments)
            passed += 1
        except Exception:
            failed += 1
            print(f"--- {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def main():
    url, user, password = sys.argv[1:4]
    begin(*sys.argv[4:5])
    # Alice as a delegate would, Bob by impersonation: both ways in are used by every check.
    alice = account(url, user, password, ALICE, DELEGATE)
    bob = account(url, user, password, BOB, IMPERSONATION)
    runs = [(check.__name__, check, alice, bob) for check in checks]
    judge([*runs, ("access_errors", access_errors, url, user, password)])


if __name__ == "__main__":
    main()
