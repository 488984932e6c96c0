//! What a plugin may use at most: defaults, ceilings, and how a manifest writes them.
//!
//! Every number here has a test in `tests/` (`limits.rs`, `components.rs` and `stack.rs`) that shows it bites: a limit
//! that nobody reads is worse than none.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Elements of all tables that one table may grow to.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// Tables of one instance.
pub(crate) const TABLES: usize = 16;
/// Linear memories of one instance.
pub(crate) const MEMORIES: usize = 8;
/// Core instances inside one component instance.
pub(crate) const CORE_INSTANCES: usize = 64;
/// Stack of WebAssembly code.
pub(crate) const WASM_STACK: usize = 512 * KIB;
/// Stack of the fiber a call runs on, host functions included. The guest's limit counts from where the host entered
/// it, and the host calls back for memory: so this must hold two guest stacks and the host's own.
pub(crate) const FIBER_STACK: usize = 2 * MIB;
/// Size of a component's file.
pub(crate) const COMPONENT: usize = 32 * MIB;
/// Random bytes in one request.
pub(crate) const RANDOM: usize = MIB;
/// Instances alive at once, over all plugins.
pub(crate) const LIVE: usize = 64;
/// Instances of one plugin alive at once.
pub(crate) const LIVE_PER_PLUGIN: usize = 16;
/// Largest linear memory any manifest may ask for: the size of a slot in the pool.
pub(crate) const MEMORY_CEILING: usize = 256 * MIB;
/// Bytes copied between guest and host in one call of a host function.
pub(crate) const TRANSFER: usize = 16 * MIB;

/// What one call of a plugin may use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Time on the clock, waiting included.
    pub wall: Duration,
    /// Time spent running guest code, in steps of 10 ms.
    pub cpu: Duration,
    /// Bytes of linear memory, all memories together.
    pub memory: usize,
    /// Bytes of the input's JSON.
    pub input: usize,
    /// Bytes of the output's JSON.
    pub output: usize,
    /// Bytes of log lines.
    pub log: usize,
    /// Bytes of one log line.
    pub log_line: usize,
    /// Bytes kept of standard output and standard error together; the rest is dropped.
    pub stdio: usize,
    /// Resource handles open at once.
    pub handles: usize,
    /// Bytes of artifacts created.
    pub artifacts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(2),
            memory: 64 * MIB,
            input: 8 * MIB,
            output: 8 * MIB,
            log: 256 * KIB,
            log_line: 8 * KIB,
            stdio: 64 * KIB,
            handles: 1024,
            artifacts: 64 * MIB,
        }
    }
}

impl Limits {
    /// The most that a manifest may ask for.
    pub fn ceiling() -> Self {
        Limits {
            wall: Duration::from_secs(600),
            cpu: Duration::from_secs(60),
            memory: MEMORY_CEILING,
            input: 32 * MIB,
            output: 32 * MIB,
            log: 4 * MIB,
            log_line: 64 * KIB,
            stdio: MIB,
            handles: 4096,
            artifacts: 256 * MIB,
        }
    }

    /// For `describe` of a plugin nobody trusts yet: it computes a constant.
    pub(crate) fn describing() -> Self {
        Limits {
            wall: Duration::from_secs(5),
            cpu: Duration::from_secs(1),
            output: MIB,
            artifacts: 0,
            ..Limits::default()
        }
    }
}

/// `64MiB`, `256KiB`, `512B` in bytes.
pub(crate) fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => 1024 * MIB,
        _ => return None,
    };
    usize::try_from(number).ok()?.checked_mul(factor)
}

/// `500ms`, `2s`, `10min`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("8KiB"), Some(8192));
        assert_eq!(parse_size("1B"), Some(1));
        assert_eq!(parse_duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("10min"), Some(Duration::from_secs(600)));
        for text in [
            "",
            "64",
            "MiB",
            "64 MiB",
            "64mib",
            "-1s",
            "1.5s",
            "99999999999999999999GiB",
            "18446744073709551615GiB",
            "٣s",
        ] {
            assert_eq!((parse_size(text), parse_duration(text)), (None, None), "{text}");
        }
    }
}
