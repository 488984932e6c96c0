//! Uses up something.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use plugin_sdk::{Action, ArtifactWriter, Context, Failure, Level, log};

use crate::Text;

/// What to use up.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// CPU, forever.
    Loop,
    /// CPU, for `amount` milliseconds.
    Spin,
    /// Time, by waiting `amount` milliseconds.
    Sleep,
    /// Memory, in blocks of 1 MiB, `amount` of them.
    Memory,
    /// The stack.
    Recursion,
    /// The stack, calling the host in every way on the way down.
    RecursionWithHostCalls,
    /// Log lines of `amount` bytes, forever.
    Log,
    /// One log line of `amount` bytes.
    LogLine,
    /// An answer of `amount` bytes.
    Output,
    /// `amount` bytes on standard output.
    Print,
    /// `amount` bytes on standard error.
    Complain,
    /// Cheap calls of host functions, forever.
    HostCalls,
    /// A panic.
    Panic,
    /// An abort.
    Abort,
    /// An exit with code 7.
    Exit,
}

/// What to use up, and how much of it.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    what: What,
    #[serde(default)]
    amount: usize,
}

/// See [`What`].
pub(crate) struct Exhaust;

impl Action for Exhaust {
    const NAME: &'static str = "exhaust";
    const SUMMARY: &'static str = "Uses something up";
    type Input = Input;
    type Output = Text;

    fn run(input: Input, _: &Context) -> Result<Text, Failure> {
        let amount = input.amount;
        let text = match input.what {
            What::Loop => spin(|| true),
            What::Spin => {
                let end = Instant::now() + Duration::from_millis(amount as u64);
                spin(|| Instant::now() < end)
            }
            What::Sleep => {
                log(Level::Info, "asleep", &serde_json::Value::Null);
                std::thread::sleep(Duration::from_millis(amount as u64));
                log(Level::Info, "awake", &serde_json::Value::Null);
                String::new()
            }
            What::Memory => {
                let blocks: Vec<Vec<u8>> = (0..amount).map(|_| vec![1; 1 << 20]).collect();
                black_box(&blocks).len().to_string()
            }
            What::Recursion => recurse(black_box(0)).to_string(),
            What::RecursionWithHostCalls => recurse_with_host_calls(black_box(0))?.to_string(),
            What::Log => {
                let line = "x".repeat(amount);
                loop {
                    log(Level::Info, &line, &serde_json::Value::Null);
                }
            }
            What::LogLine => {
                log(Level::Info, &"x".repeat(amount), &serde_json::Value::Null);
                String::new()
            }
            What::Output => "x".repeat(amount),
            What::Print => {
                println!("{}", "x".repeat(amount));
                String::new()
            }
            What::Complain => {
                eprintln!("{}", "x".repeat(amount));
                String::new()
            }
            What::HostCalls => loop {
                black_box(Instant::now());
            },
            What::Panic => panic!("told to panic"),
            What::Abort => std::process::abort(),
            What::Exit => std::process::exit(7),
        };
        Ok(Text { text })
    }
}

fn spin(mut on: impl FnMut() -> bool) -> String {
    let mut rounds = 0u64;
    while on() {
        rounds = black_box(rounds.wrapping_add(1));
    }
    rounds.to_string()
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(black_box(depth + 1)) + frame.iter().sum::<u64>()
}

/// Few of the costly calls, so that the stack ends before another limit does.
fn recurse_with_host_calls(depth: u64) -> Result<u64, Failure> {
    let now = black_box(Instant::now());
    if !depth.is_multiple_of(64) {
        return Ok(recurse_with_host_calls(black_box(depth + 1))? + black_box(depth));
    }
    let mut artifact = ArtifactWriter::new()?;
    artifact.write_all(b"deep")?;
    log(Level::Info, "deep", &serde_json::Value::Null);
    eprintln!("deep");
    let below = recurse_with_host_calls(black_box(depth + 1))?;
    artifact.finish("text/plain")?;
    Ok(below + now.elapsed().subsec_nanos() as u64)
}
