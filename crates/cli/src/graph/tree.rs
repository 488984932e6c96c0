//! The drawing as a tree of text, for terminals and diffs.

use super::chart::{Chart, Inside, Item, Kind, LineStyle};
use crate::output::Style;

/// The whole text.
pub(crate) fn write(chart: &Chart, style: Style) -> String {
    let mut text = format!("{} {}\n", style.bold(&chart.title), style.dim(&format!("({})", chart.id)));
    let starts = chart.inside.items.iter().filter(|item| item.kind == Kind::Start);
    for line in starts.flat_map(|item| &item.lines) {
        text.push_str(&format!("{}\n", style.dim(&line.text)));
    }
    branch(&mut text, &chart.inside, "", style);
    text
}

fn branch(text: &mut String, inside: &Inside, prefix: &str, style: Style) {
    let items: Vec<(usize, &Item)> = inside
        .items
        .iter()
        .enumerate()
        .filter(|(_, item)| !matches!(item.kind, Kind::Start | Kind::End))
        .collect();
    for (place, &(index, item)) in items.iter().enumerate() {
        let last = place + 1 == items.len();
        let (fork, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&format!("{prefix}{fork}{}\n", words(inside, index, item, style)));
        if let Some(inside) = &item.inside {
            branch(text, inside, &format!("{prefix}{below}"), style);
        }
    }
}

/// One step on one line.
fn words(inside: &Inside, index: usize, item: &Item, style: Style) -> String {
    let id = item.step.as_deref().filter(|step| !step.starts_with('_')).unwrap_or(&item.title);
    let mut text = match item.kind {
        Kind::Containment | Kind::Fail => style.red(id),
        Kind::Person | Kind::Notification => style.yellow(id),
        Kind::Lane => style.dim(id),
        _ => style.bold(id),
    };
    if id != item.title {
        text.push_str(&format!("  {}", item.title));
    }
    let mut between = "  ";
    for line in &item.lines {
        let words = match line.style {
            LineStyle::Condition => line.text.clone(),
            LineStyle::Code | LineStyle::Note => style.dim(&line.text),
        };
        text.push_str(&format!("{between}{words}"));
        between = " · ";
    }
    // In a list what comes before is plain; elsewhere the arrows say something.
    let arrows: Vec<String> = inside
        .edges
        .iter()
        .filter(|edge| edge.to == index)
        .filter(|edge| edge.from + 1 != edge.to || on_failure(&edge.label))
        .filter_map(|edge| {
            let from = inside.items.get(edge.from)?;
            let from = from.step.as_deref().unwrap_or(&from.title);
            let label = if edge.label.is_empty() { String::new() } else { format!(", {}", edge.label) };
            Some(format!("{from}{label}"))
        })
        .collect();
    if !arrows.is_empty() {
        text.push_str(&style.dim(&format!("  (after {})", arrows.join("; "))));
    }
    text
}

fn on_failure(label: &str) -> bool {
    label.starts_with("on ") || label == "failed"
}
