//! `CalendarView` and `ContactsView` of FindItem, and what was deleted from a folder. A calendar view shows each
//! occurrence of a recurring item on its own.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/calendarview>

use jiff::{SignedDuration, Timestamp};

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::filter::{Filter, parse_time};
use crate::model::item::{FolderKey, Item, ItemKey};
use crate::model::store_error::{StoreError, Stored};

/// The longest time a calendar view covers: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 732);

/// A view.
pub(crate) enum View {
    Calendar {
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    },
    Contacts {
        first: String,
        last: Option<String>,
        limit: usize,
    },
    /// What was deleted from the folder and can still be recovered.
    SoftDeleted {
        offset: usize,
        limit: usize,
    },
}

/// An item of a view, or an occurrence that is shown as one.
pub(crate) enum Shown {
    Item(ItemKey),
    Occurrence(Box<Item>),
}

/// What a view found: what it shows, and how many there are.
pub(crate) struct Found {
    pub(crate) shown: Vec<Shown>,
    /// How many were passed over.
    pub(crate) before: usize,
    pub(crate) total: usize,
}

impl View {
    /// The view a request asks for, if it asks for one of these.
    pub(crate) fn read(request: Element<'_>) -> Result<Option<Self>, SoapFault> {
        if let Some(view) = request.child("CalendarView") {
            if request.child("Restriction").is_some() || request.child("SortOrder").is_some() {
                let text = "A calendar view takes no restriction and no sort order.";
                return Err(SoapFault::new("ErrorInvalidRestriction", text));
            }
            let (from, to) = (time(view, "StartDate")?, time(view, "EndDate")?);
            return Ok(Some(View::Calendar { from, to, limit: limit(view)? }));
        }
        let Some(view) = request.child("ContactsView") else { return Ok(None) };
        let first = view.attribute("InitialName").unwrap_or_default().to_lowercase();
        let last = view.attribute("FinalName").map(str::to_lowercase);
        Ok(Some(View::Contacts { first, last, limit: limit(view)? }))
    }

    /// What it shows of a folder.
    pub(crate) fn find(
        &self,
        call: &Call<'_>,
        mailbox: &str,
        folder: FolderKey,
        filter: Option<&Filter>,
    ) -> Stored<Found> {
        let mailbox = call.state.mailbox(mailbox)?;
        let class = mailbox.folders.get(folder).map(|folder| folder.class.to_string()).unwrap_or_default();
        self.check(&class)?;
        let fits = |item: &Item| filter.is_none_or(|filter| filter.holds(item)) && self.shows(item);
        let deletions = mailbox.beside(folder, "recoverableitemsdeletions");
        let looked_at = match (self, deletions) {
            (View::SoftDeleted { .. }, Some(deletions)) => deletions,
            _ => folder,
        };
        let from_here = |item: &Item| !matches!(self, View::SoftDeleted { .. }) || item.left == Some(folder);
        let fits = |item: &Item| fits(item) && from_here(item);
        let mut all: Vec<(String, ItemKey, Shown)> = Vec::new();
        for key in mailbox.keys(looked_at) {
            let Some(item) = mailbox.items.get(&key) else { continue };
            match self {
                View::Calendar { from, to, .. } if item.repeats() => {
                    let occurrences = item.shown(*from, *to).into_iter();
                    all.extend(occurrences.map(|one| (place(&one), key, Shown::Occurrence(Box::new(one)))));
                }
                _ if fits(item) => all.push((place(item), key, Shown::Item(key))),
                _ => {}
            }
        }
        all.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let total = all.len();
        let limit = match self {
            View::Calendar { limit, .. } | View::Contacts { limit, .. } => *limit,
            View::SoftDeleted { limit, .. } => *limit,
        };
        let before = if let View::SoftDeleted { offset, .. } = self { *offset } else { 0 };
        Ok(Found {
            shown: all.into_iter().map(|(_, _, shown)| shown).skip(before).take(limit).collect(),
            before,
            total,
        })
    }

    fn check(&self, class: &str) -> Stored<()> {
        let View::Calendar { from, to, .. } = self else { return Ok(()) };
        if !class.starts_with("IPF.Appointment") {
            let text = "The folder is not a calendar.";
            return Err(StoreError::new("ErrorCalendarFolderIsInvalidForCalendarView", text));
        }
        if to < from {
            let text = "EndDate is earlier than StartDate";
            return Err(StoreError::new("ErrorCalendarEndDateIsEarlierThanStartDate", text));
        }
        if to.duration_since(*from) > LONGEST {
            let text = "The specified view range exceeds the maximum range of two years.";
            return Err(StoreError::new("ErrorCalendarViewRangeTooBig", text));
        }
        Ok(())
    }

    fn shows(&self, item: &Item) -> bool {
        let Some(detail) = &item.detail else { return matches!(self, View::SoftDeleted { .. }) };
        match self {
            View::SoftDeleted { .. } => true,
            View::Calendar { from, to, .. } => detail.within(*from, *to),
            View::Contacts { first, last, .. } => {
                let name = detail.text("DisplayName").unwrap_or_default().to_lowercase();
                name >= *first && last.as_ref().is_none_or(|last| name <= *last)
            }
        }
    }
}

/// Where an item stands in a view: by the time it begins, or by its name.
fn place(item: &Item) -> String {
    let text = |name: &str| item.detail.as_ref().and_then(|detail| detail.text(name)).map(str::to_lowercase);
    let start = item.detail.as_ref().and_then(|detail| detail.time("Start")).map(|start| start.to_string());
    start.or_else(|| text("DisplayName")).unwrap_or_default()
}

fn time(view: Element<'_>, name: &str) -> Result<Timestamp, SoapFault> {
    let text = view.required_attribute(name)?;
    parse_time(text).ok_or_else(|| view.violation(&format!("The '{name}' attribute is invalid: '{text}'.")))
}

fn limit(view: Element<'_>) -> Result<usize, SoapFault> {
    match view.attribute("MaxEntriesReturned").map(str::parse) {
        None => Ok(usize::MAX),
        Some(Ok(limit)) if limit > 0 => Ok(limit),
        Some(_) => {
            Err(SoapFault::new("ErrorInvalidPagingMaxRows", "MaxEntriesReturned must be greater than 0."))
        }
    }
}
