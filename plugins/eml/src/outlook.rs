//! From the properties of Outlook to a mail: headers, addresses, bodies, attachments.
//!
//! Where the headers of the mail are kept as they arrived, they count, read as in any mail; properties fill what is
//! missing. A mail that was never sent has only those.

use plugin_sdk::{Artifact, Failure};

use crate::address::Address;
use crate::anomaly::Code;
use crate::attachments::{Listed, opaque_by_name};
use crate::core_fields::{VALUE, core, identifier, identifiers};
use crate::mapi::{Attached, Content, Message, Properties, id};
use crate::output::{Format, Mail};
use crate::parse::{Assembly, Form, Place, Waiting};
use crate::{containers, date, fields, limits, lzfu, rtf};

/// Kinds of recipients.
const TO: u32 = 1;
const CC: u32 = 2;
const BCC: u32 = 3;

/// Bit of an attachment's flags: it is shown in the HTML.
const SHOWN_IN_HTML: u32 = 4;

impl Assembly {
    /// Fills the header part of a mail.
    pub(crate) fn outlook_headers(
        &mut self,
        message: &Message<'_>,
        format: Format,
        place: &Place,
    ) -> Result<(), Failure> {
        let properties = &message.properties;
        let mut mail = match properties.text(id::TRANSPORT_HEADERS, &mut self.anomalies) {
            Some(headers) => {
                let fields = fields::block(headers.as_bytes())?;
                self.used.headers(fields.len())?;
                if fields.is_empty() {
                    Mail::default()
                } else {
                    core(&fields, &mut self.pools, &mut self.anomalies)?
                }
            }
            None => Mail::default(),
        };
        mail.format = format;
        let had_headers = !mail.headers.is_empty();
        if mail.from.is_none() {
            self.outlook_sender(properties, &mut mail)?;
            if mail.from.is_none() && !had_headers {
                self.anomalies.add(Code::NoFrom, "");
            }
        }
        let texts = &mut self.pools.texts;
        if mail.subject.is_none() {
            let subject = properties.text(id::SUBJECT, &mut self.anomalies);
            mail.subject = subject.map(|subject| texts.text(subject, VALUE));
        }
        if mail.message_id.is_none() {
            let text = properties.text(id::MESSAGE_ID, &mut self.anomalies);
            mail.message_id = text.and_then(|text| identifier(text.trim().to_owned(), texts));
        }
        if mail.in_reply_to.is_empty() {
            let text = properties.text(id::IN_REPLY_TO, &mut self.anomalies).unwrap_or_default();
            mail.in_reply_to = identifiers(&text, texts);
        }
        if mail.references.is_empty() {
            let text = properties.text(id::REFERENCES, &mut self.anomalies).unwrap_or_default();
            mail.references = identifiers(&text, texts);
        }
        if mail.date.is_none() {
            let seconds =
                properties.seconds(id::SUBMIT_TIME).or_else(|| properties.seconds(id::DELIVERY_TIME));
            mail.date = seconds.and_then(date::from_seconds);
        }
        self.outlook_recipients(&message.recipients, &mut mail)?;
        self.fill(place.owner, mail);
        Ok(())
    }

    /// Who it is from, and who sent it for them.
    fn outlook_sender(&mut self, properties: &Properties<'_>, mail: &mut Mail) -> Result<(), Failure> {
        let mut person = |name, smtp, address| {
            let anomalies = &mut self.anomalies;
            let name = properties.text(name, anomalies).unwrap_or_default();
            let known = properties.text(smtp, anomalies).or_else(|| properties.text(address, anomalies));
            match known.filter(|address| address.contains('@')) {
                Some(address) => self.pools.address(&name, address.trim()),
                None => Ok(None),
            }
        };
        let from =
            person(id::SENT_REPRESENTING_NAME, id::SENT_REPRESENTING_SMTP, id::SENT_REPRESENTING_ADDRESS)?;
        let sender = person(id::SENDER_NAME, id::SENDER_SMTP, id::SENDER_ADDRESS)?;
        let differs = from.is_some() && from != sender;
        mail.from = from.or_else(|| sender.clone());
        mail.from_all = mail.from.clone().into_iter().collect();
        if mail.sender.is_none() && differs {
            mail.sender = sender;
        }
        Ok(())
    }

    fn outlook_recipients(&mut self, all: &[Properties<'_>], mail: &mut Mail) -> Result<(), Failure> {
        for (kind, list) in [(TO, &mut mail.to), (CC, &mut mail.cc), (BCC, &mut mail.bcc)] {
            if !list.is_empty() {
                continue;
            }
            for recipient in all.iter().filter(|it| it.number(id::RECIPIENT_TYPE).unwrap_or(TO) & 0xF == kind)
            {
                list.extend(self.outlook_recipient(recipient)?);
            }
        }
        Ok(())
    }

    /// A recipient whose address is only known to an Exchange directory has none here.
    fn outlook_recipient(&mut self, recipient: &Properties<'_>) -> Result<Option<Address>, Failure> {
        let anomalies = &mut self.anomalies;
        let name = recipient.text(id::DISPLAY_NAME, anomalies).unwrap_or_default();
        let smtp = recipient.text(id::SMTP_ADDRESS, anomalies);
        let address = smtp.or_else(|| recipient.text(id::ADDRESS, anomalies)).unwrap_or_default();
        let address = address.trim();
        // TNEF writes `SMTP:somebody@example.com`.
        let address = match address.split_once(':') {
            Some((kind, address)) if kind.eq_ignore_ascii_case("smtp") => address,
            _ => address,
        };
        if address.contains('@') {
            return self.pools.address(&name, address);
        }
        anomalies.add(Code::BadAddress, if address.is_empty() { &name } else { address });
        Ok(None)
    }

    /// Bodies and attachments. Gives the attached mails that lie in storages, with where they are listed.
    pub(crate) fn outlook_content(
        &mut self,
        message: Message<'_>,
        place: &Place,
    ) -> Result<Vec<(u32, u32)>, Failure> {
        if let Some(damage) = message.damage {
            self.anomalies.add(Code::DamagedContainer, damage);
        }
        self.outlook_bodies(&message.properties, place)?;
        let mut storages = Vec::new();
        for attached in message.attachments {
            self.used.part()?;
            self.anomalies.at(place.owner, &place.path);
            storages.extend(self.outlook_attachment(attached, place)?);
        }
        Ok(storages)
    }

    fn outlook_bodies(&mut self, properties: &Properties<'_>, place: &Place) -> Result<(), Failure> {
        let mut text = properties.text(id::BODY, &mut self.anomalies);
        let mut html = properties.text(id::HTML, &mut self.anomalies);
        if html.is_none()
            && let Some(packed) = properties.bytes(id::RTF).filter(|bytes| !bytes.is_empty())
        {
            let rtf = lzfu::decompress(packed, self.room.rtf).unwrap_or_default();
            self.room.rtf = self.room.rtf.saturating_sub(rtf.len());
            match rtf::body(&rtf) {
                Some(rtf::Body::Html(body)) => html = Some(body),
                Some(rtf::Body::Text(body)) => text = text.or(Some(body)),
                None => self.anomalies.add(Code::DamagedContainer, "the body in RTF cannot be read"),
            }
        }
        for (body, is_html, media_type) in [(text, false, "text/plain"), (html, true, "text/html")] {
            let Some(body) = body.filter(|body| !body.trim().is_empty()) else { continue };
            if let Some(too_large) = self.inner_body(place.owner, is_html, body) {
                let content =
                    Artifact::create(too_large.as_bytes(), &format!("{media_type}; charset=utf-8"))?;
                self.list(place, unnamed(media_type, content));
            }
        }
        Ok(())
    }

    /// Lists an attachment and opens it if it is a mail or a container; a storage is the caller's to open.
    fn outlook_attachment(
        &mut self,
        attached: Attached<'_>,
        place: &Place,
    ) -> Result<Option<(u32, u32)>, Failure> {
        let Attached { properties, content } = attached;
        let anomalies = &mut self.anomalies;
        let name = properties
            .text(id::ATTACH_NAME, anomalies)
            .or_else(|| properties.text(id::ATTACH_SHORT_NAME, anomalies))
            .or_else(|| properties.text(id::DISPLAY_NAME, anomalies));
        let mime = properties.text(id::ATTACH_MIME, anomalies).map(|mime| mime.trim().to_ascii_lowercase());
        let content_id = properties.text(id::ATTACH_CONTENT_ID, anomalies);
        let shown = properties.number(id::ATTACH_FLAGS).unwrap_or_default() & SHOWN_IN_HTML != 0;
        let (bytes, content_type) = match &content {
            Content::File(bytes) => (&**bytes, mime.unwrap_or_else(|| "application/octet-stream".to_owned())),
            Content::Tnef(bytes) => (*bytes, "application/ms-tnef".to_owned()),
            Content::Storage(_) => (&[][..], "application/vnd.ms-outlook".to_owned()),
            Content::Absent => {
                self.anomalies.add(Code::DamagedContainer, "an attachment has no content that can be read");
                (&[][..], mime.unwrap_or_else(|| "application/octet-stream".to_owned()))
            }
        };
        let media: String =
            content_type.split(';').next().unwrap_or_default().trim().chars().take(100).collect();
        let listed = Listed {
            is_inline: shown || content_id.is_some(),
            content_id,
            opaque: opaque_by_name(&media),
            name: name.clone(),
            ..unnamed(&media, Artifact::create(bytes, &media)?)
        };
        let handle = listed.content.clone();
        let index = self.list(place, listed);
        let is_eml = name.as_deref().is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"));
        match content {
            Content::Storage(storage) if self.opens(place.depth)? => return Ok(Some((storage, index))),
            Content::Tnef(bytes) if self.opens(place.depth)? => {
                let message = self.queue(place, bytes.to_vec(), Form::Tnef, handle)?;
                self.opened(place.owner, index, Some(message));
            }
            Content::File(bytes) => {
                let mail = media == "message/rfc822" || media == "application/octet-stream" && is_eml;
                if mail && self.opens(place.depth)? {
                    let message = self.queue(place, bytes.into_owned(), Form::Mail, handle)?;
                    self.opened(place.owner, index, Some(message));
                } else if media == "multipart/signed" && place.nesting < limits::CONTAINER_DEPTH {
                    // How Outlook keeps a signed mail: the whole of it is the only attachment.
                    let inside =
                        Place { container: Some(index), nesting: place.nesting + 1, ..place.clone() };
                    self.waiting.push(Waiting {
                        bytes: bytes.into_owned(),
                        form: Form::Entity,
                        place: inside,
                    });
                } else if let Some(kind) = containers::kind(&media, name.as_deref()) {
                    self.open(kind, bytes.into_owned(), place, index)?;
                }
            }
            _ => {}
        }
        Ok(None)
    }
}

fn unnamed(media_type: &str, content: Artifact) -> Listed {
    Listed {
        name: None,
        other_name: None,
        content_type: media_type.to_owned(),
        content_id: None,
        disposition: None,
        is_inline: false,
        message: None,
        opaque: None,
        content,
    }
}
