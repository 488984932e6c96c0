//! Regular expressions: linear time, bounded size, and a price.

use regex::{Regex, RegexBuilder};

/// The largest compiled pattern, in bytes. Large enough for a few Unicode classes, small enough that the worst
/// pattern costs a bounded time for each byte of text.
const COMPILED: usize = 128 * 1024;
/// The longest pattern, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// Compiles a pattern, or says in one line why it cannot be used.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("the pattern is longer than {LONGEST} bytes"));
    }
    RegexBuilder::new(pattern)
        .size_limit(COMPILED)
        .dfa_size_limit(4 * COMPILED)
        .nest_limit(32)
        .build()
        .map_err(|error| {
            match error {
                regex::Error::CompiledTooBig(_) => {
                    "the pattern is too large when compiled; use fewer repetitions".to_owned()
                }
                // The library draws its message over several lines; the last one says what is wrong.
                other => {
                    let text = other.to_string();
                    let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ").trim();
                    format!("this is not a pattern: {reason}")
                }
            }
        })
}
