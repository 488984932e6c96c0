//! The kinds of CreateItem by which an invitation is answered and a meeting called off.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-acceptitem>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::ItemView;
use super::super::shape::Shape;
use super::super::targets::Target;
use super::super::xml::Element;
use super::create_item::Disposition;
use super::message;
use crate::model::item::FolderKey;
use crate::model::meeting::{Dispatch, Words};
use crate::model::meeting_answer::Reply;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "CreateItem";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Answer(Reply),
    Cancel,
}

/// A request of this kind.
pub(crate) struct Given<'a> {
    asked: Asked,
    reference: Element<'a>,
    words: Words,
}

impl<'a> Given<'a> {
    /// Reads the element; `None` if it is another kind of item.
    pub(crate) fn read(item: Element<'a>) -> Result<Option<Self>, SoapFault> {
        let asked = match item.name() {
            "AcceptItem" => Asked::Answer(Reply::Accept),
            "TentativelyAcceptItem" => Asked::Answer(Reply::Tentative),
            "DeclineItem" => Asked::Answer(Reply::Decline),
            "CancelCalendarItem" => Asked::Cancel,
            _ => return Ok(None),
        };
        let words = if asked == Asked::Cancel {
            item.sequence(&message::SMART_RESPONSE)?;
            item.child("NewBodyContent")
        } else {
            item.sequence(&[
                "ItemClass",
                "Sensitivity",
                "Body",
                "Attachments",
                "InternetMessageHeaders",
                "Sender",
                "ToRecipients",
                "CcRecipients",
                "BccRecipients",
                "IsReadReceiptRequested",
                "IsDeliveryReceiptRequested",
                "From",
                "ReferenceItemId",
                "ProposedStart",
                "ProposedEnd",
            ])?;
            if let Some(proposed) = item.child("ProposedStart").or(item.child("ProposedEnd")) {
                let text = format!("The simulator does not support {}.", proposed.name());
                return Err(SoapFault::new("ErrorInvalidOperation", text));
            }
            item.child("Body")
        };
        let reference = item.required("ReferenceItemId")?;
        reference.required_attribute("Id")?;
        let words = words.map(message::body).transpose()?;
        Ok(Some(Given { asked, reference, words }))
    }

    /// Does it and writes the response message.
    pub(crate) fn answer(
        self,
        call: &mut Call<'_>,
        disposition: Option<Disposition>,
        folder: Option<FolderKey>,
    ) -> Result<(), SoapFault> {
        let done = match (disposition, self.target(call)?) {
            (_, Err(error)) => Err(error),
            (None, _) => Err(StoreError::new(
                "ErrorMessageDispositionRequired",
                "Message disposition is required for this type of item.",
            )),
            (Some(disposition), Ok(target)) => self.perform(call, &target, disposition, folder),
        };
        match done {
            Ok(shown) => {
                call.success(NAME);
                call.out.raw("<m:Items>");
                let Call { state, out, .. } = call;
                for Target { place, number } in shown {
                    if let Some(mailbox) = state.mailboxes.get(&place.mailbox)
                        && let Some(item) = mailbox.items.get(&place.key)
                    {
                        let occurrence = number.and_then(|number| item.occurrence(number).ok());
                        let item = occurrence.as_ref().unwrap_or(item);
                        ItemView { mailbox, item, shape: &Shape::id_only(), attached: None }.write(out);
                    }
                }
                call.out.raw("</m:Items>");
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, "<m:Items/>"),
        }
        Ok(())
    }

    /// The item, or the occurrence. The version of an occurrence is that of its series, which others change, too.
    fn target(&self, call: &Call<'_>) -> Result<Stored<Target>, SoapFault> {
        match call.target(self.reference)? {
            Ok(Target { number: None, .. }) => {
                let missing = (self.asked == Asked::Cancel).then_some("ErrorChangeKeyRequired");
                let place = call.current(self.reference, missing)?;
                Ok(place.map(|place| Target { place, number: None }))
            }
            other => Ok(other),
        }
    }

    fn perform(
        self,
        call: &mut Call<'_>,
        target: &Target,
        disposition: Disposition,
        folder: Option<FolderKey>,
    ) -> Stored<Vec<Target>> {
        let Target { place, number } = target;
        let sent = call.state.mailbox(&place.mailbox)?.well_known("sentitems");
        let keep = (disposition == Disposition::SendAndSave).then_some(folder.or(sent)).flatten();
        match self.asked {
            Asked::Answer(reply) => {
                let how =
                    if disposition == Disposition::Save { Dispatch::Draft } else { Dispatch::Send(keep) };
                let (event, request) =
                    call.state.answer_invitation(place, *number, reply, self.words, how)?;
                let all = event.into_iter().chain(request.map(|place| (place, None)));
                Ok(all.map(|(place, number)| Target { place, number }).collect())
            }
            Asked::Cancel => {
                call.state.cancel_meeting(place, *number, self.words, keep)?;
                Ok(vec![Target { place: place.clone(), number: None }])
            }
        }
    }
}
