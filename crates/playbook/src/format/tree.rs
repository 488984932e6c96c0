//! A playbook as it is written: keys in order, comments where they stand, scalars in their own spelling.
//!
//! The tree of the checker has values and no spelling; this one has spelling and no values. What belongs to what
//! is decided here once, by columns: a comment line belongs to what follows it, unless it is indented at least as
//! deep as a block that ends before it; then it is the end of that block.

/// A line that holds no value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Blank,
    /// With its `#`, and the column it stands in.
    Comment(String, usize),
}

/// A mapping or list over several lines.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) entries: Vec<Entry>,
    /// Comments at its end.
    pub(super) tail: Vec<Line>,
}

/// A key with its value, or an item of a list.
#[derive(Debug)]
pub(super) struct Entry {
    /// Comments and blank lines before it.
    pub(super) lead: Vec<Line>,
    /// As it is written; `None` for an item.
    pub(super) key: Option<String>,
    /// The comment on its own line, or behind its value.
    pub(super) comment: Option<String>,
    pub(super) value: Node,
}

#[derive(Debug)]
pub(super) enum Node {
    /// Nothing written.
    Empty,
    Block(Block),
    Flow(Flow),
    /// One line between quotes, quotes included.
    Quoted(String),
    /// Plain text, and whatever else is kept line by line. Lines after the first have their indentation less that
    /// of the least indented one.
    Lines(Vec<String>),
    /// `|` or `>`.
    Literal(Literal),
}

#[derive(Debug)]
pub(super) struct Literal {
    /// `|`, `>-`, `|2+`.
    pub(super) header: String,
    /// The indentation that the header gives.
    pub(super) digit: Option<usize>,
    /// Without their indentation.
    pub(super) lines: Vec<String>,
}

/// A value between brackets on one or more lines, without comments; quotes in their canonical form.
#[derive(Debug)]
pub(super) enum Flow {
    List(Vec<Flow>),
    Map(Vec<(String, Flow)>),
    Plain(String),
    Quoted(String),
}
