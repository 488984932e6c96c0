//! Many items over several requests, without losing what the earlier ones came to.

use std::future::Future;

use exchange::port::PerItem;
use exchange::{Error, ErrorKind};

/// Calls `one` for so many items at a time. If the first request fails, so does the whole; if a later one
/// does, its items carry its error and the rest is not tried, because what the earlier ones did must be
/// known.
pub(crate) async fn run<'a, I, T, F>(
    items: &'a [I],
    size: usize,
    one: impl Fn(&'a [I]) -> F,
) -> Result<PerItem<T>, Error>
where
    F: Future<Output = Result<PerItem<T>, Error>>,
{
    let mut all = Vec::with_capacity(items.len());
    for chunk in items.chunks(size) {
        match one(chunk).await {
            Ok(results) => all.extend(results),
            Err(error) if all.is_empty() => return Err(error),
            Err(error) => {
                all.extend(chunk.iter().map(|_| Err(error.clone())));
                let rest = items.len() - all.len();
                all.extend((0..rest).map(|_| Err(not_tried(&error))));
                break;
            }
        }
    }
    Ok(all)
}

/// The error of an item whose request was never sent.
fn not_tried(cause: &Error) -> Error {
    let kind = if cause.kind == ErrorKind::Unknown { ErrorKind::Transient } else { cause.kind };
    Error::new(kind, format!("not tried, because an earlier request failed: {}", cause.message))
        .with_retry_after(cause.retry_after)
}
