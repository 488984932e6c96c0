"""Lets exchangelib judge folders, synchronisation, subscriptions and streams of the simulator.

Usage: exchangelib_sync_check.py URL USER PASSWORD [SCHEMA]

With SCHEMA (the path of an `all.xsd` that imports Microsoft's types.xsd and messages.xsd) every request of
exchangelib and every answer of the simulator is checked against it, those of open streams included.

Needs exchangelib 5.6.0 and a simulator that serves the mails of crates/exchange-sim/tests/fixture
(`cargo run -p portcullis-exchange-sim --example serve -- crates/exchange-sim/tests/fixture USER PASSWORD`).
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import sys
import threading
import time

from exchangelib import DELEGATE, IMPERSONATION, Message
from exchangelib.errors import (
    ErrorDeleteDistinguishedFolder,
    ErrorFolderExists,
    ErrorFolderNotFound,
    ErrorInvalidIdMalformed,
    ErrorInvalidSubscription,
    ErrorInvalidSyncStateData,
    ErrorInvalidWatermark,
    ErrorItemNotFound,
    ErrorSubscriptionNotFound,
)
from exchangelib.folders import Calendar, Messages
from exchangelib.properties import (
    AlternateId,
    CopiedEvent,
    CreatedEvent,
    DeletedEvent,
    ModifiedEvent,
    MovedEvent,
    NewMailEvent,
    StatusEvent,
)
from exchangelib.services import get_streaming_events

from exchangelib_check import ALICE, BOB, Validating, account, begin, judge

checks = []


class Envelope(get_streaming_events.DummyResponse):
    """One envelope of a stream."""

    seen = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        Envelope.seen += 1
        text = self.content
        # Servers write these in the namespace of the messages, where the schema does not have them.
        for name in (b"Notification", b"SubscriptionId"):
            text = text.replace(b"<m:" + name + b">", b"<t:" + name + b">")
            text = text.replace(b"</m:" + name + b">", b"</t:" + name + b">")
        Validating.hold("stream", text)


def check(function):
    checks.append(function)
    return function


def refused(error, function, *arguments, **named):
    try:
        result = function(*arguments, **named)
        if not isinstance(result, (bool, type(None))):
            result = list(result)
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected, {result!r} came")


def draft(account, folder, subject):
    item = Message(account=account, folder=folder, subject=subject, body="x", to_recipients=[BOB])
    item.save()
    return item


def subfolder(account, name):
    return Messages(parent=account.inbox, name=name).save()


@check
def makes_reads_renames_and_deletes_folders(me):
    folder = Messages(parent=me.inbox, name="Cases & co").save()
    assert folder.id and folder.changekey
    refused(ErrorFolderExists, lambda: Messages(parent=me.inbox, name="cases & CO").save())
    me.root.clear_cache()
    again = me.inbox / "Cases & co"
    assert again.id == folder.id and again.folder_class == "IPF.Note"
    assert (again.total_count, again.unread_count, again.child_folder_count) == (0, 0, 0)
    again.name = "Closed"
    again.save()
    again.refresh()
    assert again.name == "Closed" and again.id == folder.id
    again.delete()
    me.root.clear_cache()
    refused(ErrorFolderNotFound, lambda: me.inbox / "Closed")
    refused(ErrorDeleteDistinguishedFolder, me.drafts.delete)


@check
def makes_a_calendar(me):
    folder = Calendar(parent=me.calendar, name="Drills").save()
    me.root.clear_cache()
    assert type(me.calendar / "Drills") is Calendar
    folder.delete()


@check
def moves_and_empties_folders(me):
    outer, inner = subfolder(me, "Outer"), subfolder(me, "Inner")
    inner.move(to_folder=outer)
    me.root.clear_cache()
    inner = me.inbox / "Outer" / "Inner"
    draft(me, inner, "in the inner one")
    draft(me, outer, "in the outer one")
    outer.empty(delete_sub_folders=False)
    me.root.clear_cache()
    assert (me.inbox / "Outer").all().count() == 0 and (me.inbox / "Outer" / "Inner").all().count() == 1
    (me.inbox / "Outer").empty(delete_sub_folders=True)
    me.root.clear_cache()
    assert (me.inbox / "Outer").child_folder_count == 0
    (me.inbox / "Outer").delete()


@check
def walks_the_tree(me):
    a = subfolder(me, "Tree")
    for name in ("One", "Two", "Three"):
        Messages(parent=a, name=name).save()
    me.root.clear_cache()
    assert sorted(folder.name for folder in (me.inbox / "Tree").walk()) == ["One", "Three", "Two"]
    assert [folder.name for folder in me.inbox.glob("Tree/T*o")] == ["Two"]
    a.delete()


@check
def synchronises_items(me):
    folder = subfolder(me, "Synchronised")
    first, second = draft(me, folder, "first"), draft(me, folder, "second")
    changes = list(folder.sync_items())
    assert sorted((kind, item.subject) for kind, item in changes) == [("create", "first"), ("create", "second")]
    state = folder.item_sync_state
    assert list(folder.sync_items()) == []
    first.is_read = not first.is_read
    first.save(update_fields=["is_read"])
    second.subject = "second, changed"
    second.save(update_fields=["subject"])
    third = draft(me, folder, "third")
    moved = draft(me, folder, "moved")
    moved.move(me.drafts)
    changes = list(folder.sync_items())
    kinds = sorted(kind for kind, _ in changes)
    assert kinds == ["create", "read_flag_change", "update"], changes
    flagged = [item for kind, item in changes if kind == "read_flag_change"][0]
    assert flagged[0].id == first.id and flagged[1] == first.is_read
    gone = third.id
    third.delete()
    assert [(kind, item.id) for kind, item in folder.sync_items()] == [("delete", gone)]
    # An older state tells the same again.
    again = sorted(kind for kind, _ in folder.sync_items(sync_state=state))
    assert again == ["read_flag_change", "update"], again
    refused(ErrorInvalidSyncStateData, folder.sync_items, sync_state="bm8=")
    folder.delete()


@check
def synchronises_in_pages(me):
    folder = subfolder(me, "Many")
    for number in range(7):
        draft(me, folder, f"number {number}")
    subjects = [item.subject for _, item in folder.sync_items(max_changes_returned=2)]
    assert sorted(subjects) == [f"number {number}" for number in range(7)], subjects
    ignored = list(folder.all())[:3]
    folder.item_sync_state = None
    left = [item.id for _, item in folder.sync_items(ignore=ignored)]
    assert len(left) == 4 and not {item.id for item in ignored} & set(left)
    folder.delete()


@check
def synchronises_the_tree(me):
    everything = {kind for kind, _ in me.root.sync_hierarchy()}
    assert everything == {"create"}
    assert list(me.root.sync_hierarchy()) == []
    folder = subfolder(me, "Followed")
    assert [(kind, f.name) for kind, f in me.root.sync_hierarchy() if f.name == "Followed"] == [("create", "Followed")]
    folder.name = "Followed on"
    folder.save()
    changes = [(kind, f.name) for kind, f in me.root.sync_hierarchy()]
    assert ("update", "Followed on") in changes, changes
    gone = folder.id
    folder.delete()
    deleted = [f.id for kind, f in me.root.sync_hierarchy() if kind == "delete"]
    assert deleted == [gone], deleted


@check
def pulls_events(me):
    folder, other = subfolder(me, "Pulled"), subfolder(me, "Elsewhere")
    with folder.pull_subscription(timeout=10) as (subscription, watermark):
        notification = list(folder.get_events(subscription, watermark))[-1]
        assert [type(event) for event in notification.events] == [StatusEvent]
        item = draft(me, folder, "pulled")
        item.subject = "pulled and changed"
        item.save(update_fields=["subject"])
        copy = item.copy(to_folder=other)
        old = item.id
        item.move(to_folder=other)
        draft(me, folder, "doomed").delete()
        notification = list(folder.get_events(subscription, watermark))[-1]
        seen = [type(event) for event in notification.events]
        assert seen == [CreatedEvent, ModifiedEvent, CopiedEvent, MovedEvent, CreatedEvent, DeletedEvent], seen
        assert notification.previous_watermark == watermark and notification.more_events is False
        created, changed, copied, moved = notification.events[:4]
        assert created.item_id.id == old == changed.item_id.id == moved.old_item_id.id
        assert moved.item_id.id == item.id and moved.parent_folder_id.id == other.id
        assert moved.old_parent_folder_id.id == folder.id
        assert copied.old_item_id.id == old and copied.item_id.id == copy[0]
        rest = list(folder.get_events(subscription, moved.watermark))[-1]
        assert [type(event) for event in rest.events] == [CreatedEvent, DeletedEvent]
        refused(ErrorInvalidWatermark, folder.get_events, subscription, "AQAAAA==")
    refused(ErrorSubscriptionNotFound, folder.get_events, subscription, watermark)
    refused(ErrorSubscriptionNotFound, folder.unsubscribe, subscription)
    folder.delete()
    other.delete()


@check
def hears_of_new_mail(me):
    with me.inbox.pull_subscription(event_types=["NewMailEvent"]) as (subscription, watermark):
        Message(account=me, subject="to myself", body="x", to_recipients=[me.primary_smtp_address]).send()
        notification = list(me.inbox.get_events(subscription, watermark))[-1]
        assert [type(event) for event in notification.events] == [NewMailEvent], notification
        item = me.inbox.get(id=notification.events[0].item_id.id)
        assert item.subject == "to myself"


@check
def streams_events(me):
    folder = subfolder(me, "Streamed")
    with folder.streaming_subscription() as subscription:
        draft(me, folder, "before it is opened")

        def later():
            time.sleep(1)
            draft(me, folder, "while it is open").delete()

        thread = threading.Thread(target=later)
        thread.start()
        began, seen = time.monotonic(), []
        stream = folder.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=50)
        for notification in stream:
            assert notification.subscription_id == subscription
            seen += [type(event) for event in notification.events]
            if DeletedEvent in seen:
                break
        thread.join()
        assert seen == [CreatedEvent, CreatedEvent, DeletedEvent], seen
        # The stream is open for a minute; its events came long before.
        assert time.monotonic() - began < 30
    refused(ErrorInvalidSubscription, folder.get_streaming_events, subscription)
    folder.delete()


@check
def exports_and_uploads(me):
    item = list(me.inbox.all().order_by("-datetime_received"))[-1]
    mime = item.mime_content
    (blob,) = me.export([item])
    ((new_id, _),) = me.upload([(me.drafts, blob)])
    copy = me.drafts.get(id=new_id)
    assert copy.mime_content == mime and copy.subject == item.subject
    assert (copy.is_read, copy.categories, copy.importance) == (item.is_read, item.categories, item.importance)
    assert copy.datetime_received == item.datetime_received
    other = draft(me, me.drafts, "to be written over")
    ((same_id, _),) = me.upload([(me.drafts, ((other.id, other.changekey), None, blob))])
    assert same_id == other.id and me.drafts.get(id=other.id).mime_content == mime
    gone = (copy.id, copy.changekey)
    copy.delete()
    (error,) = me.export([gone])
    assert isinstance(error, ErrorItemNotFound), error


@check
def converts_ids(me):
    item = me.inbox.all().order_by("-datetime_received")[0]
    address = me.primary_smtp_address
    source = AlternateId(id=item.id, format="EwsId", mailbox=address)
    for form in ("EwsLegacyId", "EwsId", "EntryId", "HexEntryId", "StoreId", "OwaId"):
        (there,) = me.protocol.convert_ids([source], destination_format=form)
        assert there.format == form and there.mailbox == address
        (back,) = me.protocol.convert_ids([there], destination_format="EwsId")
        assert back.id == item.id, (form, there.id, back.id)
    wrong = AlternateId(id="no id", format="EwsId", mailbox=address)
    (error,) = me.protocol.convert_ids([wrong], destination_format="OwaId")
    assert isinstance(error, ErrorInvalidIdMalformed), error


def looks_into_streams():
    assert Envelope.seen > 4, f"only {Envelope.seen} envelopes of streams were seen"


def main():
    url, user, password = sys.argv[1:4]
    begin(*sys.argv[4:5])
    get_streaming_events.DummyResponse = Envelope
    # Alice as a delegate would, Bob by impersonation: both ways in are used by every check. A stream keeps a connection.
    ways = [(ALICE, DELEGATE), (BOB, IMPERSONATION)]
    accounts = [account(url, user, password, *way, max_connections=3) for way in ways]
    runs = [(f"{check.__name__} ({me.primary_smtp_address})", check, me) for check in checks for me in accounts]
    judge([*runs, ("streams", looks_into_streams)], least=150)


if __name__ == "__main__":
    main()
