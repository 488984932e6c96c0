//! Why there is no token, for the person who reads it: what happened, at which host, what to do next.
//!
//! Nothing that an authority writes for people is shown: its sentences may repeat what was sent to it. Its
//! codes are enough, and [`crate::aadsts`] says what they mean.

use std::fmt;
use std::time::Duration;

use crate::aadsts::{self, Remedy};

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The connection is configured in a way that cannot work.
    #[error("{0}")]
    Settings(String),
    /// The secret or the certificate cannot be used.
    #[error("{0}")]
    Credential(String),
    /// A person has to log in first.
    #[error("nobody has logged in for this connection yet; do that once with `portcullis connection login`")]
    LogInFirst,
    /// The log-in of a person is not accepted any more.
    #[error(
        "the log-in that was kept is not accepted any more ({0}); log in again with `portcullis connection login`"
    )]
    LogInAgain(Box<Refusal>),
    /// Somebody else logged in than the connection is for.
    #[error("{found} logged in, but this connection is for {expected}; log in again as {expected}")]
    SomebodyElse {
        /// Who the connection is for.
        expected: String,
        /// Who logged in.
        found: String,
    },
    /// The authority refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The person did not log in within the time there was.
    #[error("nobody logged in within the time there was; begin again")]
    TooLate,
    /// The authority asked to wait, or failed on its side.
    #[error("{host} could not answer now (HTTP {status}); it is asked again later")]
    Busy {
        /// The authority.
        host: String,
        /// What it answered with.
        status: u16,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("{0}")]
    Unreachable(transport::Error),
    /// What came back is no answer of an authority.
    #[error(
        "{host} gave no answer that can be used: {what}; check `cloud`, `tenant` and `authority` of the connection, and the proxy"
    )]
    NotAnAnswer {
        /// The authority.
        host: String,
        /// What came back.
        what: &'static str,
    },
    /// The server that the token is for does not take it.
    #[error("{0}")]
    TokenRefused(String),
    /// What is kept cannot be read or written.
    #[error("{0}")]
    Kept(String),
    /// Another process is at this log-in, and does not get done with it.
    #[error("another process has been renewing this log-in for a minute; look at that one, or wait")]
    Elsewhere,
    /// This process is ending.
    #[error("the log-in was broken off because this process ends")]
    Interrupted,
}

/// What an authority said when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) host: String,
    /// The error of [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-5.2), such as `invalid_client`.
    pub(crate) error: String,
    /// The number after `AADSTS`, or after `MSIS` of AD FS.
    pub(crate) code: Option<Code>,
    /// What Microsoft's support finds the request by.
    pub(crate) trace: Option<String>,
    /// By how many seconds the clock of this machine is ahead of the authority's, where that is much.
    pub(crate) ahead: Option<i64>,
}

/// A code of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Entra ID.
    Aadsts(u32),
    /// AD FS.
    Msis(u32),
}

impl Refusal {
    /// The error, such as `invalid_client`.
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The code, where there was one.
    pub fn code(&self) -> Option<Code> {
        self.code
    }

    /// Whether a person can help by logging in again.
    pub fn needs_person(&self) -> bool {
        match self.code {
            Some(Code::Aadsts(code)) => match aadsts::meaning(code) {
                Some(meaning) => meaning.remedy == Remedy::LogIn,
                None => self.error == "invalid_grant" || self.error == "interaction_required",
            },
            _ => self.error == "invalid_grant" || self.error == "interaction_required",
        }
    }

    /// Whether the authority may answer otherwise in a moment although nobody does anything.
    pub(crate) fn passes(&self) -> bool {
        let by_code = match self.code {
            Some(Code::Aadsts(code)) => aadsts::meaning(code).is_some_and(|m| m.remedy == Remedy::Wait),
            _ => false,
        };
        by_code || matches!(self.error.as_str(), "temporarily_unavailable" | "server_error")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused the log-in: ", self.host)?;
        match self.code.and_then(|code| match code {
            Code::Aadsts(code) => aadsts::meaning(code),
            Code::Msis(_) => None,
        }) {
            Some(meaning) => write!(f, "{}; {}", meaning.what, meaning.next)?,
            None => f.write_str(aadsts::by_error(&self.error))?,
        }
        if let Some(ahead) = self.ahead {
            let (minutes, way) =
                (ahead.unsigned_abs().div_ceil(60), if ahead > 0 { "ahead of" } else { "behind" });
            write!(f, "; the clock of this machine is {minutes} minutes {way} the authority's: set it")?;
        }
        write!(f, " ({}", self.error)?;
        match self.code {
            Some(Code::Aadsts(code)) => write!(f, ", AADSTS{code}")?,
            Some(Code::Msis(code)) => write!(f, ", MSIS{code}")?,
            None => {}
        }
        if let Some(trace) = &self.trace {
            write!(f, ", trace {trace}")?;
        }
        f.write_str(")")
    }
}

impl Problem {
    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Problem::Refused(refusal) | Problem::LogInAgain(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether it may go better later although nobody does anything.
    pub fn passes(&self) -> bool {
        match self {
            Problem::Busy { .. } | Problem::Unreachable(_) | Problem::Elsewhere => true,
            Problem::Refused(refusal) => refusal.passes(),
            _ => false,
        }
    }

    /// How long the authority is left in peace after this. Nothing where it was not asked.
    pub(crate) fn pause(&self) -> Duration {
        const MINUTE: Duration = Duration::from_secs(60);
        match self {
            Problem::Busy { retry_after, .. } => {
                retry_after.unwrap_or(Duration::from_secs(10)).clamp(Duration::from_secs(1), 10 * MINUTE)
            }
            Problem::Unreachable(_) | Problem::Elsewhere => Duration::from_secs(5),
            Problem::Refused(refusal) if refusal.passes() => Duration::from_secs(10),
            Problem::Refused(_) | Problem::LogInAgain(_) | Problem::NotAnAnswer { .. } => MINUTE,
            _ => Duration::ZERO,
        }
    }
}
