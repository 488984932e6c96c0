//! Making and sending mail: drafts, replies, delivery into local mailboxes.

use std::sync::Arc;

use bytes::Bytes;

use super::changes::What;
use super::compose::Composed;
use super::detail::Detail;
use super::item::FolderKey;
use super::mail::{Attachment, Mail, Person};
use super::state::{NewItem, Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;

/// Whom an answer goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The sender.
    Reply,
    /// Everybody.
    ReplyAll,
    /// Nobody yet.
    Forward,
}

impl State {
    /// An empty mail from a mailbox, with a `Message-ID` of its own.
    pub(crate) fn blank(&mut self, mailbox: &str) -> Stored<Composed> {
        let address = self.mailbox(mailbox)?.address.clone();
        let number = self.next_created();
        let host = address.rsplit_once('@').map_or("sim.invalid", |(_, host)| host).to_owned();
        let local: String = address.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        Ok(Composed {
            message_id: format!("<sim-{number:06}.{local}@{host}>"),
            date: self.clock.now(),
            from: Person { name: None, address },
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: String::new(),
            body: String::new(),
            is_html: false,
            plain: None,
            in_reply_to: None,
            references: None,
            headers: Vec::new(),
            attachments: Vec::new(),
        })
    }

    /// A mail that answers an item: recipients, subject, thread headers and the quoted text.
    pub(crate) fn answer(&mut self, mailbox: &str, original: &Place, answer: Answer) -> Stored<Composed> {
        let mut mail = self.blank(mailbox)?;
        let item = self.item(original)?;
        let source = item.mail.clone();
        let subject = source.subject.clone().unwrap_or_default();
        let prefix = if answer == Answer::Forward { "FW: " } else { "RE: " };
        let has_prefix =
            subject.get(..prefix.trim_end().len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix.trim_end()));
        mail.subject = if has_prefix { subject } else { format!("{prefix}{subject}") };
        mail.in_reply_to.clone_from(&source.message_id);
        let chain = [source.references.clone(), source.message_id.clone()];
        let chain: Vec<String> = chain.into_iter().flatten().collect();
        mail.references = (!chain.is_empty()).then(|| chain.join(" "));
        let me = mail.from.address.to_lowercase();
        match answer {
            Answer::Forward => mail.attachments.clone_from(&source.attachments),
            Answer::Reply | Answer::ReplyAll => {
                let back = if source.reply_to.is_empty() {
                    source.from.clone().into_iter().collect()
                } else {
                    source.reply_to.clone()
                };
                mail.to = back;
            }
        }
        if answer == Answer::ReplyAll {
            let others = |people: &[Person], known: &[Person]| -> Vec<Person> {
                let is_new = |p: &&Person| {
                    let address = p.address.to_lowercase();
                    address != me && !known.iter().any(|k| k.address.to_lowercase() == address)
                };
                people.iter().filter(is_new).cloned().collect()
            };
            let also = others(&source.to, &mail.to);
            mail.to.extend(also);
            mail.cc = others(&source.cc, &mail.to);
        }
        Ok(mail)
    }

    /// Keeps a mail that was written here.
    pub(crate) fn create(&mut self, mailbox: &str, folder: FolderKey, new: NewItem) -> Stored<Place> {
        if self.mailbox(mailbox)?.is_all_items(folder) {
            let text = "Items cannot be created in a search folder.";
            return Err(StoreError::new("ErrorCannotCreateItemInSearchFolder", text));
        }
        let place = self.store(mailbox, folder, new)?;
        self.record(&place, EffectKind::Created, |_| {});
        Ok(place)
    }

    /// Sends an item. It moves to `keep`, or goes away. Local recipients get it at once.
    pub(crate) fn send(&mut self, place: &Place, keep: Option<FolderKey>) -> Stored<()> {
        let item = self.item(place)?;
        let recipients: Vec<String> = [&item.mail.to, &item.mail.cc, &item.mail.bcc]
            .into_iter()
            .flatten()
            .map(|p| p.address.clone())
            .collect();
        if recipients.is_empty() {
            let text = "At least one recipient must be specified.";
            return Err(StoreError::new("ErrorInvalidRecipients", text));
        }
        if let Some(bad) = recipients.iter().find(|address| !address.contains('@')) {
            let text = format!("At least one recipient isn't valid. Recipient: {bad}");
            return Err(StoreError::new("ErrorInvalidRecipients", text));
        }
        let outgoing = match &item.composed {
            Some(composed) => composed.mime(false),
            None => without_bcc(&item.raw),
        };
        let notice = item.detail.clone().filter(|detail| detail.kind.is_notice());
        let all = recipients.clone();
        self.record(place, EffectKind::Sent, |effect| effect.recipients = all);
        match keep {
            Some(folder) => {
                self.finish_draft(place)?;
                self.relocate(place, folder)?;
                self.file_later(place)?;
            }
            None => self.forget(place)?,
        }
        let mut seen = std::collections::BTreeSet::new();
        for recipient in recipients.iter().map(|r| r.to_lowercase()) {
            if self.mailboxes.contains_key(&recipient) && seen.insert(recipient.clone()) {
                // Extended properties are the sender's own marks and do not travel; header lines do.
                self.deliver_sent(&recipient, outgoing.clone(), notice.clone())?;
            }
        }
        Ok(())
    }

    fn deliver_sent(&mut self, mailbox: &str, raw: Bytes, notice: Option<Box<Detail>>) -> Stored<()> {
        let Some(inbox) = self.mailboxes.get(mailbox).and_then(|m| m.well_known("inbox")) else {
            return Ok(());
        };
        let number = self.next_created();
        let received = NewItem::received(format!("delivery {number}"), raw, self.clock.now());
        let new = NewItem { detail: notice, ..received };
        let place = self.store(mailbox, inbox, new)?;
        self.note(&place, What::NewMail, None);
        self.record(&place, EffectKind::Delivered, |_| {});
        self.attend(&place)
    }

    /// Hangs something on a draft.
    pub(crate) fn attach(&mut self, place: &Place, attachment: &Attachment) -> Stored<()> {
        self.change_item(place, EffectKind::Attached, &attachment.name, |item| {
            item.writing()?.attachments.push(attachment.clone());
            Ok(())
        })
    }

    /// Puts a mail into a folder as if it had come from outside; among the drafts it is one. Not an effect.
    pub(crate) fn receive(&mut self, mailbox: &str, folder: FolderKey, raw: Bytes) -> Stored<Place> {
        let number = self.next_created();
        let mail = Mail::parse(&raw);
        let received = match mail.received_at.or(mail.sent_at) {
            Some(time) => time,
            None => self.clock.now(),
        };
        let is_draft = self.mailbox(mailbox)?.well_known("drafts") == Some(folder);
        let new = NewItem::received(format!("received {number}"), raw, received);
        let new = NewItem { is_draft, is_read: is_draft, ..new };
        let place = self.store(mailbox, folder, NewItem { mail: Some(Arc::new(mail)), ..new })?;
        self.note(&place, What::NewMail, None);
        Ok(place)
    }
}

impl NewItem {
    /// A mail that came in: unread, no draft.
    pub(crate) fn received(source: String, raw: Bytes, received: jiff::Timestamp) -> Self {
        NewItem {
            source,
            raw,
            mail: None,
            composed: None,
            received,
            is_read: false,
            is_draft: false,
            importance: String::from("Normal"),
            categories: Vec::new(),
            extended: Vec::new(),
            detail: None,
        }
    }

    /// A draft.
    pub(crate) fn draft(source: String, composed: Composed) -> Self {
        let received = composed.date;
        NewItem {
            is_read: true,
            is_draft: true,
            composed: Some(composed.clone()),
            ..NewItem::received(source, composed.mime(true), received)
        }
    }
}

/// A mail without its `Bcc` lines, which recipients must not see.
fn without_bcc(raw: &Bytes) -> Bytes {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.as_ref();
    let mut dropping = false;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        if line == b"\r\n" || line == b"\n" {
            out.extend_from_slice(rest);
            break;
        }
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !folded {
            dropping = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"bcc:"));
        }
        if !dropping {
            out.extend_from_slice(line);
        }
        rest = after;
    }
    Bytes::from(out)
}

/// New text above the text it answers.
pub(crate) fn quote(original: &super::item::Item, text: &str, is_html: bool) -> String {
    let mail = &original.mail;
    let from = mail.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
    let subject = mail.subject.as_deref().unwrap_or_default();
    let sent = mail.sent_at.unwrap_or(original.received);
    if !is_html {
        let head = format!("From: {from}\r\nSent: {sent}\r\nSubject: {subject}");
        return format!("{text}\r\n\r\n-----Original Message-----\r\n{head}\r\n\r\n{}", mail.text_body());
    }
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body =
        mail.html.clone().unwrap_or_else(|| mail_parser::decoders::html::text_to_html(&mail.text_body()));
    format!("{text}<hr><p>From: {}<br>Sent: {sent}<br>Subject: {}</p>{body}", plain(from), plain(subject))
}
