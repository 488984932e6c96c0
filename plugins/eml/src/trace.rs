//! What servers on the way wrote into the mail: `Received`, `Authentication-Results` (RFC 8601), `Received-SPF`.
//!
//! Only the topmost lines come from one's own servers; everything below may be made up by the sender. So the order
//! is kept, and the summary of the results is taken from the topmost header alone.

use schemars::JsonSchema;
use serde::Serialize;

use crate::date;

/// More results or properties than this in one header are noise.
const MOST: usize = 50;

/// One `Received` header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Hop {
    /// Who handed the mail over: the name it gave and, in parentheses, what the receiver saw.
    pub from: Option<String>,
    /// Who took it.
    pub by: Option<String>,
    /// The protocol.
    pub with: Option<String>,
    /// The receiver's queue id.
    pub id: Option<String>,
    /// The recipient at that point.
    #[serde(rename = "for")]
    pub recipient: Option<String>,
    /// When, RFC 3339 in UTC.
    pub date: Option<String>,
}

/// A property of a result, e.g. `header.from` and `example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The result of one method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct MethodResult {
    /// `spf`, `dkim`, `dmarc`, `compauth`, …, lower case.
    pub method: String,
    /// `pass`, `fail`, `none`, …, lower case.
    pub result: String,
    /// What the server wrote in parentheses.
    pub comment: Option<String>,
    /// Everything else, in order.
    pub properties: Vec<Property>,
}

/// One header with authentication results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct ResultsHeader {
    /// Which header: `Authentication-Results` or `ARC-Authentication-Results`.
    pub header: String,
    /// Who says so; Exchange Online leaves it out.
    pub authserv_id: Option<String>,
    /// The results, in order.
    pub results: Vec<MethodResult>,
}

/// One `Received-SPF` header (RFC 7208 9.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct ReceivedSpf {
    /// `pass`, `fail`, `softfail`, …, lower case.
    pub result: String,
    /// What the server wrote in parentheses.
    pub comment: Option<String>,
    /// `client-ip`, `helo`, …, in order.
    pub properties: Vec<Property>,
}

/// What the mail says about its own authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Authentication {
    /// SPF by the topmost `Authentication-Results`, null if it has none.
    pub spf: Option<String>,
    /// DKIM by the topmost `Authentication-Results`: `pass` if any signature passed, otherwise the first result.
    pub dkim: Option<String>,
    /// DMARC by the topmost `Authentication-Results`.
    pub dmarc: Option<String>,
    /// Microsoft's composite authentication by the topmost `Authentication-Results`.
    pub compauth: Option<String>,
    /// Every header with results, from the top. All but the topmost may be forged.
    pub headers: Vec<ResultsHeader>,
    /// Every `Received-SPF`, from the top.
    pub received_spf: Vec<ReceivedSpf>,
}

impl Authentication {
    /// Fills in the summary.
    pub fn summarise(&mut self) {
        let Some(top) = self.headers.iter().find(|header| header.header == "Authentication-Results") else {
            return;
        };
        let of = |method: &str| -> Option<String> {
            let mut results = top.results.iter().filter(|result| result.method == method);
            let first = results.next()?;
            let passed = results.chain([first]).any(|result| result.result == "pass");
            Some(if passed { "pass".to_owned() } else { first.result.clone() })
        };
        (self.spf, self.dkim, self.dmarc, self.compauth) =
            (of("spf"), of("dkim"), of("dmarc"), of("compauth"));
    }
}

/// Reads a `Received` header.
pub fn hop(text: &str) -> Hop {
    let (clauses, when) = text.rsplit_once(';').unwrap_or((text, ""));
    let mut hop = Hop { date: date::rfc3339(when), ..Hop::default() };
    let mut key = String::new();
    let mut value: Vec<&str> = Vec::new();
    let mut depth = 0_usize;
    for word in clauses.split_ascii_whitespace().chain(["by-end"]) {
        let keyword = depth == 0
            && (matches!(word.to_ascii_lowercase().as_str(), "from" | "by" | "via" | "with" | "id" | "for")
                || word == "by-end");
        if keyword {
            let text = (!value.is_empty()).then(|| value.join(" "));
            let slot = match key.as_str() {
                "from" => &mut hop.from,
                "by" => &mut hop.by,
                "with" => &mut hop.with,
                "id" => &mut hop.id,
                "for" => &mut hop.recipient,
                _ => &mut None,
            };
            if slot.is_none() {
                *slot = text;
            }
            value.clear();
            key = word.to_ascii_lowercase();
        } else {
            depth = (depth + word.matches('(').count()).saturating_sub(word.matches(')').count());
            value.push(word);
        }
    }
    hop
}

/// Reads an `Authentication-Results` or `ARC-Authentication-Results` header.
pub fn results(header: &str, text: &str) -> ResultsHeader {
    let mut authserv_id = None;
    let mut results = Vec::new();
    for segment in segments(text).into_iter().take(MOST) {
        let words = segment.words;
        let mut pairs = words.iter().filter_map(|word| word.split_once('='));
        let Some((method, result)) = pairs.next() else {
            let first = words.first().filter(|_| authserv_id.is_none() && results.is_empty());
            authserv_id = authserv_id.or_else(|| first.cloned());
            continue;
        };
        // `i=1` numbers the ARC set; the server's name follows in a segment of its own.
        if method == "i" {
            continue;
        }
        let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let properties = pairs
            .map(|(name, value)| Property { name: name.to_owned(), value: unquote(value) })
            .take(MOST)
            .collect();
        let result = unquote(result).to_ascii_lowercase();
        results.push(MethodResult { method, result, comment: segment.comment, properties });
    }
    ResultsHeader { header: header.to_owned(), authserv_id, results }
}

/// Reads a `Received-SPF` header.
pub fn received_spf(text: &str) -> ReceivedSpf {
    let segments = segments(text);
    let result = segments.first().and_then(|segment| segment.words.first()).cloned().unwrap_or_default();
    let comment = segments.first().and_then(|segment| segment.comment.clone());
    let properties = segments
        .iter()
        .flat_map(|segment| segment.words.iter())
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| Property { name: name.to_owned(), value: unquote(value) })
        .take(MOST)
        .collect();
    ReceivedSpf { result: result.to_ascii_lowercase(), comment, properties }
}

fn unquote(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

#[derive(Default)]
struct Segment {
    words: Vec<String>,
    comment: Option<String>,
}

/// Cuts at `;` and into words, outside of quotes and comments. Space around `=` is dropped.
fn segments(text: &str) -> Vec<Segment> {
    let mut all = Vec::new();
    let mut segment = Segment::default();
    let mut word = String::new();
    let mut comment = String::new();
    let (mut depth, mut quoted) = (0_usize, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' if !quoted => {
                depth += 1;
                if depth > 1 {
                    comment.push(letter);
                }
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    segment.comment.get_or_insert_with(|| comment.trim().to_owned());
                    comment.clear();
                } else {
                    comment.push(letter);
                }
            }
            _ if depth > 0 => comment.push(letter),
            '"' => {
                quoted = !quoted;
                word.push(letter);
            }
            ';' if !quoted => {
                segment.push(&mut word);
                all.push(std::mem::take(&mut segment));
            }
            ' ' | '\t' if !quoted => {
                while letters.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
                if !word.ends_with('=') && letters.peek() != Some(&'=') {
                    segment.push(&mut word);
                }
            }
            _ => word.push(letter),
        }
    }
    segment.push(&mut word);
    all.push(segment);
    all
}

impl Segment {
    fn push(&mut self, word: &mut String) {
        if !word.is_empty() {
            self.words.push(std::mem::take(word));
        }
    }
}
