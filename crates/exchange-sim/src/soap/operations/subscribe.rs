//! Subscribe and Unsubscribe.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::notifications::KINDS;
use crate::model::changes::What;
use crate::model::item::FolderKey;
use crate::model::store_error::{StoreError, Stored};
use crate::model::subscription::{Delivery, Wanted};

const NAME: &str = "Subscribe";
/// A day: the longest timeout, in minutes.
const DAY: u32 = 1_440;

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "PullSubscriptionRequest",
        "PushSubscriptionRequest",
        "StreamingSubscriptionRequest",
    ])?;
    let kind = request.children().next().ok_or_else(|| request.violation("Subscribe is empty."))?;
    let delivery = match kind.name() {
        "PullSubscriptionRequest" => {
            kind.sequence(&["FolderIds", "EventTypes", "Watermark", "Timeout"])?;
            Delivery::Pull(kind.required("Timeout")?.number(1, DAY)?.into())
        }
        "StreamingSubscriptionRequest" => {
            kind.sequence(&["FolderIds", "EventTypes"])?;
            Delivery::Streaming
        }
        other => {
            let text = format!("The simulator does not support {other}.");
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
    };
    let kinds = read_kinds(kind.required("EventTypes")?)?;
    let watermark = kind.child("Watermark").map(|watermark| watermark.text().trim().to_owned());
    let watermark = watermark.filter(|watermark| !watermark.is_empty());
    let everywhere = matches!(kind.attribute("SubscribeToAllFolders"), Some("true" | "1"));
    let owner = call.owner();
    let server = call.place_subscription();
    let made = folders(call, kind, everywhere)?.and_then(|(mailbox, folders)| {
        call.state.subscribe(&owner, Wanted { mailbox, folders, kinds, delivery, watermark, server })
    });
    match made {
        Ok((id, first)) => {
            call.success(NAME);
            call.out.element("m:SubscriptionId", &id);
            // A stream has no watermarks: it begins when it is opened.
            if matches!(delivery, Delivery::Pull(_)) {
                call.out.element("m:Watermark", &first);
            }
            call.end(NAME);
        }
        Err(error) => call.refuse(NAME, &error, ""),
    }
    Ok(())
}

fn read_kinds(types: Element<'_>) -> Result<Vec<What>, SoapFault> {
    let mut kinds = Vec::new();
    for kind in types.children() {
        let text = kind.text();
        let known = KINDS.iter().find(|(name, _)| *name == text.trim());
        let (_, what) = known.ok_or_else(|| {
            kind.violation(&format!("The 'EventType' element is invalid - The value '{text}'."))
        })?;
        kinds.extend(*what);
    }
    Ok(kinds)
}

type Watched = (String, Option<Vec<FolderKey>>);

/// The mailbox and the folders a request is about; all of a mailbox's without a list.
fn folders(call: &Call<'_>, request: Element<'_>, everywhere: bool) -> Result<Stored<Watched>, SoapFault> {
    let ids: Vec<Element<'_>> =
        request.child("FolderIds").map(|ids| ids.children().collect()).unwrap_or_default();
    if everywhere != ids.is_empty() {
        let text = "The request names either folders or all folders.";
        return Ok(Err(StoreError::new("ErrorInvalidSubscriptionRequest", text)));
    }
    let mut found: Option<(String, Vec<FolderKey>)> = None;
    for id in ids {
        match (call.folder(id)?, &mut found) {
            (Err(error), _) => return Ok(Err(error)),
            (Ok((mailbox, folder)), None) => found = Some((mailbox, vec![folder])),
            (Ok((mailbox, folder)), Some((same, folders))) if mailbox == *same => folders.push(folder),
            _ => {
                let text = "The folders of a subscription have to be in one mailbox.";
                return Ok(Err(StoreError::new("ErrorInvalidSubscriptionRequest", text)));
            }
        }
    }
    Ok(match found {
        Some((mailbox, folders)) => Ok((mailbox, Some(folders))),
        None => call.own_mailbox().map(|mailbox| (mailbox.to_lowercase(), None)),
    })
}

pub(crate) fn answer_unsubscribe(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    const NAME: &str = "Unsubscribe";
    request.sequence(&["SubscriptionId"])?;
    let id = request.required("SubscriptionId")?.text();
    let owner = call.owner();
    match call.is_here(id.trim()).and_then(|()| call.state.unsubscribe(&owner, id.trim())) {
        Ok(()) => {
            call.success(NAME);
            call.end(NAME);
        }
        Err(error) => call.refuse(NAME, &error, ""),
    }
    Ok(())
}
