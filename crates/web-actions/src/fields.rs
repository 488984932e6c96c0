//! What inputs and outputs of several actions have in common.

use std::collections::BTreeMap;

use action_api::plan::Artifact;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Headers that say how a request travels or who sends it: the connection and the client write them.
const NOT_OURS: [&str; 19] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method-override",
];
/// Headers of proxies, under whose names a playbook could claim to come from elsewhere, and other ways to say another
/// method or path than the request has.
const NOT_OURS_BEGIN: [&str; 6] =
    ["x-forwarded-", "x-original-", "x-rewrite-", "x-http-method", "x-method-override", "proxy-"];

/// A JSON Schema.
pub(crate) fn schema_of_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// Any JSON that somebody else wrote.
pub(crate) fn untrusted_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-untrusted": true })
}

/// Any JSON.
pub(crate) fn any_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// Values for the placeholders of a path.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Params(BTreeMap<String, Scalar>);

impl Params {
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.clone(), value.text())).collect()
    }
}

impl JsonSchema for Params {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Params".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 20,
            "additionalProperties": { "type": ["string", "integer", "number", "boolean"], "maxLength": 2000 }
        })
    }
}

/// The parameters of a query.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Query(BTreeMap<String, OneOrMore>);

impl Query {
    /// Names and values, in the order of the names.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let pairs = self.0.iter().flat_map(|(name, values)| {
            let values = match values {
                OneOrMore::One(one) => vec![one.text()],
                OneOrMore::More(more) => more.iter().map(Scalar::text).collect(),
            };
            values.into_iter().map(|value| (name.clone(), value))
        });
        pairs.collect()
    }
}

impl JsonSchema for Query {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let scalar = ["string", "integer", "number", "boolean"];
        json_schema!({
            "type": "object",
            "maxProperties": 50,
            "additionalProperties": { "anyOf": [
                { "type": scalar },
                { "type": "array", "maxItems": 200, "items": { "type": scalar } }
            ] }
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Scalar),
    More(Vec<Scalar>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

/// Headers of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Headers(BTreeMap<String, String>);

impl Headers {
    /// As they are sent. `own` are those that the connection writes. The error is words and holds no value.
    pub(crate) fn read(&self, own: &[String]) -> Result<HeaderMap, String> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.0 {
            let lower = name.to_ascii_lowercase();
            let taken = NOT_OURS.contains(&lower.as_str())
                || NOT_OURS_BEGIN.iter().any(|begin| lower.starts_with(begin))
                || own.contains(&lower);
            if taken {
                return Err(format!("the header {lower} is a matter of the connection or the client"));
            }
            let parsed = HeaderName::try_from(lower.as_str()).ok().zip(HeaderValue::try_from(value).ok());
            let Some((parsed, value)) = parsed.filter(|_| value.is_ascii()) else {
                return Err(format!("the header {lower:?} or its value is not one line of visible ASCII"));
            };
            if map.insert(parsed, value).is_some() {
                return Err(format!("the header {lower} is given twice"));
            }
        }
        Ok(map)
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Headers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 30,
            "propertyNames": { "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" },
            "additionalProperties": {
                "type": "string", "maxLength": 4000, "pattern": "^[\\x20-\\x7e]*$", "x-guard": "header"
            }
        })
    }
}

/// How an answer is handed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keep {
    /// JSON and text that are small as they are, everything else as an artifact.
    #[default]
    Auto,
    /// As JSON; another answer is a failure.
    Json,
    /// As text; another answer is a failure.
    Text,
    /// As an artifact, whatever it is.
    Artifact,
}

/// What a server answered. Everything in it is the server's word.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    /// The HTTP status, e.g. 200.
    pub(crate) status: u16,
    /// The headers of the answer by their names in lower case, without those that set cookies or log in.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) headers: BTreeMap<String, String>,
    /// The media type of the answer without its parameters; empty if the server says none.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) media_type: String,
    /// Length of the answer's body in bytes, after it was decompressed.
    pub(crate) size: u64,
    /// The body, if it is JSON; else null.
    #[schemars(schema_with = "untrusted_json")]
    pub(crate) json: Value,
    /// The body, if it is text and not JSON; else null.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) text: Option<String>,
    /// The body, if it is neither, or too large for a step's output, or wanted so; else null.
    #[schemars(schema_with = "action_api::artifact_or_null_schema")]
    pub(crate) content: Option<Artifact>,
}
