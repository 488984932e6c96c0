//! The keyring of a desktop: the Secret Service on the session bus.
//!
//! What travels over the bus is not encrypted once more. The bus is a socket of this user on this machine, and whoever
//! can listen on it can ask the service for the secret as well as we can.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use dbus_secret_service::{EncryptionType, Error, SearchItemsResult, SecretService};

use super::{SERVICE, Trouble};

/// How long the service may take to open a session.
const CONNECT: Duration = Duration::from_secs(5);
/// How long its owner may take to unlock it.
const UNLOCK: Duration = Duration::from_secs(60);

/// The first time that waiting was in vain: nobody waits a second time.
static GAVE_UP: OnceLock<Trouble> = OnceLock::new();

/// The secret; `Some(None)` where there is a service and it has none of this name, `None` where there is no service.
pub(super) fn read(name: &str) -> Result<Option<Option<Vec<u8>>>, Trouble> {
    let name = name.to_owned();
    ask(move |service| {
        let found = service.search_items(attributes(&name)).map_err(trouble)?;
        Ok(match one(service, &found, &name)? {
            Some(item) => Some(item.get_secret().map_err(trouble)?),
            None => None,
        })
    })
}

/// Whether there is a service that keeps it now.
pub(super) fn write(name: &str, secret: &str) -> Result<bool, Trouble> {
    let (name, secret) = (name.to_owned(), secret.to_owned());
    let kept = ask(move |service| {
        let found = service.search_items(attributes(&name)).map_err(trouble)?;
        if let Some(item) = one(service, &found, &name)? {
            return item.set_secret(secret.as_bytes(), "text/plain").map_err(trouble);
        }
        let collection = service.get_default_collection().map_err(|error| match error {
            Error::NoResult => Trouble::Broken(
                "the desktop has no default keyring yet; log in to the desktop once, or make one with its password \
                 manager"
                    .to_owned(),
            ),
            error => trouble(error),
        })?;
        collection.ensure_unlocked().or_else(|_| collection.unlock()).map_err(trouble)?;
        let label = format!("Portcullis: {name}");
        collection
            .create_item(&label, attributes(&name), secret.as_bytes(), true, "text/plain")
            .map(drop)
            .map_err(trouble)
    })?;
    Ok(kept.is_some())
}

/// Whether it was there; `None` where there is no service.
pub(super) fn remove(name: &str) -> Result<Option<bool>, Trouble> {
    let name = name.to_owned();
    ask(move |service| {
        let found = service.search_items(attributes(&name)).map_err(trouble)?;
        match one(service, &found, &name)? {
            Some(item) => item.delete().map(|()| true).map_err(trouble),
            None => Ok(false),
        }
    })
}

/// How a secret is filed, so that `secret-tool store service portcullis username NAME` puts it in the same place.
fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", name)])
}

/// The one that was found, unlocked.
fn one<'f, 's>(
    service: &SecretService,
    found: &'f SearchItemsResult<dbus_secret_service::Item<'s>>,
    name: &str,
) -> Result<Option<&'f dbus_secret_service::Item<'s>>, Trouble> {
    match (found.unlocked.as_slice(), found.locked.as_slice()) {
        ([], []) => Ok(None),
        ([item], []) => Ok(Some(item)),
        ([], [item]) => {
            service.unlock_all(&[item]).map_err(trouble)?;
            Ok(Some(item))
        }
        (unlocked, locked) => {
            Err(Trouble::Several { name: name.to_owned(), count: unlocked.len() + locked.len() })
        }
    }
}

/// Asks the service, if there is one.
fn ask<T: Send + 'static>(
    question: impl FnOnce(&SecretService) -> Result<T, Trouble> + Send + 'static,
) -> Result<Option<T>, Trouble> {
    if !has_bus() {
        return Ok(None);
    }
    if let Some(trouble) = GAVE_UP.get() {
        return Err(trouble.clone());
    }
    let answer = in_time(question);
    if let Err(trouble @ (Trouble::Silent(_) | Trouble::Locked)) = &answer {
        // Whoever was first is as right as we are.
        let _ = GAVE_UP.set(trouble.clone());
    }
    answer
}

/// Whether anything says that there is a session bus: looking for one further would start it.
fn has_bus() -> bool {
    let named = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    let of_the_user = || {
        let folder = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
        folder.is_some_and(|folder| folder.join("bus").exists())
    };
    named || of_the_user()
}

/// In a thread of its own, which is left behind if it takes too long: calls over the bus cannot be broken off.
fn in_time<T: Send + 'static>(
    question: impl FnOnce(&SecretService) -> Result<T, Trouble> + Send + 'static,
) -> Result<Option<T>, Trouble> {
    let (tell, told) = mpsc::channel();
    let work = move || {
        let limit = UNLOCK.as_secs();
        let answer = match SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, limit) {
            Ok(service) => {
                // Nobody listens any more if this took too long.
                let _ = tell.send(None);
                question(&service).map(Some)
            }
            Err(error) if is_nobody(&error) => Ok(None),
            Err(error) => Err(trouble(error)),
        };
        let _ = tell.send(Some(answer));
    };
    let thread = thread::Builder::new().name("keyring".to_owned()).spawn(work);
    thread.map_err(|error| Trouble::Broken(format!("no thread for the keyring: {error}")))?;
    let mut limit = CONNECT;
    loop {
        match told.recv_timeout(limit) {
            Ok(Some(answer)) => return answer,
            Ok(None) => limit = UNLOCK + CONNECT,
            Err(RecvTimeoutError::Timeout) => return Err(Trouble::Silent(limit)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Trouble::Broken("asking the keyring of the desktop broke off".to_owned()));
            }
        }
    }
}

/// Whether there is no bus after all, or nobody on it that keeps secrets.
fn is_nobody(error: &Error) -> bool {
    const NOBODY: [&str; 8] = [
        "ServiceUnknown",
        "NameHasNoOwner",
        "NoServer",
        "FileNotFound",
        "NotSupported",
        "Disconnected",
        "Spawn.ServiceNotFound",
        "Spawn.ExecFailed",
    ];
    match error {
        Error::Unavailable => true,
        Error::Dbus(error) => error
            .name()
            .and_then(|name| name.strip_prefix("org.freedesktop.DBus.Error."))
            .is_some_and(|name| NOBODY.contains(&name)),
        _ => false,
    }
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Locked | Error::Prompt => Trouble::Locked,
        Error::Dbus(error) if error.name() == Some("org.freedesktop.Secret.Error.IsLocked") => {
            Trouble::Locked
        }
        Error::Dbus(error) if error.name() == Some("org.freedesktop.DBus.Error.NoReply") => {
            Trouble::Silent(CONNECT)
        }
        error => Trouble::Broken(format!("the keyring of the desktop: {error}")),
    }
}
