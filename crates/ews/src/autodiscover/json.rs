//! [Autodiscover over JSON](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/autodiscover-for-exchange):
//! one small object, without a log-in.

use super::settings::{Said, Settings};
use crate::code::shown;

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Said {
    let Ok(serde_json::Value::Object(answer)) = serde_json::from_slice(body) else {
        return Said::Nothing("the answer is no JSON object".to_owned());
    };
    let text = |name: &str| {
        let found = answer.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
    };
    let code = text("ErrorCode");
    if !code.is_empty() {
        let words = text("ErrorMessage");
        return Said::Nothing(format!("the server says {} ({})", shown(&code, 80), shown(&words, 200)));
    }
    if !text("Protocol").eq_ignore_ascii_case("Ews") {
        return Said::Nothing("the answer is not about EWS".to_owned());
    }
    Settings { external_url: text("Url"), ..Settings::default() }.said()
}
