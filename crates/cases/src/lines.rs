//! Where things stand in a playbook's text. A plan has no places, but ids are unique in a file.

/// Finds lines of a text.
pub(crate) struct Lines<'t> {
    lines: Vec<&'t str>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Lines { lines: text.lines().collect() }
    }

    /// The line of the step with this id, counted from 1; 1 if there is none. A trigger may have the same id and
    /// stands before all steps, so the last place counts.
    pub(crate) fn of_id(&self, id: &str) -> usize {
        self.lines.iter().rposition(|line| has_id(line, id)).map_or(1, |at| at + 1)
    }

    /// The nearest line above `line`, or the line itself, that has this key, if that is not above `top`.
    pub(crate) fn key_above(&self, key: &str, line: usize, top: usize) -> Option<usize> {
        let from = top.saturating_sub(1);
        let slice = self.lines.get(from..line.min(self.lines.len()))?;
        slice.iter().rposition(|text| has_key(text, key)).map(|at| from + at + 1)
    }
}

/// Whether a line says `id: ID`, in block or flow style.
fn has_id(line: &str, id: &str) -> bool {
    values(line, "id").any(|value| value == id)
}

fn has_key(line: &str, key: &str) -> bool {
    values(line, key).next().is_some()
}

/// What follows `KEY:` in a line, without quotes, up to where a plain value ends.
fn values<'l>(line: &'l str, key: &'l str) -> impl Iterator<Item = &'l str> {
    line.match_indices(key).filter_map(move |(at, _)| {
        let before = line.get(..at)?;
        let starts = before.is_empty() || before.ends_with([' ', '{', ',', '-']);
        let after = line.get(at + key.len()..)?.strip_prefix(':')?;
        let comment = before.trim_start().starts_with('#');
        if !starts || comment || !(after.is_empty() || after.starts_with(' ')) {
            return None;
        }
        let value = after.split([',', '}', '#']).next().unwrap_or_default().trim();
        Some(value.trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_steps_and_the_keys_above_them() {
        let text = "triggers:\n  - id: gate\nsteps:\n  - id: pick # a switch\n    switch:\n      - case: ${{ a }}\n        do:\n          - { id: \"one\", set: { id: gated } }\n      - default:\n          - id: gate\n";
        let lines = Lines::new(text);
        assert_eq!(["pick", "one", "gate", "none"].map(|id| lines.of_id(id)), [4, 8, 10, 1]);
        assert_eq!(lines.key_above("case", 8, 4), Some(6));
        assert_eq!(lines.key_above("default", 10, 4), Some(9));
        assert_eq!(lines.key_above("case", 8, 7), None);
    }
}
