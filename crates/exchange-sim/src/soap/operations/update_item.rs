//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation>

use exchange::FollowUp;

use super::super::call::Call;
use super::super::detail_xml::KEPT;
use super::super::fault::SoapFault;
use super::super::paths::{self, Path};
use super::super::shape::Shape;
use super::super::targets::Target;
use super::super::xml::Element;
use super::create_item::{Disposition, disposition};
use super::get_item;
use super::meeting;
use super::message::Given;
use crate::ledger::EffectKind;
use crate::model::detail::DetailKind;
use crate::model::extended::PropertyName;
use crate::model::item::Item;
use crate::model::meeting::Notice;
use crate::model::state::Place;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "UpdateItem";
/// How many properties were in conflict: what conflicts is refused, so there are none in a success.
const NO_CONFLICTS: &str = "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    Never,
    Auto,
    Always,
}

/// One change to one property.
enum Change {
    Set { what: String, given: Box<Given> },
    Append { what: String, given: Box<Given> },
    Remove { what: String, property: Option<PropertyName>, index: Option<String> },
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SavedItemFolderId", "ItemChanges"])?;
    request.required_attribute("ConflictResolution")?;
    let kinds = [
        ("NeverOverwrite", Resolution::Never),
        ("AutoResolve", Resolution::Auto),
        ("AlwaysOverwrite", Resolution::Always),
    ];
    let resolution = request.one_of("ConflictResolution", &kinds)?.unwrap_or(Resolution::Never);
    let Some(disposition) = disposition(request)? else {
        let text = "Message disposition is required for this type of item.";
        return Err(SoapFault::new("ErrorMessageDispositionRequired", text));
    };
    let meetings = meeting::read(request, "SendMeetingInvitationsOrCancellations")?;
    let quiet = matches!(request.attribute("SuppressReadReceipts"), Some("true" | "1"));
    let mut all = Vec::new();
    for item_change in request.required("ItemChanges")?.children() {
        item_change.sequence(&["ItemId", "OccurrenceItemId", "RecurringMasterItemId", "Updates"])?;
        let changes = item_change.required("Updates")?.children().map(read).collect::<Result<Vec<_>, _>>()?;
        let named = item_change.children().next().filter(|named| named.name() != "Updates");
        let named = named.ok_or_else(|| item_change.violation("The id of the item is expected."))?;
        all.push((named, changes));
    }
    for (item_id, changes) in all {
        let place = current(call, item_id, resolution)?;
        let updated = place.and_then(|target| {
            let Target { place, number } = target.clone();
            let detail = call.state.item(&place)?.detail.as_ref();
            let is_event = detail.is_some_and(|detail| detail.kind == DetailKind::Calendar);
            let code = "ErrorSendMeetingInvitationsOrCancellationsRequired";
            let tell = meeting::required(meetings, is_event, code)?;
            let disposition = if detail.is_some() { Disposition::Save } else { disposition };
            if let Some(number) = number {
                change_occurrence(call, &place, number, changes)?;
                meeting::tell(call, &place, Some(number), tell, Notice::Change)?;
                return Ok(Some(target));
            }
            let done = update(call, &place, changes, quiet, disposition)?;
            meeting::tell(call, &place, None, tell, Notice::Change)?;
            Ok(done.map(|place| Target { place, number }))
        });
        match updated {
            Ok(Some(target)) => {
                get_item::write_target(call, NAME, &target, &Shape::id_only(), NO_CONFLICTS);
            }
            Ok(None) => {
                call.success(NAME);
                call.out.raw("<m:Items/>");
                call.out.raw(NO_CONFLICTS);
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, "<m:Items/>"),
        }
    }
    Ok(())
}

fn current(
    call: &Call<'_>,
    item_id: Element<'_>,
    resolution: Resolution,
) -> Result<Stored<Target>, SoapFault> {
    let missing = "ErrorChangeKeyRequiredForWriteOperations";
    let has_key = item_id.attribute("ChangeKey").is_some_and(|key| !key.is_empty());
    let is_plain = item_id.name() == "ItemId";
    let place = match resolution {
        Resolution::Always => return call.target(item_id),
        Resolution::Auto if has_key => return call.target(item_id),
        // The version of an occurrence is that of its series, which other occurrences change, too.
        _ if !is_plain || call.target(item_id)?.is_ok_and(|target| target.number.is_some()) => {
            return call.target(item_id);
        }
        Resolution::Auto | Resolution::Never => call.current(item_id, Some(missing))?,
    };
    Ok(place.map(|place| Target { place, number: None }).map_err(|error| match error.code {
        "ErrorStaleObject" => StoreError::new(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
        ),
        _ => error,
    }))
}

fn read(update: Element<'_>) -> Result<Change, SoapFault> {
    let mut children = update.children();
    let path = children.next().ok_or_else(|| update.violation("A property path is expected."))?;
    let what = paths::read(path)?;
    let (name, property) = match what {
        Path::Schema(uri) => (uri.to_owned(), None),
        Path::Extended(property) => {
            (property.name.clone().unwrap_or_else(|| String::from("extended")), Some(property))
        }
        Path::Header(name) => (name.to_owned(), None),
    };
    match update.name() {
        "SetItemField" | "AppendToItemField" => {
            let item = children.next().ok_or_else(|| update.violation("The new value is missing."))?;
            let given = Box::new(Given::read(item)?);
            let is_set = update.name() == "SetItemField";
            Ok(if is_set { Change::Set { what: name, given } } else { Change::Append { what: name, given } })
        }
        "DeleteItemField" => {
            let index = path.attribute("FieldIndex").map(str::to_owned);
            Ok(Change::Remove { what: name, property, index })
        }
        other => {
            Err(SoapFault::new("ErrorInvalidOperation", format!("The simulator does not support {other}.")))
        }
    }
}

fn update(
    call: &mut Call<'_>,
    place: &Place,
    changes: Vec<Change>,
    quiet: bool,
    disposition: Disposition,
) -> Stored<Option<Place>> {
    let was_read = call.state.item(place)?.is_read;
    let names = names(&changes);
    call.state.change_item(place, EffectKind::Updated, &names, |item| apply(item, changes))?;
    let asked =
        call.state.item(place)?.mail.header_values("Disposition-Notification-To").next().map(str::to_owned);
    if let Some(to) = asked
        && !quiet
        && !was_read
        && call.state.item(place)?.is_read
    {
        call.state.record(place, EffectKind::Sent, |effect| {
            effect.mode = Some(String::from("read receipt"));
            effect.recipients = vec![to];
        });
    }
    let keep = match disposition {
        Disposition::Save => return Ok(Some(place.clone())),
        Disposition::Send => None,
        Disposition::SendAndSave => call.state.mailbox(&place.mailbox)?.well_known("sentitems"),
    };
    call.state.send(place, keep)?;
    Ok(None)
}

fn change_occurrence(call: &mut Call<'_>, place: &Place, number: u32, changes: Vec<Change>) -> Stored<()> {
    let names = names(&changes);
    call.state.change_occurrence(place, number, &names, |item| apply(item, changes))
}

/// The names of the properties that are changed.
fn names(changes: &[Change]) -> String {
    let name = |change: &Change| match change {
        Change::Set { what, .. } | Change::Append { what, .. } | Change::Remove { what, .. } => what.clone(),
    };
    changes.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn apply(item: &mut Item, changes: Vec<Change>) -> Stored<()> {
    changes.into_iter().try_for_each(|change| match change {
        Change::Set { what, given } => set(item, &what, *given),
        Change::Append { what, given } => append(item, &what, *given),
        Change::Remove { what, property, index } => remove(item, &what, property.as_ref(), index.as_deref()),
    })
}

fn set(item: &mut Item, what: &str, given: Given) -> Stored<()> {
    if let (Some(detail), Some(new)) = (&mut item.detail, &given.detail)
        && is_detail(what)
    {
        new.nodes.iter().for_each(|node| detail.set(node.clone()));
        return Ok(());
    }
    match what {
        _ if is_detail(what) && !what.starts_with("item:") => return Err(cannot(what)),
        "message:IsRead" => item.is_read = given.is_read.unwrap_or(item.is_read),
        "item:Categories" => item.categories = given.categories.unwrap_or_default(),
        "item:Flag" => item.flag = given.flag.unwrap_or_default(),
        "item:Importance" => {
            item.importance = given.importance.unwrap_or_else(|| item.importance.clone());
            if let Some(mail) = &mut item.composed {
                mail.set_header("Importance", &item.importance);
            }
        }
        "item:Subject" if item.composed.is_none() && !item.is_draft => {
            let mut mail = (*item.mail).clone();
            mail.subject = given.subject;
            item.mail = std::sync::Arc::new(mail);
        }
        _ if !given.extended.is_empty() => {
            given.extended.into_iter().for_each(|extended| item.set_property(extended))
        }
        _ => given.apply(item.writing().map_err(|_| cannot(what))?),
    }
    Ok(())
}

/// Whether a property is one of calendar items or contacts.
fn is_detail(what: &str) -> bool {
    let kept = what.strip_prefix("item:").is_some_and(|name| KEPT.contains(&name));
    kept || what.starts_with("calendar:") || what.starts_with("contacts:")
}

/// Adds to a body, to recipients or to those who are invited.
fn append(item: &mut Item, what: &str, given: Given) -> Stored<()> {
    if let (Some(detail), Some(new)) = (&mut item.detail, &given.detail)
        && is_detail(what)
    {
        new.nodes.iter().for_each(|node| detail.append(node.clone()));
        return Ok(());
    }
    let text = format!("Append is not supported for the property {what}.");
    let refused = || StoreError::new("ErrorInvalidPropertyAppend", text.clone());
    let mail = item.writing().map_err(|_| refused())?;
    match what {
        "item:Body" => mail.body.push_str(&given.body.map(|(text, _)| text).unwrap_or_default()),
        "message:ToRecipients" => mail.to.extend(given.to.unwrap_or_default()),
        "message:CcRecipients" => mail.cc.extend(given.cc.unwrap_or_default()),
        "message:BccRecipients" => mail.bcc.extend(given.bcc.unwrap_or_default()),
        "message:ReplyTo" => mail.reply_to.extend(given.reply_to.unwrap_or_default()),
        _ => return Err(refused()),
    }
    Ok(())
}

fn remove(item: &mut Item, what: &str, property: Option<&PropertyName>, index: Option<&str>) -> Stored<()> {
    if let Some(detail) = &mut item.detail
        && is_detail(what)
    {
        let mut words = what.split(':').skip(1);
        let (name, part) = (words.next().unwrap_or_default(), words.next());
        match (name, index) {
            ("EmailAddress" | "PhysicalAddress", Some(_)) => {
                detail.remove(&format!("{name}es"), index, part);
            }
            ("ImAddress", Some(_)) => detail.remove("ImAddresses", index, part),
            ("PhoneNumber", Some(_)) => detail.remove("PhoneNumbers", index, part),
            _ => detail.remove(name, None, None),
        }
        return Ok(());
    }
    match (what, property) {
        (_, Some(property)) => item.extended.retain(|extended| extended.property != *property),
        ("item:Categories", None) => item.categories.clear(),
        ("item:Flag", None) => item.flag = FollowUp::NotFlagged,
        _ => {
            let mail = item.writing().map_err(|_| cannot(what))?;
            match what {
                "item:Body" => mail.body.clear(),
                "message:ToRecipients" => mail.to.clear(),
                "message:CcRecipients" => mail.cc.clear(),
                "message:BccRecipients" => mail.bcc.clear(),
                "message:ReplyTo" => mail.reply_to.clear(),
                _ => {
                    let text = format!("Delete is not supported for the property {what}.");
                    return Err(StoreError::new("ErrorInvalidPropertyDelete", text));
                }
            }
        }
    }
    Ok(())
}

fn cannot(what: &str) -> StoreError {
    StoreError::new(
        "ErrorInvalidPropertySet",
        format!("Set action is invalid for property {what} of this item."),
    )
}
