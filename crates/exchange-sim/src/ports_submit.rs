//! Face 1: drafts, and sending them.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use exchange::port::{Drafts, KeyState, SETTLE, Submit, Work};
use exchange::restriction::Importance;
use exchange::{
    Address, AttachmentKind, BodyText, Content, Draft, DraftChange, DraftContent, Error, ErrorKind, Header,
    ItemRef, Mailbox, MimeDraft, NewAttachment, WellKnownFolder,
};

use crate::ledger::EffectKind;
use crate::model::compose::Composed;
use crate::model::extended::{Extended, PropertyName};
use crate::model::item::{FolderKey, Item};
use crate::model::mail::{Attachment, Person};
use crate::model::state::{NewItem, State};
use crate::model::store_error::StoreError;
use crate::model::submit::{Answer, quote};
use crate::ports::{Direct, folder, locate, reference, refused};
use crate::views;

impl Submit for Direct {
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef> {
        self.now(move |state| {
            let mail = state.blank(mailbox.as_str()).map_err(refused)?;
            keep(state, mailbox, mail, draft)
        })
    }

    fn create_reply<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
        all: bool,
    ) -> Work<'a, ItemRef> {
        let kind = if all { Answer::ReplyAll } else { Answer::Reply };
        self.now(move |state| answer(state, mailbox, item, draft, kind))
    }

    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        self.now(move |state| send(state, mailbox, draft, WellKnownFolder::SentItems))
    }

    fn find_by_key<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, KeyState> {
        self.now(move |state| {
            for (name, wrap) in [
                (WellKnownFolder::SentItems, KeyState::Sent as fn(ItemRef) -> KeyState),
                (WellKnownFolder::Drafts, KeyState::Draft),
            ] {
                let folder = well_known(state, mailbox, name)?;
                state.look_into(mailbox.as_str(), folder);
                let mailbox = state.mailbox(mailbox.as_str()).map_err(refused)?;
                if let Some(item) = views::by_key(mailbox, folder, key) {
                    return Ok(wrap(item));
                }
            }
            Ok(KeyState::Absent)
        })
    }

    fn settle(&self) -> Duration {
        // What is filed late is counted in looks here, and a handful of them takes this long.
        if self.files_late() { SETTLE } else { Duration::ZERO }
    }
}

impl Drafts for Direct {
    fn draft<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, DraftContent> {
        self.now(move |state| {
            let place = locate(state, mailbox, item).map_err(refused)?;
            state.item(&place).map(content).map_err(refused)
        })
    }

    fn create_forward<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| answer(state, mailbox, item, draft, Answer::Forward))
    }

    fn create_from_mime<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a MimeDraft) -> Work<'a, ItemRef> {
        Box::pin(async move {
            let raw = bytes_of(draft.content.as_ref(), draft.size)
                .map_err(|why| Error::new(ErrorKind::Invalid, format!("nothing was kept: {why}")))?;
            let mut state = self.lock();
            let (number, now) = (state.next_created(), state.clock.now());
            let new = NewItem::received(format!("created {number}"), raw, now);
            let mut new = NewItem { is_draft: true, is_read: true, ..new };
            new.extended.push(own_key(&draft.key));
            let drafts = well_known(&state, mailbox, WellKnownFolder::Drafts)?;
            let place = state.create(mailbox.as_str(), drafts, new).map_err(refused)?;
            reference(&state, &place).map_err(refused)
        })
    }

    fn attach<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        attachment: &'a NewAttachment,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            // Read before the lock is taken: the bytes are somebody else's.
            let attachment = read(attachment)?;
            let mut state = self.lock();
            let place = locate(&state, mailbox, draft).map_err(refused)?;
            state.attach(&place, &attachment).map_err(refused)?;
            reference(&state, &place).map_err(refused)
        })
    }

    fn change_draft<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        change: &'a DraftChange,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| {
            check_headers(&change.headers)?;
            let place = locate(state, mailbox, draft).map_err(refused)?;
            let write = |item: &mut Item| {
                if let Some(key) = &change.key {
                    item.set_property(own_key(key));
                }
                if let Some(importance) = change.importance {
                    item.importance = word(importance).to_owned();
                }
                rewrite(item.writing()?, change);
                Ok(())
            };
            state.change_item(&place, EffectKind::Updated, "draft", write).map_err(refused)?;
            reference(state, &place).map_err(refused)
        })
    }

    fn send_unfiled<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        self.now(move |state| send(state, mailbox, draft, WellKnownFolder::DeletedItems))
    }

    fn find_unfiled<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<ItemRef>> {
        self.now(move |state| {
            let folder = well_known(state, mailbox, WellKnownFolder::DeletedItems)?;
            state.look_into(mailbox.as_str(), folder);
            let mailbox = state.mailbox(mailbox.as_str()).map_err(refused)?;
            Ok(views::sent_by_key(mailbox, folder, key))
        })
    }
}

fn well_known(state: &State, mailbox: &Mailbox, name: WellKnownFolder) -> Result<FolderKey, Error> {
    folder(state, mailbox, &exchange::FolderRef::WellKnown(name)).map_err(refused)
}

fn send(state: &mut State, mailbox: &Mailbox, draft: &ItemRef, copy: WellKnownFolder) -> Result<(), Error> {
    let place = locate(state, mailbox, draft).map_err(refused)?;
    if !state.item(&place).map_err(refused)?.is_draft {
        let text = "An object within a change key is not a draft.";
        return Err(refused(StoreError::new("ErrorInvalidOperation", text)));
    }
    let copy = well_known(state, mailbox, copy)?;
    state.send(&place, Some(copy)).map_err(refused)
}

/// Keeps a draft that answers an item or passes it on.
fn answer(
    state: &mut State,
    mailbox: &Mailbox,
    item: &ItemRef,
    draft: &Draft,
    kind: Answer,
) -> Result<ItemRef, Error> {
    if draft.plain.is_some() {
        return Err(Error::new(ErrorKind::Invalid, "an answer has one body: plain text or HTML"));
    }
    let original = locate(state, mailbox, item).map_err(refused)?;
    let mut mail = state.answer(mailbox.as_str(), &original, kind).map_err(refused)?;
    // Beside those of the original.
    let cc = [std::mem::take(&mut mail.cc), people(&draft.cc)].concat();
    let mut words = draft.clone();
    if draft.quotes || kind == Answer::Forward {
        let (BodyText::Text(text) | BodyText::Html(text)) = &draft.body;
        let is_html = matches!(draft.body, BodyText::Html(_));
        let quoted = quote(state.item(&original).map_err(refused)?, text, is_html);
        words.body = if is_html { BodyText::Html(quoted) } else { BodyText::Text(quoted) };
    }
    words.cc = Vec::new();
    mail.cc = cc;
    keep(state, mailbox, mail, &words)
}

/// Puts a draft's words over a mail and keeps it in Drafts.
fn keep(state: &mut State, mailbox: &Mailbox, mut mail: Composed, draft: &Draft) -> Result<ItemRef, Error> {
    check_headers(&draft.headers)?;
    let some = |given: &[Address]| (!given.is_empty()).then(|| given.to_vec());
    let change = DraftChange {
        to: some(&draft.to),
        cc: some(&draft.cc),
        bcc: some(&draft.bcc),
        reply_to: some(&draft.reply_to),
        subject: draft.subject.clone(),
        body: Some(draft.body.clone()),
        importance: draft.importance,
        headers: draft.headers.clone(),
        key: None,
    };
    rewrite(&mut mail, &change);
    if let Some(from) = &draft.from {
        mail.from = person(from);
    }
    mail.plain.clone_from(&draft.plain);
    let number = state.next_created();
    let mut new = NewItem::draft(format!("created {number}"), mail);
    new.extended.push(own_key(&draft.key));
    let drafts = well_known(state, mailbox, WellKnownFolder::Drafts)?;
    let place = state.create(mailbox.as_str(), drafts, new).map_err(refused)?;
    reference(state, &place).map_err(refused)
}

/// Puts what is changed over what was there.
fn rewrite(mail: &mut Composed, change: &DraftChange) {
    let lists = [
        (&mut mail.to, &change.to),
        (&mut mail.cc, &change.cc),
        (&mut mail.bcc, &change.bcc),
        (&mut mail.reply_to, &change.reply_to),
    ];
    for (place, given) in lists {
        if let Some(given) = given {
            *place = people(given);
        }
    }
    if let Some(subject) = &change.subject {
        mail.subject.clone_from(subject);
    }
    if let Some(BodyText::Text(text) | BodyText::Html(text)) = &change.body {
        mail.body.clone_from(text);
        (mail.is_html, mail.plain) = (matches!(change.body, Some(BodyText::Html(_))), None);
    }
    if let Some(importance) = change.importance {
        mail.set_header("Importance", word(importance));
    }
    for header in &change.headers {
        mail.set_header(&header.name, &header.value);
    }
}

fn check_headers(headers: &[Header]) -> Result<(), Error> {
    for Header { name, .. } in headers {
        let is_token = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let ours = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
            || name.eq_ignore_ascii_case("Auto-Submitted");
        if !(is_token && ours) {
            let text = format!("the header {name:?} cannot be set; only X-… and Auto-Submitted can");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
    }
    Ok(())
}

fn own_key(key: &str) -> Extended {
    Extended { property: PropertyName::portcullis_key(), values: vec![key.to_owned()] }
}

fn person(address: &Address) -> Person {
    Person { name: address.name.clone(), address: address.address.clone() }
}

fn people(given: &[Address]) -> Vec<Person> {
    given.iter().map(person).collect()
}

fn word(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "Low",
        Importance::Normal => "Normal",
        Importance::High => "High",
    }
}

/// An attachment with its bytes, of which there must be as many as was said.
fn read(attachment: &NewAttachment) -> Result<Attachment, Error> {
    let wrong = |why: String| Error::new(ErrorKind::Invalid, format!("nothing was attached: {why}"));
    let is_message = match attachment.kind {
        AttachmentKind::File => false,
        AttachmentKind::Item => true,
        AttachmentKind::Reference => return Err(wrong(String::from("a link cannot be attached"))),
    };
    let bytes = bytes_of(attachment.content.as_ref(), attachment.size).map_err(wrong)?;
    let kind = if is_message { "message/rfc822" } else { "application/octet-stream" };
    Ok(Attachment {
        name: attachment.name.clone(),
        content_type: attachment.media_type.clone().unwrap_or_else(|| kind.to_owned()),
        content_id: attachment.content_id.clone(),
        is_inline: attachment.content_id.is_some(),
        is_message,
        bytes,
    })
}

/// The bytes, of which there must be as many as was said.
fn bytes_of(content: &dyn Content, size: u64) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let reader = content.open().map_err(|error| error.to_string())?;
    reader.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 != size {
        return Err(format!("it has not the {size} bytes it was said to have"));
    }
    Ok(Bytes::from(bytes))
}

fn content(item: &Item) -> DraftContent {
    let mail = &item.mail;
    let address = |person: &Person| Address { name: person.name.clone(), address: person.address.clone() };
    let addresses = |people: &[Person]| people.iter().map(address).collect();
    DraftContent {
        is_draft: item.is_draft,
        from: mail.from.as_ref().map(address),
        to: addresses(&mail.to),
        cc: addresses(&mail.cc),
        bcc: addresses(&mail.bcc),
        reply_to: addresses(&mail.reply_to),
        subject: mail.subject.clone(),
        body: match &mail.html {
            Some(html) => BodyText::Html(html.clone()),
            None => BodyText::Text(mail.text_body()),
        },
        importance: [Importance::Low, Importance::Normal, Importance::High]
            .into_iter()
            .find(|importance| word(*importance) == item.importance),
        internet_message_id: mail.message_id.clone(),
        received_at: Some(item.received.to_string()),
        attachments: views::attachments(item),
    }
}
