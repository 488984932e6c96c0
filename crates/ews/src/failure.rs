//! How one call failed, before it is known whether that matters: the same lost answer is harmless for a
//! search and "nobody knows" for a deletion.

use exchange::{Error, ErrorKind, Mailbox};

use crate::malformed::{Malformed, Reason};

/// Whether an operation only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Trying again is always safe.
    Reads,
    /// A lost answer leaves the outcome unknown.
    Changes,
}

/// See the module.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said so, or we refused before sending: the outcome is known.
    Said(Error),
    /// The request did not leave.
    NotSent(String),
    /// The request did not leave, because there is nothing to log in with.
    NoLogIn(String),
    /// The request left (or may have), and no whole answer came.
    Lost(String),
    /// An answer came that cannot be read.
    Malformed(Malformed),
    /// Our own side could not take the bytes.
    Sink(std::io::Error),
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Failure::Malformed(malformed)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Said(error)
    }
}

impl Failure {
    /// The failure as the ports report it.
    pub(crate) fn into_error(self, operation: &str, effect: Effect, mailbox: &Mailbox) -> Error {
        let about = format!("{operation} at {mailbox}");
        match self {
            Failure::Said(error) => error,
            Failure::NotSent(why) => {
                Error::new(ErrorKind::Transient, format!("{about}: the request did not leave: {why}"))
            }
            Failure::NoLogIn(why) => {
                Error::new(ErrorKind::PermissionDenied, format!("{about}: the request did not leave: {why}"))
            }
            Failure::Lost(why) => {
                lost(effect, format!("{about}: the request left but its answer was lost: {why}"))
            }
            Failure::Malformed(Malformed { reason: Reason::Length(limit), element, offset }) => {
                match effect {
                    Effect::Reads => Error::new(
                        ErrorKind::Limit,
                        format!(
                            "{about}: the answer is longer than {limit} bytes (in element {element}, at byte {offset})"
                        ),
                    ),
                    Effect::Changes => {
                        lost(effect, format!("{about}: the answer is longer than {limit} bytes"))
                    }
                }
            }
            Failure::Malformed(malformed) if malformed.reason == Reason::Cut => {
                lost(effect, format!("{about}: the answer was cut off: {malformed}"))
            }
            Failure::Malformed(malformed) => match effect {
                Effect::Reads => {
                    Error::new(ErrorKind::Invalid, format!("{about}: the answer cannot be used: {malformed}"))
                }
                Effect::Changes => lost(effect, format!("{about}: the answer cannot be used: {malformed}")),
            },
            Failure::Sink(why) => Error::new(
                ErrorKind::Limit,
                format!(
                    "{about}: the bytes that came could not be kept: {why}; look at the place they are written to"
                ),
            ),
        }
    }
}

/// A lost answer: to be tried again if it only reads, else to be looked into.
fn lost(effect: Effect, message: String) -> Error {
    match effect {
        Effect::Reads => Error::new(ErrorKind::Transient, message),
        Effect::Changes => Error::new(
            ErrorKind::Unknown,
            format!("{message}; it may have taken effect: look at the mailbox before you try again"),
        ),
    }
}
