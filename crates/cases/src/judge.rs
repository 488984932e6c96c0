//! Holds expectations against what happened, and says what was there instead.

use std::collections::BTreeMap;

use expr::{Budget, Expr};
use serde_json::{Map, Value, json};

use crate::diff::{self, Difference, cut};
use crate::expect::{Expectation, parse};

/// The most characters of a value that are printed.
const SHOWN: usize = 240;
/// The most differences that are printed.
const LINES: usize = 12;

/// What a case left behind, by the names that expectations use.
#[derive(Debug)]
pub struct Witness {
    roots: Value,
}

/// One expectation that does not hold.
#[derive(Debug)]
pub struct Verdict {
    /// The expression, or the part of it that does not hold.
    expression: String,
    /// Why it has no answer, if it has none.
    why: Option<String>,
    /// Where the two sides of a comparison differ.
    differences: Vec<Difference>,
    /// What its names stand for.
    values: BTreeMap<String, Value>,
}

impl Witness {
    /// A witness of these names.
    pub fn new(roots: Map<String, Value>) -> Self {
        Witness { roots: Value::Object(roots) }
    }

    /// The expectations that do not hold.
    pub fn judge(&self, expect: &[Expectation]) -> Vec<Verdict> {
        expect.iter().filter_map(|expectation| self.verdict(&expectation.0)).collect()
    }

    fn eval(&self, expression: &Expr) -> Result<Value, String> {
        expression.eval(&self.roots, &mut Budget::new()).map_err(|error| error.to_string())
    }

    fn verdict(&self, expression: &Expr) -> Option<Verdict> {
        let why = match self.eval(expression) {
            Ok(Value::Bool(true)) => return None,
            Ok(Value::Bool(false)) => None,
            Ok(other) => Some(format!("it gives {}, not true or false", cut(&other.to_string(), SHOWN))),
            Err(error) => Some(error),
        };
        let parts = parts(expression);
        // Of several conditions only those that do not hold are of interest.
        if let Some(("&&", parts)) = &parts
            && let Some(verdict) = parts.iter().find_map(|part| self.verdict(part))
        {
            return Some(verdict);
        }
        let differences = match parts.as_ref().map(|(operator, parts)| (*operator, parts.as_slice())) {
            Some(("==", [left, right])) => match (self.eval(left), self.eval(right)) {
                (Ok(left), Ok(right)) if is_structure(&left) && is_structure(&right) => {
                    diff::differences(&left, &right)
                }
                (Ok(left), Ok(right)) => {
                    vec![Difference { path: String::new(), first: Some(left), second: Some(right) }]
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let values = expression
            .references()
            .into_iter()
            .filter_map(|reference| Some((named(&reference.path), self.find(&reference.path)?.clone())))
            .collect();
        Some(Verdict { expression: expression.source().to_owned(), why, differences, values })
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

/// The operator that is applied last, and its operands as expressions of their own.
fn parts(expression: &Expr) -> Option<(&'static str, Vec<Expr>)> {
    let (operator, spans) = expression.operands()?;
    let texts = spans.into_iter().map(|span| expression.source().get(span.start..span.end));
    let parts = texts.map(|text| parse(text?).ok()).collect::<Option<Vec<_>>>()?;
    Some((operator, parts))
}

fn is_structure(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// A path as an expression writes it.
fn named(path: &[String]) -> String {
    match path {
        [word, name, rest @ ..] if word.ends_with("()") => {
            let word = word.trim_end_matches("()");
            let rest: String = rest.iter().map(|name| format!(".{name}")).collect();
            format!("{word}(\"{name}\"){rest}")
        }
        _ => path.join("."),
    }
}

impl Verdict {
    /// For a person.
    pub fn to_text(&self) -> String {
        let mut text = format!("    expected  {}\n", self.expression);
        if let Some(why) = &self.why {
            text.push_str(&format!("    but       {why}\n"));
        }
        for difference in self.differences.iter().take(LINES) {
            text.push_str(&format!("    differs   {}\n", difference.expected()));
        }
        if let more @ 1.. = self.differences.len().saturating_sub(LINES) {
            text.push_str(&format!("    differs   in {more} more places\n"));
        }
        for (name, value) in &self.values {
            text.push_str(&format!("    where     {name} = {}\n", cut(&value.to_string(), SHOWN)));
        }
        text
    }

    /// For a machine.
    pub fn to_json(&self) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|place| json!({"path": place.path, "found": place.first, "expected": place.second}))
            .collect();
        json!({
            "expression": self.expression, "reason": self.why, "differences": differences, "values": self.values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expression: &str) -> String {
        let Value::Object(roots) = json!({
            "outputs": {"deleted": 7, "list": [{"a": 1}, {"a": 2}]},
            "calls()": {"mail.delete": [{"input": {"mode": "soft"}}]}
        }) else {
            panic!()
        };
        let expectation = Expectation(parse(expression).unwrap());
        Witness::new(roots).judge(&[expectation]).iter().map(Verdict::to_text).collect()
    }

    #[test]
    fn a_failed_expectation_shows_the_values_of_its_names() {
        assert_eq!(judged("outputs.deleted == 7 && size(calls(\"mail.delete\")) == 1"), "");
        let text = judged("outputs.deleted == 8");
        assert!(text.contains("outputs.deleted == 8") && text.contains("outputs.deleted = 7"), "{text}");
        assert!(text.contains("differs   the value: found 7, expected 8"), "{text}");
        assert!(judged("outputs.deleted").contains("not true or false"));
        assert!(judged("outputs.nothing == 1").contains("nothing"));
        assert!(judged("nowhere == 1").contains("nowhere"));
    }

    #[test]
    fn of_several_conditions_the_first_that_does_not_hold_is_shown() {
        let text = judged("outputs.deleted == 7 && outputs.list[0].a == 2 && outputs.deleted == 8");
        assert!(
            text.contains("expected  outputs.list[0].a == 2") && !text.contains("outputs.deleted"),
            "{text}"
        );
    }

    #[test]
    fn structures_are_compared_place_by_place() {
        let text = judged("outputs.list == [{\"a\": 1}, {\"a\": 3}]");
        assert!(text.contains("differs   [1].a: found 2, expected 3\n"), "{text}");
        let text = judged("calls(\"mail.delete\").map(c, c.input.mode) == [\"hard\"]");
        assert!(text.contains("[0]: found \"soft\", expected \"hard\""), "{text}");
        assert!(text.contains("where     calls(\"mail.delete\") = "), "{text}");
    }
}
