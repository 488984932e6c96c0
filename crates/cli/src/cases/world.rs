//! The simulated organisation around a case.
//!
//! All cases share the actions, because the catalogue and compiled plugins are dear. A case gets mailboxes of its
//! own under a connection name of its own; folders of mails are read once and copied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action_api::{ActionSource, Catalogue};
use anyhow::{Context, Result};
use base64::Engine as _;
use cases::{Case, Mail, Wire};
use exchange::{FolderRef, Ports, WellKnownFolder};
use exchange_sim::{Config, Fault, Organisation, Server};
use expr::Type;
use serde_json::{Map, Value, json};
use web_actions::Web;

use crate::combined::Combined;
use crate::config;
use crate::exit::Wrong;
use crate::wire;

/// The kinds of effects that expectations can always name, also where none happened.
const EFFECTS: [&str; 8] =
    ["created", "sent", "delivered", "moved", "copied", "deleted", "updated", "attached"];

/// What all cases share.
#[derive(Clone)]
pub(crate) struct Shed {
    /// Every action, over whatever connection a call names.
    pub(crate) actions: Combined,
    open: Arc<Mutex<BTreeMap<String, Ports>>>,
    folders: Arc<Mutex<BTreeMap<PathBuf, Organisation>>>,
    next: Arc<AtomicU64>,
}

/// The organisation of one case.
pub(crate) struct World {
    /// The name of every connection in it.
    pub(crate) connection: String,
    organisation: Organisation,
    server: Option<Server>,
    open: Arc<Mutex<BTreeMap<String, Ports>>>,
}

impl Shed {
    pub(crate) fn new() -> Result<Self> {
        let open: Arc<Mutex<BTreeMap<String, Ports>>> = Arc::default();
        let of_cases = Arc::clone(&open);
        let resolve = move |name: Option<&str>| {
            let found = lock(&of_cases).get(name.unwrap_or_default()).cloned();
            found.ok_or_else(|| wire::host_failure("no connection is open here".to_owned()))
        };
        let sources: Vec<Arc<dyn ActionSource>> =
            vec![Arc::new(actions::exchange(resolve)), Arc::new(nowhere()), Arc::new(wire::plugins()?)];
        Ok(Shed {
            actions: Combined::new(sources),
            open,
            folders: Arc::default(),
            next: Arc::new(AtomicU64::new(1)),
        })
    }

    /// Forgets the folders of mails, because they may have changed.
    pub(crate) fn forget_folders(&self) {
        lock(&self.folders).clear();
    }

    /// A copy of the organisation that a folder of mails describes.
    fn folder(&self, folder: &Path, start: jiff::Timestamp) -> Result<Organisation> {
        let mut folders = lock(&self.folders);
        if let Some(read) = folders.get(folder) {
            return Ok(read.fork(start));
        }
        let read = Organisation::load_folder(folder).map_err(|error| {
            Wrong(format!("the simulator could not be filled from {}: {error}", folder.display()))
        })?;
        let copy = read.fork(start);
        folders.insert(folder.to_owned(), read);
        Ok(copy)
    }

    /// The mailboxes a case begins with.
    pub(crate) fn organisation(&self, playbook: &Path, case: &Case) -> Result<Organisation> {
        let start = case.with.clock.unwrap_or_default().0;
        let organisation = match mail_folder(playbook, case) {
            Some(folder) => self.folder(&folder, start)?,
            None => Organisation::with_clock_from(start),
        };
        for (address, folders) in &case.with.mailboxes {
            organisation.add_mailbox(address);
            for (folder, mails) in folders {
                for mail in mails {
                    organisation
                        .deliver(address, &folder_ref(folder), compose(address, mail, start))
                        .with_context(|| format!("the mail \"{}\" of {address}", mail.subject))?;
                }
            }
        }
        Ok(organisation)
    }

    /// Opens the organisation of a case: directly, or over HTTP if the case wants that or has faults.
    pub(crate) async fn open(&self, playbook: &Path, case: &Case) -> Result<World> {
        let organisation = self.organisation(playbook, case)?;
        let connection = format!("case-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let over_http = case.with.wire == Some(Wire::Http) || !case.with.faults.is_empty();
        let (ports, server) = if over_http {
            let (ports, server) = serve(&organisation, faults(case)?, &connection).await?;
            (ports, Some(server))
        } else {
            (organisation.ports(), None)
        };
        lock(&self.open).insert(connection.clone(), ports);
        Ok(World { connection, organisation, server, open: Arc::clone(&self.open) })
    }
}

/// Actions that speak HTTP, over connections that take every message and ask nobody.
fn nowhere() -> Catalogue<Web> {
    web_actions::web(|_| Ok(Web::simulated()))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(organisation: &Organisation, faults: Vec<Fault>, name: &str) -> Result<(Ports, Server)> {
    let (user, password) = ("simulator@portcullis.invalid", "simulated");
    let config = Config { faults, ..Config::local(user, password) };
    let server = Server::start(organisation.clone(), config)
        .await
        .context("the simulator could not listen on a loopback port")?;
    let url = server.url().parse().context("the address of the simulator is no URL")?;
    let ews = config::Ews::simulated(url, user, password);
    let ports = config::Connection::Ews(Box::new(ews)).open(name, &login::LogIns::new(None))?;
    Ok((ports, server))
}

/// The folder of mails of a case: the one it names, or `mail` beside the playbook if that is there and the case
/// brings nothing else.
pub(crate) fn mail_folder(playbook: &Path, case: &Case) -> Option<PathBuf> {
    let beside = |folder: &Path| playbook.parent().unwrap_or(Path::new("")).join(folder);
    match &case.with.mail {
        Some(folder) => Some(beside(folder)),
        None if case.with.mailboxes.is_empty() => {
            Some(beside(Path::new("mail"))).filter(|mail| mail.is_dir())
        }
        None => None,
    }
}

/// The faults of a case, as the simulator knows them.
pub(crate) fn faults(case: &Case) -> Result<Vec<Fault>> {
    let read = |fault: &Value| {
        serde_json::from_value(fault.clone()).map_err(|error| {
            Wrong(format!("`{}`: the fault {fault} is not known: {error}", case.name)).into()
        })
    };
    case.with.faults.iter().map(read).collect()
}

fn folder_ref(name: &str) -> FolderRef {
    let plain: String = name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    match WellKnownFolder::ALL.into_iter().find(|folder| folder.as_str() == plain) {
        Some(folder) => FolderRef::WellKnown(folder),
        None => FolderRef::Path(name.split('/').map(str::to_owned).collect()),
    }
}

/// A mail of a case as RFC 5322 text.
fn compose(mailbox: &str, mail: &Mail, start: jiff::Timestamp) -> Vec<u8> {
    if let Some(raw) = &mail.raw {
        return raw.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
    }
    let line = |text: &str| text.replace(['\r', '\n'], " ");
    let to = if mail.to.is_empty() { mailbox.to_owned() } else { mail.to.join(", ") };
    let date = mail.received.map_or(start, |at| at.0).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let mut head = format!("Date: {date}\r\nTo: {}\r\n", line(&to));
    if let Some(from) = &mail.from {
        head.push_str(&format!("From: {}\r\n", line(from)));
    }
    if let Some(id) = &mail.message_id {
        head.push_str(&format!("Message-ID: <{}>\r\n", line(id)));
    }
    head.push_str(&format!("Subject: {}\r\n", encoded(&line(&mail.subject))));
    head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
    head.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
    let body = base64::engine::general_purpose::STANDARD.encode(mail.text.as_bytes());
    let lines: Vec<&str> =
        body.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("{head}{}\r\n", lines.join("\r\n")).into_bytes()
}

/// A header's text: as it is where it is ASCII, else by RFC 2047.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let words: Vec<String> = text
        .chars()
        .collect::<Vec<_>>()
        .chunks(10)
        .map(|chunk| {
            let word: String = chunk.iter().collect();
            format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(word))
        })
        .collect();
    words.join(" ")
}

impl World {
    /// The names that only this world knows, and what they stand for: `ledger`, and `mailbox()` if it is wanted.
    pub(crate) fn roots(&self, mailboxes: bool) -> Map<String, Value> {
        let mut roots = Map::new();
        roots.insert("ledger".to_owned(), ledger(&self.organisation));
        if mailboxes {
            roots.insert("mailbox()".to_owned(), all_mailboxes(&self.organisation));
        }
        roots
    }

    /// Stops serving, and gives the connection's name back.
    pub(crate) async fn close(self) {
        lock(&self.open).remove(&self.connection);
        if let Some(server) = self.server {
            server.shutdown().await;
        }
    }
}

/// The types of the names that only a world knows.
pub(crate) fn types(mailboxes: &[String]) -> BTreeMap<String, Type> {
    let closed =
        |fields: Vec<(&str, Type)>| Type::closed(fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)));
    let text = Type::string;
    let effect = closed(vec![
        ("kind", text()),
        ("mailbox", text()),
        ("subject", text()),
        ("mode", text()),
        ("from_folder", text()),
        ("to_folder", text()),
        ("recipients", Type::list(text())),
    ]);
    let mut fields: Vec<(&str, Type)> = EFFECTS.iter().map(|kind| (*kind, Type::int())).collect();
    fields.push(("effects", Type::list(effect)));
    let field = |ty| expr::Field { ty, required: true };
    let mailbox = Type::object(
        [
            ("address".to_owned(), field(text())),
            ("folders".to_owned(), field(Type::map(Type::list(Type::any())))),
            ("messages".to_owned(), field(Type::list(Type::any()))),
        ],
        Some(Type::any()),
    );
    BTreeMap::from([
        ("ledger".to_owned(), closed(fields)),
        ("mailbox()".to_owned(), Type::closed(mailboxes.iter().map(|name| (name.clone(), mailbox.clone())))),
    ])
}

/// What happened to the mailboxes: counts by kind, and every effect.
fn ledger(organisation: &Organisation) -> Value {
    let ledger = organisation.ledger();
    let effects: Vec<Value> = ledger
        .effects
        .iter()
        .map(|effect| {
            json!({
                "kind": effect.kind,
                "mailbox": effect.mailbox,
                "subject": effect.subject.as_deref().unwrap_or_default(),
                "mode": effect.mode.as_deref().unwrap_or_default(),
                "from_folder": effect.from_folder.as_deref().unwrap_or_default(),
                "to_folder": effect.to_folder.as_deref().unwrap_or_default(),
                "recipients": effect.recipients,
            })
        })
        .collect();
    let mut told: Map<String, Value> = EFFECTS.iter().map(|kind| ((*kind).to_owned(), json!(0))).collect();
    if let Ok(Value::Object(counts)) = serde_json::to_value(&ledger.counts) {
        told.extend(counts);
    }
    told.insert("effects".to_owned(), effects.into());
    told.into()
}

/// A folder's path as people say it: `Inbox`, `Recoverable Items/Deletions`.
fn plain(path: &str) -> &str {
    let below = |above: &str| path.strip_prefix(above);
    below("root/Top of Information Store/").or_else(|| below("root/")).unwrap_or(path)
}

/// Every mailbox by its address: what the simulator holds now, with folders by path and all messages as one list.
fn all_mailboxes(organisation: &Organisation) -> Value {
    let snapshot: Vec<Map<String, Value>> =
        serde_json::from_str(&organisation.snapshot()).unwrap_or_default();
    let mut all = Map::new();
    for mut mailbox in snapshot {
        let (mut folders, mut messages) = (Map::new(), Vec::new());
        if let Some(Value::Array(list)) = mailbox.remove("folders") {
            for mut folder in list {
                let path = plain(folder.get("path").and_then(Value::as_str).unwrap_or_default()).to_owned();
                let mut items = folder.get_mut("items").map(Value::take).unwrap_or_else(|| json!([]));
                for item in items.as_array_mut().into_iter().flatten() {
                    if let Value::Object(item) = item {
                        item.insert("folder".to_owned(), path.clone().into());
                    }
                    messages.push(item.clone());
                }
                folders.insert(path, items);
            }
        }
        mailbox.insert("folders".to_owned(), folders.into());
        mailbox.insert("messages".to_owned(), messages.into());
        let address = mailbox.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
        all.insert(address, mailbox.into());
    }
    all.into()
}
