//! Which steps have ended where an expression stands, and whether they surely have an output.

use std::cmp::Ordering;

use expr::{Facts, NameError};

use super::outline::{BlockIx, BlockKind, StepInfo, StepIx};
use super::scope::{Names, error};
use crate::codes;

/// Why a step that can be seen may not have run to its end; `None` if it surely has.
type Doubt = Option<&'static str>;

impl Names {
    /// Whether the step has ended before this place, one way or the other.
    pub(super) fn in_sight(&self, ix: StepIx, info: &StepInfo) -> Result<Doubt, NameError> {
        let mut came: Option<(StepIx, BlockIx)> = None;
        let mut step = info;
        loop {
            if let Some(index) = self.index_in(step.block) {
                return self.compare(ix, info, step, index, came);
            }
            let Some(block) = self.outline.blocks.get(step.block) else { return Ok(None) };
            let Some((outer, owner)) = block.step.and_then(|o| Some((o, self.outline.steps.get(o)?))) else {
                return self.other_part(info, block.kind);
            };
            if matches!(block.kind, BlockKind::Item | BlockKind::Round) {
                return Err(self.repeated(info, outer, owner, block.kind));
            }
            came = Some((outer, step.block));
            step = owner;
        }
    }

    /// The index at which this place stands in a block around it.
    fn index_in(&self, block: BlockIx) -> Option<usize> {
        self.here.iter().rev().find(|(around, _)| *around == block).map(|(_, index)| *index)
    }

    fn compare(
        &self,
        ix: StepIx,
        info: &StepInfo,
        step: &StepInfo,
        index: usize,
        came: Option<(StepIx, BlockIx)>,
    ) -> Result<Doubt, NameError> {
        let id = &info.id;
        let needs = self.outline.blocks.get(step.block).and_then(|b| b.needs.as_ref());
        match (step.index.cmp(&index), needs) {
            (Ordering::Equal, _) if came.is_none() && self.ended == Some(ix) => Ok(None),
            (Ordering::Equal, _) => match came {
                Some((owner, block)) => self.other_block(info, owner, block),
                None if self.current == Some(ix) => {
                    Err(error(codes::NOT_FINISHED, 1, format!("the step `{id}` uses itself"), None))
                }
                None => {
                    let message = format!("the step `{id}` stands around this place and has not ended");
                    Err(error(codes::NOT_FINISHED, 1, message, None))
                }
            },
            (_, Some(needs)) if needs.surely(index, step.index) => Ok(None),
            (_, Some(needs)) if needs.perhaps(index, step.index) => {
                Ok(Some("`join: any` does not wait for all"))
            }
            (_, Some(_)) => {
                let help = format!("add `needs: [{}]`, here or on a step that is needed here", step.id);
                Err(error(
                    codes::NOT_FINISHED,
                    1,
                    format!("nothing here waits for the step `{id}`"),
                    Some(help),
                ))
            }
            (Ordering::Less, None) => Ok(None),
            (Ordering::Greater, None) => {
                let help = "a step can use only what stands above it; move one of the two".to_owned();
                Err(error(codes::NOT_FINISHED, 1, format!("the step `{id}` runs later"), Some(help)))
            }
        }
    }

    /// The step stands in another block of a step around this place.
    fn other_block(&self, info: &StepInfo, owner: StepIx, block: BlockIx) -> Result<Doubt, NameError> {
        if self.closing == Some(owner) {
            return Ok(None);
        }
        let id = &info.id;
        let kind = |block: BlockIx| self.outline.blocks.get(block).map(|b| b.kind);
        let mine = self
            .here
            .iter()
            .rev()
            .map(|(block, _)| *block)
            .find(|block| self.outline.blocks.get(*block).is_some_and(|b| b.step == Some(owner)));
        let (message, help) = match (kind(block), mine.and_then(kind)) {
            (Some(BlockKind::Try), Some(BlockKind::Catch)) => return Ok(Some("the `try` failed somewhere")),
            (_, Some(BlockKind::Cleanup)) => return Ok(Some("`finally` runs whatever happened before")),
            (Some(BlockKind::Branch), _) => (
                format!("the step `{id}` runs at the same time, in another branch"),
                "use it after the `parallel` step, or put both into one branch",
            ),
            (Some(BlockKind::Case), _) => {
                (format!("the step `{id}` belongs to another case"), "only one case of a `switch` runs")
            }
            (Some(BlockKind::Catch), Some(BlockKind::Catch)) => {
                (format!("the step `{id}` belongs to another handler"), "only one handler of a `try` runs")
            }
            _ => (format!("the step `{id}` runs later"), "a step can use only what stands above it"),
        };
        let code = match kind(block) {
            Some(BlockKind::Branch | BlockKind::Case) => codes::OUT_OF_SIGHT,
            Some(BlockKind::Catch) if message.ends_with("handler") => codes::OUT_OF_SIGHT,
            _ => codes::NOT_FINISHED,
        };
        Err(error(code, 1, message, Some(help.to_owned())))
    }

    /// The step stands in another part of the playbook: `steps`, `on_error` or `finally`.
    fn other_part(&self, info: &StepInfo, theirs: BlockKind) -> Result<Doubt, NameError> {
        let mine = self.here.first().and_then(|(block, _)| self.outline.blocks.get(*block)).map(|b| b.kind);
        match (theirs, mine) {
            (BlockKind::Root, Some(BlockKind::OnError)) => Ok(Some("the steps failed somewhere")),
            (BlockKind::Root | BlockKind::OnError, Some(BlockKind::Finally)) => {
                Ok(Some("`finally` runs whatever happened before"))
            }
            _ => {
                let part = if theirs == BlockKind::OnError { "on_error" } else { "finally" };
                let message = format!("the step `{}` stands in `{part}`, which runs later", info.id);
                Err(error(codes::NOT_FINISHED, 1, message, None))
            }
        }
    }

    fn repeated(&self, info: &StepInfo, outer: StepIx, owner: &StepInfo, kind: BlockKind) -> NameError {
        let id = &info.id;
        let (message, help) = if kind == BlockKind::Round {
            (
                format!("the step `{id}` runs once in every round of a loop"),
                format!("pass it on with `next` and use the last state: `steps.{}.output`", owner.id),
            )
        } else {
            let help = if self.types.get(outer).is_some_and(|t| t.output.is_some()) {
                format!("use the loop's list: `steps.{}.output`", owner.id)
            } else {
                format!("give the loop `{}` an `output` and use `steps.{}.output`", owner.id, owner.id)
            };
            (format!("the step `{id}` runs once for every item of a loop"), help)
        };
        error(codes::OUT_OF_SIGHT, 1, message, Some(help))
    }

    /// Why the output of a step may be missing at this place, under these further facts.
    pub(super) fn why_unsure(&self, ix: StepIx, doubt: Doubt, known: &Facts) -> Option<String> {
        let mut next = Some(ix);
        while let Some(step) = next.and_then(|ix| self.outline.steps.get(ix)) {
            if succeeded(&step.id, known) {
                return None;
            }
            let index = self.index_in(step.block);
            if index == Some(step.index) {
                return doubt.map(str::to_owned);
            }
            let who = if next == Some(ix) { "it".to_owned() } else { format!("`{}` around it", step.id) };
            if step.may_fail {
                return Some(format!("{who} has `on_error: continue`"));
            }
            if step.condition.as_ref().is_some_and(|c| known.decide(c) != Some(true)) {
                return Some(format!("{who} has an `if`"));
            }
            let block = self.outline.blocks.get(step.block)?;
            if self.may_be_skipped(step.block, step.index, known) {
                return Some(format!("{who} is skipped if nothing that it needs succeeds"));
            }
            if index.is_none_or(|index| index == usize::MAX)
                && let Some(gate) = self.gate_before(step, known)
            {
                return Some(format!("a rejection of `{}` ends the steps before {who}", gate.id));
            }
            if index.is_some() {
                return doubt.map(str::to_owned);
            }
            let owner = block.step.and_then(|o| self.outline.steps.get(o));
            if doubt.is_some() && owner.is_some_and(|o| self.index_in(o.block) == Some(o.index)) {
                return doubt.map(str::to_owned);
            }
            match block.kind {
                BlockKind::Case => return Some("it stands in a case of a `switch`".to_owned()),
                BlockKind::Catch => return Some("it stands in a handler of a `try`".to_owned()),
                BlockKind::Try if owner.is_some_and(|o| o.catches && self.closing != block.step) => {
                    return Some("the `try` around it may have caught a failure before it".to_owned());
                }
                _ => {}
            }
            next = block.step;
        }
        doubt.map(str::to_owned)
    }

    /// An approval that may have ended the steps of a block before one of them.
    fn gate_before(&self, step: &StepInfo, known: &Facts) -> Option<&StepInfo> {
        let block = self.outline.blocks.get(step.block)?;
        let gates = block.gates.iter().filter_map(|ix| self.outline.steps.get(*ix));
        gates.into_iter().find(|gate| {
            let earlier = match block.needs {
                Some(_) => gate.index != step.index,
                None => gate.index < step.index,
            };
            let approved = || known.equals(&["steps", &gate.id, "output", "decision"], "approved");
            earlier && !gate.gate.survives_rejection && !approved()
        })
    }

    /// A step with `join: any` of whose needs none surely succeeds.
    fn may_be_skipped(&self, block: BlockIx, index: usize, known: &Facts) -> bool {
        let Some(needs) = self.outline.blocks.get(block).and_then(|b| b.needs.as_ref()) else { return false };
        if !needs.is_any(index) {
            return false;
        }
        let sure = |need: &usize| {
            let step = self.outline.steps.iter().find(|s| s.block == block && s.index == *need);
            step.is_some_and(|s| {
                let certain = !s.may_fail
                    && !needs.is_any(*need)
                    && s.condition.as_ref().is_none_or(|c| known.decide(c) == Some(true));
                certain || succeeded(&s.id, known)
            })
        };
        !needs.direct.get(index).is_some_and(|direct| direct.iter().any(sure))
    }
}

/// Whether the facts prove that a step succeeded.
fn succeeded(id: &str, known: &Facts) -> bool {
    !known.is_empty() && known.equals(&["steps", id, "status"], "succeeded")
}
