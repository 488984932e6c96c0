//! The drawing before it has a form: boxes, what stands inside them, and arrows between neighbours.
//!
//! A playbook is made of blocks, so an arrow always joins two things of the same block: every format (and the
//! layout) can work block by block. Positions, escaping and colours are the formats' own.

/// A whole drawing.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The playbook's name.
    pub(crate) title: String,
    /// What it is for, if it says so.
    pub(crate) id: String,
    /// Boxes and arrows at the outermost level.
    pub(crate) inside: Inside,
}

/// Boxes of one block and the arrows between them.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// In program order.
    pub(crate) items: Vec<Item>,
    /// Between those.
    pub(crate) edges: Vec<Edge>,
    /// The words on the arrow from the last item back to the first, if it is a loop.
    pub(crate) back: Option<&'static str>,
}

/// A box, or a frame around other boxes.
#[derive(Debug)]
pub(crate) struct Item {
    /// The step it stands for. A start, an end, or a lane of a block stands for none.
    pub(crate) step: Option<String>,
    /// What it does.
    pub(crate) kind: Kind,
    /// What people read first.
    pub(crate) title: String,
    /// What they read next.
    pub(crate) lines: Vec<Line>,
    /// Everything, for whoever points at it.
    pub(crate) about: String,
    /// Whether a condition may skip it.
    pub(crate) optional: bool,
    /// What stands inside.
    pub(crate) inside: Option<Inside>,
}

/// A line of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// How it is written.
    pub(crate) style: LineStyle,
    /// The words.
    pub(crate) text: String,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineStyle {
    /// The condition under which the step runs.
    Condition,
    /// Something of the playbook's own text: an action, an expression.
    Code,
    /// Our words.
    Note,
}

/// An arrow.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Index of an item of the same block.
    pub(crate) from: usize,
    /// Index of an item of the same block.
    pub(crate) to: usize,
    /// Words on it; empty for what goes without saying.
    pub(crate) label: String,
    /// When it is taken.
    pub(crate) kind: EdgeKind,
}

/// When an arrow is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// In the ordinary course.
    Flow,
    /// When something failed.
    Failure,
    /// In any case.
    Always,
}

/// What a box does; each has its own colour and its own picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Where a run begins.
    Start,
    /// Where it ends by itself.
    End,
    /// A call that reads.
    Enrichment,
    /// A call that changes.
    Containment,
    /// A call that sends.
    Notification,
    /// A call that touches only the trigger's own mail.
    Internal,
    /// Computes.
    Compute,
    /// Waits for a person.
    Person,
    /// Waits for a time or an event.
    Wait,
    /// Fails unless something holds.
    Assert,
    /// Ends the run as succeeded.
    Return,
    /// Ends the run as failed.
    Fail,
    /// Another playbook.
    Playbook,
    /// `foreach` and `while`.
    Loop,
    /// `switch`.
    Switch,
    /// `parallel`.
    Parallel,
    /// `dag`.
    Dag,
    /// `try`.
    Try,
    /// One way through a block: a case, a branch, a handler.
    Lane,
}

impl Kind {
    /// The name of the class in the drawing.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::End => "end",
            Kind::Enrichment => "enrichment",
            Kind::Containment => "containment",
            Kind::Notification => "notification",
            Kind::Internal => "internal",
            Kind::Compute => "compute",
            Kind::Person => "person",
            Kind::Wait => "wait",
            Kind::Assert => "assert",
            Kind::Return => "return",
            Kind::Fail => "fail",
            Kind::Playbook => "playbook",
            Kind::Loop => "loop",
            Kind::Switch => "switch",
            Kind::Parallel => "parallel",
            Kind::Dag => "dag",
            Kind::Try => "try",
            Kind::Lane => "lane",
        }
    }
}

impl Item {
    /// A box without a step: a start, an end, a lane.
    pub(crate) fn plain(kind: Kind, title: impl Into<String>) -> Self {
        let title = title.into();
        Item {
            step: None,
            kind,
            about: title.clone(),
            title,
            lines: Vec::new(),
            optional: false,
            inside: None,
        }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, style: LineStyle, text: impl Into<String>) {
        self.lines.push(Line { style, text: text.into() });
    }
}

impl Inside {
    /// Adds an item and says where it is.
    pub(crate) fn push(&mut self, item: Item) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    /// Joins two items.
    pub(crate) fn join(&mut self, from: usize, to: usize, label: impl Into<String>, kind: EdgeKind) {
        self.edges.push(Edge { from, to, label: label.into(), kind });
    }
}
