//! One text for expressions that say the same: without blanks and needless brackets, with one sort of quotes.
//!
//! Only for comparing conditions with each other, so it need not be an expression again. What it does not see as the
//! same costs a proof and nothing else.

use crate::ast::{Call, Kind, Node, Operator, Part};
use std::fmt::Write;

/// The normal form of a node.
pub(super) fn of(node: &Node) -> String {
    let mut out = String::new();
    put(node, &mut out);
    out
}

// Writing to a string cannot fail, so results of `write!` are dropped.
fn put(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(b) => drop(write!(out, "{b}")),
        Kind::Int(int) => drop(write!(out, "{int}")),
        Kind::Double(double) => drop(write!(out, "{double:?}")),
        Kind::Text(text) => drop(write!(out, "{text:?}")),
        Kind::Path(path) => {
            for segment in path {
                let _ = write!(out, ".{:?}", segment.name);
            }
        }
        Kind::Local(slot) => drop(write!(out, "#{slot}")),
        Kind::List(items) => {
            out.push('[');
            each(items, ",", out);
            out.push(']');
        }
        Kind::Map(entries) => {
            out.push('{');
            for (key, value) in entries {
                put(key, out);
                out.push(':');
                put(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Kind::Not(inner) => prefixed("!", inner, out),
        Kind::Negate(inner) => prefixed("-", inner, out),
        Kind::And(parts) => grouped(parts, "&&", out),
        Kind::Or(parts) => grouped(parts, "||", out),
        Kind::Chain(first, rest) => chain(first, rest, out),
        Kind::Choose(branches, otherwise) => {
            out.push('(');
            for (condition, then) in branches {
                put(condition, out);
                out.push('?');
                put(then, out);
                out.push(':');
            }
            put(otherwise, out);
            out.push(')');
        }
        Kind::Has(target, member) => {
            out.push_str("has(");
            put(target, out);
            let _ = write!(out, ".{:?})", member.name);
        }
        Kind::Call(call) => called(call, out),
        Kind::Member(base, parts) => {
            put(base, out);
            for part in parts {
                member(part, out);
            }
        }
    }
}

fn each(nodes: &[Node], between: &str, out: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        put(node, out);
    }
}

fn grouped(nodes: &[Node], between: &str, out: &mut String) {
    out.push('(');
    each(nodes, between, out);
    out.push(')');
}

fn prefixed(sign: &str, inner: &Node, out: &mut String) {
    out.push_str(sign);
    out.push('(');
    put(inner, out);
    out.push(')');
}

/// The normal form of `left == right`.
pub(super) fn of_equal(left: &Node, right: &Node) -> String {
    let (a, b) = (of(left), of(right));
    if b < a { format!("({b} == {a})") } else { format!("({a} == {b})") }
}

fn chain(first: &Node, rest: &[(Operator, crate::source::Span, Node)], out: &mut String) {
    if let [(operator, _, right)] = rest {
        let (left, mark, right) = match operator {
            Operator::Equal => return out.push_str(&of_equal(first, right)),
            Operator::Greater => (right, "<", first),
            Operator::GreaterEqual => (right, "<=", first),
            other => (first, other.symbol(), right),
        };
        out.push('(');
        put(left, out);
        let _ = write!(out, " {mark} ");
        put(right, out);
    } else {
        out.push('(');
        put(first, out);
        for (operator, _, right) in rest {
            let _ = write!(out, " {} ", operator.symbol());
            put(right, out);
        }
    }
    out.push(')');
}

fn called(call: &Call, out: &mut String) {
    out.push_str(&call.name);
    grouped(&call.args, ",", out);
}

fn member(part: &Part, out: &mut String) {
    match part {
        Part::Field { segment, optional } => {
            let _ = write!(out, ".{}{:?}", if *optional { "?" } else { "" }, segment.name);
        }
        Part::Index { index, optional, .. } => {
            out.push_str(if *optional { "[?" } else { "[" });
            put(index, out);
            out.push(']');
        }
        Part::Method(call) => {
            out.push('.');
            called(call, out);
        }
        Part::Macro(m) => {
            let _ = write!(out, ".{}(", m.kind.name());
            if let Some(condition) = &m.condition {
                put(condition, out);
                out.push(',');
            }
            put(&m.body, out);
            out.push(')');
        }
        Part::OrValue(default) => {
            out.push_str(".orValue(");
            put(default, out);
            out.push(')');
        }
        Part::HasValue => out.push_str(".hasValue()"),
    }
}
