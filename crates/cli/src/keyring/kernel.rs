//! The keyring that the kernel has for each user. It is in memory only: gone when the machine restarts.
//!
//! The user's keyring is linked to that of the session first. That is what makes its keys ours to read, also those that
//! `keyctl padd user portcullis:NAME @u` put there. A key that we put there may be read by every process of its owner,
//! so that a service finds what its administrator has typed.

use linux_keyutils::{KeyError, KeyPermissions, KeyRing, KeyRingIdentifier, Permission};

use super::SERVICE;

/// The secret, if there is one; words for a person where the kernel says no.
pub(super) fn read(name: &str) -> Result<Option<Vec<u8>>, String> {
    match ring()?.search(&described(name)) {
        Ok(key) => key.read_to_vec().map(Some).map_err(words),
        Err(error) => absent(error).map(|()| None),
    }
}

pub(super) fn write(name: &str, secret: &str) -> Result<(), String> {
    let key = ring()?.add_key(&described(name), secret.as_bytes()).map_err(words)?;
    let mut mine = KeyPermissions::new();
    mine.set_posessor_perms(Permission::ALL);
    mine.set_user_perms(Permission::ALL);
    key.set_perms(mine).map_err(words)
}

/// Whether it was there.
pub(super) fn remove(name: &str) -> Result<bool, String> {
    let ring = ring()?;
    match ring.search(&described(name)) {
        Ok(key) => ring.unlink_key(key).map(|()| true).map_err(words),
        Err(error) => absent(error).map(|()| false),
    }
}

/// What a key is called: the same for everybody who has the user's keyring.
fn described(name: &str) -> String {
    format!("{SERVICE}:{name}")
}

/// The user's keyring.
fn ring() -> Result<KeyRing, String> {
    let user = KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(words)?;
    // Where there is no session of one's own the kernel's default one links to it already.
    if let Ok(session) = KeyRing::from_special_id(KeyRingIdentifier::Session, false) {
        let _ = session.link_keyring(user);
    }
    Ok(user)
}

/// A key that is not there is no failure.
fn absent(error: KeyError) -> Result<(), String> {
    match error {
        KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked => Ok(()),
        error => Err(words(error)),
    }
}

fn words(error: KeyError) -> String {
    match error {
        KeyError::AccessDenied | KeyError::PermissionDenied => {
            "it is not permitted, as in many containers".to_owned()
        }
        KeyError::QuotaExceeded => "this user has too many keys there".to_owned(),
        KeyError::Unknown(code) => std::io::Error::from_raw_os_error(code).to_string(),
        error => format!("{error:?}"),
    }
}
