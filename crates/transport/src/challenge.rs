//! Challenges, as [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1) writes them: a list of schemes, each
//! with parameters, in which both lists are separated by commas.

use http::{HeaderMap, header};

/// What a server asks for in one way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Whether it is of this scheme.
    pub(crate) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The first parameter of this name.
    pub(crate) fn get(&self, wanted: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }
}

/// The challenges of an answer, in their order.
pub(crate) fn of(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
    values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).flat_map(parse).collect()
}

/// The challenges of a list, up to where it cannot be read.
pub(crate) fn parse(list: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(['=', ' ', '\t', ',']).unwrap_or(rest.len());
        let Some((word, after)) = rest.split_at_checked(end).filter(|(word, _)| !word.is_empty()) else {
            return found;
        };
        rest = match after.trim_start().strip_prefix('=') {
            None => {
                found.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
                after
            }
            Some(value) => {
                let Some((value, after)) = value_of(value.trim_start()) else { return found };
                if let Some(challenge) = found.last_mut() {
                    challenge.parameters.push((word.to_owned(), value));
                }
                after
            }
        };
    }
}

/// A value, quoted or not, and what comes after it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end)?;
        return Some((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_belong_to_the_scheme_before_them() {
        let list = r#"Negotiate, NTLM TlRMTVNTUAAC==, Digest realm="a, b=\"c\"", qop="auth,auth-int", stale=TRUE, Basic realm=x"#;
        let challenges = parse(list);
        let schemes: Vec<&str> = challenges.iter().map(|one| one.scheme.as_str()).collect();
        assert_eq!(schemes, ["Negotiate", "NTLM", "Digest", "Basic"]);
        let digest = challenges.iter().find(|one| one.is("digest")).unwrap();
        assert_eq!(digest.get("REALM"), Some("a, b=\"c\""));
        assert_eq!((digest.get("qop"), digest.get("stale")), (Some("auth,auth-int"), Some("TRUE")));
        assert_eq!(digest.get("nonce"), None);
    }

    proptest! {
        #[test]
        fn whatever_a_server_writes_is_read_to_its_end(list in r#"([A-Za-z]{1,6}|[ ,="\\\t]|ä){0,40}"#) {
            parse(&list);
        }
    }
}
