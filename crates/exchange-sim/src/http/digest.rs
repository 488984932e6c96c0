//! The server's side of Digest ([RFC 7616](https://www.rfc-editor.org/rfc/rfc7616)), with `qop=auth` and nothing else.
//!
//! A challenge is good for some requests and then stale, so that clients show whether they get over that; each of its
//! numbers is taken once, in any order. It is Windows' way for names with a backslash: as written and as escaped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use hyper::Uri;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::config::{DigestAlgorithm, Scheme};
use super::login::accounts;
use super::server::Shared;
use crate::account::Account;
use crate::soap::rights::Caller;

const REALM: &str = "exchange-sim";
/// How many requests a challenge is good for.
const USES: usize = 20;
/// How many challenges are known at a time; then all are stale.
const MOST: usize = 4096;

/// The challenges that are out, and which of their numbers were used.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<BTreeMap<String, BTreeSet<u32>>>);

impl Nonces {
    fn make(&self) -> String {
        let mut bytes = [0; 16];
        // Without random bytes a client is asked with a challenge that nobody knows, and so refused.
        let known = getrandom::fill(&mut bytes).is_ok();
        let nonce = hex(&bytes);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        if known {
            all.insert(nonce.clone(), BTreeSet::new());
        }
        nonce
    }

    /// Uses a number of a challenge, if that is still possible.
    fn spend(&self, nonce: &str, count: u32) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get_mut(nonce).is_some_and(|used| used.len() < USES && used.insert(count))
    }
}

/// What is asked.
pub(crate) fn challenge(shared: &Shared, algorithm: DigestAlgorithm, stale: bool) -> String {
    let hides = if algorithm == DigestAlgorithm::Sha256 { ", userhash=true" } else { "" };
    let stale = if stale { ", stale=true" } else { "" };
    format!(
        "Digest realm=\"{REALM}\", qop=\"auth\", algorithm={}, nonce=\"{}\", charset=UTF-8{hides}{stale}",
        name(algorithm),
        shared.nonces.make()
    )
}

/// Who it is; or whether the answer is right, but for a challenge that is not good any more.
pub(crate) fn log_in(shared: &Shared, token: &str, (method, uri): (&str, &Uri)) -> Result<Caller, bool> {
    let given = Given::read(token).ok_or(false)?;
    let algorithm = given.algorithm().ok_or(false)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if !shared.config.offers(Scheme::Digest(algorithm)) || given.get("uri")? != path {
        return Err(false);
    }
    let account = accounts(shared).into_iter().find(|account| given.is_by(account, algorithm, method, path));
    let account = account.ok_or(false)?;
    let (nonce, count) = (given.get("nonce")?, u32::from_str_radix(given.get("nc")?, 16).map_err(|_| false)?);
    if shared.nonces.spend(nonce, count) { Ok(Caller::from(&account)) } else { Err(true) }
}

/// The parameters of an answer: as they stand there, and without the escapes in them.
struct Given(BTreeMap<String, (String, String)>);

impl Given {
    fn read(text: &str) -> Option<Given> {
        let mut found = BTreeMap::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (raw, plain, after) = value(after.trim_start())?;
            found.insert(name.trim().to_ascii_lowercase(), (raw, plain));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Some(Given(found))
    }

    fn get(&self, name: &str) -> Result<&str, bool> {
        self.0.get(name).map(|(_, plain)| plain.as_str()).ok_or(false)
    }

    fn algorithm(&self) -> Option<DigestAlgorithm> {
        let said = self.get("algorithm").unwrap_or("MD5");
        let all = [DigestAlgorithm::Sha256, DigestAlgorithm::Md5, DigestAlgorithm::Md5Session];
        all.into_iter().find(|one| name(*one).eq_ignore_ascii_case(said))
    }

    /// Whether it is the proof of an account's password.
    fn is_by(&self, account: &Account, algorithm: DigestAlgorithm, method: &str, path: &str) -> bool {
        let hash = |text: String| match algorithm {
            DigestAlgorithm::Sha256 => hex(&Sha256::digest(text)),
            DigestAlgorithm::Md5 | DigestAlgorithm::Md5Session => hex(&Md5::digest(text)),
        };
        let proof = |user: &str| {
            let (nonce, ours, count) = (self.get("nonce")?, self.get("cnonce")?, self.get("nc")?);
            let mut key = hash(format!("{user}:{REALM}:{}", account.password));
            if algorithm == DigestAlgorithm::Md5Session {
                key = hash(format!("{key}:{nonce}:{ours}"));
            }
            let asks = hash(format!("{method}:{path}"));
            Ok::<_, bool>(hash(format!("{key}:{nonce}:{count}:{ours}:auth:{asks}")))
        };
        let proves = |user: &str| {
            self.get("qop") == Ok("auth") && self.get("response") == proof(user).as_deref().map_err(|no| *no)
        };
        if self.get("userhash") == Ok("true") {
            let names = std::iter::once(&account.user).chain(&account.names);
            return names
                .into_iter()
                .any(|name| self.get("username") == Ok(&hash(format!("{name}:{REALM}"))) && proves(name));
        }
        self.users().iter().any(|user| account.is_called(user) && proves(user))
    }

    /// The names that may be meant.
    fn users(&self) -> Vec<String> {
        let plain = self.0.get("username").map(|(raw, plain)| [raw.clone(), plain.clone()]);
        let encoded =
            self.get("username*").ok().and_then(|text| text.strip_prefix("UTF-8''")).and_then(decoded);
        plain.into_iter().flatten().chain(encoded).collect()
    }
}

/// A value as it stands there, what it says, and what comes after it.
fn value(text: &str) -> Option<(String, String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end)?;
        return Some((value.trim().to_owned(), value.trim().to_owned(), after));
    };
    let mut plain = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((quoted.get(..at)?.to_owned(), plain, quoted.get(at + 1..)?)),
            '\\' => plain.push(letters.next()?.1),
            other => plain.push(other),
        }
    }
    None
}

/// A text with bytes in percents.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (byte, after) = match letter {
            '%' => (u8::from_str_radix(rest.get(1..3)?, 16).ok()?, rest.get(3..)?),
            _ => (u8::try_from(letter).ok()?, rest.get(letter.len_utf8()..)?),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA-256",
        DigestAlgorithm::Md5 => "MD5",
        DigestAlgorithm::Md5Session => "MD5-sess",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
