//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation>
//!
//! A state is a folder and a range of the list of changes: from where, up to where, and how much of that was told. A
//! range does not grow while it is told, so that pages neither repeat nor leave out anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::{ItemView, item_id};
use super::super::out::Out;
use super::super::properties::flag;
use super::super::shape::Shape;
use super::super::xml::Element;
use crate::model::changes::Net;
use crate::model::item::{FolderKey, Item};
use crate::model::mailbox::Mailbox;
use crate::model::store_error::StoreError;
use crate::model::subscription::mark;

const NAME: &str = "SyncFolderItems";
/// What a refusal has in place of a state.
const NOTHING: &str = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>";
/// What a server gives at most in one page.
const MOST: u32 = 512;

/// Where a client is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    from: u64,
    to: u64,
    told: u64,
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "ItemShape",
        "SyncFolderId",
        "SyncState",
        "Ignore",
        "MaxChangesReturned",
        "SyncScope",
    ])?;
    let shape = Shape::read(request.required("ItemShape")?, false)?;
    let id = request.required("SyncFolderId")?;
    let id = id.children().next().ok_or_else(|| id.violation("SyncFolderId is empty."))?;
    let most = request.required("MaxChangesReturned")?.number(1, MOST)? as usize;
    let mut ignored = Vec::new();
    for item in request.child("Ignore").iter().flat_map(|ignore| ignore.children()) {
        ignored.push(item.required_attribute("Id")?.to_owned());
    }
    let state = request.child("SyncState").map(Element::text).unwrap_or_default();
    let (mailbox, folder) = match call.folder(id)? {
        Ok(found) => found,
        Err(error) => {
            call.refuse(NAME, &error, NOTHING);
            return Ok(());
        }
    };
    let Some(found) = call.state.mailboxes.get(&mailbox) else { return Ok(()) };
    let position = match state.trim() {
        "" => Some(Position::default()),
        text => read(found, folder, text),
    };
    let Some(position) = position else {
        let text = "The synchronization state data is corrupt.";
        call.refuse(NAME, &StoreError::new("ErrorInvalidSyncStateData", text), NOTHING);
        return Ok(());
    };
    call.success(NAME);
    let Call { state, out, .. } = call;
    if let Some(mailbox) = state.mailboxes.get(&mailbox) {
        page(out, mailbox, folder, position, most, &shape, &ignored);
    }
    call.end(NAME);
    Ok(())
}

fn page(
    out: &mut Out,
    mailbox: &Mailbox,
    folder: FolderKey,
    position: Position,
    most: usize,
    shape: &Shape,
    ignored: &[String],
) {
    // A range that is told whole is over: the next one reaches to the end.
    let to = if position.told == 0 { mailbox.changes.end() as u64 } else { position.to };
    let all = mailbox.changes.items_of(folder, position.from as usize, to as usize);
    let told = (position.told as usize).min(all.len());
    let end = told.saturating_add(most).min(all.len());
    let is_last = end == all.len();
    let next = match is_last {
        true => Position { from: to, to, told: 0 },
        false => Position { from: position.from, to, told: end as u64 },
    };
    out.element("m:SyncState", &write(mailbox, folder, next));
    out.element("m:IncludesLastItemInRange", if is_last { "true" } else { "false" });
    out.raw("<m:Changes>");
    for net in all.get(told..end).unwrap_or_default() {
        change(out, mailbox, net, shape, ignored);
    }
    out.raw("</m:Changes>");
}

fn change(out: &mut Out, mailbox: &Mailbox, net: &Net, shape: &Shape, ignored: &[String]) {
    let (Net::Create(id) | Net::Update(id) | Net::ReadFlag(id) | Net::Delete(id)) = net;
    if ignored.contains(id) {
        return;
    }
    // What is gone by now is told as gone in the next range.
    let item: Option<&Item> = mailbox.items.values().find(|item| item.id == *id);
    match (net, item) {
        (Net::Create(_), Some(item)) => shown(out, mailbox, item, shape, "t:Create"),
        (Net::Update(_), Some(item)) => shown(out, mailbox, item, shape, "t:Update"),
        (Net::ReadFlag(_), Some(item)) => {
            out.raw("<t:ReadFlagChange>");
            item_id(out, item);
            flag(out, "t:IsRead", item.is_read);
            out.raw("</t:ReadFlagChange>");
        }
        (Net::Delete(id), _) => {
            out.raw("<t:Delete>");
            out.raw(&format!("<t:ItemId Id=\"{id}\"/>"));
            out.raw("</t:Delete>");
        }
        (_, None) => {}
    }
}

fn shown(out: &mut Out, mailbox: &Mailbox, item: &Item, shape: &Shape, element: &str) {
    out.raw(&format!("<{element}>"));
    ItemView { mailbox, item, shape, attached: None }.write(out);
    out.raw(&format!("</{element}>"));
}

fn write(mailbox: &Mailbox, folder: FolderKey, position: Position) -> String {
    let mut bytes = vec![2];
    bytes.extend(mark(mailbox));
    for number in [folder as u64, position.from, position.to, position.told] {
        bytes.extend(number.to_be_bytes());
    }
    STANDARD.encode(bytes)
}

fn read(mailbox: &Mailbox, folder: FolderKey, text: &str) -> Option<Position> {
    let bytes = STANDARD.decode(text).ok()?;
    let rest = bytes.strip_prefix(&[2])?.strip_prefix(mark(mailbox).as_slice())?;
    let (numbers, left) = rest.as_chunks::<8>();
    let numbers: Vec<u64> = numbers.iter().map(|number| u64::from_be_bytes(*number)).collect();
    let [of, from, to, told] = numbers.as_slice() else { return None };
    let end = mailbox.changes.end() as u64;
    // A page that is half told has to begin where it began.
    let known =
        |position: &u64| mailbox.changes.reaches_back_to(usize::try_from(*position).unwrap_or(usize::MAX));
    let fits = left.is_empty() && *of == folder as u64 && from <= to && *to <= end;
    let fits = fits && known(from) && (*told == 0 || known(to));
    fits.then_some(Position { from: *from, to: *to, told: *told })
}
