//! Reaches for what it was not given.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_sdk::{Action, Context, Failure};

use crate::Text;

/// Tries everything that an ordinary program may do and reports what worked.
pub(crate) struct Escape;

/// Nothing, or a place to reach for.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// A file that is there.
    file: String,
    /// `host:port` where somebody listens.
    address: String,
}

/// What worked.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Reached {
    /// Names of attempts that worked; must be empty.
    worked: Vec<String>,
    /// Attempts made.
    tried: usize,
}

impl Action for Escape {
    const NAME: &'static str = "escape";
    const SUMMARY: &'static str = "Tries to leave the sandbox";
    type Input = Target;
    type Output = Reached;

    fn run(target: Target, _: &Context) -> Result<Reached, Failure> {
        let file = target.file.as_str();
        let address = target.address.as_str();
        let attempts: &[(&str, &dyn Fn() -> bool)] = &[
            ("read a file", &|| std::fs::read(file).is_ok()),
            ("read a file from above", &|| std::fs::read(format!("../../../../..{file}")).is_ok()),
            ("list the root", &|| std::fs::read_dir("/").is_ok_and(|mut entries| entries.next().is_some())),
            ("list the folder", &|| std::fs::read_dir(".").is_ok_and(|mut entries| entries.next().is_some())),
            ("write a file", &|| {
                std::fs::File::create("/tmp/x").and_then(|mut file| file.write_all(b"x")).is_ok()
            }),
            ("write here", &|| std::fs::write("x", b"x").is_ok()),
            ("see variables", &|| std::env::vars_os().next().is_some()),
            ("see arguments", &|| std::env::args_os().next().is_some_and(|name| !name.is_empty())),
            ("connect", &|| TcpStream::connect(address).is_ok()),
            ("listen", &|| std::net::TcpListener::bind("127.0.0.1:0").is_ok()),
            ("bind a datagram socket", &|| UdpSocket::bind("127.0.0.1:0").is_ok()),
            ("resolve a name", &|| "localhost:80".to_socket_addrs().is_ok()),
            ("read standard input", &|| std::io::stdin().lines().next().is_some()),
            ("start a thread", &|| std::thread::Builder::new().spawn(|| ()).is_ok()),
        ];
        let worked =
            attempts.iter().filter(|(_, attempt)| attempt()).map(|(name, _)| (*name).to_owned()).collect();
        Ok(Reached { worked, tried: attempts.len() })
    }
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Counts its calls in a static: a fresh instance always says 1.
pub(crate) struct Remember;

/// Nothing.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Action for Remember {
    const NAME: &'static str = "remember";
    const SUMMARY: &'static str = "Counts its calls";
    type Input = Nothing;
    type Output = Text;

    fn run(_: Nothing, _: &Context) -> Result<Text, Failure> {
        let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        // Fresh memory is zero: none of what another instance wrote may be in it.
        let block: Vec<u8> = Vec::with_capacity(8 << 20);
        let dirty = fresh_bytes(&block).iter().filter(|&&byte| byte == 0xAB).count();
        let mut mine = vec![0xABu8; 8 << 20];
        std::hint::black_box(&mut mine);
        Ok(Text { text: format!("call {call}, {dirty} bytes of another") })
    }
}

/// The memory behind a vector that nobody wrote to yet.
#[allow(unsafe_code, reason = "reading memory that a leaking pool would not have cleared is the test")]
fn fresh_bytes(block: &Vec<u8>) -> &[u8] {
    // SAFETY: wasm memory is always readable; the vector owns `capacity` bytes of it.
    unsafe { std::slice::from_raw_parts(std::hint::black_box(block.as_ptr()), block.capacity()) }
}

/// Answers against its own schema.
pub(crate) struct Lie;

/// What it promises: a number.
#[derive(schemars::JsonSchema)]
pub(crate) struct Number {
    /// The number.
    #[expect(dead_code, reason = "only the schema is used")]
    number: u64,
}

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("not a number")
    }
}

impl Action for Lie {
    const NAME: &'static str = "lie";
    const SUMMARY: &'static str = "Answers something else than promised";
    type Input = Nothing;
    type Output = Number;

    fn run(_: Nothing, _: &Context) -> Result<Number, Failure> {
        Ok(Number { number: 0 })
    }
}
