"""Lets exchangelib judge what the simulator says about people: names, groups, calendars of others, delegates.

Usage: exchangelib_people_check.py URL USER PASSWORD SCHEMA

Needs exchangelib 5.6.0 and a simulator that serves crates/exchange-sim/tests/fixture.
Mail tips are not asked for: exchangelib leaves out an element of that request which the schema wants.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import datetime
import sys

from exchangelib import DELEGATE, EWSDateTime, EWSTimeZone
from exchangelib.errors import ErrorNameResolutionNoResults
from exchangelib.properties import DLMailbox

from exchangelib_check import ALICE, BOB, account, begin, judge

DESK = "desk@corp.example"
checks = []


def check(function):
    checks.append(function)
    return function


@check
def resolves_with_everything_known(alice, desk):
    ((mailbox, contact),) = alice.protocol.resolve_names(["service"], return_full_contact_data=True)
    assert (mailbox.name, mailbox.email_address) == ("Service Desk", DESK), mailbox
    assert (contact.given_name, contact.surname, contact.department) == ("Service", "Desk", "Operations"), contact


@check
def resolves_groups(alice, desk):
    (group,) = alice.protocol.resolve_names(["Helpers"])
    assert (group.email_address, group.mailbox_type) == ("helpers@corp.example", "PublicDL"), group


@check
def expands_groups(alice, desk):
    members = alice.protocol.expand_dl("everybody@corp.example")
    assert [(m.email_address, m.mailbox_type) for m in members] == [
        (ALICE, "Mailbox"),
        ("helpers@corp.example", "PublicDL"),
    ], members
    below = alice.protocol.expand_dl(DLMailbox(email_address="helpers@corp.example", mailbox_type="PublicDL"))
    assert [m.email_address for m in below] == [BOB, DESK, "guest@partner.example"], below
    try:
        found = alice.protocol.expand_dl("nobody@corp.example")
    except ErrorNameResolutionNoResults:
        return
    raise AssertionError(f"a group that is not there was expanded: {found}")


@check
def asks_when_people_are_busy(alice, desk):
    utc = EWSTimeZone("UTC")
    start = EWSDateTime(2026, 12, 1, 8, tzinfo=utc)
    end = start + datetime.timedelta(hours=8)
    (view,) = alice.protocol.get_free_busy_info(
        accounts=[(desk, "Required", False)], start=start, end=end, merged_free_busy_interval=30
    )
    assert view.merged == "0022200033000000", view.merged
    events = [(event.busy_type, event.start.hour, event.end.hour) for event in view.calendar_events]
    assert events == [("Busy", 9, 10), ("OOF", 12, 13)], events


@check
def reads_delegates(alice, desk):
    delegates = {user.user_id.primary_smtp_address: user for user in alice.delegates}
    assert set(delegates) == {DESK}, delegates
    assert delegates[DESK].delegate_permissions.inbox_folder_permission_level == "Reviewer", delegates


@check
def lists_mailboxes_to_search(alice, desk):
    found = list(alice.protocol.get_searchable_mailboxes())
    assert {ALICE, BOB, DESK} <= {mailbox.primary_smtp_address for mailbox in found}, found
    (one,) = alice.protocol.get_searchable_mailboxes(search_filter=DESK)
    assert one.display_name == "Service Desk", one


def main():
    url, user, password, schema = sys.argv[1:5]
    begin(schema)
    alice, desk = (account(url, user, password, address, DELEGATE) for address in (ALICE, DESK))
    judge([(check.__name__, check, alice, desk) for check in checks], least=10)


if __name__ == "__main__":
    main()
