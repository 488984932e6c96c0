//! `connection test` of a connection over HTTP: the way there stage by stage, and a GET of its base. To a webhook nothing
//! is sent: every request to one is a message.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use tower_service::Service as _;
use transport::{Origin, Reach};
use web_actions::{Base, Kind};

use super::knock;
use super::stage::{Found, Stage, Step};
use crate::config::{WebAuth, WebConnection};

/// Tests it; the last step is the failed one if there is one.
pub(crate) async fn probe(name: &str, connection: &WebConnection, tell: &mut dyn FnMut(&Step)) -> Vec<Step> {
    let mut steps = Steps { tell, all: Vec::new() };
    // Whether it went through to the end is in the steps.
    let _ = stages(name, connection, &mut steps).await;
    steps.all
}

struct Steps<'t> {
    tell: &'t mut dyn FnMut(&Step),
    all: Vec<Step>,
}

impl Steps<'_> {
    /// Notes what was found; `None` if it is the end.
    fn note(&mut self, stage: Stage, found: Found, took: Duration) -> Option<()> {
        let step = Step { stage, found, took };
        (self.tell)(&step);
        let go_on = !step.found.is_failed();
        self.all.push(step);
        go_on.then_some(())
    }

    /// What was met on the way.
    fn network(&mut self, reach: &Reach, origin: &Origin) -> Option<()> {
        let last = reach.steps.len().saturating_sub(1);
        for (at, step) in reach.steps.iter().enumerate() {
            let stage = match step.stage {
                transport::Stage::Name => Stage::Dns,
                transport::Stage::Tcp => Stage::Tcp,
                transport::Stage::Proxy => Stage::Proxy,
                _ => Stage::Tls,
            };
            let found = match &reach.failed {
                Some(error) if at == last => failed(error),
                _ => Found::Passed(step.detail.clone()),
            };
            self.note(stage, found, step.took)?;
        }
        if let Some(error) = &reach.failed {
            return self.note(Stage::Tcp, failed(error), Duration::ZERO);
        }
        if origin.is_https() {
            return Some(());
        }
        self.note(Stage::Tls, Found::Skipped("plain http, to this very machine".to_owned()), Duration::ZERO)
    }
}

fn failed(error: &transport::Error) -> Found {
    if error.kind() == transport::Kind::Refused {
        let help = "check where the name leads; if that is right, set `allow_private: true`, or list it in `networks`";
        return Found::failed(error.to_string(), help);
    }
    knock::broken(&error.to_string())
}

async fn stages(name: &str, connection: &WebConnection, steps: &mut Steps<'_>) -> Option<()> {
    let since = Instant::now();
    let opened = connection.base(name).and_then(|base| {
        connection.web(name)?;
        Ok((connection.client(name, base.origin())?, base))
    });
    let (client, base) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let found = Found::failed(format!("{error:#}"), "mend the configuration, or set what it names");
            steps.note(Stage::Configuration, found, since.elapsed())?;
            return None;
        }
    };
    let log_in = format!("log-in by {}", connection.auth.kind());
    steps.note(Stage::Configuration, Found::Passed(log_in), since.elapsed())?;
    let reach = client.reach(base.origin()).await;
    steps.network(&reach, base.origin())?;
    if connection.kind != Kind::Http {
        let why = format!(
            "nothing is posted by a test; send a message: portcullis action run notify.{} --connection {name}",
            connection.kind.as_str()
        );
        return steps.note(Stage::Http, Found::Skipped(why), Duration::ZERO);
    }
    let since = Instant::now();
    let found = get(client, connection, &base).await;
    steps.note(Stage::Http, found, since.elapsed())
}

/// What the base itself answers, with the log-in. A GET changes nothing.
async fn get(mut client: transport::Client, connection: &WebConnection, base: &Base) -> Found {
    let request = Request::get(base.whole())
        .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .body(Bytes::new());
    let Ok(request) = request else { return Found::failed("the address cannot be sent", "check `url`") };
    let answer = match std::future::poll_fn(|cx| client.poll_ready(cx)).await {
        Ok(()) => client.call(request).await,
        Err(error) => Err(error),
    };
    let status = match answer {
        Ok(answer) => answer.status(),
        Err(error) => return failed(&error),
    };
    // A key in the query is not sent here, so a service may well refuse this.
    let asked = !matches!(connection.auth, WebAuth::ApiKey(..));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if asked => {
            let help = "check the secret of `auth`, its kind, and what the account may do";
            Found::failed(format!("HTTP {}: the server refused the log-in", status.as_u16()), help)
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Found::failed("HTTP 407: the proxy asks for a log-in", "set `user` and `password` of `proxy`")
        }
        status if status.is_server_error() => Found::failed(
            format!("HTTP {}", status.as_u16()),
            "wait and try again, or ask whoever runs the service",
        ),
        status => Found::Passed(format!("HTTP {}: the service answers", status.as_u16())),
    }
}
