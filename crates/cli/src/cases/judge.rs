//! Holds expectations against what happened, and says what was there instead.

use std::collections::BTreeMap;

use expr::{Budget, Expr};
use serde_json::{Value, json};

/// The most characters of a value that are printed.
const SHOWN: usize = 240;

/// What a case left behind: the roots `run`, `outputs`, `waiting`, `calls`, `steps`, `ledger`.
#[derive(Debug)]
pub(crate) struct Witness {
    roots: Value,
}

/// One expectation that does not hold.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The expression.
    expression: String,
    /// Why it has no answer, if it has none.
    why: Option<String>,
    /// What its names stand for.
    values: BTreeMap<String, Value>,
}

impl Witness {
    pub(crate) fn new(roots: Value) -> Self {
        Witness { roots }
    }

    /// The expectations that do not hold.
    pub(crate) fn judge(&self, expect: &[Expr]) -> Vec<Verdict> {
        expect.iter().filter_map(|expression| self.verdict(expression)).collect()
    }

    fn verdict(&self, expression: &Expr) -> Option<Verdict> {
        let why = match expression.eval(&self.roots, &mut Budget::new()) {
            Ok(Value::Bool(true)) => return None,
            Ok(Value::Bool(false)) => None,
            Ok(other) => Some(format!("it gives {}, not true or false", short(&other))),
            Err(error) => Some(error.to_string()),
        };
        let values = expression
            .references()
            .into_iter()
            .filter_map(|reference| Some((reference.path.join("."), self.find(&reference.path)?.clone())))
            .collect();
        Some(Verdict { expression: expression.source().to_owned(), why, values })
    }

    /// The value of a path, or of the longest part of it that exists.
    fn find(&self, path: &[String]) -> Option<&Value> {
        let mut value = self.roots.get(path.first()?)?;
        for name in path.iter().skip(1) {
            match value.get(name) {
                Some(inner) => value = inner,
                None => break,
            }
        }
        Some(value)
    }
}

impl Verdict {
    /// For a person.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("    expected  {}\n", self.expression);
        if let Some(why) = &self.why {
            text.push_str(&format!("    but       {why}\n"));
        }
        for (name, value) in &self.values {
            text.push_str(&format!("    where     {name} = {}\n", short(value)));
        }
        text
    }

    /// For a machine.
    pub(crate) fn to_json(&self) -> Value {
        json!({"expression": self.expression, "reason": self.why, "values": self.values})
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expression: &str) -> String {
        let witness = Witness::new(json!({"outputs": {"deleted": 7}, "calls": {"mail.delete": []}}));
        let verdicts = witness.judge(&[Expr::parse(expression).unwrap()]);
        verdicts.iter().map(Verdict::to_text).collect()
    }

    #[test]
    fn a_failed_expectation_shows_the_values_of_its_names() {
        assert_eq!(judged("outputs.deleted == 7 && size(calls[\"mail.delete\"]) == 0"), "");
        let text = judged("outputs.deleted == 8");
        assert!(text.contains("outputs.deleted == 8") && text.contains("outputs.deleted = 7"), "{text}");
        assert!(judged("outputs.deleted").contains("not true or false"));
        assert!(judged("outputs.nothing == 1").contains("nothing"));
        assert!(judged("nowhere == 1").contains("nowhere"));
    }
}
