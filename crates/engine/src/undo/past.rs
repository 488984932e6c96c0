//! What earlier undos of a run took back, and what was made again since.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use journal::{Event as Happened, OpId, OriginKind, Query, RunId};

use crate::{Engine, EngineError};

/// An undo of an undo of an undo: nobody means more than this.
const DEEPEST: u32 = 32;

/// Nobody takes a run back more often.
const MOST: usize = 100_000;

/// What became of an effect.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// The run that took it back.
    pub(crate) by: RunId,
    /// The run that took the taking back back.
    pub(crate) again: Option<RunId>,
}

impl Engine {
    /// The effects of a run that were taken back, by the id of the step that did it.
    ///
    /// # Errors
    /// An undo is not over yet.
    pub(crate) fn taken_back<'a>(
        &'a self,
        run: &'a RunId,
        depth: u32,
    ) -> BoxFuture<'a, Result<BTreeMap<String, Taken>, EngineError>> {
        async move {
            let mut taken = BTreeMap::new();
            if depth > DEEPEST {
                return Ok(taken);
            }
            let query = Query { origin: Some(run.clone()), ..Query::newest(MOST) };
            for made in self.inner.journal.list(&query).await? {
                if !made.origin.as_ref().is_some_and(|origin| origin.kind == OriginKind::Undo) {
                    continue;
                }
                if !made.status.is_final() {
                    return Err(EngineError::NotOver { run: made.run });
                }
                self.gather(&made.run, depth, &mut taken).await?;
            }
            Ok(taken)
        }
        .boxed()
    }

    /// Adds what one undo took back, and whatever did that undo again.
    async fn gather(
        &self,
        undo: &RunId,
        depth: u32,
        taken: &mut BTreeMap<String, Taken>,
    ) -> Result<(), EngineError> {
        let stored = self.load(undo).await?;
        let redone = self.taken_back(undo, depth + 1).await?;
        let mut steps: BTreeMap<OpId, &str> = BTreeMap::new();
        for record in &stored.records {
            match &record.event {
                Happened::Performing { op, path, .. } => {
                    steps.insert(*op, path.as_str());
                }
                Happened::Performed { op, reused: None, .. } => {
                    let Some(step) = steps.get(op) else { continue };
                    let again = redone.get(&super::script::step_id(*op, None)).map(|taken| taken.by.clone());
                    taken.insert((*step).to_owned(), Taken { by: undo.clone(), again });
                }
                _ => {}
            }
        }
        let query = Query { origin: Some(undo.clone()), ..Query::newest(MOST) };
        for made in self.inner.journal.list(&query).await? {
            if made.origin.as_ref().is_some_and(|origin| origin.kind == OriginKind::Rerun) {
                if !made.status.is_final() {
                    return Err(EngineError::NotOver { run: made.run });
                }
                Box::pin(self.gather(&made.run, depth + 1, taken)).await?;
            }
        }
        Ok(())
    }
}
