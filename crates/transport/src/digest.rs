//! Digest ([RFC 7616](https://www.rfc-editor.org/rfc/rfc7616)): what is answered to a challenge, with MD5 or SHA-256, each
//! also in the form of Windows, `-sess`.
//!
//! Of several challenges the stronger one is answered. Without `qop=auth` nothing is: that is the form of 1997, which
//! counts nothing and can be repeated by whoever hears it. Left out: `auth-int`, which needs all of a body before its
//! first byte goes out; checking the server's own proof, which TLS makes superfluous; and `nextnonce`.
//!
//! Ours and not a library's: those there are (`digest_auth`, `digest-access`) have not moved for years.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::challenge::Challenge;

/// How a challenge is answered, from the weaker to the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    fn of(self, text: &str) -> String {
        match self {
            Hash::Md5 => hex(&Md5::digest(text)),
            Hash::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    hash: Hash,
    /// The key is made anew for each challenge, and not kept from one to the next.
    session: bool,
    /// The word of the server for that.
    algorithm: Option<String>,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    hides_user: bool,
    /// What was sent was right, but for an older challenge.
    pub(crate) stale: bool,
}

impl Asked {
    /// The strongest of these challenges, or why none of them can be answered.
    pub(crate) fn strongest(challenges: &[Challenge]) -> Result<Asked, String> {
        let all: Vec<_> = challenges.iter().filter(|one| one.is("digest")).map(Asked::read).collect();
        let best = all.iter().flatten().max_by_key(|asked| asked.hash);
        if let Some(best) = best {
            return Ok(best.clone());
        }
        let why = all.iter().find_map(|asked| asked.as_ref().err());
        Err(why.map_or("the server does not log in by Digest", String::as_str).to_owned())
    }

    fn read(challenge: &Challenge) -> Result<Asked, String> {
        let algorithm = challenge.get("algorithm").map(str::to_owned);
        let name = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let (base, session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |base| (base, true));
        let hash = match base {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            _ => {
                let name: String = name.chars().filter(char::is_ascii_graphic).take(20).collect();
                return Err(format!("the server wants Digest with {name}, and there are MD5 and SHA-256"));
            }
        };
        let qop = challenge.get("qop").unwrap_or_default();
        if !qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) {
            return Err("the server offers Digest, but not with `qop=auth`".to_owned());
        }
        let needed = |name: &str| {
            let missing = || format!("the server offers Digest without `{name}`");
            challenge
                .get(name)
                .map(str::to_owned)
                .filter(|value| !value.contains(char::is_control))
                .ok_or_else(missing)
        };
        let is = |name: &str| challenge.get(name).is_some_and(|said| said.eq_ignore_ascii_case("true"));
        Ok(Asked {
            hash,
            session,
            algorithm,
            realm: needed("realm")?,
            nonce: needed("nonce")?,
            opaque: challenge.get("opaque").map(str::to_owned),
            hides_user: is("userhash"),
            stale: is("stale"),
        })
    }

    /// Takes the challenge up. `ours` is our part of what is hashed, and never used before.
    pub(crate) fn taken_up(self, user: &str, password: &str, ours: String) -> Session {
        let hash = self.hash;
        let key = hash.of(&format!("{user}:{}:{password}", self.realm));
        let key = if self.session { hash.of(&format!("{key}:{}:{ours}", self.nonce)) } else { key };
        let user = if self.hides_user {
            quoted("username", &hash.of(&format!("{user}:{}", self.realm)))
        } else if user.is_ascii() {
            quoted("username", user)
        } else {
            format!("username*=UTF-8''{}", percent(user))
        };
        Session { asked: self, user, key, ours, uses: AtomicU32::new(0) }
    }
}

/// A challenge that was taken up: good until the server says otherwise.
#[derive(Debug)]
pub(crate) struct Session {
    asked: Asked,
    user: String,
    key: String,
    ours: String,
    uses: AtomicU32,
}

impl Session {
    /// The value of the header for the next request. Each one has a number of its own.
    pub(crate) fn answer(&self, method: &str, uri: &str) -> String {
        let count = format!("{:08x}", self.uses.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        let Session { asked, user, key, ours, .. } = self;
        let asks = asked.hash.of(&format!("{method}:{uri}"));
        let proof = asked.hash.of(&format!("{key}:{}:{count}:{ours}:auth:{asks}", asked.nonce));
        let mut parts = vec![
            user.clone(),
            quoted("realm", &asked.realm),
            quoted("uri", uri),
            quoted("nonce", &asked.nonce),
            format!("nc={count}"),
            quoted("cnonce", ours),
            "qop=auth".to_owned(),
            quoted("response", &proof),
        ];
        parts.extend(asked.algorithm.as_ref().map(|name| format!("algorithm={name}")));
        parts.extend(asked.opaque.as_ref().map(|opaque| quoted("opaque", opaque)));
        parts.extend(asked.hides_user.then(|| "userhash=true".to_owned()));
        format!("Digest {}", parts.join(", "))
    }
}

fn quoted(name: &str, value: &str) -> String {
    let mut out = format!("{name}=\"");
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

/// A text in the form of [RFC 8187](https://www.rfc-editor.org/rfc/rfc8187).
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Bytes as the protocol writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::challenge::parse;

    /// The challenges of RFC 7616, 3.9.1.
    const EXAMPLE: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
    const OURS: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn response(answer: &str) -> String {
        parse(answer).first().and_then(|one| one.get("response")).unwrap().to_owned()
    }

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        let all = parse(EXAMPLE);
        for (challenges, expected) in [
            (&all[1..], "8ca523f5e9506fed4657c9700eebdbec"),
            (&all[..1], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            (&all[..], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let asked = Asked::strongest(challenges).unwrap();
            let session = asked.taken_up("Mufasa", "Circle of Life", OURS.to_owned());
            let answer = session.answer("GET", "/dir/index.html");
            assert_eq!(response(&answer), expected, "{answer}");
            assert!(answer.contains("nc=00000001") && answer.contains("opaque=\"FQhe"), "{answer}");
        }
    }

    #[test]
    fn the_example_of_the_rfc_before_it_comes_out() {
        let list = r#"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let asked = Asked::strongest(&parse(list)).unwrap();
        let session = asked.taken_up("Mufasa", "Circle Of Life", "0a4f113b".to_owned());
        let answer = session.answer("GET", "/dir/index.html");
        assert_eq!(response(&answer), "6629fae49393a05397450978507c4ef1");
        assert!(!answer.contains("algorithm"), "what was not said is not repeated: {answer}");
        let second = session.answer("GET", "/dir/index.html");
        assert!(second.contains("nc=00000002") && response(&second) != response(&answer));
    }

    #[test]
    fn a_name_is_hidden_escaped_or_encoded() {
        let at = |more: &str| {
            let list = format!("Digest realm=\"r\", nonce=\"n\", qop=auth, algorithm=SHA-256{more}");
            Asked::strongest(&parse(&list)).unwrap()
        };
        let answer = |asked: Asked, user: &str| asked.taken_up(user, "p", "o".to_owned()).answer("GET", "/");
        assert!(answer(at(""), "CORP\\svc").starts_with("Digest username=\"CORP\\\\svc\", "));
        assert!(answer(at(""), "Jäsøn Doe").starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "));
        let hidden = answer(at(", userhash=true"), "svc");
        assert!(
            hidden.contains(&hex(&Sha256::digest("svc:r"))) && hidden.ends_with("userhash=true"),
            "{hidden}"
        );
    }

    #[test]
    fn what_cannot_be_answered_safely_is_not_answered() {
        for (list, word) in [
            (r#"Digest realm="r", nonce="n""#, "qop"),
            (r#"Digest realm="r", nonce="n", qop="auth-int""#, "qop"),
            (r#"Digest realm="r", nonce="n", qop=auth, algorithm=SHA-512-256"#, "SHA-512-256"),
            (r#"Digest realm="r", qop=auth"#, "nonce"),
            (r#"Digest nonce="n", qop=auth"#, "realm"),
            (r#"Basic realm="r""#, "does not log in by Digest"),
        ] {
            let why = Asked::strongest(&parse(list)).unwrap_err();
            assert!(why.contains(word), "{list}: {why}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_is_read_as_it_was_meant(realm in "[ -~]{0,20}", nonce in "[ -~]{0,20}", user in "\\PC{1,12}", sess: bool) {
            let algorithm = if sess { "MD5-sess" } else { "MD5" };
            let list = format!("Digest {}, {}, qop=auth, algorithm={algorithm}", quoted("realm", &realm), quoted("nonce", &nonce));
            let session = Asked::strongest(&parse(&list)).unwrap().taken_up(&user, "p", "ours".to_owned());
            let read = parse(&session.answer("POST", "/EWS/Exchange.asmx?a=b"));
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].get("realm"), Some(realm.as_str()));
            prop_assert_eq!(read[0].get("nonce"), Some(nonce.as_str()));
            if user.is_ascii() {
                prop_assert_eq!(read[0].get("username"), Some(user.as_str()));
            }
        }
    }
}
