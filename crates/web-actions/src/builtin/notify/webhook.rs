//! `notify.webhook`: tells a service something, as JSON.
//!
//! Left out: batches, and headers of a playbook's own; what needs those is an `http.request`.

use std::time::{SystemTime, UNIX_EPOCH};

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Web;
use crate::call::{IDEMPOTENCY_KEY, key};
use crate::failure::invalid;
use crate::sign::signature;
use crate::web::{Kind, Site};

const NAME: &str = "notify.webhook";

/// Tells a service.
pub(crate) struct Webhook;

/// Input of `notify.webhook`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What is told: the body of the request, as a JSON object.
    #[schemars(schema_with = "payload")]
    payload: Map<String, Value>,
}

fn payload(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

/// Output of `notify.webhook`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The id of the message, as the headers `webhook-id` and `Idempotency-Key` had it: the same for every attempt of
    /// this step in this run.
    pub(crate) id: String,
    /// The HTTP status the service answered, from 200 to 299.
    pub(crate) status: u16,
    /// Length of the body that was sent, in bytes.
    pub(crate) size: u64,
}

fn value(text: String) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(text).map_err(|_| invalid(NAME, "a header of its own cannot be written"))
}

/// The headers of a message.
fn headers(site: &Site, id: &str, body: &[u8]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(IDEMPOTENCY_KEY, value(id.to_owned())?);
    headers.insert(HeaderName::from_static("webhook-id"), value(id.to_owned())?);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    headers.insert(HeaderName::from_static("webhook-timestamp"), value(seconds.to_string())?);
    if let Some(key) = &site.signing_key {
        let signed = signature(key, id, seconds, body).ok_or_else(|| {
            let why = "the signing key of the connection begins with `whsec_` and is not base64 behind it";
            Failure::new(FailureKind::Invalid, Blame::Host, format!("{NAME}: {why}"))
        })?;
        headers.insert(HeaderName::from_static("webhook-signature"), value(signed)?);
    }
    Ok(headers)
}

impl TypedAction<Web> for Webhook {
    const INFO: ActionInfo = ActionInfo {
        name: NAME,
        summary: "Tell a service something, as JSON",
        description: "Posts a JSON object to the address of a connection of kind `webhook`. The address is a secret of \
                      the connection and so is the key that the message is signed with, if there is one: by the rules of \
                      Standard Webhooks, HMAC-SHA256 over id, time and body, in the headers `webhook-id`, \
                      `webhook-timestamp` and `webhook-signature`. The id is also the `Idempotency-Key`.\n\nA message \
                      that was told cannot be taken back. Where its answer was lost it is sent again only if the \
                      connection says `deduplicates: true`, that is, that the service takes two messages with the same id \
                      for one; otherwise the run says that it does not know. Any answer but 200 to 299 is a failure, a \
                      redirect too.",
        effect: Effect::Notification,
        repeat: Repeat::Verify,
        errors: ERRORS,
        connection: Some("webhook"),
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(web: Web, context: Context, input: Input) -> Result<Output, Failure> {
        let body = Value::Object(input.payload).to_string().into_bytes();
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let id = key(&context);
        let Some(site) = web.site(NAME, Kind::Webhook)? else { return Ok(Output { id, status: 200, size }) };
        if size > site.max_request {
            let why = format!(
                "the payload has {size} bytes, and the connection sends {} at most",
                site.max_request
            );
            return Err(Failure { kind: FailureKind::Limit, ..invalid(NAME, why) });
        }
        let headers = headers(site, &id, &body)?;
        let answer = site.post(NAME, headers, body).await?;
        if !answer.status.is_success() {
            return Err(site.hushed(site.unwanted("the message", &answer, true)));
        }
        Ok(Output { id, status: answer.status.as_u16(), size })
    }

    /// Nobody can look whether a message arrived; but where the service knows repeats, that need not be known.
    async fn probe(web: Web, _: Context, _: Input) -> Result<Probe, Failure> {
        let known = web.site(NAME, Kind::Webhook)?.is_none_or(|site| site.deduplicates);
        Ok(if known { Probe::NotDone } else { Probe::Unknown })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Tell the ticket system what was done".to_owned(),
            input: json!({ "payload": { "event": "phishing.contained", "copies_removed": 8, "mailboxes": 3 } }),
            output: json!(null),
        }]
    }
}

/// What messages to services fail with.
pub(super) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Invalid,
    FailureKind::Limit,
    FailureKind::Unknown,
];
