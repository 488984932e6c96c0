"""Lets exchangelib judge how the simulator lets clients in: NTLM, Digest, tokens, impersonation, and the rights of
delegates.

Usage: exchangelib_login_check.py URL SCHEMA [digest]

Needs exchangelib 5.6.0 and a simulator that serves crates/exchange-sim/tests/fixture (its accounts are in
accounts.yaml there) and offers Basic, NTLM and tokens; or, for `digest`, Digest with one algorithm.
Prints "N passed, M failed"; the exit code is 1 if anything failed.
"""

import os
import sys

# The simulator has no TLS, and a library that insists on it for tokens has to be told.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

from exchangelib import (
    BASIC,
    DELEGATE,
    DIGEST,
    IMPERSONATION,
    NTLM,
    OAUTH2,
    Account,
    Configuration,
    Credentials,
    Mailbox,
    Message,
    OAuth2Credentials,
    OAuth2LegacyCredentials,
    Version,
)
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorNonExistentMailbox,
    ErrorSendAsDenied,
    UnauthorizedError,
)
from exchangelib.folders import Drafts, Inbox
from exchangelib.properties import DistinguishedFolderId
from exchangelib.version import EXCHANGE_2016
from oauthlib.oauth2 import InvalidGrantError
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, OAuth2Error

from exchangelib_check import ALICE, BOB, begin, judge

SECRET_APP = "11111111-2222-3333-4444-555555555555"
PUBLIC_APP = "99999999-2222-3333-4444-555555555555"
URL = sys.argv[1]
BASE = URL.split("/EWS/")[0]

checks = []
digest_checks = []


def check(function):
    checks.append(function)
    return function


def digest_check(function):
    digest_checks.append(function)
    return function


def open_as(credentials, auth_type, address, access):
    config = Configuration(
        service_endpoint=URL, credentials=credentials, auth_type=auth_type, version=Version(EXCHANGE_2016)
    )
    return Account(address, config=config, autodiscover=False, access_type=access)


def subjects(folder):
    return {item.subject for item in folder.all().only("subject")}


def refuses(error, act):
    try:
        result = act()
    except error:
        return
    if isinstance(result, list) and result and isinstance(result[0], error):
        return
    raise AssertionError(f"{error.__name__} was expected, not {result!r}")


class Here:
    """Asks the simulator for tokens instead of Microsoft."""

    @property
    def token_url(self):
        return f"{BASE}/{self.tenant_id}/oauth2/v2.0/token"


class Secret(Here, OAuth2Credentials):
    pass


class Password(Here, OAuth2LegacyCredentials):
    pass


@check
def ntlm_by_both_names():
    for name in ("CORP\\alice", ALICE):
        alice = open_as(Credentials(name, "alice"), NTLM, ALICE, DELEGATE)
        assert "Quarterly report" in subjects(alice.inbox)


@check
def ntlm_over_many_requests():
    alice = open_as(Credentials("CORP\\alice", "alice"), NTLM, ALICE, DELEGATE)
    for item in alice.inbox.all():
        assert item.mime_content
    draft = Message(account=alice, folder=alice.drafts, subject="by NTLM", body="x" * 200_000, to_recipients=[BOB])
    draft.save()
    assert alice.drafts.filter(subject="by NTLM").count() == 1
    draft.delete()


@check
def ntlm_with_a_wrong_password():
    for name, password in (("CORP\\alice", "wrong"), ("CORP\\nobody", "alice"), ("OTHER\\alice", "alice")):
        account = open_as(Credentials(name, password), NTLM, ALICE, DELEGATE)
        refuses(UnauthorizedError, lambda: account.inbox.all().count())


@check
def ntlm_and_impersonation():
    robot = Credentials("CORP\\robot", "robot")
    bob = open_as(robot, NTLM, BOB, IMPERSONATION)
    assert bob.inbox.all().count() >= 1
    alice = open_as(robot, NTLM, ALICE, IMPERSONATION)
    refuses(ErrorImpersonateUserDenied, lambda: alice.inbox.all().count())
    nobody = open_as(robot, NTLM, "nobody@corp.example", IMPERSONATION)
    refuses(ErrorNonExistentMailbox, lambda: nobody.inbox.all().count())


@digest_check
def digest_by_the_name_over_many_requests():
    alice = open_as(Credentials(ALICE, "alice"), DIGEST, ALICE, DELEGATE)
    # More than one challenge is good for.
    for _ in range(30):
        assert "Quarterly report" in subjects(alice.inbox)
    draft = Message(account=alice, folder=alice.drafts, subject="by Digest", body="x" * 200_000, to_recipients=[BOB])
    draft.save()
    assert alice.drafts.filter(subject="by Digest").count() == 1
    draft.delete()


@digest_check
def digest_by_the_other_name():
    # Written as it is, without the escape that a quoted text has by the book; so do clients of Windows.
    alice = open_as(Credentials("CORP\\alice", "alice"), DIGEST, ALICE, DELEGATE)
    assert "Quarterly report" in subjects(alice.inbox)


@digest_check
def digest_with_a_wrong_password():
    for name, password in ((ALICE, "wrong"), ("nobody@corp.example", "alice")):
        account = open_as(Credentials(name, password), DIGEST, ALICE, DELEGATE)
        refuses(UnauthorizedError, lambda: account.inbox.all().count())


@digest_check
def digest_and_impersonation():
    robot = Credentials("robot@corp.example", "robot")
    bob = open_as(robot, DIGEST, BOB, IMPERSONATION)
    assert bob.inbox.all().count() >= 1
    alice = open_as(robot, DIGEST, ALICE, IMPERSONATION)
    refuses(ErrorImpersonateUserDenied, lambda: alice.inbox.all().count())


@check
def a_token_by_secret():
    credentials = Secret(client_id=SECRET_APP, client_secret="open", tenant_id="corp.example")
    alice = open_as(credentials, OAUTH2, ALICE, IMPERSONATION)
    assert "Quarterly report" in subjects(alice.inbox)
    bob = open_as(credentials, OAUTH2, BOB, IMPERSONATION)
    refuses(ErrorImpersonateUserDenied, lambda: bob.inbox.all().count())


@check
def a_token_by_a_wrong_secret():
    for client_id, secret, error in ((SECRET_APP, "wrong", InvalidClientError), ("another", "open", OAuth2Error)):
        credentials = Secret(client_id=client_id, client_secret=secret, tenant_id="corp.example")
        refuses(error, lambda: open_as(credentials, OAUTH2, ALICE, IMPERSONATION).inbox.all().count())


@check
def a_token_by_password():
    def credentials(password):
        return Password(
            client_id=PUBLIC_APP, client_secret=None, tenant_id="corp.example", username=ALICE, password=password
        )

    alice = open_as(credentials("alice"), OAUTH2, ALICE, DELEGATE)
    assert "Quarterly report" in subjects(alice.inbox)
    refuses(InvalidGrantError, lambda: open_as(credentials("x"), OAUTH2, ALICE, DELEGATE).inbox.all().count())


@check
def delegates_of_a_folder_and_of_a_mailbox():
    desk = Credentials("desk@corp.example", "desk")
    own = open_as(desk, BASIC, "desk@corp.example", DELEGATE)

    def of_alice(folder):
        # With a right on one folder alone, the folder is opened by itself: the root above it stays closed.
        named = DistinguishedFolderId(id=folder.DISTINGUISHED_FOLDER_ID, mailbox=Mailbox(email_address=ALICE))
        return folder(root=own.root, _distinguished_id=named)

    inbox = of_alice(Inbox)
    items = list(inbox.filter(subject="Quarterly report"))
    assert len(items) == 1 and items[0].mime_content
    refuses(ErrorAccessDenied, items[0].delete)
    refuses(ErrorAccessDenied, lambda: of_alice(Drafts).all().count())
    bob = open_as(desk, BASIC, BOB, DELEGATE)
    draft = Message(account=bob, folder=bob.drafts, subject="by the desk", to_recipients=[ALICE])
    draft.save()
    assert bob.drafts.filter(subject="by the desk").count() == 1
    draft.delete()
    assert bob.oof_settings.state == "Enabled"
    refuses(ErrorAccessDenied, lambda: open_as(desk, BASIC, ALICE, DELEGATE).oof_settings)


@check
def accounts_do_not_reach_each_other():
    alice = Credentials(ALICE, "alice")
    bob = open_as(alice, BASIC, BOB, DELEGATE)
    refuses(ErrorAccessDenied, lambda: bob.inbox.all().count())
    refuses(ErrorImpersonateUserDenied, lambda: open_as(alice, BASIC, BOB, IMPERSONATION).inbox.all().count())


@check
def sending_in_the_name_of_others():
    def message(account, subject):
        return Message(
            account=account, subject=subject, body="hello", to_recipients=[ALICE], author=Mailbox(email_address=BOB)
        )

    desk = open_as(Credentials("desk@corp.example", "desk"), BASIC, BOB, DELEGATE)
    message(desk, "for Bob by the desk").send_and_save()
    own = open_as(Credentials(ALICE, "alice"), BASIC, ALICE, DELEGATE)
    got = list(own.inbox.filter(subject="for Bob by the desk"))
    assert len(got) == 1 and got[0].author.email_address == BOB, got
    refuses(ErrorSendAsDenied, lambda: message(own, "for Bob by Alice").send_and_save())
    assert own.inbox.filter(subject="for Bob by Alice").count() == 0


def main():
    begin(sys.argv[2])
    chosen = digest_checks if sys.argv[3:] == ["digest"] else checks
    judge([(check.__name__, check) for check in chosen])


if __name__ == "__main__":
    main()
