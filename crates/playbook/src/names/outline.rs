//! Where every step stands: the tree of blocks, read before anything is checked.
//!
//! Read first because a message about a step that runs later needs to know that there is one. Reads only what
//! it needs and says nothing about mistakes; the lowering does.

use std::collections::HashMap;

use expr::Expr;

use super::needs::Needs;
use crate::source::tree::{Entry, Id, Kind, Node};

/// Index of a step, in file order.
pub(crate) type StepIx = usize;
/// Index of a block.
pub(crate) type BlockIx = usize;
/// A block and the index of a step in it. Behind the last step it is `usize::MAX`.
pub(crate) type Place = (BlockIx, usize);

/// A list of steps.
#[derive(Debug)]
pub(crate) struct Block {
    /// The step it belongs to; `None` for those of the playbook itself.
    pub(crate) step: Option<StepIx>,
    pub(crate) kind: BlockKind,
    /// The approvals directly in it.
    pub(crate) gates: Vec<StepIx>,
    /// The order of a `dag`; everywhere else steps run as they stand.
    pub(crate) needs: Option<Needs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// The `steps` of the playbook.
    Root,
    /// The `on_error` of the playbook.
    OnError,
    /// The `finally` of the playbook.
    Finally,
    /// Runs once for every item.
    Item,
    /// Runs once in every round.
    Round,
    /// The `do` of a case: runs only sometimes.
    Case,
    Branch,
    Dag,
    Try,
    Catch,
    /// The `finally` of a `try`.
    Cleanup,
}

/// What an approval is bound to, and what it is worth.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) shows: Vec<String>,
    /// `on_reject: continue`.
    pub(crate) survives_rejection: bool,
    /// `on_timeout: approve`, also behind an escalation.
    pub(crate) approves_itself: bool,
}

/// One step as far as names go.
#[derive(Debug)]
pub(crate) struct StepInfo {
    pub(crate) id: String,
    /// The node of the id, or of the step if it has none.
    pub(crate) at: Id,
    pub(crate) block: BlockIx,
    pub(crate) index: usize,
    /// The verb, `""` if there is none.
    pub(crate) verb: &'static str,
    /// Its `if`, once that has been checked and found usable.
    pub(crate) condition: Option<Expr>,
    /// `on_error: continue`.
    pub(crate) may_fail: bool,
    /// A `try` with handlers: its own steps may have been left in the middle.
    pub(crate) catches: bool,
    /// Of an approval.
    pub(crate) gate: Gate,
}

/// The verbs of the language.
pub(crate) const VERBS: [&str; 15] = [
    "uses", "set", "parallel", "dag", "foreach", "while", "switch", "try", "call", "approve", "ask", "wait",
    "assert", "return", "fail",
];

#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) steps: Vec<StepInfo>,
    pub(crate) blocks: Vec<Block>,
    /// Every approval.
    pub(crate) gates: Vec<StepIx>,
    by_id: HashMap<String, StepIx>,
    /// Steps by their node, blocks by the node of their list.
    by_node: HashMap<Id, usize>,
}

pub(super) fn field<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Node> {
    entries.iter().find(|e| e.key.text == name).map(|e| &e.value)
}

pub(super) fn entries(node: Option<&Node>) -> &[Entry] {
    match node.map(|n| &n.kind) {
        Some(Kind::Map(entries)) => entries,
        _ => &[],
    }
}

impl Outline {
    /// Reads the blocks of a playbook.
    pub(crate) fn new(top: &[Entry]) -> Self {
        let mut outline = Outline::default();
        for (key, kind) in
            [("steps", BlockKind::Root), ("on_error", BlockKind::OnError), ("finally", BlockKind::Finally)]
        {
            if let Some(steps) = field(top, key) {
                outline.block(None, kind, steps);
            } else if kind == BlockKind::Root {
                outline.blocks.push(Block { step: None, kind, gates: Vec::new(), needs: None });
            }
        }
        outline.name_the_rest();
        outline
    }

    /// The step with this id.
    pub(crate) fn find(&self, id: &str) -> Option<StepIx> {
        self.by_id.get(id).copied()
    }

    /// The step this node is.
    pub(crate) fn of_node(&self, node: Id) -> Option<StepIx> {
        self.by_node.get(&node).copied()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|s| !s.id.starts_with('_')).map(|s| s.id.as_str())
    }

    /// The blocks around a step, innermost first, each with the index at which it stands there.
    pub(crate) fn around(&self, step: StepIx) -> Vec<Place> {
        let mut found = Vec::new();
        let mut next = Some(step);
        while let Some(step) = next.and_then(|ix| self.steps.get(ix)) {
            found.push((step.block, step.index));
            next = self.blocks.get(step.block).and_then(|b| b.step);
        }
        found
    }

    /// Whether a step has surely ended, or been skipped, before a place; `here` is what stands around the place.
    pub(crate) fn ended_before(&self, step: StepIx, here: &[Place]) -> bool {
        self.compare(step, here, |needs, mine, theirs| match needs {
            Some(needs) => needs.surely(theirs, mine),
            None => mine < theirs,
        })
    }

    /// Whether a step begins only after a place has been passed.
    pub(crate) fn follows(&self, step: StepIx, here: &[Place]) -> bool {
        self.compare(step, here, |needs, mine, theirs| match needs {
            Some(needs) => needs.surely(mine, theirs),
            None => mine > theirs,
        })
    }

    fn compare(
        &self,
        step: StepIx,
        here: &[Place],
        test: impl Fn(Option<&Needs>, usize, usize) -> bool,
    ) -> bool {
        let mut next = Some(step);
        while let Some(info) = next.and_then(|ix| self.steps.get(ix)) {
            let block = self.blocks.get(info.block);
            if let Some((_, theirs)) = here.iter().find(|(block, _)| *block == info.block) {
                return test(block.and_then(|b| b.needs.as_ref()), info.index, *theirs);
            }
            next = block.and_then(|b| b.step);
        }
        false
    }

    /// Whether a step is `outer` or stands inside of it.
    pub(crate) fn is_inside(&self, step: StepIx, outer: StepIx) -> bool {
        let mut next = Some(step);
        while let Some(ix) = next {
            if ix == outer {
                return true;
            }
            next = self.steps.get(ix).and_then(|s| self.blocks.get(s.block)).and_then(|b| b.step);
        }
        false
    }

    /// Whether a step calls something, or one inside of it does.
    pub(crate) fn acts(&self, step: StepIx) -> bool {
        let rest = self.steps.get(step..).unwrap_or_default().iter().enumerate();
        rest.take_while(|(offset, _)| self.is_inside(step + offset, step))
            .any(|(_, inner)| matches!(inner.verb, "uses" | "call"))
    }

    /// Whether a place stands in a loop.
    pub(crate) fn in_loop(&self, here: &[Place]) -> bool {
        self.any_block(here, |kind| matches!(kind, BlockKind::Item | BlockKind::Round))
    }

    /// Whether there is a block of such a kind around a place.
    pub(crate) fn any_block(&self, here: &[Place], test: impl Fn(BlockKind) -> bool) -> bool {
        here.iter().filter_map(|(block, _)| self.blocks.get(*block)).any(|b| test(b.kind))
    }

    fn block(&mut self, step: Option<StepIx>, kind: BlockKind, node: &Node) {
        let block = self.blocks.len();
        let needs = (kind == BlockKind::Dag).then(|| Needs::read(node));
        self.blocks.push(Block { step, kind, gates: Vec::new(), needs });
        self.by_node.insert(node.id, block);
        let Kind::List(items) = &node.kind else { return };
        for (index, node) in items.iter().enumerate() {
            let Kind::Map(entries) = &node.kind else { continue };
            self.step(block, index, node.id, entries);
        }
    }

    fn step(&mut self, block: BlockIx, index: usize, node: Id, entries: &[Entry]) {
        let ix = self.steps.len();
        let id = field(entries, "id").and_then(|n| n.text().map(|text| (text.to_owned(), n.id)));
        let verb = VERBS.into_iter().find(|verb| field(entries, verb).is_some()).unwrap_or("");
        let (id, at) = id.unwrap_or((String::new(), node));
        if !id.is_empty() {
            self.by_id.entry(id.clone()).or_insert(ix);
        }
        self.by_node.insert(node, ix);
        if verb == "approve"
            && let Some(block) = self.blocks.get_mut(block)
        {
            block.gates.push(ix);
            self.gates.push(ix);
        }
        self.steps.push(StepInfo {
            id,
            at,
            block,
            index,
            verb,
            condition: None,
            may_fail: field(entries, "on_error").and_then(Node::text) == Some("continue"),
            catches: field(entries, "catch").is_some(),
            gate: gate(self::entries(field(entries, "approve"))),
        });
        for (kind, node) in inner_blocks(verb, entries) {
            self.block(Some(ix), kind, node);
        }
    }

    /// The block whose list of steps is this node.
    pub(crate) fn block_of(&self, node: Id) -> Option<BlockIx> {
        self.by_node.get(&node).copied()
    }

    /// The block of the playbook itself of this kind.
    pub(crate) fn top_block(&self, kind: BlockKind) -> Option<BlockIx> {
        self.blocks.iter().position(|b| b.step.is_none() && b.kind == kind)
    }

    /// Steps without an id get one that no author can write: journals and paths need a name.
    fn name_the_rest(&mut self) {
        for (ix, step) in self.steps.iter_mut().enumerate() {
            if step.id.is_empty() {
                let verb = if step.verb.is_empty() { "step" } else { step.verb };
                step.id = format!("_{verb}{}", ix + 1);
            }
        }
    }
}

fn inner_blocks<'n>(verb: &str, all: &'n [Entry]) -> Vec<(BlockKind, &'n Node)> {
    let own = field(all, verb);
    let list = |node: Option<&'n Node>| match node.map(|n| &n.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    let inside = |node: &'n Node, key: &str| field(entries(Some(node)), key);
    match verb {
        "foreach" => field(all, "do").map(|n| (BlockKind::Item, n)).into_iter().collect(),
        "while" => field(all, "do").map(|n| (BlockKind::Round, n)).into_iter().collect(),
        "switch" => list(own)
            .iter()
            .filter_map(|case| {
                let default = inside(case, "default");
                inside(case, "do").or_else(|| default.and_then(|d| inside(d, "do"))).or(default)
            })
            .map(|n| (BlockKind::Case, n))
            .collect(),
        "parallel" => entries(own).iter().map(|branch| (BlockKind::Branch, &branch.value)).collect(),
        "dag" => own.map(|n| (BlockKind::Dag, n)).into_iter().collect(),
        "try" => {
            let body = own.map(|n| (BlockKind::Try, n));
            let catches = list(field(all, "catch")).iter().filter_map(|c| inside(c, "do"));
            let cleanup = field(all, "finally").map(|n| (BlockKind::Cleanup, n));
            body.into_iter().chain(catches.map(|n| (BlockKind::Catch, n))).chain(cleanup).collect()
        }
        _ => Vec::new(),
    }
}

fn gate(approve: &[Entry]) -> Gate {
    let is = |all: &[Entry], key: &str, word: &str| field(all, key).and_then(Node::text) == Some(word);
    // However often it is handed on.
    let mut rounds =
        std::iter::successors(Some(approve), |round| field(round, "escalate").map(|n| entries(Some(n))));
    Gate {
        shows: field(approve, "shows").map(texts).unwrap_or_default(),
        survives_rejection: is(approve, "on_reject", "continue"),
        approves_itself: rounds.any(|round| is(round, "on_timeout", "approve")),
    }
}

pub(super) fn texts(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|n| n.text().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
