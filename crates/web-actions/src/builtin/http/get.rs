//! `http.get`: asks a service something.

use std::collections::BTreeSet;

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use bytes::Bytes;
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Web;
use crate::answer::{self, Wanted};
use crate::call::Ask;
use crate::expect::Expected;
use crate::failure::invalid;
use crate::fields::{Answered, Headers, Keep, Params, Query};

/// Asks.
pub(crate) struct Get;

/// Input of `http.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = action_api::no_null_defaults)]
pub(crate) struct Input {
    /// The path below the base address of the connection, such as `/v3/files/{sha256}`. Begins with one `/`, has no
    /// query, and must not lead out of the base: `.`, `..`, empty parts and encoded slashes are refused.
    #[schemars(length(min = 1, max = 4000), extend("x-guard" = "path"))]
    path: String,
    /// Values for the `{names}` in `path`. Each becomes one part of the path, whatever is in it; one with a slash, or
    /// that is `.` or `..`, is refused.
    #[serde(default)]
    params: Params,
    /// The parameters of the query by name; a list gives the name several times. Values are encoded.
    #[serde(default)]
    query: Query,
    /// More headers by name. Those of the log-in, of the way and of the body are not a playbook's.
    #[serde(default)]
    headers: Headers,
    /// `HEAD` asks for status and headers only.
    #[serde(default)]
    method: Asking,
    /// Statuses beside 200 to 299 that are no failure, such as 404 of a service that so says that it knows nothing.
    #[serde(default)]
    #[schemars(length(max = 20), inner(range(min = 200, max = 599)))]
    accept_status: BTreeSet<u16>,
    /// A JSON Schema (draft 2020-12). An answer with a status from 200 to 299 that is not JSON or breaks it is an
    /// `invalid` failure that names the places.
    #[serde(default)]
    #[schemars(schema_with = "crate::fields::schema_of_json")]
    expect: Option<Value>,
    /// How the answer's body is handed on.
    #[serde(default)]
    keep: Keep,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, Default, Deserialize, serde::Serialize, JsonSchema)]
enum Asking {
    /// The whole answer.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// Status and headers.
    #[serde(rename = "HEAD")]
    Head,
}

/// Whether `expect` and `keep` fit together, and the schema.
pub(crate) fn expected(
    action: &'static str,
    schema: Option<&Value>,
    keep: Keep,
) -> Result<Option<Expected>, Failure> {
    match schema {
        Some(_) if matches!(keep, Keep::Text | Keep::Artifact) => {
            Err(invalid(action, "`expect` is about JSON and does not fit `keep: text` or `keep: artifact`"))
        }
        Some(schema) => Expected::new(action, schema).map(Some),
        None => Ok(None),
    }
}

impl TypedAction<Web> for Get {
    const INFO: ActionInfo = ActionInfo {
        name: "http.get",
        summary: "Ask a web service something",
        description: "Sends a GET or HEAD to a service and hands its answer on as JSON, as text, or, if it is large or \
                      neither, as an artifact. Host, log-in, TLS, proxy, time limits and the largest answer come from the \
                      connection (kind `http`); the playbook brings path and query, and the path cannot leave the \
                      connection's base path. Redirects are followed below that base only, never to another host. A name \
                      that leads to a private address is refused unless the connection allows it.\n\nBy HTTP a GET \
                      changes nothing, so this is an enrichment: it really runs in a dry run, and is sent again where \
                      that may help. A service that changes something on a GET belongs into no \
                      connection that playbooks may use. Secrets of the connection are taken out of the answer.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Limit,
        ],
        connection: Some("http"),
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Answered;

    async fn run(web: Web, context: Context, input: Input) -> Result<Answered, Failure> {
        const NAME: &str = "http.get";
        let site = web.server(NAME)?;
        let expected = expected(NAME, input.expect.as_ref(), input.keep)?;
        let headers = input.headers.read(&site.own_headers).map_err(|why| invalid(NAME, why))?;
        let uri = site.below(NAME, &input.path, &input.params, &input.query)?;
        let (method, what) = match input.method {
            Asking::Get => (Method::GET, "GET"),
            Asking::Head => (Method::HEAD, "HEAD"),
        };
        let what = format!("{what} {}", uri.path());
        let answer = site.read(Ask { method, uri: site.with_key(uri)?, headers, body: Bytes::new() }).await?;
        let good = answer.status.is_success();
        if !good && !input.accept_status.contains(&answer.status.as_u16()) {
            return Err(site.unwanted(&what, &answer, false));
        }
        let expected = expected.filter(|_| good);
        let wanted = Wanted { action: NAME, keep: input.keep, expected, artifacts: &*context.artifacts };
        answer::output(site, answer, &wanted)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Look a file up by its hash".to_owned(),
            input: json!({
                "path": "/v3/files/{sha256}",
                "params": { "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                "accept_status": [404],
                "expect": {
                    "type": "object",
                    "required": ["known"],
                    "properties": { "known": { "type": "boolean" } }
                }
            }),
            output: json!(null),
        }]
    }
}
