//! The server's response codes, as kinds of trouble.
//!
//! The list is [Microsoft's](https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode);
//! only codes that differ from the default are named. An unknown code is `Invalid`: repeating what is not
//! understood helps nobody.

use std::time::Duration;

use exchange::{Error, ErrorKind};

/// The longest wait that is passed on. A server that asks for more is asked again after this.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The kind of trouble a code stands for.
pub(crate) fn kind(code: &str) -> ErrorKind {
    match code {
        "ErrorServerBusy"
        | "ErrorExceededConnectionCount"
        | "ErrorTooManyObjectsOpened"
        | "ErrorInsufficientResources"
        | "ErrorSubmissionQuotaExceeded" => ErrorKind::Throttled,
        "ErrorTimeoutExpired"
        | "ErrorInternalServerError"
        | "ErrorInternalServerTransientError"
        | "ErrorMailboxStoreUnavailable"
        | "ErrorMailboxMoveInProgress"
        | "ErrorMessageTrackingTransientError"
        | "ErrorConnectionFailed"
        | "ErrorConnectionFailedTransientError"
        | "ErrorADUnavailable"
        | "ErrorMailboxFailover"
        | "ErrorContentIndexingNotEnabled"
        | "ErrorReadEventsFailed"
        | "ErrorBatchProcessingStopped" => ErrorKind::Transient,
        "ErrorItemNotFound"
        | "ErrorFolderNotFound"
        | "ErrorParentFolderNotFound"
        | "ErrorToFolderNotFound"
        | "ErrorSavedItemFolderNotFound"
        | "ErrorAttachmentNotFound"
        | "ErrorNonExistentMailbox"
        | "ErrorMailboxNotFound"
        | "ErrorMailRecipientNotFound"
        | "ErrorNonExistentMailboxGuid"
        | "ErrorNameResolutionNoResults"
        | "ErrorNameResolutionNoMailbox"
        | "ErrorSubscriptionNotFound"
        | "ErrorExpiredSubscription"
        | "ErrorInvalidSubscription" => ErrorKind::NotFound,
        "ErrorAccessDenied"
        | "ErrorImpersonateUserDenied"
        | "ErrorImpersonationDenied"
        | "ErrorImpersonationFailed"
        | "ErrorSendAsDenied"
        | "ErrorCreateItemAccessDenied"
        | "ErrorCannotDeleteObject"
        | "ErrorNotDelegate"
        | "ErrorAccountDisabled"
        | "ErrorPasswordExpired"
        | "ErrorTokenSerializationDenied"
        | "ErrorAppAccessDenied"
        | "ErrorCallerIsInvalidADAccount" => ErrorKind::PermissionDenied,
        "ErrorIrresolvableConflict"
        | "ErrorStaleObject"
        | "ErrorChangeKeyRequired"
        | "ErrorChangeKeyRequiredForWriteOperations"
        | "ErrorOutlookRuleBlobExists"
        | "ErrorFolderExists" => ErrorKind::Conflict,
        "ErrorExceededFindCountLimit"
        | "ErrorQuotaExceeded"
        | "ErrorQuotaExceededOnDelete"
        | "ErrorMessageSizeExceeded"
        | "ErrorRequestStreamTooBig"
        | "ErrorAttachmentSizeLimitExceeded"
        | "ErrorAttachmentNestLevelLimitExceeded"
        | "ErrorDataSizeLimitExceeded"
        | "ErrorMaxRecipientsExceeded"
        | "ErrorRulesOverQuota"
        | "ErrorExceededSubscriptionCount" => ErrorKind::Limit,
        _ => ErrorKind::Invalid,
    }
}

/// Whether the code leaves open what happened to a change that was asked for.
fn leaves_open(code: &str) -> bool {
    matches!(
        code,
        "ErrorTimeoutExpired"
            | "ErrorInternalServerError"
            | "ErrorInternalServerTransientError"
            | "ErrorMailboxFailover"
            | "ErrorConnectionFailed"
            | "ErrorConnectionFailedTransientError"
    )
}

/// What to do about it, where that is known.
fn advice(code: &str) -> &'static str {
    match code {
        "ErrorServerBusy" => "the server asked to wait",
        "ErrorImpersonateUserDenied" => {
            "give the account the role ApplicationImpersonation (on premises) or \"Application EWS.AccessAsApp\" (online) for this mailbox"
        }
        "ErrorNonExistentMailbox" => "check the address of the mailbox",
        "ErrorNameResolutionNoResults" => {
            "nothing in the directory is called so, or its members are hidden: check the name or address"
        }
        "ErrorCalendarViewRangeTooBig" => "ask for at most two years at a time",
        "ErrorExceededFindCountLimit" => "narrow the search: a folder, a time range, a subject",
        "ErrorInvalidServerVersion" | "ErrorIncorrectSchemaVersion" => {
            "set `version` of the connection to one the server knows"
        }
        "ErrorOutlookRuleBlobExists" => {
            "a mail client keeps rules of its own in this mailbox, and a change would lose those that are kept nowhere else: allow that if it is worth it"
        }
        "ErrorSchemaValidation" => "the server is older than the request: set `version` of the connection",
        "ErrorInvalidSyncStateData" => {
            "the server does not know this state any more, as after a mailbox was moved: synchronise again without one, and pass over what is known already"
        }
        "ErrorInvalidWatermark"
        | "ErrorSubscriptionNotFound"
        | "ErrorExpiredSubscription"
        | "ErrorInvalidSubscription" => "subscribe again, and synchronise what was missed meanwhile",
        "ErrorExceededSubscriptionCount" => "end subscriptions that are no longer needed",
        "ErrorAccountDisabled" | "ErrorPasswordExpired" => "see to the account the connection logs in with",
        _ => "",
    }
}

/// What a response message or a fault says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `ResponseCode`.
    pub(crate) code: String,
    /// `InnerErrorResponseCode`: why an internal error came about.
    pub(crate) inner: String,
    /// `MessageText` or `faultstring`.
    pub(crate) text: String,
    /// `BackOffMilliseconds`.
    pub(crate) back_off: Option<Duration>,
}

impl Verdict {
    /// As an error of one operation.
    pub(crate) fn into_error(self, operation: &str, changes: bool) -> Error {
        // "An internal error" says nothing; the code inside it, where it is understood, says that nothing was done.
        let within = Some(kind(&self.inner)).filter(|kind| *kind != ErrorKind::Invalid);
        let within = within.filter(|_| self.code == "ErrorInternalServerError" && !leaves_open(&self.inner));
        let kind = match within {
            Some(kind) => kind,
            None if changes && leaves_open(&self.code) => ErrorKind::Unknown,
            None => kind(&self.code),
        };
        let blocked = kind == ErrorKind::PermissionDenied && is_block(&self.text);
        let advice = if blocked { BLOCKED } else { advice(&self.code) };
        let mut message = format!("{operation}: the server answered {}", shown(&self.code, 80));
        if !self.inner.trim().is_empty() {
            message.push_str(&format!(", because of {}", shown(&self.inner, 80)));
        }
        if !self.text.trim().is_empty() {
            message.push_str(&format!(" ({})", shown(&self.text, 300)));
        }
        if !advice.is_empty() {
            message.push_str("; ");
            message.push_str(advice);
        }
        Error::new(kind, message).with_code(self.code).with_retry_after(self.back_off)
    }
}

/// What to tell somebody whose organisation has switched EWS off.
pub(crate) const BLOCKED: &str = "EWS is switched off or restricted for this mailbox or tenant (EwsEnabled, EwsAllowedAppIDs): ask the Exchange administrator, or use a connection over Microsoft Graph";

/// Whether a text speaks of EWS being switched off.
pub(crate) fn is_block(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    (text.contains("ews") || text.contains("web services"))
        && (text.contains("disabled") || text.contains("blocked"))
}

/// A server's words, short and on one line.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut out: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect();
    if text.trim().chars().nth(most).is_some() {
        out.push('…');
    }
    out
}
