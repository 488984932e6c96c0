//! What most often helps against what a server says.
//!
//! The codes are [Exchange's](https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode)
//! and those of HTTP. What helps against failures of TLS, of a proxy and of a log-in service is said where they are
//! found, in `transport` and `login`.

/// By what a failure is called: an HTTP status, or a response code of Exchange.
const BY_CODE: &[(&str, &str)] = &[
    (
        "HTTP 401",
        "check user and password, whether the account is locked, and whether the server takes this kind of log-in for EWS",
    ),
    (
        "HTTP 403",
        "the account may not use this; check its rights, and whether EWS is on for it (Set-CASMailbox -EwsEnabled $true)",
    ),
    (
        "HTTP 404",
        "there is no EWS at this address: check the path in `url`, which mostly is /EWS/Exchange.asmx",
    ),
    ("HTTP 407", "the proxy wants a log-in: set `user` and `password` (and `domain`) of `proxy`"),
    ("HTTP 410", "there is no EWS at this address any more: check `url`"),
    ("HTTP 429", "the server has had too much: wait, and lower `max_requests`"),
    ("HTTP 502", "something between here and the server failed: check proxy and load balancer"),
    ("HTTP 503", "the server is too busy or being serviced: wait and try again"),
    (
        "HTTP 504",
        "something between here and the server waited too long for it: check proxy and load balancer",
    ),
    (
        "ErrorImpersonateUserDenied",
        "let the account act for this mailbox: the role ApplicationImpersonation on premises (New-ManagementRoleAssignment), \"Application EWS.AccessAsApp\" or full_access_as_app online",
    ),
    (
        "ErrorImpersonationDenied",
        "let the account act for this mailbox: the role ApplicationImpersonation with a scope that includes it",
    ),
    (
        "ErrorImpersonationFailed",
        "the server could not act for this mailbox: check that its owner's account is not disabled",
    ),
    (
        "ErrorInvalidExchangeImpersonationHeaderData",
        "the mailbox was named in a way the server does not take: check `impersonate_by` and `identities`",
    ),
    ("ErrorInvalidUserPrincipalName", "the owner has another log-in name than this: add it to `identities`"),
    ("ErrorInvalidUserSid", "the security identifier in `identities` is not one of this organisation"),
    (
        "ErrorNonExistentMailbox",
        "no mailbox has this address: check it, or use the primary address of the mailbox",
    ),
    (
        "ErrorMissingEmailAddress",
        "the account has no mailbox of its own: open others by `access: impersonation`, or say with `email` which is its own",
    ),
    ("ErrorMailboxMoveInProgress", "the mailbox is being moved: try again in a few minutes"),
    (
        "ErrorMailboxStoreUnavailable",
        "the database of the mailbox is not there now: try again, and ask the Exchange administrator",
    ),
    (
        "ErrorAccessDenied",
        "the account has no right to this mailbox: full access or folder permissions for `delegation`, a role for `impersonation`",
    ),
    ("ErrorFolderNotFound", "the account sees no inbox there: it may lack the right to this mailbox"),
    ("ErrorItemNotFound", "the account sees no inbox there: it may lack the right to this mailbox"),
    ("ErrorAccountDisabled", "the account that logs in is disabled: enable it, or use another"),
    ("ErrorPasswordExpired", "the password of the account has expired: change it, and the secret with it"),
    ("ErrorServerBusy", "the server has had too much: wait, and lower `max_requests`"),
    (
        "ErrorInvalidServerVersion",
        "the server is older than the version asked for: set `server_version: auto`",
    ),
    (
        "ErrorIncorrectSchemaVersion",
        "the server is older than the version asked for: set `server_version: auto`",
    ),
    (
        "ErrorConnectionFailed",
        "the server that took the request does not reach the one with the mailbox: ask the Exchange administrator",
    ),
];

/// By words in the reason.
const BY_WORDS: &[(&str, &str)] = &[
    (
        "EWS is switched off",
        "the organisation has switched EWS off or lets only named applications use it: an administrator looks at Get-OrganizationConfig (EwsEnabled, EwsApplicationAccessPolicy, EwsAllowList), or use a connection over Microsoft Graph",
    ),
    (
        "a web page came back",
        "a log-in page answers instead of EWS: check the path in `url`, and whether a portal, a gateway or forms-based log-in stands before the server",
    ),
];

/// What most often helps; `code` is what the server called it, `reason` everything that was said.
pub(crate) fn remedy(code: Option<&str>, reason: &str) -> Option<&'static str> {
    // A policy or a page says more than the status it came with.
    let words = BY_WORDS.iter().find(|(words, _)| reason.contains(words));
    let named = || BY_CODE.iter().find(|(name, _)| Some(*name) == code);
    words.or_else(named).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_more_special_word_wins() {
        let policy = "HTTP 403: EWS is switched off or restricted (the server says: Disabled)";
        assert!(remedy(Some("HTTP 403"), policy).unwrap().contains("Get-OrganizationConfig"));
        assert!(remedy(Some("HTTP 403"), "no").unwrap().contains("Set-CASMailbox"));
        assert_eq!(remedy(Some("HTTP 418"), "a teapot"), None);
    }

    #[test]
    fn nothing_is_named_twice() {
        for table in [BY_CODE, BY_WORDS] {
            let names: BTreeSet<&str> = table.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), table.len());
        }
    }
}
