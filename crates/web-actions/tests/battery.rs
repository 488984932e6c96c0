//! What must hold for every action of this crate, as the battery of the mail actions has it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod world;

use std::sync::Arc;

use action_api::plan::{Effect, Repeat};
use action_api::{ActionSource, Spec, Validator, conformance};
use portcullis_web_actions::{Kind, Web, web};

use world::{Bench, Server, Way};

fn specs() -> Vec<Arc<Spec>> {
    web(|_| Ok(Web::simulated())).specs()
}

#[test]
fn declarations_are_closed_and_documented() {
    let source = web(|_| Ok(Web::simulated()));
    assert_eq!(conformance::all(&source), Ok(()));
    assert_eq!(source.specs().len(), 5);
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    for spec in source.specs() {
        assert!(kinds.contains(&spec.connection.as_deref().unwrap()), "{}", spec.name);
    }
}

#[test]
fn effects_and_repeats_are_what_the_documentation_says() {
    let told: Vec<(String, Effect, Repeat)> =
        specs().iter().map(|spec| (spec.name.clone(), spec.effect, spec.repeat)).collect();
    let expected = [
        ("http.get", Effect::Enrichment, Repeat::Natural),
        ("http.request", Effect::Containment, Repeat::Verify),
        ("notify.slack", Effect::Notification, Repeat::Never),
        ("notify.teams", Effect::Notification, Repeat::Never),
        ("notify.webhook", Effect::Notification, Repeat::Verify),
    ];
    assert_eq!(told, expected.map(|(name, effect, repeat)| (name.to_owned(), effect, repeat)));
}

#[test]
fn what_leads_elsewhere_is_guarded_and_what_a_server_wrote_is_marked() {
    for spec in specs() {
        let input = &spec.input["properties"];
        if spec.connection.as_deref() == Some("http") {
            assert_eq!(input["path"]["x-guard"], "path", "{}", spec.name);
            assert_eq!(input["headers"]["additionalProperties"]["x-guard"], "header", "{}", spec.name);
            // One part of a path and the values of a query are encoded, whatever is in them.
            assert!(!input["params"].to_string().contains("x-guard"), "{}", spec.name);
            assert!(!input["query"].to_string().contains("x-guard"), "{}", spec.name);
            for name in ["headers", "media_type", "json", "text"] {
                assert_eq!(spec.output["properties"][name]["x-untrusted"], true, "{} {name}", spec.name);
            }
        }
        // Everything that goes into a message is plain text, but for blocks of Slack.
        if spec.name == "notify.slack" {
            assert_eq!(input["blocks"]["x-guard"], "markup");
        }
    }
}

#[tokio::test]
async fn examples_run_and_obey_their_schemas() {
    for spec in specs() {
        let output = Validator::new(&spec.output).unwrap();
        for example in &spec.examples {
            let input = Validator::new(&spec.input).unwrap().violations(&example.input);
            assert!(input.is_empty(), "{}: {}: {input:?}", spec.name, example.title);
            let (kind, body) = match spec.connection.as_deref() {
                Some("http") => (Kind::Http, r#"{"known":true}"#),
                Some("slack") => (Kind::Slack, "ok"),
                Some("teams") => (Kind::Teams, ""),
                _ => (Kind::Webhook, ""),
            };
            let server = Server::answering("200 OK", "Content-Type: application/json\r\n", body).await;
            let bench = Bench::over(Way::new(kind, format!("{}/api", server.url)).open());
            let outcome = bench.run(&spec.name, example.input.clone()).await.unwrap();
            assert!(output.is_valid(&outcome.output), "{}: {}", spec.name, example.title);
            let same = example.output.is_null() || example.output == outcome.output;
            assert!(same, "{}: {}: {}", spec.name, example.title, outcome.output);
            assert_eq!(server.asked().len(), 1);
        }
    }
}
