//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::ItemView;
use super::super::restriction;
use super::super::shape::Shape;
use super::super::xml::Element;
use super::aqs;
use super::views::{Found, Shown, View};
use crate::model::item::FolderKey;
use crate::model::mailbox::Search;

const NAME: &str = "FindItem";
/// What a server gives at most in one page.
const MAX_PAGE: usize = 1_000;

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "ItemShape",
        "IndexedPageItemView",
        "FractionalPageItemView",
        "SeekToConditionPageItemView",
        "CalendarView",
        "ContactsView",
        "GroupBy",
        "DistinguishedGroupBy",
        "Restriction",
        "SortOrder",
        "ParentFolderIds",
        "QueryString",
    ])?;
    let traversal = request.required_attribute("Traversal")?;
    // Nobody keeps hidden data in these folders.
    let hidden = match traversal {
        "Shallow" | "SoftDeleted" => false,
        "Associated" => true,
        other => {
            let text = format!("The 'Traversal' attribute is invalid - The value '{other}'.");
            return Err(request.violation(&text));
        }
    };
    let other_views = ["FractionalPageItemView", "SeekToConditionPageItemView"];
    for name in other_views.iter().chain(&["GroupBy", "DistinguishedGroupBy"]) {
        if request.child(name).is_some() {
            return Err(unsupported(name));
        }
    }
    let shape = Shape::read(request.required("ItemShape")?, true)?;
    let filter = match (request.child("Restriction"), request.child("QueryString")) {
        (Some(_), Some(_)) => {
            let text = "A restriction and a query string cannot be used together.";
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
        (Some(written), None) => Some(restriction::read(written)?),
        (None, Some(query)) => Some(aqs::read(&query.text())?),
        (None, None) => None,
    };
    let sort = request.child("SortOrder").map(restriction::sort_order).transpose()?.unwrap_or_default();
    let mut search =
        Search { filter: filter.as_ref(), sort: &sort, offset: 0, from_end: false, limit: MAX_PAGE };
    if let Some(view) = request.child("IndexedPageItemView") {
        read_page(view, &mut search)?;
    }
    let view = match traversal {
        "SoftDeleted" => Some(View::SoftDeleted { offset: search.offset, limit: search.limit }),
        _ => View::read(request)?,
    };
    for folder_id in request.required("ParentFolderIds")?.children() {
        match call.folder(folder_id)? {
            Ok((_, _)) if hidden => empty(call),
            Ok((mailbox, folder)) => match &view {
                None => page(call, &mailbox, folder, &shape, &search),
                Some(view) => match view.find(call, &mailbox, folder, filter.as_ref()) {
                    Ok(found) => write_view(call, &mailbox, &shape, &found),
                    Err(error) => call.refuse(NAME, &error, ""),
                },
            },
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}

/// Writes a page with nothing in it.
fn empty(call: &mut Call<'_>) {
    call.success(NAME);
    call.out.raw(
        "<m:RootFolder IndexedPagingOffset=\"0\" TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"><t:Items/></m:RootFolder>",
    );
    call.end(NAME);
}

/// Writes what a view of a calendar or of contacts found.
fn write_view(call: &mut Call<'_>, mailbox: &str, shape: &Shape, found: &Found) {
    let after = found.before + found.shown.len();
    call.success(NAME);
    let Call { state, out, .. } = call;
    out.raw(&format!(
        "<m:RootFolder IndexedPagingOffset=\"{after}\" TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{}\"><t:Items>",
        found.total,
        after >= found.total
    ));
    if let Some(mailbox) = state.mailboxes.get(mailbox) {
        let items = found.shown.iter().filter_map(|shown| match shown {
            Shown::Item(key) => mailbox.items.get(key),
            Shown::Occurrence(item) => Some(item),
        });
        for item in items {
            ItemView { mailbox, item, shape, attached: None }.write(out);
        }
    }
    out.raw("</t:Items></m:RootFolder>");
    call.end(NAME);
}

fn unsupported(what: &str) -> SoapFault {
    SoapFault::new("ErrorInvalidOperation", format!("The simulator's FindItem does not support {what}."))
}

/// Reads `IndexedPageItemView`; folders are paged in the same way.
pub(crate) fn read_page(view: Element<'_>, search: &mut Search<'_>) -> Result<(), SoapFault> {
    let number = |name: &str, text: &str| {
        text.parse::<usize>()
            .map_err(|_| view.violation(&format!("The '{name}' attribute is invalid - The value '{text}'.")))
    };
    search.offset = number("Offset", view.required_attribute("Offset")?)?;
    let points = [("Beginning", false), ("End", true)];
    view.required_attribute("BasePoint")?;
    search.from_end = view.one_of("BasePoint", &points)?.unwrap_or(false);
    if let Some(limit) = view.attribute("MaxEntriesReturned") {
        let limit = number("MaxEntriesReturned", limit)?;
        if limit == 0 {
            let text = "Paging parameters are invalid: MaxEntriesReturned must be greater than 0.";
            return Err(SoapFault::new("ErrorInvalidPagingMaxRows", text));
        }
        search.limit = limit.min(MAX_PAGE);
    }
    Ok(())
}

fn page(call: &mut Call<'_>, mailbox: &str, folder: FolderKey, shape: &Shape, search: &Search<'_>) {
    call.success(NAME);
    let Call { state, out, .. } = call;
    state.look_into(mailbox, folder);
    if let Some(mailbox) = state.mailboxes.get(mailbox) {
        let page = mailbox.search(folder, search);
        let (next, last) = paging(search, page.keys.len(), page.total);
        out.raw(&format!(
            "<m:RootFolder IndexedPagingOffset=\"{next}\" TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{last}\"><t:Items>",
            page.total
        ));
        for item in page.keys.iter().filter_map(|key| mailbox.items.get(key)) {
            ItemView { mailbox, item, shape, attached: None }.write(out);
        }
        out.raw("</t:Items></m:RootFolder>");
    }
    call.end(NAME);
}

/// Where the next page begins, and whether this was the last.
pub(crate) fn paging(search: &Search<'_>, found: usize, total: usize) -> (usize, bool) {
    let passed = search.offset.saturating_add(found).min(total.max(search.offset));
    if search.from_end { (total.saturating_sub(passed), passed >= total) } else { (passed, passed >= total) }
}
