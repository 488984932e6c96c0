//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::folder_writer::{self, FolderShape};
use super::super::restriction;
use super::super::xml::Element;
use super::find_item::{paging, read_page};
use super::get_folder::read_shape;
use crate::model::filter::Filter;
use crate::model::item::FolderKey;
use crate::model::mailbox::{Mailbox, Search};
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "FindFolder";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "FolderShape",
        "IndexedPageFolderView",
        "FractionalPageFolderView",
        "Restriction",
        "ParentFolderIds",
    ])?;
    request.required_attribute("Traversal")?;
    let kinds = [("Shallow", Some(false)), ("Deep", Some(true)), ("SoftDeleted", None)];
    let deep = request.one_of("Traversal", &kinds)?.flatten();
    if deep.is_none() || request.child("FractionalPageFolderView").is_some() {
        let text = "The simulator's FindFolder supports Shallow and Deep traversal with indexed pages.";
        return Err(SoapFault::new("ErrorInvalidOperation", text));
    }
    let shape = read_shape(request)?;
    let filter = request.child("Restriction").map(restriction::read).transpose()?;
    let mut search = Search { filter: None, sort: &[], offset: 0, from_end: false, limit: 1_000 };
    if let Some(view) = request.child("IndexedPageFolderView") {
        read_page(view, &mut search)?;
    }
    let ids: Vec<Element<'_>> = request.required("ParentFolderIds")?.children().collect();
    for id in ids {
        match call.folder(id)?.and_then(|found| shallow_if_public(call, found, deep == Some(true))) {
            Ok((mailbox, parent)) => {
                call.success(NAME);
                let Call { state, out, .. } = call;
                if let Some(mailbox) = state.mailboxes.get(&mailbox) {
                    let found = below(mailbox, parent, deep == Some(true), filter.as_ref());
                    write(out, mailbox, &found, &search, shape);
                }
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}

/// Refuses to look further down than one level in public folders.
fn shallow_if_public(call: &Call<'_>, found: (String, FolderKey), deep: bool) -> Stored<(String, FolderKey)> {
    if deep && call.is_public(&found.0) {
        let text = "Deep traversal is not supported in public folders.";
        return Err(StoreError::new("ErrorInvalidOperation", text));
    }
    Ok(found)
}

fn below(mailbox: &Mailbox, parent: FolderKey, deep: bool, filter: Option<&Filter>) -> Vec<FolderKey> {
    let is_below = |key: FolderKey| match mailbox.folders.get(key) {
        Some(folder) if folder.gone => false,
        Some(folder) if deep => {
            key != parent && folder.parent.is_some_and(|above| mailbox.is_within(above, parent))
        }
        Some(folder) => folder.parent == Some(parent),
        None => false,
    };
    let fits = |key: &FolderKey| {
        mailbox.folders.get(*key).is_some_and(|folder| filter.is_none_or(|filter| filter.holds(folder)))
    };
    (0..mailbox.folders.len()).filter(|key| is_below(*key)).filter(fits).collect()
}

fn write(
    out: &mut super::super::out::Out,
    mailbox: &Mailbox,
    found: &[FolderKey],
    search: &Search<'_>,
    shape: FolderShape,
) {
    let page: Vec<FolderKey> = found.iter().copied().skip(search.offset).take(search.limit).collect();
    let (next, last) = paging(search, page.len(), found.len());
    out.raw(&format!(
        "<m:RootFolder IndexedPagingOffset=\"{next}\" TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{last}\"><t:Folders>",
        found.len()
    ));
    for key in page {
        folder_writer::write(out, mailbox, key, shape);
    }
    out.raw("</t:Folders></m:RootFolder>");
}
