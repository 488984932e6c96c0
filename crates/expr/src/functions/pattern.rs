//! Regular expressions: linear time, bounded size, and a price.
//!
//! Linear is not enough for a promise of 100 ms: a pattern like `[ab]*a[ab]{900}` needs 16 µs for each byte in any
//! engine that simulates states. So a pattern runs on a lazily built DFA alone, which either costs nanoseconds a
//! byte or notices that it is building states in vain and gives up; giving up is an exhausted budget. As in CEL
//! (RE2) the classes `\d`, `\w`, `\s` and the boundary `\b` are those of ASCII, which also keeps patterns small.
//! Left out: look-around, back-references, `\B`, and named Unicode classes.

use crate::budget::{EvalError, EvalErrorKind};
use crate::functions::Context;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchError};
use std::error::Error;

/// The largest compiled pattern, in bytes.
const COMPILED: usize = 256 * 1024;
/// Room for DFA states, in bytes. Thrown away and filled again at most a few times.
const STATES: usize = 512 * 1024;
/// The longest pattern, in bytes.
const LONGEST: usize = 1024;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    // Behind a pointer: the engine's own struct would make every node of the tree 800 bytes large.
    dfa: Box<DFA>,
}

impl Pattern {
    /// Compiles a pattern, or says in one line why it cannot be used.
    pub(crate) fn compile(source: &str) -> Result<Pattern, String> {
        if source.len() > LONGEST {
            return Err(format!("the pattern is longer than {LONGEST} bytes"));
        }
        let states = DFA::config()
            .cache_capacity(STATES)
            .minimum_cache_clear_count(Some(2))
            .minimum_bytes_per_state(Some(10));
        let size = thompson::Config::new().nfa_size_limit(Some(COMPILED)).which_captures(WhichCaptures::None);
        let dfa = DFA::builder()
            .configure(states)
            .thompson(size)
            .syntax(syntax::Config::new().nest_limit(32))
            .build(&with_ascii_classes(source))
            .map_err(|error| reason(&error))?;
        Ok(Pattern { dfa: Box::new(dfa) })
    }

    /// Whether the pattern is found in the text. Charges before for reading, and after for the states it made.
    pub(crate) fn is_match(&self, text: &str, context: &mut Context<'_>) -> Result<bool, EvalError> {
        context.budget.step(50 + text.len() as u64 / 8, context.span)?;
        let mut cache = self.dfa.create_cache();
        let fresh = cache.memory_usage();
        let found = self.dfa.try_search_fwd(&mut cache, &Input::new(text).earliest(true));
        let built = cache.memory_usage().saturating_sub(fresh) + cache.clear_count() * STATES;
        // Building a state costs up to 50 ns for each of its bytes.
        context.budget.step(built as u64 / 2, context.span)?;
        found.map(|place| place.is_some()).map_err(|error: MatchError| {
            // The only error of this configuration is that the engine gave up.
            let message = format!("the pattern is too ambiguous for this text and was stopped ({error})");
            context.error(EvalErrorKind::Budget, message)
        })
    }
}

/// The innermost cause; libraries draw it over several lines, of which the last says what is wrong.
fn reason(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if text.contains("exceeded") || text.contains("too big") || text.contains("insufficient") {
        return "the pattern is too large when compiled; use fewer repetitions".to_owned();
    }
    if text.contains("word boundaries") {
        return "only the boundary `\\b` is supported".to_owned();
    }
    format!(
        "this is not a pattern: {}",
        text.lines().last().unwrap_or("").trim_start_matches("error: ").trim()
    )
}

/// The pattern with the classes that RE2 reads as ASCII written out.
fn with_ascii_classes(source: &str) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    let mut class = 0_usize;
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            _ => {}
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\f\r ]"),
            Some('b') if class == 0 => out.push_str(r"(?-u:\b)"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::source::Span;

    fn run(pattern: &str, text: &str) -> Result<bool, EvalErrorKind> {
        let pattern = Pattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let mut budget = Budget::new();
        let mut context =
            Context { budget: &mut budget, span: Span::default(), pattern: None, name: "matches" };
        pattern.is_match(text, &mut context).map_err(|error| error.kind)
    }

    #[test]
    fn usual_patterns_work() {
        for (pattern, text, found) in [
            (r"^[\w.+-]+@[\w-]+\.[\w.]{2,}$", "max.muster+x@mail.example.org", true),
            (r"(?i)\b(invoice|rechnung)\b.{0,80}\d{3,}", "Ihre RECHNUNG für März: Nr. 2041", true),
            (r"\bab\b", "cab ab, über", true),
            (r"^.{3}$", "üßä", true),
            (r"^\w+$", "über", false),
            (r"[^\s\w]", "a b", false),
            (r"[\]\d]x", "]x", true),
            (r"^\w{1,64}$", "abc", true),
            (r"a\\b\.", r"a\b.", true),
        ] {
            assert_eq!(run(pattern, text), Ok(found), "{pattern}");
        }
    }

    #[test]
    fn what_would_take_long_is_stopped_early() {
        let text = noise(400_000);
        for pattern in ["[ab]*a[ab]{60}c", "[ab]*a[ab]{900}c", "(a|b|ab|ba)*a(a|b|ab|ba){300}c"] {
            assert_eq!(run(pattern, &text), Err(EvalErrorKind::Budget), "{pattern}");
        }
        assert_eq!(run("(a+)+$", &format!("{}c", "a".repeat(100_000))), Ok(false));
    }

    fn noise(count: usize) -> String {
        let mut state = 12345_u64;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                if state & 1 == 0 { 'a' } else { 'b' }
            })
            .collect()
    }

    #[test]
    fn what_cannot_be_bounded_or_understood_is_refused() {
        for bad in ["(", "a{100000}", "((a{100}){100}){100}", r"\Ba", r"(?=a)", r"(a)\1", "[b-a]", "\\"] {
            let message = Pattern::compile(bad).expect_err(bad);
            assert!(message.len() < 160 && !message.contains('\n'), "{bad}: {message}");
        }
    }
}
