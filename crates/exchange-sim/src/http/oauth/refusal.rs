//! How the token endpoint refuses: an error of OAuth, and a number and a sentence as Microsoft's endpoint writes them.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::super::answer::json;
use super::super::body::PiecesBody;

/// Nobody follows a trace here; it is there because clients show it.
const TRACE: &str = "00000000-0000-4000-8000-000000000001";
const CORRELATION: &str = "00000000-0000-4000-8000-000000000002";

/// A refusal of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: &'static str,
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Refusal { error, code, text: text.into() }
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Refusal::new("invalid_request", 900_144, text)
    }

    /// The sentence with its number, and what can be told to support.
    pub(crate) fn description(&self, now: Timestamp) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {TRACE} Correlation ID: {CORRELATION} Timestamp: {}",
            self.code,
            self.text,
            written(now)
        )
    }

    pub(crate) fn answer(&self, now: Timestamp) -> Response<PiecesBody> {
        let status = match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut refused = json(
            status,
            &json!({
                "error": self.error,
                "error_description": self.description(now),
                "error_codes": [self.code],
                "timestamp": written(now),
                "trace_id": TRACE,
                "correlation_id": CORRELATION,
                "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
            }),
        );
        if status == StatusCode::UNAUTHORIZED {
            refused
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"exchange-sim\""));
        }
        refused
    }
}

fn written(now: Timestamp) -> String {
    now.to_string().replace('T', " ")
}
