"""Lets exchangelib judge the simulator's folders, synchronisation, notifications, and export and upload.

Usage: exchangelib_folders_check.py URL USER PASSWORD SCHEMA

Needs exchangelib 5.6.0 and a simulator that serves crates/exchange-sim/tests/fixture.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import sys
import threading

from exchangelib import DELEGATE, IMPERSONATION, FileAttachment, Message
from exchangelib.errors import ErrorFolderNotFound, ErrorSubscriptionNotFound
from exchangelib.folders import Messages
from exchangelib.properties import CreatedEvent, DeletedEvent, ModifiedEvent, MovedEvent, NewMailEvent

from exchangelib_check import ALICE, BOB, account, begin, by_subject, judge

checks = []


def check(function):
    checks.append(function)
    return function


def draft(account, subject, folder=None):
    message = Message(account=account, folder=folder or account.drafts, subject=subject, body="x", to_recipients=[BOB])
    message.save()
    return message


@check
def makes_renames_moves_and_removes_folders(alice, bob):
    made = Messages(parent=alice.inbox, name="Cases & <more>")
    made.save()
    assert made.id
    below = Messages(parent=made, name="Below")
    below.save()
    alice.root.refresh()
    made.refresh()
    assert made.folder_class == "IPF.Note" and made.child_folder_count == 1, made
    assert (alice.inbox / "Cases & <more>" / "Below").id == below.id
    made.name = "Closed"
    made.save(update_fields=["name"])
    alice.root.refresh()
    assert (alice.inbox / "Closed").id == made.id
    made.move(to_folder=alice.msg_folder_root)
    alice.root.refresh()
    assert (alice.msg_folder_root / "Closed" / "Below").id == below.id
    made.delete()
    alice.root.refresh()
    try:
        alice.msg_folder_root / "Closed"
    except ErrorFolderNotFound:
        return
    raise AssertionError("the folder is still there")


@check
def empties_a_folder(alice, bob):
    made = Messages(parent=alice.msg_folder_root, name="Full")
    made.save()
    for number in range(3):
        draft(alice, f"full {number}", made)
    Messages(parent=made, name="Below").save()
    made.refresh()
    assert made.total_count == 3 and made.child_folder_count == 1, (made.total_count, made.child_folder_count)
    made.empty(delete_type="HardDelete", delete_sub_folders=True)
    made.refresh()
    assert made.total_count == 0 and made.child_folder_count == 0 and made.all().count() == 0
    made.delete()


@check
def synchronises_items(alice, bob):
    folder = Messages(parent=alice.msg_folder_root, name="Synchronised")
    folder.save()
    first, second = draft(alice, "sync 1", folder), draft(alice, "sync 2", folder)
    seen = list(folder.sync_items(only_fields=["subject"]))
    assert [(kind, item.subject) for kind, item in seen] == [("create", "sync 1"), ("create", "sync 2")], seen
    assert list(folder.sync_items(only_fields=["subject"])) == []
    first.subject = "sync 1, changed"
    first.save(update_fields=["subject"])
    second.delete()
    draft(alice, "sync 3", folder)
    state = folder.item_sync_state
    seen = {kind: item for kind, item in folder.sync_items(only_fields=["subject"])}
    assert seen["update"].subject == "sync 1, changed" and seen["create"].subject == "sync 3", seen
    assert seen["delete"].id == second.id if second.id else seen["delete"]
    again = {kind for kind, _ in folder.sync_items(sync_state=state, only_fields=["subject"])}
    assert again == {"create", "update", "delete"}, "an old state gives the same again"
    folder.delete()


@check
def synchronises_folders(alice, bob):
    root = alice.msg_folder_root
    names = {folder.name for kind, folder in root.sync_hierarchy() if kind == "create"}
    assert {"Inbox", "Sent Items", "Drafts"} <= names, names
    assert list(root.sync_hierarchy()) == []
    made = Messages(parent=root, name="Appears")
    made.save()
    assert [(kind, folder.name) for kind, folder in root.sync_hierarchy()] == [("create", "Appears")]
    made.name = "Changes"
    made.save(update_fields=["name"])
    assert [(kind, folder.name) for kind, folder in root.sync_hierarchy()] == [("update", "Changes")]
    gone = made.id
    made.delete()
    assert [(kind, folder.id) for kind, folder in root.sync_hierarchy()] == [("delete", gone)]


def kinds(notifications):
    return [type(event) for notification in notifications for event in notification.events]


@check
def pulls_events(alice, bob):
    with alice.inbox.pull_subscription() as (subscription, watermark):
        message = draft(alice, "pulled", alice.inbox)
        message.subject = "pulled, changed"
        message.save(update_fields=["subject"])
        message.delete()
        found = kinds(alice.inbox.get_events(subscription, watermark))
        assert found.index(CreatedEvent) < found.index(ModifiedEvent) < found.index(DeletedEvent), found
    try:
        list(alice.inbox.get_events(subscription, watermark))
    except ErrorSubscriptionNotFound:
        return
    raise AssertionError("the subscription is still there")


@check
def hears_of_new_mail_as_it_comes(alice, bob):
    # One connection is all that exchangelib opens for one log-in, and the stream holds it.
    listener = account(sys.argv[1], BOB, "bob", BOB, DELEGATE)
    with listener.inbox.streaming_subscription() as subscription:
        def send():
            Message(account=alice, subject="streamed", body="x", to_recipients=[BOB]).send()

        timer = threading.Timer(0.5, send)
        timer.start()
        heard = []
        for notification in listener.inbox.get_streaming_events(subscription, connection_timeout=1):
            heard += [type(event) for event in notification.events]
            if NewMailEvent in heard:
                break
        timer.join()
    assert NewMailEvent in heard, heard
    assert by_subject(bob.inbox, "streamed")


@check
def hears_of_moves(alice, bob):
    with alice.inbox.pull_subscription(event_types=["MovedEvent"]) as (subscription, watermark):
        message = draft(alice, "moved along", alice.inbox)
        message.move(alice.junk)
        assert kinds(alice.inbox.get_events(subscription, watermark)) == [MovedEvent]
        message.delete()


@check
def exports_and_uploads(alice, bob):
    message = draft(alice, "exported")
    message.attach(FileAttachment(name="a.bin", content=bytes(range(256))))
    (data,) = alice.export([message])
    assert isinstance(data, str) and data, data
    (uploaded,) = bob.upload([(bob.drafts, data)])
    copy = by_subject(bob.drafts, "exported")
    assert copy.id == uploaded[0] and copy.attachments[0].content == bytes(range(256)), (copy, uploaded)
    copy.delete()
    message.delete()


def main():
    url, user, password, schema = sys.argv[1:5]
    begin(schema)
    # Alice as a delegate would, Bob by impersonation: both ways in are used.
    alice = account(url, user, password, ALICE, DELEGATE)
    bob = account(url, user, password, BOB, IMPERSONATION)
    judge([(check.__name__, check, alice, bob) for check in checks])


if __name__ == "__main__":
    main()
