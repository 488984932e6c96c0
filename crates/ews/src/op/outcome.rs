//! What an operation that makes or changes items answers with: one response message per item.

use std::collections::{HashMap, HashSet};

use exchange::{Error, ErrorKind, ItemRef};

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::item::Item;
use crate::malformed::Reason;
use crate::xml::{Pull, Reader};

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// The item as it is now; none where the server keeps no copy, or does not say.
    pub(crate) reference: Option<ItemRef>,
    /// How many properties were changed by somebody else at the same time.
    pub(crate) conflicts: u32,
}

/// Reads one outcome per item that was asked about. Two results for one item, or one at the place of another, make
/// the whole answer unusable. Of items that are only being made, `asked` is empty ids.
pub(crate) async fn outcomes<P: Pull>(
    reader: &mut Reader<P>,
    asked: &[&str],
    operation: &'static str,
) -> Result<Vec<Result<Outcome, Error>>, Failure> {
    let places: HashMap<&str, usize> = asked.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut results = Results::new(asked.len());
    let mut seen = HashSet::new();
    while reader.child().await? {
        let place = results.place(reader)?;
        let mut message = Message::begin(reader);
        let mut outcome = Outcome::default();
        while reader.child().await? {
            match reader.name() {
                b"Items" => {
                    while reader.child().await? {
                        // An answer to an invitation gives the calendar item and then where the invitation went.
                        let reference = Item::read(reader, None).await?.reference;
                        outcome.reference = outcome.reference.or(reference);
                    }
                }
                b"ConflictResults" => {
                    while reader.child().await? {
                        outcome.conflicts = reader.text().await?.trim().parse().unwrap_or(0);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        if let Some(ItemRef { id, .. }) = &outcome.reference {
            let elsewhere = places.get(id.as_str()).is_some_and(|asked| *asked != place);
            if elsewhere || !seen.insert(id.clone()) {
                return Err(reader.error(Reason::OtherItem(place + 1)));
            }
        }
        results.push(message.finish(operation, Effect::Changes).map(|()| outcome));
    }
    results.finish(reader)
}

/// Reads one new reference per item that was changed.
pub(crate) async fn references<P: Pull>(
    reader: &mut Reader<P>,
    asked: &[ItemRef],
    operation: &'static str,
) -> Result<Vec<Result<ItemRef, Error>>, Failure> {
    let ids: Vec<&str> = asked.iter().map(|item| item.id.as_str()).collect();
    let all = outcomes(reader, &ids, operation).await?;
    Ok(all
        .into_iter()
        .map(|one| one.and_then(|outcome| outcome.reference.ok_or_else(|| no_id(operation))))
        .collect())
}

/// It is done, and nobody knows what the item is called now.
pub(crate) fn no_id(operation: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("{operation}: it is done, but the server gave no new id; search for the message to go on"),
    )
}
