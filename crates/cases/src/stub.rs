//! Stubs: what an action answers instead of being carried out.
//!
//! A sequence is used up call by call. A call beyond its end is a mistake of the case and not an answer: a
//! playbook that calls once more than the case says must not pass.

use std::time::Duration;

use action_api::Validator;
use engine::{Failure, FailureKind, Spec};
use plan::Blame;
use serde::Deserialize;
use serde_json::Value;

/// The answers of one action. One answer that is no list is given to every call.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub {
    answers: Vec<Answer>,
    always: bool,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    what: What,
    times: u32,
}

/// What a stub answers.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// This output.
    Ok(Value),
    /// This failure.
    Error(Failure),
    /// The action itself is carried out.
    Real,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawStub {
    List(Vec<RawAnswer>),
    One(RawAnswer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    #[serde(default, deserialize_with = "given")]
    ok: Option<Value>,
    #[serde(default)]
    error: Option<RawError>,
    #[serde(default)]
    real: Option<bool>,
    #[serde(default = "once")]
    times: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawError {
    kind: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    retry_after: Option<String>,
    #[serde(default)]
    details: Value,
}

/// `ok: null` is an answer too.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

fn once() -> u32 {
    1
}

impl<'de> Deserialize<'de> for Stub {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Not derived: an untagged enum would say "did not match any variant" and not what is wrong.
        let raw = match Value::deserialize(from)? {
            Value::Array(answers) => {
                answers.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map(RawStub::List)
            }
            other => serde_json::from_value(other).map(RawStub::One),
        };
        let (raw, always) = match raw.map_err(serde::de::Error::custom)? {
            RawStub::List(answers) => (answers, false),
            RawStub::One(answer) => (vec![answer], true),
        };
        if raw.is_empty() {
            return Err(serde::de::Error::custom("a stub needs at least one answer"));
        }
        let answers = raw.into_iter().map(RawAnswer::read).collect::<Result<_, _>>();
        Ok(Stub { answers: answers.map_err(serde::de::Error::custom)?, always })
    }
}

impl RawAnswer {
    fn read(self) -> Result<Answer, String> {
        let what = match (self.ok, self.error, self.real) {
            (Some(output), None, None) => What::Ok(output),
            (None, Some(error), None) => What::Error(error.read()?),
            (None, None, Some(true)) => What::Real,
            _ => {
                return Err(
                    "an answer is one of {ok: OUTPUT}, {error: {kind: KIND}}, {real: true}".to_owned()
                );
            }
        };
        if self.times == 0 {
            return Err("`times: 0` is no answer".to_owned());
        }
        Ok(Answer { what, times: self.times })
    }
}

impl RawError {
    fn read(self) -> Result<Failure, String> {
        let kind = FailureKind::from_name(&self.kind).ok_or_else(|| {
            let known: Vec<&str> = FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("there is no kind of error `{}`; there are: {}", self.kind, known.join(", "))
        })?;
        let message = self.message.unwrap_or_else(|| format!("the case says so ({kind})"));
        let failure = Failure::new(kind, Blame::Server, message).with_details(self.details);
        match self.retry_after {
            None => Ok(failure),
            Some(text) => {
                let wait =
                    duration(&text).ok_or_else(|| format!("`{text}` is not a duration like 5s or 2h"))?;
                Ok(failure.retry_after(wait))
            }
        }
    }
}

/// `90s`, `5m`, `2h`, `500ms`, `1d`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let millis = match text.get(digits..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

impl Stub {
    /// What the n-th call (counted from 0) is answered with; `None` beyond the end.
    pub fn answer(&self, call: u64) -> Option<&What> {
        let mut left = call;
        for answer in &self.answers {
            if self.always || left < u64::from(answer.times) {
                return Some(&answer.what);
            }
            left -= u64::from(answer.times);
        }
        None
    }

    /// For how many calls there is an answer; `None` if for every one.
    pub fn calls(&self) -> Option<u64> {
        let times = || self.answers.iter().map(|answer| u64::from(answer.times)).sum();
        (!self.always).then(times)
    }

    /// Everything in it that the action could not answer.
    pub fn problems(&self, spec: &Spec) -> Vec<String> {
        let validator = match Validator::new(&spec.output) {
            Ok(validator) => validator,
            Err(error) => return vec![format!("the outputs of {} cannot be checked: {error}", spec.name)],
        };
        let outputs = self.answers.iter().enumerate().filter_map(|(at, answer)| match &answer.what {
            What::Ok(output) => Some((at + 1, output)),
            What::Error(_) | What::Real => None,
        });
        outputs
            .flat_map(|(number, output)| {
                validator.violations(output).into_iter().map(move |violation| {
                    let at = if violation.pointer.is_empty() { "the output" } else { &violation.pointer };
                    format!(
                        "answer {number} of the stub of {} does not fit: {at}: {}",
                        spec.name, violation.message
                    )
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Stub, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_used_up_and_a_single_answer_is_not() {
        let list =
            read(json!([{"ok": {}, "times": 2}, {"error": {"kind": "throttled", "retry_after": "5s"}}]))
                .unwrap();
        assert!(matches!(list.answer(1), Some(What::Ok(_))));
        let Some(What::Error(failure)) = list.answer(2) else { panic!("{list:?}") };
        assert_eq!((failure.kind, failure.retry_after_ms), (FailureKind::Throttled, Some(5_000)));
        assert_eq!((list.answer(3), list.calls()), (None, Some(3)));
        let one = read(json!({"real": true})).unwrap();
        assert_eq!((one.answer(1_000), one.calls()), (Some(&What::Real), None));
    }

    #[test]
    fn an_answer_is_exactly_one_thing() {
        for wrong in [
            json!([{}]),
            json!({"ok": 1, "real": true}),
            json!({"real": false}),
            json!([{"ok": 1, "times": 0}]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(read(json!({"ok": null})).unwrap().answer(0), Some(&What::Ok(Value::Null)));
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("2h"), Some(Duration::from_secs(7_200)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "5", "s", "-1s", "5 s", "99999999999999999999s", "999999999999999999d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_the_action_could_not_answer_is_named() {
        let spec: Spec = serde_json::from_value(json!({
            "name": "mail.delete", "summary": "", "input": {}, "effect": "containment", "repeat": "natural", "errors": [],
            "output": {"type": "object", "required": ["deleted"], "properties": {"deleted": {"type": "integer"}}},
        }))
        .unwrap();
        let stub = read(json!([{"ok": {"deleted": 1}}, {"ok": {"deleted": "one"}}])).unwrap();
        let problems = stub.problems(&spec);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("answer 2 of the stub of mail.delete does not fit: /deleted"),
            "{problems:?}"
        );
    }
}
