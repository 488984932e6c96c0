//! Telling those who are invited: what the three attributes on sending invitations and cancellations have in common.
//!
//! What they are told, and what that does to their calendars, is the model's.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::detail::Node;
use crate::model::meeting::Notice;
use crate::model::state::Place;
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

/// Tells everybody who is invited to a calendar item, or to one occurrence of it.
pub(crate) fn tell(
    call: &mut Call<'_>,
    place: &Place,
    number: Option<u32>,
    how: Tell,
    notice: Notice,
) -> Stored<()> {
    let Tell::Everybody { copy } = how else { return Ok(()) };
    let keep = if copy { call.state.mailbox(&place.mailbox)?.well_known("sentitems") } else { None };
    call.state.tell_invited(place, number, notice, None, keep)
}

/// That invitations went out, as a property of the calendar item.
pub(crate) fn was_sent() -> Node {
    Node { name: String::from("MeetingRequestWasSent"), text: String::from("true"), ..Node::default() }
}
