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
from exchangelib.recurrence import DailyPattern, Recurrence, WeeklyPattern
from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

from exchangelib_check import ALICE, BOB, account, begin, by_subject, judge

UTC = EWSTimeZone("UTC")
BERLIN = EWSTimeZone("Europe/Berlin")
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


@check
def answers_one_occurrence(alice, bob):
    series = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Weekly",
        start=EWSDateTime(2027, 3, 22, 9, tzinfo=BERLIN),
        end=EWSDateTime(2027, 3, 22, 10, tzinfo=BERLIN),
        required_attendees=[Attendee(mailbox=Mailbox(email_address=BOB), response_type="Unknown")],
        recurrence=Recurrence(
            pattern=WeeklyPattern(interval=1, weekdays=[MONDAY], first_day_of_week=MONDAY),
            start=EWSDate(2027, 3, 22),
            number=4,
        ),
    )
    series.save(send_meeting_invitations=SEND_ONLY_TO_ALL)
    by_subject(bob.inbox, "Weekly").accept()
    theirs = by_subject(bob.calendar, "Weekly")
    for index, answer in [(2, "tentatively_accept"), (3, "decline")]:
        one = theirs.occurrence(index=index)
        one.refresh()
        getattr(one, answer)(body="only this one")
    view = lambda who: [  # noqa: E731
        item for item in who.calendar.view(
            start=EWSDateTime(2027, 3, 20, tzinfo=UTC), end=EWSDateTime(2027, 4, 20, tzinfo=UTC)
        ) if item.subject == "Weekly"
    ]
    left = [(item.start.astimezone(BERLIN).strftime("%d %H"), item.type, item.my_response_type) for item in view(bob)]
    assert left == [
        ("22 09", "Occurrence", "Accept"), ("29 09", "Exception", "Tentative"), ("12 09", "Occurrence", "Accept"),
    ], left
    again = by_subject(bob.calendar, "Weekly")
    assert [gone.start for gone in again.deleted_occurrences] == [EWSDateTime(2027, 4, 5, 9, tzinfo=BERLIN)], again
    own = by_subject(alice.calendar, "Weekly")
    words = []
    for index in range(1, 5):
        one = own.occurrence(index=index)
        one.refresh()
        words.append(one.required_attendees[0].response_type)
    assert words == ["Accept", "Tentative", "Decline", "Accept"], words
    assert own.required_attendees[0].response_type == "Accept", "the series has its own answer"
    (reply,) = [item for item in alice.inbox.filter(subject="Declined: Weekly")]
    assert isinstance(reply, MeetingResponse) and reply.response_type == "Decline", reply
    third = own.occurrence(index=3)
    third.refresh()
    assert reply.associated_calendar_item_id.id == third.id, reply


@check
def keeps_the_time_of_the_day(alice, bob):
    for place in ["Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Asia/Kolkata"]:
        zone = EWSTimeZone(place)
        start = EWSDateTime(2028, 1, 10, 9, 30, tzinfo=zone)
        CalendarItem(
            account=alice,
            folder=alice.calendar,
            subject=place,
            start=start,
            end=start + datetime.timedelta(minutes=45),
            recurrence=Recurrence(pattern=DailyPattern(interval=7), start=EWSDate(2028, 1, 10), number=52),
        ).save()
        first = EWSDateTime(2028, 1, 1, tzinfo=UTC)
        shown = alice.calendar.view(start=first, end=first + datetime.timedelta(days=380))
        shown = [item for item in shown if item.subject == place]
        times = {(item.start.astimezone(zone).strftime("%H:%M"), item.end - item.start) for item in shown}
        assert len(shown) == 52 and times == {("09:30", datetime.timedelta(minutes=45))}, (place, times)


@check
def defines_time_zones(alice, bob):
    definitions = list(alice.protocol.get_timezones(return_full_timezone_data=True))
    assert len(definitions) > 130, len(definitions)
    wrong = []
    for definition in definitions:
        zone = EWSTimeZone(MS_TIMEZONE_TO_IANA_MAP[definition.id])
        winter, summer, period = definition.get_std_and_dst(for_year=2028)
        offsets = {EWSDateTime(2028, month, 12, tzinfo=zone).utcoffset() for month in (1, 7)}
        told = {-period.bias}
        if summer.bias:
            told.add(-period.bias - datetime.timedelta(minutes=summer.bias))
        if told != offsets:
            wrong.append(definition.id)
    # Their summers begin or end on days that no such definition can say for every year.
    left_out = {"Greenland", "Israel", "Morocco", "West Bank"}
    assert set(wrong) <= {f"{name} Standard Time" for name in left_out}, wrong


@check
def says_when_people_are_free(alice, bob):
    day = EWSDateTime(2029, 3, 25, tzinfo=BERLIN)
    hour = lambda number: EWSDateTime(2029, 3, 25, number, tzinfo=BERLIN)  # noqa: E731
    for subject, start, end, kind in [
        ("Early", 5, 6, "Busy"), ("Away", 8, 10, "OOF"), ("Perhaps", 9, 11, "Tentative"), ("Free", 12, 13, "Free"),
        ("Home", 14, 15, "WorkingElsewhere"),
    ]:
        CalendarItem(
            account=bob,
            folder=bob.calendar,
            subject=subject,
            start=hour(start),
            end=hour(end),
            legacy_free_busy_status=kind,
            location="Room 3",
        ).save()
    ask = lambda who, view: list(alice.protocol.get_free_busy_info(  # noqa: E731
        accounts=[(who, "Required", False)], start=day, end=hour(20), merged_free_busy_interval=60, requested_view=view,
    ))[0]
    found = ask(bob, "DetailedMerged")
    # The day has no hour from two to three.
    assert found.merged == "0000200331000400000", found.merged
    told = [
        (event.start.hour, event.end.hour, event.busy_type, event.details.subject) for event in found.calendar_events
    ]
    assert told == [
        (5, 6, "Busy", "Early"), (8, 10, "OOF", "Away"), (9, 11, "Tentative", "Perhaps"), (12, 13, "Free", "Free"),
        (14, 15, "WorkingElsewhere", "Home"),
    ], told
    assert found.working_hours[0].start == datetime.time(8) and len(found.working_hours[0].weekdays) == 5, found
    merged = ask(bob, "MergedOnly")
    assert merged.merged == found.merged and not merged.calendar_events, merged
    assert [event.details for event in ask(bob, "FreeBusy").calendar_events] == [None] * 5
    # What the settings of a mailbox say counts more than its calendar.
    start = EWSDateTime(2026, 12, 1, tzinfo=UTC)
    said = list(alice.protocol.get_free_busy_info(
        accounts=[("desk@corp.example", "Required", False)], start=start, end=start + datetime.timedelta(days=1),
    ))[0]
    assert [(event.start.hour, event.busy_type) for event in said.calendar_events] == [(9, "Busy"), (12, "OOF")], said


def main():
    url, user, password, schema = sys.argv[1:5]
    begin(schema)
    alice = account(url, user, password, ALICE, IMPERSONATION)
    bob = account(url, user, password, BOB, IMPERSONATION)
    judge([(check.__name__, check, alice, bob) for check in checks], least=30)


if __name__ == "__main__":
    main()
