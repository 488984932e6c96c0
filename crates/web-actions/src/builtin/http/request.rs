//! `http.request`: has a service change something.

use std::collections::BTreeSet;
use std::io::Read as _;

use action_api::plan::{Artifact, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::get::expected;
use crate::Web;
use crate::answer::{self, Wanted};
use crate::call::{self, Ask};
use crate::failure::{from_artifacts, invalid};
use crate::fields::{Answered, Headers, Keep, Params, Query};
use crate::web::Site;

const NAME: &str = "http.request";

/// Has something changed.
pub(crate) struct Request;

/// Input of `http.request`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = action_api::no_null_defaults)]
pub(crate) struct Input {
    /// What is to be done. To read, use `http.get`.
    method: Method,
    /// The path below the base address of the connection, such as `/blocklist/{domain}`. Begins with one `/`, has no
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
    // Null is JSON too.
    /// The body as JSON. Give this, `content`, or neither.
    #[serde(default, deserialize_with = "action_api::present")]
    #[schemars(schema_with = "crate::fields::any_json")]
    json: Option<Value>,
    /// The body as an artifact. Give this, `json`, or neither.
    #[serde(default)]
    #[schemars(schema_with = "action_api::artifact_schema")]
    content: Option<Artifact>,
    /// The media type of `content`; that of the artifact if left out.
    #[serde(default)]
    #[schemars(with = "String", length(max = 200), regex(pattern = r"^[\x21-\x7e]+/[\x20-\x7e]+$"), extend("x-guard" = "header"))]
    content_type: Option<String>,
    /// The header that the service takes a key of idempotency in, e.g. `Idempotency-Key`. The key is the same for every
    /// attempt of this step in this run and for nothing else. Say this only of a service that takes two requests with the
    /// same key for one: then a request whose answer was lost is sent again.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^[A-Za-z0-9-]{1,100}$"), extend("x-guard" = "header"))]
    idempotency_key_header: Option<String>,
    /// Statuses beside 200 to 299 that are no failure, such as 404 of a thing that is to be gone.
    #[serde(default)]
    #[schemars(length(max = 20), inner(range(min = 200, max = 599)))]
    accept_status: BTreeSet<u16>,
    /// A JSON Schema (draft 2020-12). An answer with a status from 200 to 299 that is not JSON or breaks it is an
    /// `invalid` failure that names the places; the change was made all the same.
    #[serde(default)]
    #[schemars(schema_with = "crate::fields::schema_of_json")]
    expect: Option<Value>,
    /// How the answer's body is handed on.
    #[serde(default)]
    keep: Keep,
}

/// The methods that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    /// Does what the service says it does.
    Post,
    /// Puts a thing into a state; a repeat leads to the same state.
    Put,
    /// Changes a thing in part.
    Patch,
    /// Removes a thing; a repeat leads to the same state.
    Delete,
}

impl Method {
    fn of_http(self) -> http::Method {
        match self {
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        }
    }
}

impl Input {
    /// Whether a second request does no harm: by RFC 9110 (9.2.2), or because the service knows the key.
    fn may_be_repeated(&self) -> bool {
        self.idempotency_key_header.is_some() || matches!(self.method, Method::Put | Method::Delete)
    }
}

/// The body of a request and its media type.
fn body(site: &Site, context: &Context, input: &Input) -> Result<Option<(Bytes, String)>, Failure> {
    let most = site.max_request;
    let too_large = || {
        let why = format!("the body has more than {most} bytes, the connection's `max_request`");
        Failure { kind: FailureKind::Limit, ..invalid(NAME, why) }
    };
    let (bytes, media_type) = match (&input.json, &input.content) {
        (Some(_), Some(_)) => return Err(invalid(NAME, "give `json` or `content`, not both")),
        (None, None) if input.content_type.is_some() => {
            return Err(invalid(NAME, "`content_type` needs `content`"));
        }
        (None, None) => return Ok(None),
        (Some(_), None) if input.content_type.is_some() => {
            return Err(invalid(NAME, "`content_type` is for `content`; `json` is sent as application/json"));
        }
        (Some(json), None) => (json.to_string().into_bytes(), "application/json".to_owned()),
        (None, Some(artifact)) => {
            if artifact.size > most {
                return Err(too_large());
            }
            let from = context.artifacts.open(&artifact.artifact).map_err(|error| from_artifacts(&error))?;
            let mut bytes = Vec::new();
            from.take(most.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(|error| from_artifacts(&action_api::ArtifactError::Io(error)))?;
            let media_type = input.content_type.clone().unwrap_or_else(|| artifact.media_type.clone());
            (bytes, media_type)
        }
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(too_large());
    }
    Ok(Some((bytes.into(), media_type)))
}

impl TypedAction<Web> for Request {
    const INFO: ActionInfo = ActionInfo {
        name: NAME,
        summary: "Have a web service change something",
        description: "Sends a POST, PUT, PATCH or DELETE to a service, with JSON or an artifact as its body, and hands \
                      the answer on as JSON, as text, or, if it is large or neither, as an artifact. Host, log-in, TLS, \
                      proxy, time limits and the largest bodies come from the connection (kind `http`); the playbook \
                      brings path, query and body, and the path cannot leave the connection's base path. A redirect is a \
                      failure. A name that leads to a private address is refused unless the connection allows it.\n\nThe \
                      effect of an action is fixed and that of a request is not, so there are two actions: what reads is \
                      `http.get`, and everything else is this one and counts as containment. Nothing here knows how to take \
                      it back: if the service can, write that as a step of its own. What a service answers says whether it \
                      was done. Where nobody knows, because the answer was lost or the service broke down over it, the \
                      request is sent again only if a second one does no harm: with PUT and DELETE, which HTTP calls \
                      idempotent, and where `idempotency_key_header` says that the service knows repeats by a key. \
                      Otherwise the run says that it does not know.",
        effect: Effect::Containment,
        repeat: Repeat::Verify,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Limit,
            FailureKind::Unknown,
        ],
        connection: Some("http"),
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Answered;

    async fn run(web: Web, context: Context, input: Input) -> Result<Answered, Failure> {
        let site = web.server(NAME)?;
        let expected = expected(NAME, input.expect.as_ref(), input.keep)?;
        let mut headers = input.headers.read(&site.own_headers).map_err(|why| invalid(NAME, why))?;
        let body = body(site, &context, &input)?;
        let fits = || invalid(NAME, "a header of the body or of the key is not one line of visible ASCII");
        let body = match body {
            None => Bytes::new(),
            Some((bytes, media_type)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::try_from(media_type).map_err(|_| fits())?);
                bytes
            }
        };
        if let Some(name) = &input.idempotency_key_header {
            let own = name.to_ascii_lowercase();
            let name = HeaderName::try_from(&own).map_err(|_| fits())?;
            if headers.contains_key(&name) || !key_fits(&own, site) {
                return Err(invalid(NAME, "`idempotency_key_header` names a header that is written already"));
            }
            headers.insert(name, HeaderValue::try_from(call::key(&context)).map_err(|_| fits())?);
        }
        let uri = site.below(NAME, &input.path, &input.params, &input.query)?;
        let what = format!("{} {}", input.method.of_http(), uri.path());
        let ask = Ask { method: input.method.of_http(), uri: site.with_key(uri)?, headers, body };
        let answer = site.change(ask).await?;
        let good = answer.status.is_success();
        if !good && !input.accept_status.contains(&answer.status.as_u16()) {
            return Err(site.unwanted(&what, &answer, true));
        }
        let expected = expected.filter(|_| good);
        let wanted = Wanted { action: NAME, keep: input.keep, expected, artifacts: &*context.artifacts };
        answer::output(site, answer, &wanted).map_err(|failure| match failure.kind {
            // The change was made: what became of its answer is no reason to make it again.
            FailureKind::Transient => Failure { kind: FailureKind::Unknown, ..failure },
            _ => failure,
        })
    }

    /// No request finds out what became of another one; but where a second one does no harm, that need not be known.
    async fn probe(_: Web, _: Context, input: Input) -> Result<Probe, Failure> {
        Ok(if input.may_be_repeated() { Probe::NotDone } else { Probe::Unknown })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Put a domain on the block list of a DNS service".to_owned(),
                input: json!({
                    "method": "PUT",
                    "path": "/blocklist/{domain}",
                    "params": { "domain": "evil.example" },
                    "json": { "reason": "phishing" }
                }),
                output: json!(null),
            },
            Example {
                title: "Open a ticket, once".to_owned(),
                input: json!({
                    "method": "POST",
                    "path": "/tickets",
                    "json": { "title": "Phishing: overdue invoice", "severity": 2 },
                    "idempotency_key_header": "Idempotency-Key"
                }),
                output: json!(null),
            },
        ]
    }
}

/// Whether the key may go into this header: it is one that a playbook may set.
fn key_fits(name: &str, site: &Site) -> bool {
    let one: Headers = serde_json::from_value(json!({ name: "x" })).unwrap_or_default();
    one.read(&site.own_headers).is_ok_and(|map| map.contains_key(name))
}
