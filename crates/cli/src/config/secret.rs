//! Where a secret is, and how it gets from there. No message holds one.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exit::Wrong;

/// Names a secret, or is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; one line break at its end is not part of the secret.
    File(PathBuf),
    /// The keyring of the system.
    Keyring(String),
    /// It stands in the configuration, or belongs to the simulator of this process.
    Known(Hidden),
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl SecretRef {
    /// A secret that is here already.
    pub(crate) fn known(text: &str) -> Self {
        SecretRef::Known(Hidden(text.to_owned()))
    }

    /// Reads a secret: `whose` it is and `what` for, as a failure names it.
    pub(crate) fn read_as(&self, whose: &str, what: &str) -> Result<String> {
        let secret = match self {
            SecretRef::Known(Hidden(known)) => known.clone(),
            SecretRef::Env(name) => std::env::var(name).map_err(|_| {
                Wrong(format!(
                    "{whose} takes its {what} from the environment variable {name}, which is not set or not text"
                ))
            })?,
            SecretRef::File(place) => {
                let text = std::fs::read_to_string(place).with_context(|| {
                    format!("{whose}: could not read the {what} file {}", place.display())
                })?;
                private(place).map_err(|why| Wrong(format!("{whose}: the {what} {why}")))?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                text.strip_suffix('\r').unwrap_or(text).to_owned()
            }
            SecretRef::Keyring(name) => crate::keyring::read(name)
                .map_err(|trouble| Wrong(format!("{whose} takes its {what} from the keyring: {trouble}")))?,
        };
        if secret.is_empty() || secret.contains(['\n', '\r', '\0']) {
            return Err(Wrong(format!("{whose}: the {what} is empty or has line breaks")).into());
        }
        Ok(secret)
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        match self {
            SecretRef::Env(name) => format!("the environment variable {name}"),
            SecretRef::File(place) => format!("the file {}", place.display()),
            SecretRef::Keyring(name) => format!("`{name}` in the keyring"),
            SecretRef::Known(_) => "the configuration, in plain text".to_owned(),
        }
    }
}

/// Refuses a file that everybody on this machine can read.
pub(crate) fn private(place: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place).map_or(0, |facts| facts.permissions().mode());
        if mode & 0o004 != 0 {
            let place = place.display();
            return Err(format!(
                "file {place} can be read by everybody on this machine; take that away with `chmod 600 {place}`"
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = place;
    Ok(())
}
