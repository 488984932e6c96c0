//! The drawing as a Mermaid flowchart, for documents and tickets.

use super::chart::{Chart, EdgeKind, Inside, Item, Kind};

/// The whole text.
pub(crate) fn write(chart: &Chart) -> String {
    let mut text = String::from("flowchart TD\n");
    block(&mut text, &chart.inside, &mut 0, 1);
    text.push_str(
        "  classDef enrichment fill:#e8f1fd,stroke:#2f6fc4,color:#1c2430\n  \
         classDef containment fill:#fdeaea,stroke:#c0282d,stroke-width:3px,color:#1c2430\n  \
         classDef notification fill:#fdf3e0,stroke:#a96a00,color:#1c2430\n  \
         classDef internal fill:#e9f6ec,stroke:#2c7d45,color:#1c2430\n  \
         classDef person fill:#f3ecfc,stroke:#7440b8,color:#1c2430\n",
    );
    text
}

/// Writes a block; gives the number of each item's node.
fn block(text: &mut String, inside: &Inside, next: &mut usize, depth: usize) {
    let pad = "  ".repeat(depth);
    let ids: Vec<usize> = inside.items.iter().map(|item| node(text, item, next, depth)).collect();
    let id = |index: usize| ids.get(index).copied().unwrap_or_default();
    for edge in &inside.edges {
        let line = match edge.kind {
            EdgeKind::Flow => "-->",
            EdgeKind::Failure | EdgeKind::Always => "-.->",
        };
        let words =
            if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", label(&edge.label)) };
        text.push_str(&format!("{pad}n{} {line}{words} n{}\n", id(edge.from), id(edge.to)));
    }
    if let (Some(words), Some(first), Some(last)) = (inside.back, ids.first(), ids.last()) {
        text.push_str(&format!("{pad}n{last} -.->|\"{words}\"| n{first}\n"));
    }
}

fn node(text: &mut String, item: &Item, next: &mut usize, depth: usize) -> usize {
    let id = *next;
    *next += 1;
    let pad = "  ".repeat(depth);
    let words = label_of(item);
    if let Some(inside) = &item.inside {
        text.push_str(&format!("{pad}subgraph n{id}[\"{words}\"]\n"));
        block(text, inside, next, depth + 1);
        text.push_str(&format!("{pad}end\n"));
        return id;
    }
    let (open, close) = match item.kind {
        Kind::Start | Kind::End | Kind::Return | Kind::Fail => ("([", "])"),
        Kind::Person => ("{{", "}}"),
        Kind::Wait => ("(", ")"),
        Kind::Playbook => ("[[", "]]"),
        Kind::Assert => ("{", "}"),
        _ => ("[", "]"),
    };
    text.push_str(&format!("{pad}n{id}{open}\"{words}\"{close}"));
    if matches!(
        item.kind,
        Kind::Enrichment | Kind::Containment | Kind::Notification | Kind::Internal | Kind::Person
    ) {
        text.push_str(&format!(":::{}", item.kind.word()));
    }
    text.push('\n');
    id
}

fn label_of(item: &Item) -> String {
    let mut words = label(&item.title);
    for line in &item.lines {
        words.push_str("<br/>");
        words.push_str(&label(&line.text));
    }
    words
}

/// Text that cannot leave its place in the drawing.
fn label(text: &str) -> String {
    let mut cut: String = text.chars().take(120).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut.chars()
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '|' | '{' | '}' | '[' | ']' | '(' | ')' | '`' | '#' | ';' | '&' | '\\' => {
                format!("#{};", c as u32)
            }
            c => c.to_string(),
        })
        .collect()
}
