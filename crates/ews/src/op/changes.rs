//! What a synchronisation answers with, of items as of folders: changes, whether that was all, and a new state.

use std::future::Future;

use crate::answer::Message;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::xml::{Pull, Reader};

/// One change.
pub(crate) trait Change: Sized + Send {
    /// The element that says whether these were all.
    const ALL: &'static str;

    /// Reads it; a kind of a later version is passed over.
    fn read<P: Pull>(reader: &mut Reader<P>) -> impl Future<Output = Result<Option<Self>, Failure>> + Send;
}

/// The changes after a state.
pub(crate) struct Changes<C> {
    pub(crate) state: String,
    pub(crate) complete: bool,
    pub(crate) changes: Vec<C>,
}

/// Reads the changes after the state `before`. A server that has more, and stays where it was, would be asked for ever.
pub(crate) async fn changes<P: Pull, C: Change>(
    reader: &mut Reader<P>,
    before: Option<&str>,
    operation: &'static str,
) -> Result<Changes<C>, Failure> {
    let mut found = None;
    while reader.child().await? {
        if found.is_some() {
            return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
        }
        let mut message = Message::begin(reader);
        let (mut complete, mut changes, mut state) = (false, Vec::new(), None);
        while reader.child().await? {
            match reader.name() {
                b"SyncState" => state = Some(reader.text().await?),
                name if name == C::ALL.as_bytes() => complete = reader.boolean(C::ALL).await?,
                b"Changes" => {
                    while reader.child().await? {
                        changes.extend(C::read(reader).await?);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        message.finish(operation, Effect::Reads)?;
        let state: String = state.ok_or_else(|| reader.error(Reason::Missing("SyncState")))?;
        if !complete && before == Some(state.as_str()) {
            return Err(reader.error(Reason::Paging));
        }
        found = Some(Changes { state, complete, changes });
    }
    found.ok_or_else(|| reader.error(Reason::Missing("SyncState")))
}
