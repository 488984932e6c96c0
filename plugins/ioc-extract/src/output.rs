//! What `ioc-extract.extract` gives. Everything in here was written by an attacker until somebody knows better.

use schemars::JsonSchema;
use serde::Serialize;

use crate::link::Scheme;

/// Indicators, each kind in the order of first appearance.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Output {
    /// URLs, links that were unwrapped from others included.
    pub urls: Vec<Url>,
    /// IP addresses, those of URLs included.
    pub ips: Vec<Ip>,
    /// Domain names under a public suffix, those of URLs and addresses included.
    pub domains: Vec<Domain>,
    /// Mail addresses.
    pub emails: Vec<Indicator>,
    /// Hashes of files.
    pub hashes: Vec<Hash>,
    /// Telephone numbers; with `+` if the country is known.
    pub phones: Vec<Indicator>,
    /// Bitcoin addresses with a valid checksum.
    pub bitcoin: Vec<Indicator>,
    /// Whether something was left out, because there was too much of it.
    pub truncated: bool,
}

/// What kind of place an indicator was found at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Text that a reader sees.
    Text,
    /// The target of a link.
    Href,
    /// Something loaded without a click: an image, a frame, a style sheet.
    Src,
    /// Where a form sends what was typed into it.
    Action,
    /// `url(…)` in a style.
    Style,
    /// A page that leads on by itself.
    Refresh,
    /// Anywhere else in the source: comments, scripts, other attributes.
    Markup,
    /// Inside of another URL that leads there.
    Wrapped,
}

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Found {
    /// Which input: `text`, `html`, `subject`, `headers[3]`, `messages[0].html`, `artifacts[1]`, ….
    pub source: String,
    /// What kind of place.
    pub place: Place,
    /// Offset in bytes of UTF-8 in that input.
    pub offset: u64,
}

/// A URL.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Url {
    /// The URL: scheme and host in lower case, everything else as it stands.
    pub value: String,
    /// A form that nobody opens by accident.
    pub defanged: String,
    /// Its kind.
    pub kind: Scheme,
    /// Where it leads: ASCII name or IP address; null if to no host.
    pub host: Option<String>,
    /// The host as a reader sees it, if it has letters beyond ASCII.
    pub host_unicode: Option<String>,
    /// The part of the host that somebody registered, by the public suffix list.
    pub domain: Option<String>,
    /// Whether the text of a link names another domain than the one it leads to.
    pub text_mismatch: bool,
    /// That text, if so.
    pub shown: Option<String>,
    /// Whether it was written in a way that hides it, by an attacker or by somebody who made it harmless.
    pub obfuscated: bool,
    /// The URL inside of this one, if it is a wrapper such as Safe Links; listed by itself as well.
    pub unwraps_to: Option<String>,
    /// How often it was found.
    pub count: u32,
    /// The first places.
    pub found_in: Vec<Found>,
}

/// An IP address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Ip {
    /// The address in its usual spelling.
    pub value: String,
    /// A form that nothing takes for a link.
    pub defanged: String,
    /// 4 or 6.
    pub version: u8,
    /// Whether it was written in a way that hides it.
    pub obfuscated: bool,
    /// How often it was found.
    pub count: u32,
    /// The first places.
    pub found_in: Vec<Found>,
}

/// A domain name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Domain {
    /// The name in ASCII, lower case.
    pub value: String,
    /// A form that nothing takes for a link.
    pub defanged: String,
    /// The name as a reader sees it, if it has letters beyond ASCII.
    pub unicode: Option<String>,
    /// The part that somebody registered; null for a public suffix itself.
    pub registrable: Option<String>,
    /// Whether it was written in a way that hides it.
    pub obfuscated: bool,
    /// How often it was found.
    pub count: u32,
    /// The first places.
    pub found_in: Vec<Found>,
}

/// Which hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// 32 hex digits.
    Md5,
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

/// A hash, by its length.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Hash {
    /// The digits in lower case.
    pub value: String,
    /// The same: a hash is harmless.
    pub defanged: String,
    /// Which hash has that many digits.
    pub algorithm: Algorithm,
    /// How often it was found.
    pub count: u32,
    /// The first places.
    pub found_in: Vec<Found>,
}

/// Any other indicator.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Indicator {
    /// The indicator in its usual spelling.
    pub value: String,
    /// A form that nothing takes for a link.
    pub defanged: String,
    /// Whether it was written in a way that hides it.
    pub obfuscated: bool,
    /// How often it was found.
    pub count: u32,
    /// The first places.
    pub found_in: Vec<Found>,
}
