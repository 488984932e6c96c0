"""Lets exchangelib judge the simulator's meetings and series: invitations, answers, cancellations, occurrences.

Usage: exchangelib_meetings_check.py URL USER PASSWORD SCHEMA

Needs exchangelib 5.6.0 and a simulator that serves crates/exchange-sim/tests/fixture.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import datetime
import sys

from exchangelib import IMPERSONATION, Attendee, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, Mailbox
from exchangelib.errors import ErrorCalendarOccurrenceIsDeletedFromRecurrence
from exchangelib.fields import FRIDAY, MONDAY
from exchangelib.items import MeetingCancellation, MeetingRequest, MeetingResponse, SEND_ONLY_TO_ALL
from exchangelib.recurrence import Recurrence, WeeklyPattern

from exchangelib_check import ALICE, BOB, account, begin, by_subject, judge

UTC = EWSTimeZone("UTC")
DAY = EWSDateTime(2027, 3, 1, tzinfo=UTC)
checks = []


def check(function):
    checks.append(function)
    return function


def at(hour, day=0):
    return DAY + datetime.timedelta(days=day, hours=hour)


def invite(alice, subject, hour):
    meeting = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject=subject,
        start=at(hour),
        end=at(hour + 1),
        location="Room 7",
        required_attendees=[Attendee(mailbox=Mailbox(email_address=BOB), response_type="Unknown")],
    )
    meeting.save(send_meeting_invitations=SEND_ONLY_TO_ALL)
    return by_subject(alice.calendar, subject)


@check
def invites(alice, bob):
    meeting = invite(alice, "Kick-off", 9)
    request = by_subject(bob.inbox, "Kick-off")
    assert isinstance(request, MeetingRequest), type(request)
    assert (request.start, request.end, request.location) == (at(9), at(10), "Room 7"), request
    assert request.organizer.email_address == ALICE and request.is_out_of_date is False, request
    assert request.associated_calendar_item_id.id == by_subject(bob.calendar, "Kick-off").id
    entry = by_subject(bob.calendar, "Kick-off")
    assert (entry.my_response_type, entry.uid) == ("NoResponseReceived", meeting.uid), entry


@check
def answers(alice, bob):
    for hour, subject, answer, word in [
        (10, "Yes", "accept", "Accept"),
        (11, "Perhaps", "tentatively_accept", "Tentative"),
        (12, "No", "decline", "Decline"),
    ]:
        invite(alice, subject, hour)
        request = by_subject(bob.inbox, subject)
        getattr(request, answer)(body="as said")
        assert bob.inbox.filter(subject=subject).count() == 0, "the invitation was put away"
        (reply,) = [item for item in alice.inbox.filter(subject__icontains=f": {subject}")]
        assert isinstance(reply, MeetingResponse) and reply.response_type == word, reply
        attendee = by_subject(alice.calendar, subject).required_attendees[0]
        assert attendee.response_type == word, attendee
        assert bob.calendar.filter(subject=subject).count() == (0 if word == "Decline" else 1)


@check
def calls_off(alice, bob):
    meeting = invite(alice, "Cancelled soon", 14)
    meeting.cancel(new_body="not needed")
    assert alice.calendar.filter(subject="Cancelled soon").count() == 0
    (notice,) = [item for item in bob.inbox.filter(subject="Canceled: Cancelled soon")]
    assert isinstance(notice, MeetingCancellation), type(notice)
    assert by_subject(bob.calendar, "Canceled: Cancelled soon").is_cancelled


@check
def repeats(alice, bob):
    start = EWSDate(2027, 4, 5)
    series = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Standup",
        start=at(7, 35),
        end=at(8, 35),
        recurrence=Recurrence(
            pattern=WeeklyPattern(interval=1, weekdays=[MONDAY, FRIDAY], first_day_of_week=MONDAY),
            start=start,
            number=4,
        ),
    )
    series.save()
    master = by_subject(alice.calendar, "Standup")
    assert master.recurrence.boundary.number == 4, master.recurrence
    assert (master.first_occurrence.start, master.last_occurrence.start) == (at(7, 35), at(7, 46)), master
    view = lambda: list(alice.calendar.view(start=at(0, 30), end=at(0, 60)))  # noqa: E731
    assert [item.start for item in view()] == [at(7, 35), at(7, 39), at(7, 42), at(7, 46)], view()
    second = master.occurrence(index=2)
    second.location = "Elsewhere"
    second.save(update_fields=["location"])
    third = master.occurrence(index=3)
    third.delete()
    left = view()
    assert [(item.start, item.location) for item in left] == [
        (at(7, 35), None), (at(7, 39), "Elsewhere"), (at(7, 46), None),
    ], left
    assert [item.type for item in left] == ["Occurrence", "Exception", "Occurrence"], left
    again = by_subject(alice.calendar, "Standup")
    assert [gone.start for gone in again.deleted_occurrences] == [at(7, 42)], again.deleted_occurrences
    assert [one.original_start for one in again.modified_occurrences] == [at(7, 39)], again.modified_occurrences
    try:
        master.occurrence(index=3).refresh()
        raise AssertionError("an occurrence that was taken out is shown")
    except ErrorCalendarOccurrenceIsDeletedFromRecurrence:
        pass


def main():
    url, user, password, schema = sys.argv[1:5]
    begin(schema)
    alice = account(url, user, password, ALICE, IMPERSONATION)
    bob = account(url, user, password, BOB, IMPERSONATION)
    judge([(check.__name__, check, alice, bob) for check in checks], least=30)


if __name__ == "__main__":
    main()
