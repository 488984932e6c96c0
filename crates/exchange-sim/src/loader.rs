//! Fills an organisation from a folder of `.eml` files:
//! `<dir>/<mailbox address>/<Folder or well-known name>[/<Subfolder>…]/*.eml`, and beside the folders of a mailbox
//! its `mailbox.yaml` if it has one. Who may log in is in `accounts.yaml` beside the mailboxes.
//!
//! Everything is taken in sorted order, so that ids are the same in every run. What does not fit the layout is
//! an error rather than ignored: a mail in the wrong place would make a test pass for the wrong reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::account;
use crate::loader_settings;
use crate::model::folder::{ALL_ITEMS, BORN_WITH};
use crate::model::mail::Mail;
use crate::model::state::{NewItem, State};

/// Why a folder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder at the top is not named like a mailbox.
    #[error("{} is not named after a mailbox; folders here are called like alice@corp.example", path.display())]
    NotAMailbox {
        /// The folder.
        path: PathBuf,
    },
    /// A file lies where only folders belong.
    #[error(
        "{} is out of place; mails belong into <mailbox>/<folder>/, e.g. alice@corp.example/inbox/mail.eml",
        path.display()
    )]
    OutOfPlace {
        /// The file.
        path: PathBuf,
    },
    /// A file is no mail.
    #[error("{} does not end in .eml", path.display())]
    NotAMail {
        /// The file.
        path: PathBuf,
    },
    /// The settings of a mailbox cannot be used.
    #[error("{}: {message}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where it is known.
        message: String,
    },
    /// A name is not Unicode.
    #[error("{} has a name that is not valid Unicode", path.display())]
    BadName {
        /// The file or folder.
        path: PathBuf,
    },
    /// There is nothing in the folder.
    #[error("{} has no mailboxes; it needs at least one folder called like alice@corp.example", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// Loads a folder into `state`.
pub(crate) fn load(state: &mut State, dir: &Path) -> Result<(), LoadError> {
    let mut order = 0;
    let mut any = false;
    for (name, path) in entries(dir)? {
        if !path.is_dir() {
            if name == account::FILE {
                directory(state, &path)?;
            }
            // A note beside the mailboxes does no harm; a stray mail does.
            if is_mail(&path) {
                return Err(LoadError::OutOfPlace { path });
            }
            continue;
        }
        if exchange::Mailbox::new(&name).is_none() {
            return Err(LoadError::NotAMailbox { path });
        }
        any = true;
        begin(state, &name, &path.join(loader_settings::FILE))?;
        for (folder, path) in entries(&path)? {
            if folder == loader_settings::FILE && !path.is_dir() {
                settings(state, &name, &path)?;
                continue;
            }
            if !path.is_dir() {
                return Err(LoadError::OutOfPlace { path });
            }
            load_folder(state, &name, &mut vec![folder], &path, &mut order)?;
        }
    }
    if any { Ok(()) } else { Err(LoadError::Empty { path: dir.to_owned() }) }
}

fn directory(state: &mut State, path: &Path) -> Result<(), LoadError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    state.directory.add(&text).map_err(|message| LoadError::Settings { path: path.to_owned(), message })
}

/// Adds a mailbox of the kind that its settings say, if it has any.
fn begin(state: &mut State, mailbox: &str, settings: &Path) -> Result<(), LoadError> {
    if settings.is_file() {
        let text = std::fs::read_to_string(settings)
            .map_err(|source| LoadError::Io { path: settings.to_owned(), source })?;
        let stores = loader_settings::stores(&text)
            .map_err(|message| LoadError::Settings { path: settings.to_owned(), message })?;
        if let Some(public) = stores.public_folders {
            state.add_public_folders(mailbox, public.content.as_deref());
        }
        if stores.archive {
            state.add_mailbox(mailbox).open_archive();
        }
    }
    state.add_mailbox(mailbox);
    Ok(())
}

fn settings(state: &mut State, mailbox: &str, path: &Path) -> Result<(), LoadError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    loader_settings::apply(state.add_mailbox(mailbox), &text)
        .map_err(|message| LoadError::Settings { path: path.to_owned(), message })
}

fn load_folder(
    state: &mut State,
    mailbox: &str,
    names: &mut Vec<String>,
    dir: &Path,
    order: &mut i64,
) -> Result<(), LoadError> {
    let folder = folder_key(state, mailbox, names);
    for (name, path) in entries(dir)? {
        if path.is_dir() {
            names.push(name);
            load_folder(state, mailbox, names, &path, order)?;
            names.pop();
            continue;
        }
        if !is_mail(&path) {
            return Err(LoadError::NotAMail { path });
        }
        let raw = std::fs::read(&path).map_err(|source| LoadError::Io { path: path.clone(), source })?;
        let source = format!("{}/{name}", names.join("/"));
        *order += 1;
        add(state, mailbox, folder, source, Bytes::from(raw), *order);
    }
    Ok(())
}

fn add(state: &mut State, mailbox: &str, folder: Option<usize>, source: String, raw: Bytes, order: i64) {
    let Some(folder) = folder else { return };
    let mail = Mail::parse(&raw);
    let by_order =
        Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(order)).unwrap_or(Timestamp::UNIX_EPOCH);
    let received = mail.received_at.or(mail.sent_at).unwrap_or(by_order);
    let draft =
        state.mailboxes.get(&mailbox.to_lowercase()).and_then(|m| m.well_known("drafts")) == Some(folder);
    let new =
        NewItem { is_draft: draft, mail: Some(Arc::new(mail)), ..NewItem::received(source, raw, received) };
    // The mailbox was added before its mails, so storing cannot fail.
    let _ = state.store(mailbox, folder, new);
}

/// The folder with this path; the first name may be a well-known one.
fn folder_key(state: &mut State, mailbox: &str, names: &[String]) -> Option<usize> {
    let mailbox = state.add_mailbox(mailbox);
    // What users deleted lies beside the folders that they see.
    if let [only] = names
        && let Some(key) =
            mailbox.well_known(&only.to_lowercase()).filter(|_| !only.eq_ignore_ascii_case(ALL_ITEMS))
    {
        return Some(key);
    }
    let mut names = names.to_vec();
    if let Some(first) = names.first_mut()
        && let Some((_, display, parent, _)) =
            BORN_WITH.iter().find(|(name, ..)| first.eq_ignore_ascii_case(name))
        && *parent == "msgfolderroot"
    {
        *first = (*display).to_owned();
    }
    mailbox.make_path(&names)
}

fn is_mail(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("eml"))
}

/// The entries of a folder, sorted by name, without hidden ones.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, LoadError> {
    let io = |source| LoadError::Io { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.map(str::to_owned) else {
            return Err(LoadError::BadName { path });
        };
        if !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}
