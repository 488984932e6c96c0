//! The tree of a parsed expression.
//!
//! Chains are flat (`a + b + c` is one node with three operands, `a.b.c()` one node with three parts), so the
//! depth of the tree, and of every recursion over it, is bounded by the nesting of brackets and not by the
//! length of the text.

use crate::functions::{Function, Pattern};
use crate::source::Span;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    /// A free name and the members that follow it, as far as they are known without evaluating.
    Path(Vec<Segment>),
    /// A variable of a macro, by its position counted from the outermost one.
    Local(usize),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Operators of one precedence, from left to right.
    Chain(Box<Node>, Vec<(Operator, Span, Node)>),
    /// `a ? b : c ? d : e`: conditions with their results, then the last result.
    Choose(Vec<(Node, Node)>, Box<Node>),
    /// `has(a.b)`: the node in front and the member asked for.
    Has(Box<Node>, Segment),
    Call(Call),
    /// A value and what is done to it from left to right.
    Member(Box<Node>, Vec<Part>),
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Part {
    /// `.name` or `.?name`; after the first `.?` every part of the chain is optional, as in CEL.
    Field {
        segment: Segment,
        optional: bool,
    },
    /// `[index]` or `[?index]`.
    Index {
        index: Node,
        span: Span,
        optional: bool,
    },
    Method(Call),
    Macro(Macro),
    /// `.orValue(default)`: ends an optional chain.
    OrValue(Node),
    /// `.hasValue()`: ends an optional chain.
    HasValue,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    /// `None` if nothing has this name; the checker says so, and evaluation fails.
    pub(crate) function: Option<&'static Function>,
    pub(crate) args: Vec<Node>,
    /// The compiled pattern of `matches` if it is a literal.
    pub(crate) pattern: Option<Pattern>,
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) kind: MacroKind,
    pub(crate) span: Span,
    /// Of `map(x, condition, value)`: which elements are taken.
    pub(crate) condition: Option<Node>,
    pub(crate) body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    SortBy,
}

impl MacroKind {
    pub(crate) const ALL: [(&'static str, MacroKind); 6] = [
        ("all", MacroKind::All),
        ("exists", MacroKind::Exists),
        ("exists_one", MacroKind::ExistsOne),
        ("map", MacroKind::Map),
        ("filter", MacroKind::Filter),
        ("sortBy", MacroKind::SortBy),
    ];

    pub(crate) fn by_name(name: &str) -> Option<MacroKind> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, kind)| *kind)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("macro", |(n, _)| n)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(crate) fn compares(self) -> bool {
        use Operator::{Equal, Greater, GreaterEqual, In, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | In)
    }

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }
}
