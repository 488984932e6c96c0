//! Where two values differ, place by place.

use serde_json::Value;

/// The most places that are looked for.
const MOST: usize = 50;
/// The most characters of a value that are shown.
const SHOWN: usize = 120;

/// One place where two values differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where, as an expression would name it; empty for the values themselves.
    pub path: String,
    /// What the first value has there.
    pub first: Option<Value>,
    /// What the second value has there.
    pub second: Option<Value>,
}

impl Difference {
    /// As a line about an expectation: the first value is what was found, the second what was expected.
    pub fn expected(&self) -> String {
        let path = if self.path.is_empty() { "the value" } else { &self.path };
        format!("{path}: found {}, expected {}", shown(self.first.as_ref()), shown(self.second.as_ref()))
    }

    /// As a line about a recording: the first value is the recorded one.
    pub fn recorded(&self) -> String {
        let path = if self.path.is_empty() { "the input" } else { self.path.trim_start_matches('.') };
        format!("{path} was {}, is {}", shown(self.first.as_ref()), shown(self.second.as_ref()))
    }
}

/// Every place where two values differ, at most 50.
pub fn differences(first: &Value, second: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), Some(first), Some(second), &mut found);
    found
}

fn walk(path: String, first: Option<&Value>, second: Option<&Value>, found: &mut Vec<Difference>) {
    if first == second || found.len() >= MOST {
        return;
    }
    match (first, second) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let own = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(own) {
                walk(format!("{path}{}", member(name)), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                walk(format!("{path}[{at}]"), a.get(at), b.get(at), found);
            }
        }
        // 1 and 1.0 are equal to an expression.
        (Some(Value::Number(a)), Some(Value::Number(b)))
            if a.as_f64() == b.as_f64() && !(a.is_i64() && b.is_i64()) => {}
        _ => found.push(Difference { path, first: first.cloned(), second: second.cloned() }),
    }
}

/// `.name`, or `["odd name"]`.
fn member(name: &str) -> String {
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    if word { format!(".{name}") } else { format!("[{}]", Value::from(name)) }
}

/// A value on one line, cut where it is long.
pub(crate) fn shown(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(value) => cut(&value.to_string(), SHOWN),
    }
}

pub(crate) fn cut(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_places_and_nothing_else() {
        let first = json!({"a": [1, {"b": "x"}], "same": [1, 2], "gone": true, "n": 1});
        let second = json!({"a": [1, {"b": "y"}, 3], "same": [1, 2], "od d": null, "n": 1.0});
        let lines: Vec<String> = differences(&first, &second).iter().map(Difference::expected).collect();
        assert_eq!(
            lines,
            [
                ".a[1].b: found \"x\", expected \"y\"",
                ".a[2]: found nothing, expected 3",
                ".gone: found true, expected nothing",
                "[\"od d\"]: found nothing, expected null",
            ]
        );
        assert_eq!(differences(&first, &first), []);
        assert_eq!(differences(&json!(1), &json!("1"))[0].recorded(), "the input was 1, is \"1\"");
    }

    #[test]
    fn the_list_of_places_ends() {
        let many: Value = (0..1_000).collect();
        assert_eq!(differences(&many, &json!([])).len(), MOST);
    }
}
