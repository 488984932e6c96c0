//! The work of `eml.parse`: parts become a mail, attached mails, attachments and bodies.

use encoding_rs::Encoding as Charset;
use plugin_sdk::{Artifact, Failure};

use crate::anomaly::{Anomalies, Code};
use crate::cfb;
use crate::containers::{self, Room};
use crate::core_fields::{Pools, core};
use crate::fields;
use crate::limits;
use crate::media::{self, Media};
use crate::output::{Budget, Mail, Nested, Output, Protected, Scheme};
use crate::structure::{self, Kind, Part, Used};
use crate::tnef;
use crate::transfer::Encoding;

/// JSON bytes for the names and types of attachments.
const ATTACHMENT_TEXTS: usize = 150 * 1024;
/// JSON bytes for headers and what is read from them.
const HEADER_TEXTS: usize = 250 * 1024;
/// JSON bytes of the whole output; a step's output may have 1 MiB.
const OUTPUT: usize = 1_000 * 1024;
/// JSON bytes of one body.
const BODY: usize = 256 * 1024;
/// Encoded bytes of all bodies that are decoded as text; what exceeds that becomes an attachment.
const BODIES_DECODED: usize = 8 * 1024 * 1024;

/// Bodies of one mail before they are cut to fit.
#[derive(Debug, Default)]
struct Bodies {
    text: Option<String>,
    html: Option<String>,
}

/// Where in the mail something lies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// Index into `messages` of the mail that it belongs to; the mail itself has none.
    pub(crate) owner: Option<u32>,
    /// How many mails are around it.
    pub(crate) depth: u32,
    /// The part that holds it.
    pub(crate) path: String,
    /// The attachment that it was taken out of, if that is a container.
    pub(crate) container: Option<u32>,
    /// How many containers are around it.
    pub(crate) nesting: u32,
}

/// How a buffer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A mail with its headers.
    Mail,
    /// A part with headers of its own: more of the mail that it belongs to.
    Entity,
    /// `.msg`.
    Msg,
    /// A mail in TNEF.
    Tnef,
}

/// A buffer that still has to be read.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) bytes: Vec<u8>,
    pub(crate) form: Form,
    pub(crate) place: Place,
}

pub(crate) struct Assembly {
    pub(crate) top: Mail,
    pub(crate) messages: Vec<Nested>,
    bodies: Vec<Bodies>,
    pub(crate) anomalies: Anomalies,
    pub(crate) pools: Pools,
    pub(crate) attachment_texts: Budget,
    bodies_left: usize,
    max_depth: u32,
    pub(crate) used: Used,
    pub(crate) room: Room,
    pub(crate) waiting: Vec<Waiting>,
}

/// Reads a mail, as it is sent or as Outlook saves it. Attached mails deeper than `max_depth` are listed and not
/// opened. Text that does not say its charset, or a wrong one, is in `fallback` unless it is UTF-8.
///
/// # Errors
/// `limit` for a mail beyond [`crate::limits`]; whatever storing an artifact gives.
pub fn parse(bytes: Vec<u8>, max_depth: u32, fallback: Option<&'static Charset>) -> Result<Output, Failure> {
    let mut assembly = Assembly {
        top: Mail::default(),
        messages: Vec::new(),
        bodies: vec![Bodies::default()],
        anomalies: Anomalies::with_fallback(fallback),
        pools: Pools::new(HEADER_TEXTS, limits::ADDRESSES),
        attachment_texts: Budget::new(ATTACHMENT_TEXTS),
        bodies_left: BODIES_DECODED,
        max_depth,
        used: Used::default(),
        room: Room::default(),
        waiting: Vec::new(),
    };
    let form = if bytes.starts_with(cfb::MAGIC) {
        Form::Msg
    } else if bytes.starts_with(tnef::MAGIC) {
        Form::Tnef
    } else {
        Form::Mail
    };
    assembly.waiting.push(Waiting { bytes, form, place: Place::default() });
    while let Some(next) = assembly.waiting.pop() {
        match next.form {
            Form::Mail | Form::Entity => assembly.mime(&next)?,
            Form::Msg => assembly.msg(&next)?,
            Form::Tnef => assembly.tnef_mail(&next)?,
        }
    }
    assembly.finish()
}

impl Assembly {
    fn mime(&mut self, buffer: &Waiting) -> Result<(), Failure> {
        let known = self.anomalies.count();
        let Place { owner, depth, path, .. } = &buffer.place;
        let parts = structure::read(
            &buffer.bytes,
            *depth,
            path,
            self.max_depth,
            &mut self.used,
            &mut self.anomalies,
        )?;
        let structural = self.anomalies.count();
        // Which mail each root is: roots stand before their parts, and the attachment before the root it holds.
        let mut owners: Vec<Option<u32>> = vec![*owner; parts.len()];
        for (index, part) in parts.iter().enumerate() {
            let owner = owners.get(part.root).copied().unwrap_or_default();
            self.anomalies.at(owner, &part.path);
            let is_root = index == part.root;
            // What was signed has headers that say how it is written, and may repeat others; those around it count.
            let is_entity = index == 0 && buffer.form == Form::Entity;
            if is_root && !is_entity {
                let mail = core(&part.fields, &mut self.pools, &mut self.anomalies)?;
                self.fill(owner, mail);
            }
            let container = buffer.place.container.filter(|_| part.root == 0);
            let (depth, path) = (part.depth, part.path.clone());
            let place = Place { owner, depth, path, container, nesting: buffer.place.nesting };
            match part.kind {
                Kind::Multipart => self.multipart(owner, part),
                Kind::Message(root) => {
                    let content = Artifact::create(part.body, "message/rfc822")?;
                    let message = self.message(&place, content);
                    if let Some(slot) = owners.get_mut(root) {
                        *slot = Some(message);
                    }
                    self.attach(&place, part, Some(message), None)?;
                }
                Kind::Leaf => self.leaf(&place, is_root, part)?,
            }
        }
        // Only now it is known which mail a part belongs to. A mail has the number of the part that holds it; what is
        // odd there is more likely about the mail.
        self.anomalies.assign(known..structural, |path| {
            let index = parts.iter().rposition(|part| part.path == path);
            index.and_then(|index| parts.get(index)).and_then(|part| owners.get(part.root).copied().flatten())
        });
        Ok(())
    }

    /// Signed and encrypted mail is a multipart of its own kind.
    fn multipart(&mut self, owner: Option<u32>, part: &Part<'_>) {
        let protocol = part.media.parameter("protocol").map(|value| value.text(&mut self.anomalies));
        let pgp = protocol.is_some_and(|name| name.to_ascii_lowercase().contains("pgp"));
        let scheme = if pgp { Scheme::Pgp } else { Scheme::Smime };
        if part.media.is("multipart/signed") {
            self.protect(owner, &part.path, scheme, Protected::Signed, true);
        } else if part.media.is("multipart/encrypted") {
            self.protect(owner, &part.path, Scheme::Pgp, Protected::Encrypted, false);
        }
    }

    pub(crate) fn mail(&mut self, owner: Option<u32>) -> Option<&mut Mail> {
        match owner {
            None => Some(&mut self.top),
            Some(index) => self.messages.get_mut(index as usize).map(|nested| &mut nested.mail),
        }
    }

    /// Sets the header part of a mail, keeping attachments that were found already.
    pub(crate) fn fill(&mut self, owner: Option<u32>, mail: Mail) {
        if let Some(slot) = self.mail(owner) {
            let attachments = std::mem::take(&mut slot.attachments);
            let protection = std::mem::take(&mut slot.protection);
            let (signed, encrypted) = (slot.signed, slot.encrypted);
            *slot = Mail { attachments, protection, signed, encrypted, ..mail };
        }
    }

    /// A new entry of `messages`: a mail that lies at `place`.
    pub(crate) fn message(&mut self, place: &Place, content: Artifact) -> u32 {
        let index = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        self.messages.push(Nested {
            depth: place.depth + 1,
            parent: place.owner,
            part: place.path.clone(),
            content,
            mail: Mail::default(),
        });
        self.bodies.push(Bodies::default());
        index
    }

    /// Whether a mail that lies at this depth is opened.
    pub(crate) fn opens(&self, depth: u32) -> Result<bool, Failure> {
        if depth < self.max_depth && depth >= limits::MESSAGE_DEPTH {
            return Err(limits::exceeded("mails inside one another", limits::MESSAGE_DEPTH as usize));
        }
        Ok(depth < self.max_depth)
    }

    /// Has an attached mail read that came as bytes; gives its index.
    pub(crate) fn queue(
        &mut self,
        place: &Place,
        bytes: Vec<u8>,
        form: Form,
        content: Artifact,
    ) -> Result<u32, Failure> {
        if form != Form::Mail {
            self.used.part()?;
        }
        let message = self.message(place, content);
        let inside = Place { owner: Some(message), depth: place.depth + 1, container: None, ..place.clone() };
        self.waiting.push(Waiting { bytes, form, place: inside });
        Ok(message)
    }

    fn leaf(&mut self, place: &Place, is_root: bool, part: &Part<'_>) -> Result<(), Failure> {
        let encoding = Encoding::of(&part.fields, &mut self.anomalies);
        if part.media.is_multipart() {
            return self.attach(place, part, None, Some(encoding)).map(|_| ());
        }
        if self.is_body(part, is_root) {
            if part.body.len() <= self.bodies_left {
                self.bodies_left -= part.body.len();
                self.body(place.owner, part, encoding);
                return Ok(());
            }
            self.anomalies.add(Code::LargeBody, "");
        }
        if self.is_encoded_message(part, encoding) && self.opens(part.depth)? {
            let bytes = encoding.decode_all(part.body, &mut self.anomalies);
            let content = Artifact::create(&bytes, "message/rfc822")?;
            let message = self.queue(place, bytes, Form::Mail, content)?;
            return self.attach(place, part, Some(message), Some(encoding)).map(|_| ());
        }
        let container = containers::kind(&part.media.name, self.names(part).0.as_deref());
        let index = self.attach(place, part, None, Some(encoding))?;
        if let Some(kind) = container {
            if part.body.len() / 4 * 3 > limits::CONTAINER_BYTES {
                self.anomalies.add(Code::UnreadableContainer, "it is too large");
                return Ok(());
            }
            let bytes = encoding.decode_all(part.body, &mut self.anomalies);
            self.open(kind, bytes, place, index)?;
        }
        Ok(())
    }

    /// Whether a leaf is text to read and not a file.
    fn is_body(&mut self, part: &Part<'_>, is_root: bool) -> bool {
        let text = matches!(part.media.name.as_str(), "text/plain" | "text/html");
        text && (is_root && self.disposition(part).is_none_or(|it| it.name != "attachment")
            || self.disposition(part).is_none_or(|it| it.name != "attachment")
                && self.names(part).0.is_none())
    }

    /// A mail in base64, or a file that is one by its name: a reporter's webmail may attach it as either.
    fn is_encoded_message(&mut self, part: &Part<'_>, encoding: Encoding) -> bool {
        if part.media.is_message() {
            if !encoding.is_identity() {
                self.anomalies.add(Code::EncodedContainer, "");
            }
            return encoding != Encoding::Uuencode;
        }
        part.media.is("application/octet-stream")
            && encoding != Encoding::Uuencode
            && self.names(part).0.is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"))
    }

    pub(crate) fn disposition(&mut self, part: &Part<'_>) -> Option<Media> {
        let field = fields::first(&part.fields, "content-disposition")?;
        Some(media::structured(field, &mut self.anomalies))
    }

    /// The name that counts, and the other one if they differ.
    pub(crate) fn names(&mut self, part: &Part<'_>) -> (Option<String>, Option<String>) {
        let disposition = self.disposition(part);
        let filename = disposition.as_ref().and_then(|media| media.parameter("filename"));
        let filename = filename.map(|value| value.text(&mut self.anomalies));
        let name = part.media.parameter("name").map(|value| value.text(&mut self.anomalies));
        match (filename, name) {
            (Some(filename), Some(name)) if filename != name => (Some(filename), Some(name)),
            (Some(filename), _) => (Some(filename), None),
            (None, name) => (name, None),
        }
    }

    fn body(&mut self, owner: Option<u32>, part: &Part<'_>, encoding: Encoding) {
        let bytes = encoding.decode_all(part.body, &mut self.anomalies);
        let text = crate::charset::decode(&bytes, part.media.charset().as_deref(), &mut self.anomalies);
        if has_encoded_file(&text) {
            self.anomalies.add(Code::EncodedFileInText, "");
        }
        if let Some(slot) = self.slot(owner, part.media.is("text/html")) {
            append(slot, text);
        }
    }

    fn slot(&mut self, owner: Option<u32>, html: bool) -> Option<&mut Option<String>> {
        let bodies = self.bodies.get_mut(owner.map_or(0, |index| index as usize + 1))?;
        Some(if html { &mut bodies.html } else { &mut bodies.text })
    }

    /// A body that stands in a container. The same text again is left out. Gives it back if it is too large to show.
    pub(crate) fn inner_body(&mut self, owner: Option<u32>, html: bool, text: String) -> Option<String> {
        let Some(left) = self.bodies_left.checked_sub(text.len()) else {
            self.anomalies.add(Code::LargeBody, "");
            return Some(text);
        };
        self.bodies_left = left;
        let mut second = false;
        if let Some(slot) = self.slot(owner, html) {
            let words = |text: &str| text.split_whitespace().collect::<String>();
            // Most of a body is no space; what is much longer is another one.
            let alike = |one: usize, other: usize| one <= 4 * other + 1_000;
            let alike = |body: &str| alike(body.len(), text.len()) && alike(text.len(), body.len());
            match slot {
                Some(body) if alike(body) && words(body) == words(&text) => {}
                _ => {
                    second = slot.is_some();
                    append(slot, text);
                }
            }
        }
        if second {
            self.anomalies.add(Code::TwoBodies, "");
        }
        None
    }

    fn finish(mut self) -> Result<Output, Failure> {
        let truncated = self.pools.texts.exhausted || self.attachment_texts.exhausted;
        let charset_repairs = self.anomalies.take_repairs();
        let mut output = Output {
            mail: self.top,
            messages: self.messages,
            anomalies: self.anomalies.into_list(),
            charset_repairs,
            truncated,
        };
        let spent = serde_json::to_vec(&output)
            .map_err(|error| Failure::invalid(format!("the mail cannot be written as JSON: {error}")))?
            .len();
        // Bodies come last: whatever else there is, they get what is left.
        let mut room = Budget::new(OUTPUT.saturating_sub(spent));
        let mails =
            std::iter::once(&mut output.mail).chain(output.messages.iter_mut().map(|it| &mut it.mail));
        for (mail, bodies) in mails.zip(self.bodies.drain(..)) {
            if let Some(text) = bodies.text {
                (mail.text_body, mail.text_artifact) = body(text, "text/plain; charset=utf-8", &mut room)?;
                mail.text_truncated = mail.text_artifact.is_some();
            }
            if let Some(html) = bodies.html {
                (mail.html_body, mail.html_artifact) = body(html, "text/html; charset=utf-8", &mut room)?;
                mail.html_truncated = mail.html_artifact.is_some();
            }
        }
        Ok(output)
    }
}

fn body(
    text: String,
    media_type: &str,
    room: &mut Budget,
) -> Result<(Option<String>, Option<Artifact>), Failure> {
    // Only a body that may not fit is worth a copy; a handle takes about 150 bytes.
    let whole = (text.len() * 6 > BODY || !room.spend(200)).then(|| text.clone());
    let (text, cut) = room.cut(text, BODY);
    match whole.filter(|_| cut) {
        Some(whole) => Ok((Some(text), Some(Artifact::create(whole.as_bytes(), media_type)?))),
        None => Ok((Some(text), None)),
    }
}

fn append(slot: &mut Option<String>, text: String) {
    match slot {
        Some(body) => {
            body.push('\n');
            body.push_str(&text);
        }
        None => *slot = Some(text),
    }
}

/// Whether a text has the first line of a uuencoded or yEnc file in it.
fn has_encoded_file(text: &str) -> bool {
    text.lines().any(|line| {
        line.starts_with("=ybegin ")
            || line.strip_prefix("begin ").is_some_and(|rest| {
                let mode = rest.split(' ').next().unwrap_or_default();
                matches!(mode.len(), 3 | 4) && mode.bytes().all(|digit| matches!(digit, b'0'..=b'7'))
            })
    })
}
