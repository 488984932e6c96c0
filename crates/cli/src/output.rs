//! What goes to the terminal: text that cannot forge a prompt, colours only where they are wanted.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

/// Control characters, escape sequences and direction marks of somebody's mail, made visible.
///
/// A subject may hold an escape sequence that rewrites the approval prompt above it; nothing from outside
/// reaches the terminal without passing here. Line breaks stay.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}');
        if c == '\n' || !(c.is_control() || hidden) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// As [`visible`], on one line.
pub(crate) fn line(text: &str) -> String {
    visible(&text.replace(['\r', '\n', '\t'], " "))
}

/// Prints a line to standard output. A closed pipe is no error: whoever read has seen enough.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints text without a line break to standard output.
pub(crate) fn say_raw(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints text to standard output. Whether anybody reads on.
#[must_use]
pub(crate) fn pass(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints one JSON document.
pub(crate) fn say_json(value: &Value) {
    say(&serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()));
}

/// Whether a person can be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Styles, empty where colours are not wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    on: bool,
}

impl Style {
    /// Plain text, whatever the terminal can do.
    pub(crate) fn off() -> Self {
        Style { on: false }
    }

    /// With colours, for a terminal of another process.
    pub(crate) fn on() -> Self {
        Style { on: true }
    }

    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Style { on: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Style { on: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Whether colours are wanted.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Log lines on standard error, off unless asked for.
pub(crate) fn init_logging(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 => "error",
        1 => "info,portcullis=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // Fails only if a logger is there already, which then serves.
    let _ = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(|| crate::hush::Log)
        .with_ansi(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        let hostile = "Invoice\u{1b}[2K\u{1b}[1A approve? \u{202e}gpj.exe\r\u{7}\u{9b}31m";
        let shown = visible(hostile);
        assert!(shown.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{shown}");
        assert!(shown.contains("\\u{1b}"), "{shown}");
        assert_eq!(visible("Grüße, 世界\nzweite Zeile"), "Grüße, 世界\nzweite Zeile");
        assert_eq!(line("a\r\nb"), "a  b");
    }
}
