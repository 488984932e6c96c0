//! What a condition proves, read from its text.
//!
//! No theorem prover: a condition is split at `&&`, and each part is a fact. Facts are compared as text without
//! blanks, so two steps under the same condition are seen to run together. Where the text is not understood
//! there is no fact, and the author is told to restructure; a fact is never guessed.

/// The facts of a template that is exactly one expression.
pub(crate) fn of_template(text: &str) -> Vec<String> {
    inner(text).map(of_condition).unwrap_or_default()
}

/// What stands between `${{` and `}}` if nothing else does.
pub(crate) fn inner(text: &str) -> Option<&str> {
    text.trim().strip_prefix("${{")?.strip_suffix("}}")
}

/// The parts of a condition that all hold if it holds.
pub(crate) fn of_condition(text: &str) -> Vec<String> {
    let text = unwrap(text);
    if split(text, "||").len() > 1 || ternary(text).is_some() {
        return vec![normal(text)];
    }
    let parts = split(text, "&&");
    if parts.len() == 1 { vec![normal(text)] } else { parts.into_iter().flat_map(of_condition).collect() }
}

/// The fact that a step succeeded.
pub(crate) fn succeeded(id: &str) -> String {
    format!("steps.{id}.status==\"succeeded\"")
}

/// The fact that a step failed.
pub(crate) fn failed(id: &str) -> String {
    format!("steps.{id}.status==\"failed\"")
}

/// The fact that a trigger started the run.
pub(crate) fn triggered(id: &str) -> String {
    format!("trigger.id==\"{id}\"")
}

/// The approval of which this fact says that a person approved.
pub(crate) fn approval_in(fact: &str) -> Option<&str> {
    fact.strip_prefix("steps.")?.strip_suffix(".output.decision==\"approved\"")
}

/// Whether every use of `wanted` (such as `steps.x.output`) inside an expression stands behind a condition of
/// the same expression under which `enough` holds.
pub(crate) fn guarded(
    text: &str,
    wanted: &str,
    known: &[String],
    enough: &dyn Fn(&[String]) -> bool,
) -> bool {
    let text = unwrap(text);
    if !mentions(text, wanted) || enough(known) {
        return true;
    }
    let with = |more: Vec<String>| -> Vec<String> { known.iter().cloned().chain(more).collect() };
    if let Some((condition, yes, no)) = ternary(text) {
        return guarded(condition, wanted, known, enough)
            && guarded(yes, wanted, &with(of_condition(condition)), enough)
            && guarded(no, wanted, &with(negated(condition)), enough);
    }
    for (operator, learn) in [("||", negated as fn(&str) -> Vec<String>), ("&&", of_condition)] {
        let parts = split(text, operator);
        if parts.len() > 1 {
            let mut known = known.to_vec();
            return parts.into_iter().all(|part| {
                let fine = guarded(part, wanted, &known, enough);
                known.extend(learn(part));
                fine
            });
        }
    }
    // A group in brackets may hold its own conditions; outside of them there is none.
    let (groups, rest) = brackets(text);
    !mentions(&rest, wanted)
        && !groups.is_empty()
        && groups.into_iter().flat_map(|g| split(g, ",")).all(|part| guarded(part, wanted, known, enough))
}

/// What holds if the condition does not: only `a != "x"` is understood.
fn negated(condition: &str) -> Vec<String> {
    let text = normal(unwrap(condition));
    let plain = !text.contains("&&") && !text.contains("||") && !text.contains('?') && !text.contains('(');
    match text.split_once("!=") {
        Some((left, right)) if plain && !right.contains('=') => vec![oriented(left, right)],
        _ => Vec::new(),
    }
}

/// `left==right` with the path in front and the text behind.
fn oriented(left: &str, right: &str) -> String {
    if left.starts_with('"') { format!("{right}=={left}") } else { format!("{left}=={right}") }
}

/// Without blanks outside of quotes, with double quotes where that changes nothing.
fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (part, quoted) in pieces(text) {
        match part.strip_prefix('\'').and_then(|p| p.strip_suffix('\'')) {
            Some(bare) if quoted && !bare.contains(['"', '\\']) => {
                out.push('"');
                out.push_str(bare);
                out.push('"');
            }
            _ if quoted => out.push_str(part),
            _ => out.extend(part.chars().filter(|c| !c.is_whitespace())),
        }
    }
    match out.split_once("==") {
        Some((left, right)) if left.starts_with('"') && !right.contains("==") => oriented(left, right),
        _ => out,
    }
}

/// The text cut into what is quoted and what is not.
fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '"' || c == '\'' => {
                found.push((text.get(start..at).unwrap_or(""), false));
                start = at;
                quote = Some(c);
            }
            Some(q) if c == q && !escaped => {
                found.push((text.get(start..=at).unwrap_or(""), true));
                start = at + 1;
                quote = None;
            }
            _ => {}
        }
        escaped = quote.is_some() && c == '\\' && !escaped;
    }
    found.push((text.get(start..).unwrap_or(""), quote.is_some()));
    found
}

/// Offsets of characters that stand outside of quotes and brackets, with the depth of brackets 0.
fn outside(text: &str) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (part, quoted) in pieces(text) {
        if !quoted {
            for (at, c) in part.char_indices() {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ if depth == 0 => found.push((start + at, c)),
                    _ => {}
                }
            }
        }
        start += part.len();
    }
    found
}

/// The text cut at an operator outside of quotes and brackets.
fn split<'t>(text: &'t str, operator: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in outside(text) {
        if at >= start && text.get(at..).is_some_and(|rest| rest.starts_with(operator)) {
            parts.push(text.get(start..at).unwrap_or(""));
            start = at + operator.len();
        }
    }
    parts.push(text.get(start..).unwrap_or(""));
    parts
}

/// `a ? b : c`, cut.
fn ternary(text: &str) -> Option<(&str, &str, &str)> {
    let marks = outside(text);
    let question = marks.iter().position(|(at, c)| {
        // `.?` and `[?` ask for a member that may be absent.
        *c == '?' && !text.get(..*at).is_some_and(|before| before.ends_with('.'))
    })?;
    let mut open = 0_usize;
    for (at, c) in marks.get(question + 1..)? {
        match c {
            '?' if !text.get(..*at).is_some_and(|before| before.ends_with('.')) => open += 1,
            ':' if open == 0 => {
                let first = marks.get(question)?.0;
                return Some((text.get(..first)?, text.get(first + 1..*at)?, text.get(at + 1..)?));
            }
            ':' => open -= 1,
            _ => {}
        }
    }
    None
}

/// The texts inside the outermost brackets, and what is left without them.
fn brackets(text: &str) -> (Vec<&str>, String) {
    let mut groups = Vec::new();
    let mut rest = String::new();
    let mut depth = 0_usize;
    let mut begin = 0;
    let mut start = 0;
    for (part, quoted) in pieces(text) {
        for (at, c) in part.char_indices().filter(|_| !quoted) {
            match c {
                '(' | '[' | '{' => {
                    if depth == 0 {
                        begin = start + at + 1;
                    }
                    depth += 1;
                }
                ')' | ']' | '}' if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        groups.push(text.get(begin..start + at).unwrap_or(""));
                        rest.push_str("()");
                    }
                }
                c if depth == 0 => rest.push(c),
                _ => {}
            }
        }
        start += part.len();
    }
    (groups, rest)
}

/// Without blanks and brackets around the whole.
fn unwrap(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(bare) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        let (groups, rest) = brackets(text);
        if groups.len() != 1 || rest != "()" {
            break;
        }
        text = bare.trim();
    }
    text
}

fn mentions(text: &str, wanted: &str) -> bool {
    let text = normal(text);
    text.match_indices(wanted).any(|(at, _)| {
        let after = text.get(at + wanted.len()..).and_then(|t| t.chars().next());
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !after.is_some_and(word) && !before.is_some_and(|c| word(c) || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> bool {
        let fact = succeeded("x");
        guarded(text, "steps.x.output", &[], &|known| known.contains(&fact))
    }

    #[test]
    fn sees_guards_inside_an_expression() {
        assert!(ok(r#"steps.x.status == "succeeded" && steps.x.output.n > 1"#));
        assert!(ok(r"steps.x.status == 'succeeded' ? steps.x.output.n : 0"));
        assert!(ok(r#"steps.x.status != "succeeded" || steps.x.output.n > 1"#));
        assert!(ok(r#"steps.x.status != "succeeded" ? 0 : steps.x.output.n"#));
        assert!(ok(r#"1 + ("succeeded" == steps.x.status ? size(steps.x.output.items) : 0)"#));
        assert!(ok(r#"[a, steps.x.status == "succeeded" ? steps.x.output.n : b]"#));
        assert!(ok("steps.x.status"));
    }

    #[test]
    fn sees_where_a_guard_is_missing() {
        assert!(!ok("steps.x.output.n"));
        assert!(!ok(r#"steps.x.output.n > 1 && steps.x.status == "succeeded""#));
        assert!(!ok(r#"steps.x.status == "succeeded" || steps.x.output.n > 1"#));
        assert!(!ok(r#"steps.x.status == "succeeded" ? 1 : steps.x.output.n"#));
        assert!(!ok(r#"steps.y.status == "succeeded" && steps.x.output.n > 1"#));
        assert!(!ok(r#""steps.x.status == 'succeeded'" == "" && steps.x.output.n > 1"#));
        assert!(!ok(r#"(steps.x.status == "succeeded" && true) && f(steps.x.output.n) || steps.x.output.m"#));
    }

    #[test]
    fn facts_are_the_parts_of_a_conjunction() {
        assert_eq!(of_template("${{ a > 1 && (b == 'x' && !c) }}"), ["a>1", "b==\"x\"", "!c"]);
        assert_eq!(of_template("${{ a || b && c }}"), ["a||b&&c"]);
        assert_eq!(of_template("text ${{ a }}"), Vec::<String>::new());
    }
}
