//! Telling those who are invited: what the three attributes on sending invitations and cancellations have in common.
//!
//! The invitation arrives as a mail with the subject of the meeting. What is left out: that it is an item of the kind
//! `MeetingRequest`, and answering it.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::detail::Node;
use crate::model::mail::Person;
use crate::model::state::{NewItem, Place};
use crate::model::store_error::{StoreError, Stored};

/// Whether to tell them, and whether a copy is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    Nobody,
    Everybody { copy: bool },
}

/// Reads the attribute; `None` where it is missing.
pub(crate) fn read(request: Element<'_>, attribute: &str) -> Result<Option<Tell>, SoapFault> {
    let kinds = [
        ("SendToNone", Tell::Nobody),
        ("SendOnlyToAll", Tell::Everybody { copy: false }),
        ("SendOnlyToChanged", Tell::Everybody { copy: false }),
        ("SendToAllAndSaveCopy", Tell::Everybody { copy: true }),
        ("SendToChangedAndSaveCopy", Tell::Everybody { copy: true }),
    ];
    request.one_of(attribute, &kinds)
}

/// What was asked for an item; an error where it is a calendar item and nothing was asked.
pub(crate) fn required(tell: Option<Tell>, is_event: bool, code: &'static str) -> Stored<Tell> {
    match tell {
        Some(tell) => Ok(tell),
        None if !is_event => Ok(Tell::Nobody),
        None => Err(StoreError::new(code, "Whom to tell of the meeting is required for this type of item.")),
    }
}

/// Sends a mail about a calendar item to everybody who is invited.
pub(crate) fn tell(call: &mut Call<'_>, place: &Place, how: Tell, prefix: &str) -> Stored<()> {
    let Tell::Everybody { copy } = how else { return Ok(()) };
    let item = call.state.item(place)?;
    let invited = item.detail.as_ref().map(|detail| detail.invited()).unwrap_or_default();
    if invited.is_empty() {
        return Ok(());
    }
    let subject = format!("{prefix}{}", item.mail.subject.clone().unwrap_or_default());
    let body = item.mail.text_body();
    let mut mail = call.state.blank(&place.mailbox)?;
    mail.to = invited.into_iter().map(|address| Person { name: None, address }).collect();
    (mail.subject, mail.body) = (subject, body);
    let number = call.state.next_created();
    let mailbox = call.state.mailbox(&place.mailbox)?;
    let drafts = mailbox.well_known("drafts").ok_or_else(StoreError::folder_not_found)?;
    let keep = if copy { mailbox.well_known("sentitems") } else { None };
    let new = NewItem::draft(format!("meeting {number}"), mail);
    let sent = call.state.store(&place.mailbox, drafts, new)?;
    call.state.send(&sent, keep)
}

/// That invitations went out, as a property of the calendar item.
pub(crate) fn was_sent() -> Node {
    Node { name: String::from("MeetingRequestWasSent"), text: String::from("true"), ..Node::default() }
}
