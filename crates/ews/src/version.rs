//! Which schema version is asked for, and what the server has said about itself.
//!
//! A server answers a request for an older version than its own, and refuses one for a newer version before it
//! looks at the operation. So the client begins as high as it is told to, steps down on that refusal, and
//! remembers where it ended; nothing was done by then, which makes it the one failure that is answered here
//! with a second request.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The [schema version](https://learn.microsoft.com/exchange/client-developer/web-service-reference/requestserverversion)
/// a request asks for. Servers answer a request for an older version than theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Version {
    /// Exchange 2013 before its service pack.
    Exchange2013,
    /// Exchange 2013 SP1: what every supported server knows.
    Exchange2013Sp1,
    /// Between the two; some builds of Exchange Online.
    Exchange2015,
    /// Exchange 2016 and later, Subscription Edition and Exchange Online too.
    #[default]
    Exchange2016,
}

impl Version {
    /// Every one of them, the oldest first.
    pub const ALL: [Version; 4] =
        [Version::Exchange2013, Version::Exchange2013Sp1, Version::Exchange2015, Version::Exchange2016];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Exchange2013 => "Exchange2013",
            Version::Exchange2013Sp1 => "Exchange2013_SP1",
            Version::Exchange2015 => "Exchange2015",
            Version::Exchange2016 => "Exchange2016",
        }
    }

    /// The next older one.
    fn below(self) -> Option<Version> {
        Version::ALL.into_iter().rev().find(|older| *older < self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Version {
    type Err = UnknownVersion;

    /// By the name on the wire, whatever its case.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let known = Version::ALL.into_iter().find(|version| version.as_str().eq_ignore_ascii_case(text));
        known.ok_or(UnknownVersion)
    }
}

/// A name that is no [`Version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a schema version is one of Exchange2013, Exchange2013_SP1, Exchange2015, Exchange2016")]
pub struct UnknownVersion;

/// The build a server says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// 15 for everything since Exchange 2013.
    pub major: u32,
    /// 0 is Exchange 2013, 1 is 2016, 2 is 2019 and Subscription Edition, 20 is Exchange Online.
    pub minor: u32,
    /// The build.
    pub build: u32,
}

/// The build of Exchange 2013 SP1.
const SP1: u32 = 847;

impl ServerVersion {
    /// The newest schema version such a server knows; none where it is older than all we speak.
    pub fn speaks(self) -> Option<Version> {
        match (self.major, self.minor, self.build) {
            (..=14, ..) => None,
            (15, 0, ..SP1) => Some(Version::Exchange2013),
            (15, 0, _) => Some(Version::Exchange2013Sp1),
            _ => Some(Version::Exchange2016),
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

/// What was found out so far.
#[derive(Debug)]
pub(crate) struct Spoken {
    now: Mutex<(Version, Option<ServerVersion>)>,
}

impl Spoken {
    /// Begins with this version.
    pub(crate) fn new(first: Version) -> Self {
        Spoken { now: Mutex::new((first, None)) }
    }

    /// The version to ask for.
    pub(crate) fn version(&self) -> Version {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// What the server last said about itself.
    pub(crate) fn server(&self) -> Option<ServerVersion> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Remembers what an answer said about its server.
    pub(crate) fn heard(&self, server: Option<ServerVersion>) {
        if server.is_some() {
            self.now.lock().unwrap_or_else(PoisonError::into_inner).1 = server;
        }
    }

    /// After a server refused `refused`: the version to try next, which is remembered. None if there is none.
    pub(crate) fn lower(&self, refused: Version, server: Option<ServerVersion>) -> Option<Version> {
        let next = match server {
            Some(server) => server.speaks()?.min(refused.below()?),
            None => refused.below()?,
        };
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.0 = now.0.min(next);
        Some(next)
    }
}

/// Whether a fault with this code says that the version asked for is not known there.
pub(crate) fn is_refusal(code: &str) -> bool {
    matches!(
        code,
        "ErrorInvalidServerVersion"
            | "ErrorIncorrectSchemaVersion"
            | "ErrorInvalidSchemaVersionForMailboxVersion"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_told_apart() {
        let speaks = |major, minor, build| ServerVersion { major, minor, build }.speaks();
        assert_eq!(speaks(14, 3, 513), None);
        assert_eq!(speaks(15, 0, 516), Some(Version::Exchange2013));
        assert_eq!(speaks(15, 0, 1497), Some(Version::Exchange2013Sp1));
        assert_eq!(speaks(15, 2, 2562), Some(Version::Exchange2016));
        assert_eq!(speaks(15, 20, 9073), Some(Version::Exchange2016));
        assert!(Version::ALL.is_sorted());
        assert!(Version::ALL.iter().all(|version| version.as_str().parse() == Ok(*version)));
    }

    #[test]
    fn stepping_down_ends() {
        let spoken = Spoken::new(Version::default());
        let mut seen = vec![spoken.version()];
        while let Some(next) = spoken.lower(spoken.version(), None) {
            seen.push(next);
        }
        assert_eq!(seen.iter().rev().copied().collect::<Vec<_>>(), Version::ALL);
        let server = ServerVersion { major: 14, minor: 3, build: 1 };
        assert_eq!(Spoken::new(Version::default()).lower(Version::default(), Some(server)), None);
    }
}
