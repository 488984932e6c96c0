//! "Did you mean": the nearest known name, for messages.

/// The candidate most like `name`, if one is near enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let short: Vec<char> = name.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (short.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (distance(&short, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between the two, where exchanging two neighbours is one edit.
fn distance(a: &[char], candidate: &str) -> usize {
    let b: Vec<char> = candidate.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (cell(&last, j) + usize::from(ca != cb)).min(cell(&last, j + 1) + 1).min(cell(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(cell(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// How a macro is written.
pub(crate) fn macro_form(name: &str) -> String {
    match name {
        "has" => "write `has(a.b)`".to_owned(),
        "choose" => "write `choose(condition, a, b)`".to_owned(),
        _ => format!("write `list.{name}(x, ...)`, where `x` stands for each element"),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_nothing_else() {
        let known = ["subject", "from", "received_at"];
        assert_eq!(nearest("subejct", known), Some("subject"));
        assert_eq!(nearest("form", known), Some("from"));
        assert_eq!(nearest("receivedAt", known), Some("received_at"));
        assert_eq!(nearest("sender", known), None);
    }
}
