//! The keyring of the system: secrets that neither a file nor the environment holds.
//!
//! On Linux there are two. That of the desktop (GNOME Keyring, KWallet, KeePassXC) is a service on the session bus and
//! keeps secrets on the disk, locked by the password of their owner. That of the kernel needs no service, so that it is
//! there on a server too, and forgets everything when the machine restarts. A secret is looked for in the desktop's and
//! then in the kernel's, and is put into the first one that is there.
//!
//! Nothing here waits for ever: a service that does not answer, or a lock that nobody opens, is a failure, and whatever
//! comes after it in this process does not wait for it again.
//!
//! Left out: the keychains of other systems; nothing else of this program was tried there either.

#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod kernel;

use std::time::Duration;

/// What all secrets of ours are filed under.
#[cfg(target_os = "linux")]
const SERVICE: &str = "portcullis";

/// Where a secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ring {
    /// The desktop's keyring.
    Desktop,
    /// The kernel's.
    Kernel,
}

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(
        "there is no `{name}` in {looked}; put it there: portcullis secret set {name}, as the user that runs portcullis"
    )]
    NotThere { name: String, looked: &'static str },
    #[error(
        "there is no keyring here: no session bus leads to one of a desktop, and that of the kernel cannot be used \
         ({0}); take the secret from `{{ env: VARIABLE }}` or `{{ file: PATH }}`"
    )]
    Nowhere(String),
    #[error(
        "the keyring of the desktop did not answer within {} seconds; is its service all right? `{{ env: VARIABLE }}` \
         and `{{ file: PATH }}` need none", .0.as_secs()
    )]
    Silent(Duration),
    #[error("the keyring of the desktop is locked and nobody unlocked it; unlock it and try again")]
    Locked,
    #[error(
        "the keyring has {count} secrets with service=portcullis and username={name}; remove all but one"
    )]
    Several { name: String, count: usize },
    #[error("the secret in the keyring is not text")]
    NotText,
    #[error("{0}")]
    Broken(String),
}

impl Ring {
    /// For people.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Ring::Desktop => "the keyring of the desktop",
            Ring::Kernel => "the keyring of the kernel",
        }
    }
}

/// The secret of this name.
#[cfg(target_os = "linux")]
pub(crate) fn read(name: &str) -> Result<String, Trouble> {
    let at_the_desktop = desktop::read(name)?;
    let reached = at_the_desktop.is_some();
    let bytes = match at_the_desktop.flatten() {
        Some(bytes) => bytes,
        None => match kernel::read(name) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let looked = match reached {
                    true => "the keyrings of the desktop and of the kernel",
                    false => "the keyring of the kernel, and no session bus leads to one of a desktop",
                };
                return Err(Trouble::NotThere { name: name.to_owned(), looked });
            }
            Err(_) if reached => {
                return Err(Trouble::NotThere {
                    name: name.to_owned(),
                    looked: "the keyring of the desktop",
                });
            }
            Err(why) => return Err(Trouble::Nowhere(why)),
        },
    };
    String::from_utf8(bytes).map_err(|_| Trouble::NotText)
}

/// Puts a secret under this name, in place of the one that is there. Says where.
#[cfg(target_os = "linux")]
pub(crate) fn write(name: &str, secret: &str) -> Result<Ring, Trouble> {
    if desktop::write(name, secret)? {
        return Ok(Ring::Desktop);
    }
    kernel::write(name, secret).map_err(Trouble::Nowhere)?;
    Ok(Ring::Kernel)
}

/// Takes a secret out of both; where it was.
#[cfg(target_os = "linux")]
pub(crate) fn remove(name: &str) -> Result<Vec<Ring>, Trouble> {
    let at_the_desktop = desktop::remove(name)?;
    let at_the_kernel = match kernel::remove(name) {
        Err(why) if at_the_desktop.is_none() => return Err(Trouble::Nowhere(why)),
        removed => removed.unwrap_or(false),
    };
    let rings = [(Ring::Desktop, at_the_desktop == Some(true)), (Ring::Kernel, at_the_kernel)];
    Ok(rings.into_iter().filter(|(_, removed)| *removed).map(|(ring, _)| ring).collect())
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    //! No keyring that we know.

    use super::{Ring, Trouble};

    fn nowhere<T>() -> Result<T, Trouble> {
        Err(Trouble::Nowhere("this is not Linux".to_owned()))
    }

    pub(crate) fn read(_: &str) -> Result<String, Trouble> {
        nowhere()
    }

    pub(crate) fn write(_: &str, _: &str) -> Result<Ring, Trouble> {
        nowhere()
    }

    pub(crate) fn remove(_: &str) -> Result<Vec<Ring>, Trouble> {
        nowhere()
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{read, remove, write};
