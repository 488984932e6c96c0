//! The work of `eml.parse`: parts become a mail, attached mails, attachments and bodies.

use std::io::Write;

use plugin_sdk::{Artifact, ArtifactWriter, Failure};

use crate::anomaly::{Anomalies, Code};
use crate::core_fields::{Pools, core};
use crate::fields;
use crate::limits;
use crate::media::{self, Media};
use crate::output::{Attachment, AttachmentKind, Budget, Mail, Nested, Opaque, Output};
use crate::structure::{self, Kind, Part, Used};
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

/// A buffer that holds a mail and still has to be read.
struct Waiting {
    bytes: Vec<u8>,
    /// Index into `messages`; the mail itself has none.
    message: Option<u32>,
    depth: u32,
    /// The part that held it.
    path: String,
}

struct Assembly {
    top: Mail,
    messages: Vec<Nested>,
    bodies: Vec<Bodies>,
    anomalies: Anomalies,
    pools: Pools,
    attachment_texts: Budget,
    bodies_left: usize,
    max_depth: u32,
}

/// Reads a mail. Attached mails deeper than `max_depth` are listed and not opened.
///
/// # Errors
/// `limit` for a mail beyond [`crate::limits`]; whatever storing an artifact gives.
pub fn parse(bytes: Vec<u8>, max_depth: u32) -> Result<Output, Failure> {
    let mut assembly = Assembly {
        top: Mail::default(),
        messages: Vec::new(),
        bodies: vec![Bodies::default()],
        anomalies: Anomalies::default(),
        pools: Pools::new(HEADER_TEXTS, limits::ADDRESSES),
        attachment_texts: Budget::new(ATTACHMENT_TEXTS),
        bodies_left: BODIES_DECODED,
        max_depth,
    };
    let mut used = Used::default();
    let mut waiting = vec![Waiting { bytes, message: None, depth: 0, path: String::new() }];
    while let Some(next) = waiting.pop() {
        assembly.buffer(&next, &mut used, &mut waiting)?;
    }
    assembly.finish()
}

impl Assembly {
    fn buffer(
        &mut self,
        buffer: &Waiting,
        used: &mut Used,
        waiting: &mut Vec<Waiting>,
    ) -> Result<(), Failure> {
        let known = self.anomalies.count();
        let (path, max_depth) = (buffer.path.as_str(), self.max_depth);
        let parts = structure::read(&buffer.bytes, buffer.depth, path, max_depth, used, &mut self.anomalies)?;
        let structural = self.anomalies.count();
        // Which mail each root is: roots stand before their parts, and the attachment before the root it holds.
        let mut owners: Vec<Option<u32>> = vec![buffer.message; parts.len()];
        for (index, part) in parts.iter().enumerate() {
            let owner = owners.get(part.root).copied().unwrap_or_default();
            self.anomalies.at(owner, &part.path);
            if index == part.root {
                let mail = core(&part.fields, &mut self.pools, &mut self.anomalies)?;
                self.fill(owner, mail);
            }
            match part.kind {
                Kind::Multipart => {}
                Kind::Message(root) => {
                    let message = self.message(owner, part, part.body)?;
                    if let Some(slot) = owners.get_mut(root) {
                        *slot = Some(message);
                    }
                    self.attach(owner, part, Some(message), None)?;
                }
                Kind::Leaf => self.leaf(owner, index == part.root, part, waiting)?,
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

    fn mail(&mut self, owner: Option<u32>) -> Option<&mut Mail> {
        match owner {
            None => Some(&mut self.top),
            Some(index) => self.messages.get_mut(index as usize).map(|nested| &mut nested.mail),
        }
    }

    /// Sets the header part of a mail, keeping attachments that were found already.
    fn fill(&mut self, owner: Option<u32>, mail: Mail) {
        if let Some(slot) = self.mail(owner) {
            let attachments = std::mem::take(&mut slot.attachments);
            *slot = Mail { attachments, ..mail };
        }
    }

    /// A new entry of `messages`.
    fn message(&mut self, parent: Option<u32>, part: &Part<'_>, bytes: &[u8]) -> Result<u32, Failure> {
        let index = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        let content = Artifact::create(bytes, "message/rfc822")?;
        let depth = part.depth + 1;
        self.messages.push(Nested { depth, parent, part: part.path.clone(), content, mail: Mail::default() });
        self.bodies.push(Bodies::default());
        Ok(index)
    }

    fn leaf(
        &mut self,
        owner: Option<u32>,
        is_root: bool,
        part: &Part<'_>,
        waiting: &mut Vec<Waiting>,
    ) -> Result<(), Failure> {
        let encoding = Encoding::of(&part.fields, &mut self.anomalies);
        if part.media.is_multipart() {
            return self.attach(owner, part, None, Some(encoding));
        }
        if self.is_body(part, is_root) {
            if part.body.len() <= self.bodies_left {
                self.bodies_left -= part.body.len();
                self.body(owner, part, encoding);
                return Ok(());
            }
            self.anomalies.add(Code::LargeBody, "");
        }
        let opened = if self.is_encoded_message(part, encoding) && part.depth < self.max_depth {
            if part.depth >= limits::MESSAGE_DEPTH {
                return Err(limits::exceeded("mails inside one another", limits::MESSAGE_DEPTH as usize));
            }
            let bytes = encoding.decode_all(part.body, &mut self.anomalies);
            let message = self.message(owner, part, &bytes)?;
            waiting.push(Waiting {
                bytes,
                message: Some(message),
                depth: part.depth + 1,
                path: part.path.clone(),
            });
            Some(message)
        } else {
            None
        };
        self.attach(owner, part, opened, Some(encoding))
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

    fn disposition(&mut self, part: &Part<'_>) -> Option<Media> {
        let field = fields::first(&part.fields, "content-disposition")?;
        Some(media::structured(field, &mut self.anomalies))
    }

    /// The name that counts, and the other one if they differ.
    fn names(&mut self, part: &Part<'_>) -> (Option<String>, Option<String>) {
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
        let index = owner.map_or(0, |index| index as usize + 1);
        let Some(bodies) = self.bodies.get_mut(index) else { return };
        let slot = if part.media.is("text/html") { &mut bodies.html } else { &mut bodies.text };
        match slot {
            Some(body) => {
                body.push('\n');
                body.push_str(&text);
            }
            None => *slot = Some(text),
        }
    }

    fn attach(
        &mut self,
        owner: Option<u32>,
        part: &Part<'_>,
        message: Option<u32>,
        encoding: Option<Encoding>,
    ) -> Result<(), Failure> {
        let (name, other_name) = self.names(part);
        if other_name.is_some() {
            self.anomalies.add(Code::TwoNames, "");
        }
        let content = match (message.and_then(|at| self.messages.get(at as usize)), encoding) {
            (Some(nested), _) => nested.content.clone(),
            (None, Some(encoding)) => self.store(part, encoding)?,
            (None, None) => Artifact::create(part.body, &part.media.name)?,
        };
        let disposition = self.disposition(part).map(|media| media.name).filter(|name| !name.is_empty());
        let content_id =
            fields::first(&part.fields, "content-id").map(|field| field.text(&mut self.anomalies));
        let texts = &mut self.attachment_texts;
        let mut short = |text: Option<String>, most| text.map(|text| texts.text(text, most));
        let attachment = Attachment {
            name: short(name, 500),
            other_name: short(other_name, 500),
            content_type: short(Some(part.media.name.clone()), 100).unwrap_or_default(),
            size: content.size,
            sha256: content.artifact.trim_start_matches("sha256:").to_owned(),
            content_id: short(content_id.map(|id| id.trim_matches(['<', '>', ' ']).to_owned()), 200),
            is_inline: disposition.as_deref() == Some("inline")
                || disposition.is_none() && fields::first(&part.fields, "content-id").is_some(),
            disposition: short(disposition, 50),
            kind: if message.is_some() || part.media.is_message() {
                AttachmentKind::Message
            } else {
                AttachmentKind::File
            },
            message,
            opaque: opaque(&part.media, encoding),
            part: part.path.clone(),
            content,
        };
        if let Some(mail) = self.mail(owner) {
            mail.attachments.push(attachment);
        }
        Ok(())
    }

    fn store(&mut self, part: &Part<'_>, encoding: Encoding) -> Result<Artifact, Failure> {
        let mut writer = ArtifactWriter::new()?;
        encoding.decode(part.body, &mut self.anomalies, |piece| writer.write_all(piece))?;
        let media_type: String = part.media.name.chars().take(100).collect();
        writer.finish(&media_type)
    }

    fn finish(mut self) -> Result<Output, Failure> {
        let truncated = self.pools.texts.exhausted || self.attachment_texts.exhausted;
        let mut output = Output {
            mail: self.top,
            messages: self.messages,
            anomalies: self.anomalies.into_list(),
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

fn opaque(media: &Media, encoding: Option<Encoding>) -> Option<Opaque> {
    match media.name.as_str() {
        "application/ms-tnef" | "application/vnd.ms-tnef" => Some(Opaque::Tnef),
        "application/pkcs7-mime"
        | "application/x-pkcs7-mime"
        | "application/pkcs7-signature"
        | "application/x-pkcs7-signature" => Some(Opaque::Smime),
        "application/pgp-encrypted" | "application/pgp-signature" | "application/pgp-keys" => {
            Some(Opaque::Pgp)
        }
        "application/applefile" => Some(Opaque::Appledouble),
        "message/partial" | "message/external-body" => Some(Opaque::External),
        _ if encoding == Some(Encoding::Uuencode) => Some(Opaque::Uuencode),
        _ => None,
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
