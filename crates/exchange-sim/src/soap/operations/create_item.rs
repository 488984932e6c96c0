//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::shape::Shape;
use super::super::xml::Element;
use super::answer_meeting;
use super::get_item;
use super::meeting::{self, Tell};
use super::message::Given;
use crate::model::compose::Composed;
use crate::model::detail::DetailKind;
use crate::model::extended::PropertyName;
use crate::model::item::FolderKey;
use crate::model::mail::Mail;
use crate::model::meeting::Notice;
use crate::model::state::{NewItem, Place};
use crate::model::store_error::{StoreError, Stored};
use crate::model::submit::{Answer, quote};

const NAME: &str = "CreateItem";
/// `PidTagMessageFlags`, by which a client says that what it saves is no draft.
const MESSAGE_FLAGS: u32 = 0x0e07;

/// What is done with a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    Save,
    Send,
    SendAndSave,
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SavedItemFolderId", "Items"])?;
    let disposition = disposition(request)?;
    let invitations = meeting::read(request, "SendMeetingInvitations")?;
    let folder = match request.child("SavedItemFolderId") {
        None => None,
        Some(saved) => {
            let id = saved.children().next().ok_or_else(|| saved.violation("SavedItemFolderId is empty."))?;
            Some(call.folder(id)?)
        }
    };
    let items = request.required("Items")?.children().map(read).collect::<Result<Vec<_>, _>>()?;
    let plain = |item: &Asked<'_>| matches!(item, Asked::Item(_, given) if given.detail.is_none());
    if disposition.is_none() && items.iter().any(plain) {
        let text = "Message disposition is required for this type of item.";
        return Err(SoapFault::new("ErrorMessageDispositionRequired", text));
    }
    for item in items {
        let (element, given) = match item {
            Asked::Item(element, given) => (element, *given),
            Asked::Meeting(meeting) => {
                let folder =
                    folder.as_ref().and_then(|folder| folder.as_ref().ok()).map(|(_, folder)| *folder);
                meeting.answer(call, disposition, folder)?;
                continue;
            }
        };
        let disposition = disposition.filter(|_| given.detail.is_none()).unwrap_or(Disposition::Save);
        let created =
            folder.clone().transpose().and_then(|folder| match given.detail.as_ref().map(|d| d.kind) {
                Some(kind) => create_detailed(call, element, given, kind, invitations, folder).map(Some),
                None => create(call, element, given, disposition, folder),
            });
        match created {
            Ok(Some(place)) => get_item::write(call, NAME, &place, &Shape::id_only(), ""),
            Ok(None) => {
                call.success(NAME);
                call.out.raw("<m:Items/>");
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, "<m:Items/>"),
        }
    }
    Ok(())
}

/// Reads `MessageDisposition`.
pub(crate) fn disposition(request: Element<'_>) -> Result<Option<Disposition>, SoapFault> {
    let kinds = [
        ("SaveOnly", Disposition::Save),
        ("SendOnly", Disposition::Send),
        ("SendAndSaveCopy", Disposition::SendAndSave),
    ];
    request.one_of("MessageDisposition", &kinds)
}

/// What is to be made.
enum Asked<'a> {
    Item(Element<'a>, Box<Given>),
    Meeting(answer_meeting::Given<'a>),
}

fn read<'a>(item: Element<'a>) -> Result<Asked<'a>, SoapFault> {
    if let Some(meeting) = answer_meeting::Given::read(item)? {
        return Ok(Asked::Meeting(meeting));
    }
    let made = |given| Ok(Asked::Item(item, Box::new(given)));
    match item.name() {
        "Message" => made(Given::message(item)?),
        "ReplyToItem" | "ReplyAllToItem" | "ForwardItem" => {
            let given = Given::answer(item)?;
            item.required("ReferenceItemId")?.required_attribute("Id")?;
            made(given)
        }
        "CalendarItem" => made(Given::detailed(item, DetailKind::Calendar)?),
        "Contact" => made(Given::detailed(item, DetailKind::Contact)?),
        other => {
            let text = format!("The simulator does not create items of kind {other}.");
            Err(SoapFault::new("ErrorInvalidOperation", text))
        }
    }
}

/// Makes a calendar item or a contact, and tells those who are invited.
fn create_detailed(
    call: &mut Call<'_>,
    element: Element<'_>,
    given: Given,
    kind: DetailKind,
    invitations: Option<Tell>,
    folder: Option<(String, FolderKey)>,
) -> Stored<Place> {
    let is_event = kind == DetailKind::Calendar;
    let tell = meeting::required(invitations, is_event, "ErrorSendMeetingInvitationsRequired")?;
    let (mailbox, folder) = match folder {
        Some(named) => named,
        None => {
            let mailbox = call.own_mailbox()?;
            let name = if is_event { "calendar" } else { "contacts" };
            let folder = call.state.mailbox(&mailbox)?.well_known(name);
            (mailbox, folder.ok_or_else(StoreError::folder_not_found)?)
        }
    };
    if is_event
        && let Some(detail) = &given.detail
        && let (Some(start), Some(end)) = (detail.time("Start"), detail.time("End"))
        && end < start
    {
        let text = "EndDate is earlier than StartDate";
        return Err(StoreError::new("ErrorCalendarEndDateIsEarlierThanStartDate", text));
    }
    let mut new = new_item(call, &mailbox, element, given)?;
    (new.is_draft, new.is_read) = (false, true);
    if let Some(detail) = &mut new.detail
        && tell != Tell::Nobody
        && !detail.invited().is_empty()
    {
        detail.set(meeting::was_sent());
    }
    let place = call.state.create(&mailbox, folder, new)?;
    meeting::tell(call, &place, None, tell, Notice::Invitation)?;
    Ok(place)
}

fn create(
    call: &mut Call<'_>,
    element: Element<'_>,
    given: Given,
    disposition: Disposition,
    folder: Option<(String, FolderKey)>,
) -> Stored<Option<Place>> {
    let mailbox = match &folder {
        Some((mailbox, _)) => mailbox.clone(),
        None => call.own_mailbox()?,
    };
    let named = |call: &Call<'_>, name: &str| {
        call.state.mailbox(&mailbox)?.well_known(name).ok_or_else(StoreError::folder_not_found)
    };
    let new = new_item(call, &mailbox, element, given)?;
    if disposition == Disposition::Save {
        let folder = match folder {
            Some((_, folder)) => folder,
            None => named(call, "drafts")?,
        };
        return call.state.create(&mailbox, folder, new).map(Some);
    }
    if call.is_public(&mailbox) {
        let text = "Copies of what is sent cannot be kept in public folders.";
        return Err(StoreError::new("ErrorInvalidOperation", text));
    }
    let drafts = named(call, "drafts")?;
    let keep = match (disposition, folder) {
        (Disposition::Send, _) => None,
        (_, Some((_, folder))) => Some(folder),
        (_, None) => Some(named(call, "sentitems")?),
    };
    let place = call.state.store(&mailbox, drafts, new)?;
    if let Err(error) = call.may_send(&place).and_then(|()| call.state.send(&place, keep)) {
        call.state.forget(&place)?;
        return Err(error);
    }
    Ok(None)
}

fn new_item(call: &mut Call<'_>, mailbox: &str, element: Element<'_>, mut given: Given) -> Stored<NewItem> {
    let mut mail = start(call, mailbox, element, &mut given)?;
    let number = call.state.next_created();
    let source = format!("created {number}");
    let extended = std::mem::take(&mut given.extended);
    let detail = given.detail.take();
    let flags = extended
        .iter()
        .find(|e| e.property == message_flags())
        .and_then(|e| e.values.first()?.parse::<u32>().ok());
    let (is_read, importance, categories) =
        (given.is_read, given.importance.clone(), given.categories.take());
    let mut new = match given.mime.take() {
        Some(raw) if given.says_more() => {
            // What is said beside the MIME form counts more.
            let source_mail = Mail::parse(&raw);
            let mut written = Composed::written(&source_mail, mail.date);
            written.message_id = source_mail.message_id.unwrap_or(mail.message_id);
            written.from = source_mail.from.unwrap_or(mail.from);
            given.apply(&mut written);
            NewItem::draft(source, written)
        }
        Some(raw) => {
            let now = call.state.clock.now();
            NewItem { is_draft: true, is_read: true, ..NewItem::received(source, raw, now) }
        }
        None => {
            given.apply(&mut mail);
            NewItem::draft(source, mail)
        }
    };
    if let Some(flags) = flags {
        new.is_draft = flags & 0x8 != 0;
        new.is_read = flags & 0x1 != 0;
    }
    new.is_read = is_read.unwrap_or(new.is_read);
    new.importance = importance.unwrap_or(new.importance);
    new.categories = categories.unwrap_or_default();
    new.extended = extended;
    new.detail = detail.map(Box::new);
    Ok(new)
}

fn message_flags() -> PropertyName {
    PropertyName { tag: Some(MESSAGE_FLAGS), kind: String::from("Integer"), ..PropertyName::default() }
}

/// The mail before the request's own words: empty, or an answer.
fn start(call: &mut Call<'_>, mailbox: &str, element: Element<'_>, given: &mut Given) -> Stored<Composed> {
    let kind = match element.name() {
        "ReplyToItem" => Answer::Reply,
        "ReplyAllToItem" => Answer::ReplyAll,
        "ForwardItem" => Answer::Forward,
        _ => return call.state.blank(mailbox),
    };
    let reference = element.child("ReferenceItemId").ok_or_else(StoreError::malformed_id)?;
    let id = reference.attribute("Id").ok_or_else(StoreError::malformed_id)?;
    let original = call.locate(id)?;
    let mail = call.state.answer(mailbox, &original, kind)?;
    // Without words of its own an answer is the quoted text.
    if given.body.is_none() {
        let source = call.state.item(&original)?;
        let (text, is_html) = given.new_body.take().unwrap_or((String::new(), source.mail.html.is_some()));
        given.body = Some((quote(source, &text, is_html), is_html));
    }
    Ok(mail)
}
