//! Opens what wraps a mail or its files: `winmail.dat`, S/MIME, `.msg`.
//!
//! What is inside is handed on as bytes that wait to be read, never by recursion. Depth, number and length are
//! bounded; what exceeds a bound stays listed as it stands and says so.

use plugin_sdk::{Artifact, Failure};

use crate::anomaly::Code;
use crate::cfb::{self, Compound};
use crate::cms::{self, Cms};
use crate::limits;
use crate::output::{Format, Protected, Protection, Scheme, Signature};
use crate::parse::{Assembly, Form, Place, Waiting};
use crate::{msg, tnef};

/// What wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tnef,
    Smime,
    Msg,
}

/// What may still be opened in one mail.
#[derive(Debug)]
pub(crate) struct Room {
    containers: usize,
    bytes: usize,
    protections: usize,
    /// Bytes of bodies in RTF.
    pub(crate) rtf: usize,
}

impl Default for Room {
    fn default() -> Self {
        Room {
            containers: limits::CONTAINERS,
            bytes: limits::CONTAINERS_BYTES,
            protections: limits::CONTAINERS,
            rtf: limits::RTF_BYTES,
        }
    }
}

impl Room {
    fn take(&mut self, place: &Place, length: usize) -> Option<()> {
        if place.nesting >= limits::CONTAINER_DEPTH || length > limits::CONTAINER_BYTES {
            return None;
        }
        self.bytes = self.bytes.checked_sub(length)?;
        self.containers = self.containers.checked_sub(1)?;
        Some(())
    }
}

/// Whether a file may be a container, by its media type or its name. Only its bytes say whether it is one.
pub(crate) fn kind(media: &str, name: Option<&str>) -> Option<Kind> {
    match media {
        "application/ms-tnef" | "application/vnd.ms-tnef" => return Some(Kind::Tnef),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => return Some(Kind::Smime),
        "application/vnd.ms-outlook" => return Some(Kind::Msg),
        _ => {}
    }
    if !media.starts_with("application/") {
        return None;
    }
    let name = name?.to_ascii_lowercase();
    match name.as_str() {
        "winmail.dat" | "win.dat" => Some(Kind::Tnef),
        _ if name.ends_with(".p7m") => Some(Kind::Smime),
        _ if name.ends_with(".msg") => Some(Kind::Msg),
        _ => None,
    }
}

impl Assembly {
    /// Opens a container that is listed under `index`, if it is one.
    pub(crate) fn open(
        &mut self,
        kind: Kind,
        bytes: Vec<u8>,
        place: &Place,
        index: u32,
    ) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        // `.msg` is also the name of other files, and Outlook's media type that of other formats.
        if kind == Kind::Msg && (!bytes.starts_with(cfb::MAGIC) || !self.opens(place.depth)?) {
            return Ok(());
        }
        if self.room.take(place, bytes.len()).is_none() {
            self.anomalies
                .add(Code::UnreadableContainer, "there are too many, or it is too large or too deep");
            return Ok(());
        }
        let inside = Place { container: Some(index), nesting: place.nesting + 1, ..place.clone() };
        match kind {
            Kind::Msg => {
                if let Err(problem) = Compound::open(&bytes) {
                    self.anomalies.add(Code::UnreadableContainer, problem);
                    return Ok(());
                }
                let content = Artifact::create(&bytes, "application/vnd.ms-outlook")?;
                let message = self.queue(&inside, bytes, Form::Msg, content)?;
                self.opened(place.owner, index, Some(message));
            }
            Kind::Tnef => match tnef::read(&bytes) {
                Ok(message) => {
                    self.opened(place.owner, index, None);
                    self.outlook_content(message, &inside)?;
                }
                Err(problem) => self.anomalies.add(Code::UnreadableContainer, problem),
            },
            Kind::Smime => self.smime(&bytes, inside, index),
        }
        Ok(())
    }

    fn smime(&mut self, bytes: &[u8], inside: Place, index: u32) {
        let (kind, content) = match cms::read(bytes) {
            Some(Cms::Signed(Some(content))) => (Protected::Signed, Some(content)),
            // A list of certificates: nothing is signed by it.
            Some(Cms::Signed(None)) => return,
            Some(Cms::Encrypted) => (Protected::Encrypted, None),
            Some(Cms::Compressed) => (Protected::Compressed, None),
            None => {
                self.anomalies.add(Code::UnreadableContainer, "it does not hold together as S/MIME");
                return;
            }
        };
        self.protect(inside.owner, &inside.path, Scheme::Smime, kind, content.is_some());
        if let Some(bytes) = content {
            self.opened(inside.owner, index, None);
            self.waiting.push(Waiting { bytes, form: Form::Entity, place: inside });
        }
    }

    /// Notes that a part is signed or encrypted.
    pub(crate) fn protect(
        &mut self,
        owner: Option<u32>,
        path: &str,
        scheme: Scheme,
        kind: Protected,
        opened: bool,
    ) {
        let room = self.room.protections.checked_sub(1);
        self.room.protections = room.unwrap_or_default();
        let Some(mail) = self.mail(owner) else { return };
        mail.signed |= kind == Protected::Signed;
        mail.encrypted |= kind == Protected::Encrypted;
        if room.is_some() {
            let signature = (kind == Protected::Signed).then_some(Signature::NotVerified);
            mail.protection.push(Protection { part: path.to_owned(), scheme, kind, opened, signature });
        }
    }

    /// Reads a `.msg` file with the mails in it.
    pub(crate) fn msg(&mut self, buffer: &Waiting) -> Result<(), Failure> {
        let place = &buffer.place;
        self.anomalies.at(place.owner, &place.path);
        let file = match Compound::open(&buffer.bytes) {
            Ok(file) => file,
            Err(problem) => {
                self.anomalies.add(Code::UnreadableContainer, problem);
                return Ok(());
            }
        };
        let mut whole: Option<Artifact> = None;
        let mut waiting = vec![(0, place.clone())];
        while let Some((storage, place)) = waiting.pop() {
            self.anomalies.at(place.owner, &place.path);
            let message = match msg::read(&file, storage) {
                Ok(message) => message,
                Err(problem) => {
                    self.anomalies.add(Code::UnreadableContainer, problem);
                    continue;
                }
            };
            self.outlook_headers(&message, Format::Msg, &place)?;
            let embedded = self.outlook_content(message, &place)?;
            for (storage, index) in embedded {
                let content = match &whole {
                    Some(content) => content.clone(),
                    None => {
                        whole.insert(Artifact::create(&buffer.bytes, "application/vnd.ms-outlook")?).clone()
                    }
                };
                self.used.part()?;
                let message = self.message(&place, content);
                self.opened(place.owner, index, Some(message));
                let owner = Some(message);
                waiting.push((
                    storage,
                    Place { owner, depth: place.depth + 1, container: None, ..place.clone() },
                ));
            }
        }
        Ok(())
    }

    /// Reads a mail in TNEF.
    pub(crate) fn tnef_mail(&mut self, buffer: &Waiting) -> Result<(), Failure> {
        let place = &buffer.place;
        self.anomalies.at(place.owner, &place.path);
        match tnef::read(&buffer.bytes) {
            Ok(message) => {
                self.outlook_headers(&message, Format::Tnef, place)?;
                self.outlook_content(message, place)?;
            }
            Err(problem) => self.anomalies.add(Code::UnreadableContainer, problem),
        }
        Ok(())
    }
}
