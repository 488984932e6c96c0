//! What `ioc-extract.extract` takes. Made to be fed from the output of `eml.parse`.

use plugin_sdk::Artifact;
use schemars::JsonSchema;
use serde::Deserialize;

/// What to search. Whatever is left out or null is not searched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Plain text, e.g. `text_body` of a mail.
    #[serde(default)]
    pub text: Option<String>,
    /// HTML, e.g. `html_body` of a mail.
    #[serde(default)]
    pub html: Option<String>,
    /// A subject, or any other short text.
    #[serde(default)]
    pub subject: Option<String>,
    /// Headers as `eml.parse` gives them. `Received` brings the addresses of every server on the way.
    #[serde(default)]
    pub headers: Option<Vec<Header>>,
    /// Attached mails: `messages` of `eml.parse`.
    #[serde(default)]
    pub messages: Option<Vec<Message>>,
    /// Text or HTML files, and bodies that were too large for a step's output. The first 8 MiB of each are searched.
    #[serde(default)]
    pub artifacts: Option<Vec<Artifact>>,
}

/// A header. More fields than these are allowed and not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Header {
    /// Its value.
    pub value: String,
}

/// A mail. More fields than these are allowed and not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Message {
    /// Its subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Its plain text.
    #[serde(default)]
    pub text_body: Option<String>,
    /// Its HTML.
    #[serde(default)]
    pub html_body: Option<String>,
}
