//! The drawing as a graph in Graphviz' DOT language.

use super::chart::{Chart, EdgeKind, Inside, Item, Kind};

/// The whole text.
pub(crate) fn write(chart: &Chart) -> String {
    let mut text = format!(
        "digraph {} {{\n  compound=true; rankdir=TB; fontname=\"Helvetica\"; labeljust=l;\n  \
         node [shape=box, style=filled, fillcolor=\"#f4f6f9\", fontname=\"Helvetica\", fontsize=11];\n  \
         edge [fontname=\"Helvetica\", fontsize=10];\n",
        quoted(&chart.id)
    );
    block(&mut text, &chart.inside, &mut 0, 1);
    text.push_str("}\n");
    text
}

/// What arrows join: the first and last simple node inside, and the frame around them, if there is one.
#[derive(Debug, Clone, Copy)]
struct Ends {
    first: usize,
    last: usize,
    frame: Option<usize>,
}

fn block(text: &mut String, inside: &Inside, next: &mut usize, depth: usize) -> Option<Ends> {
    let pad = "  ".repeat(depth);
    let ends: Vec<Ends> = inside.items.iter().map(|item| node(text, item, next, depth)).collect();
    for edge in &inside.edges {
        let (Some(from), Some(to)) = (ends.get(edge.from), ends.get(edge.to)) else { continue };
        let mut marks = Vec::new();
        if !edge.label.is_empty() {
            marks.push(format!("label={}", quoted(&edge.label)));
        }
        match edge.kind {
            EdgeKind::Flow => {}
            EdgeKind::Failure => marks.push("style=dashed, color=\"#c0282d\"".to_owned()),
            EdgeKind::Always => marks.push("style=dotted".to_owned()),
        }
        marks.extend(from.frame.map(|frame| format!("ltail=cluster_{frame}")));
        marks.extend(to.frame.map(|frame| format!("lhead=cluster_{frame}")));
        arrow(text, &pad, from.last, to.first, &marks);
    }
    let (first, last) = (ends.first()?, ends.last()?);
    if let Some(words) = inside.back {
        let marks = [format!("label={}, style=dotted, constraint=false", quoted(words))];
        arrow(text, &pad, last.last, first.first, &marks);
    }
    Some(Ends { first: first.first, last: last.last, frame: None })
}

fn arrow(text: &mut String, pad: &str, from: usize, to: usize, marks: &[String]) {
    let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
    text.push_str(&format!("{pad}n{from} -> n{to}{marks};\n"));
}

fn node(text: &mut String, item: &Item, next: &mut usize, depth: usize) -> Ends {
    let id = *next;
    *next += 1;
    let pad = "  ".repeat(depth);
    let mut words = item.title.clone();
    for line in &item.lines {
        words.push('\n');
        words.push_str(&line.text);
    }
    if let Some(inside) = item.inside.as_ref().filter(|inside| !inside.items.is_empty()) {
        text.push_str(&format!("{pad}subgraph cluster_{id} {{\n{pad}  label={};\n", quoted(&words)));
        let style = if item.kind == Kind::Lane { "dotted" } else { "rounded" };
        text.push_str(&format!("{pad}  style={style};\n"));
        let ends = block(text, inside, next, depth + 1);
        text.push_str(&format!("{pad}}}\n"));
        if let Some(Ends { first, last, .. }) = ends {
            return Ends { first, last, frame: Some(id) };
        }
    }
    let look = match item.kind {
        Kind::Enrichment => ", fillcolor=\"#e8f1fd\", color=\"#2f6fc4\"",
        Kind::Containment => ", shape=octagon, fillcolor=\"#fdeaea\", color=\"#c0282d\", penwidth=2.5",
        Kind::Notification => ", shape=note, fillcolor=\"#fdf3e0\", color=\"#a96a00\"",
        Kind::Internal => ", shape=folder, fillcolor=\"#e9f6ec\", color=\"#2c7d45\"",
        Kind::Person => ", shape=hexagon, fillcolor=\"#f3ecfc\", color=\"#7440b8\"",
        Kind::Start | Kind::End | Kind::Return | Kind::Fail => ", shape=oval",
        Kind::Playbook => ", shape=component",
        Kind::Assert => ", shape=diamond",
        _ => "",
    };
    text.push_str(&format!("{pad}n{id} [label={}{look}];\n", quoted(&words)));
    Ends { first: id, last: id, frame: None }
}

/// A quoted string of the DOT language; nothing leaves it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\l"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    if text.contains('\n') {
        out.push_str("\\l");
    }
    out.push('"');
    out
}
