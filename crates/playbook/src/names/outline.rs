//! Where every step stands: the tree of blocks, read before anything is checked.
//!
//! Read first because a message about a step that runs later needs to know that there is one. Reads only what
//! it needs and says nothing about mistakes; the lowering does.

use std::collections::HashMap;

use super::facts;
use crate::source::tree::{Entry, Id, Kind, Node};

/// Index of a step, in file order.
pub(crate) type StepIx = usize;
/// Index of a block.
pub(crate) type BlockIx = usize;

/// A list of steps.
#[derive(Debug)]
pub(crate) struct Block {
    /// The step it belongs to; `None` for the playbook itself.
    pub(crate) step: Option<StepIx>,
    pub(crate) kind: BlockKind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum BlockKind {
    Root,
    Item,
    /// The `do` of a case: runs only sometimes.
    Case,
    Branch,
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
    /// The parts of its `if`.
    pub(crate) condition: Vec<String>,
    /// `on_error: continue`.
    pub(crate) may_fail: bool,
    /// What an approval binds itself to.
    pub(crate) shows: Vec<String>,
    /// `on_reject: continue`.
    pub(crate) survives_rejection: bool,
}

/// The verbs of the language.
pub(crate) const VERBS: [&str; 8] =
    ["uses", "set", "foreach", "switch", "parallel", "approve", "return", "fail"];

#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) steps: Vec<StepInfo>,
    pub(crate) blocks: Vec<Block>,
    by_id: HashMap<String, StepIx>,
    by_node: HashMap<Id, StepIx>,
}

fn field<'n>(entries: &'n [Entry], name: &str) -> Option<&'n Node> {
    entries.iter().find(|e| e.key.text == name).map(|e| &e.value)
}

impl Outline {
    /// Reads the `steps` of a playbook.
    pub(crate) fn new(steps: Option<&Node>) -> Self {
        let mut outline = Outline::default();
        outline.blocks.push(Block { step: None, kind: BlockKind::Root });
        if let Some(steps) = steps {
            outline.block(0, steps);
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

    /// The blocks around a place, innermost first, each with the index at which the place stands in it.
    pub(crate) fn around(&self, block: BlockIx, index: usize) -> Vec<(BlockIx, usize)> {
        let mut found = vec![(block, index)];
        let mut next = self.blocks.get(block).and_then(|b| b.step);
        while let Some(step) = next.and_then(|ix| self.steps.get(ix)) {
            found.push((step.block, step.index));
            next = self.blocks.get(step.block).and_then(|b| b.step);
        }
        found
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

    fn block(&mut self, block: BlockIx, steps: &Node) {
        let Kind::List(items) = &steps.kind else { return };
        for (index, node) in items.iter().enumerate() {
            let Kind::Map(entries) = &node.kind else { continue };
            self.step(block, index, node.id, entries);
        }
    }

    fn step(&mut self, block: BlockIx, index: usize, node: Id, entries: &[Entry]) {
        let ix = self.steps.len();
        let id = field(entries, "id").and_then(|n| n.text().map(|text| (text.to_owned(), n.id)));
        let verb = VERBS.into_iter().find(|verb| field(entries, verb).is_some()).unwrap_or("");
        let is = |name: &str, word: &str| field(entries, name).and_then(Node::text) == Some(word);
        let approve = match field(entries, "approve").map(|n| &n.kind) {
            Some(Kind::Map(inner)) => inner.as_slice(),
            _ => &[],
        };
        let (id, at) = id.unwrap_or((String::new(), node));
        if !id.is_empty() {
            self.by_id.entry(id.clone()).or_insert(ix);
        }
        self.by_node.insert(node, ix);
        self.steps.push(StepInfo {
            id,
            at,
            block,
            index,
            verb,
            condition: field(entries, "if").and_then(Node::text).map(facts::of_template).unwrap_or_default(),
            may_fail: is("on_error", "continue"),
            shows: field(approve, "shows").map(texts).unwrap_or_default(),
            survives_rejection: field(approve, "on_reject").and_then(Node::text) == Some("continue"),
        });
        self.inner_blocks(ix, verb, entries);
    }

    fn inner_blocks(&mut self, ix: StepIx, verb: &str, entries: &[Entry]) {
        let inner: Vec<(BlockKind, &Node)> = match (verb, field(entries, verb).map(|n| &n.kind)) {
            ("foreach", _) => field(entries, "do").map(|n| (BlockKind::Item, n)).into_iter().collect(),
            ("switch", Some(Kind::List(cases))) => cases
                .iter()
                .filter_map(|case| match &case.kind {
                    Kind::Map(case) => field(case, "do").or_else(|| field(case, "default")),
                    _ => None,
                })
                .map(|n| (BlockKind::Case, n))
                .collect(),
            ("parallel", Some(Kind::Map(branches))) => {
                branches.iter().map(|branch| (BlockKind::Branch, &branch.value)).collect()
            }
            _ => Vec::new(),
        };
        for (kind, node) in inner {
            let block = self.blocks.len();
            self.blocks.push(Block { step: Some(ix), kind });
            self.by_node.insert(node.id, block);
            self.block(block, node);
        }
    }

    /// The block whose list of steps is this node.
    pub(crate) fn block_of(&self, node: Id) -> Option<BlockIx> {
        self.by_node.get(&node).copied()
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

fn texts(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|n| n.text().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
