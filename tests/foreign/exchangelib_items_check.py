"""Lets exchangelib judge the simulator's calendars and contacts, and searches beyond mail.

Usage: exchangelib_items_check.py URL USER PASSWORD SCHEMA

Needs exchangelib 5.6.0 and a simulator that serves crates/exchange-sim/tests/fixture.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import datetime
import sys

from exchangelib import (
    DELEGATE,
    IMPERSONATION,
    Attendee,
    CalendarItem,
    Contact,
    EWSDateTime,
    EWSTimeZone,
    Mailbox,
    Message,
)
from exchangelib.indexed_properties import EmailAddress, PhoneNumber
from exchangelib.items import SEND_ONLY_TO_ALL

from exchangelib_check import ALICE, BOB, account, begin, by_subject, judge

UTC = EWSTimeZone("UTC")
DAY = EWSDateTime(2026, 12, 7, tzinfo=UTC)
checks = []


def check(function):
    checks.append(function)
    return function


def at(hour, minute=0):
    return DAY + datetime.timedelta(hours=hour, minutes=minute)


@check
def keeps_an_appointment(alice, bob):
    item = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Dentist & more",
        start=at(9),
        end=at(10, 30),
        location="Room <1>",
        body="bring papers",
        legacy_free_busy_status="Tentative",
        categories=["Private"],
    )
    item.save()
    kept = by_subject(alice.calendar, "Dentist & more")
    assert kept.id == item.id and (kept.start, kept.end) == (at(9), at(10, 30)), kept
    assert (kept.location, kept.legacy_free_busy_status) == ("Room <1>", "Tentative"), kept
    assert kept.categories == ["Private"] and "bring papers" in (kept.text_body or kept.body)
    kept.location = "Elsewhere"
    kept.end = at(11)
    kept.save(update_fields=["location", "end"])
    again = by_subject(alice.calendar, "Dentist & more")
    assert (again.location, again.end) == ("Elsewhere", at(11)) and again.changekey != item.changekey


@check
def shows_what_is_between_two_times(alice, bob):
    for hour in (12, 14, 16):
        CalendarItem(account=alice, folder=alice.calendar, subject=f"at {hour}", start=at(hour), end=at(hour + 1)).save()
    found = [item.subject for item in alice.calendar.view(start=at(12, 30), end=at(15))]
    assert found == ["at 12", "at 14"], found
    assert [item.subject for item in alice.calendar.view(start=at(13), end=at(14))] == []
    filtered = {item.subject for item in alice.calendar.filter(start__gte=at(14), end__lte=at(17))}
    assert filtered == {"at 14", "at 16"}, filtered


@check
def invites_and_cancels(alice, bob):
    meeting = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Review",
        start=at(18),
        end=at(19),
        required_attendees=[Attendee(mailbox=Mailbox(email_address=BOB), response_type="Unknown")],
    )
    meeting.save(send_meeting_invitations=SEND_ONLY_TO_ALL)
    kept = by_subject(alice.calendar, "Review")
    assert [attendee.mailbox.email_address for attendee in kept.required_attendees] == [BOB], kept
    assert kept.is_meeting and kept.organizer.email_address == ALICE, kept
    assert [item.subject for item in bob.inbox.filter(subject="Review")] == ["Review"]
    kept.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)
    assert alice.calendar.filter(subject="Review").count() == 0
    assert [item.subject for item in bob.inbox.filter(subject__icontains="Cancel")], "a cancellation came"


@check
def keeps_a_contact(alice, bob):
    contact = Contact(
        account=alice,
        folder=alice.contacts,
        given_name="Ada",
        surname="Lovelace",
        display_name="Ada Lovelace",
        company_name="Engines & Sons",
        email_addresses=[EmailAddress(label="EmailAddress1", email="ada@partner.example")],
        phone_numbers=[PhoneNumber(label="BusinessPhone", phone_number="+44 1")],
        job_title="Analyst",
    )
    contact.save()
    (kept,) = alice.contacts.filter(surname="Lovelace")
    assert kept.id == contact.id and (kept.given_name, kept.company_name) == ("Ada", "Engines & Sons"), kept
    assert [(e.label, e.email) for e in kept.email_addresses] == [("EmailAddress1", "ada@partner.example")], kept
    assert [p.phone_number for p in kept.phone_numbers if p.phone_number] == ["+44 1"], kept
    kept.job_title = "Countess"
    kept.save(update_fields=["job_title"])
    assert next(iter(alice.contacts.filter(surname="Lovelace"))).job_title == "Countess"
    kept.delete()
    assert alice.contacts.filter(surname="Lovelace").count() == 0


@check
def searches_by_words(alice, bob):
    found = {item.subject for item in alice.inbox.filter("subject:invoice")}
    assert found == {"Your invoice"}, found
    assert "Quarterly report" in {item.subject for item in alice.inbox.filter("from:carol AND subject:report")}
    both = {item.subject for item in alice.inbox.filter('subject:invoice OR subject:"quarterly report"')}
    assert both == {"Your invoice", "Quarterly report"}, both
    assert alice.inbox.filter("subject:nothing-of-the-kind").count() == 0


@check
def moves_and_copies_what_is_no_mail(alice, bob):
    item = CalendarItem(account=alice, folder=alice.calendar, subject="Wanders", start=at(20), end=at(21))
    item.save()
    item.copy(alice.trash)
    (copy,) = alice.trash.filter(subject="Wanders")
    assert isinstance(copy, CalendarItem) and copy.start == at(20), copy
    item.move_to_trash()
    assert alice.calendar.filter(subject="Wanders").count() == 0 and alice.trash.filter(subject="Wanders").count() == 2


@check
def drafts_with_a_reply_to(alice, bob):
    message = Message(
        account=alice,
        folder=alice.drafts,
        subject="asks",
        body="x",
        to_recipients=[BOB],
        reply_to=[Mailbox(email_address="replies@corp.example")],
        importance="High",
    )
    message.save()
    kept = by_subject(alice.drafts, "asks")
    assert [m.email_address for m in kept.reply_to] == ["replies@corp.example"], kept.reply_to
    assert kept.importance == "High", kept


def main():
    url, user, password, schema = sys.argv[1:5]
    begin(schema)
    alice = account(url, user, password, ALICE, DELEGATE)
    bob = account(url, user, password, BOB, IMPERSONATION)
    judge([(check.__name__, check, alice, bob) for check in checks], least=50)


if __name__ == "__main__":
    main()
