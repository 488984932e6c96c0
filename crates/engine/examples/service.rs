//! Runs playbooks inside an axum service: start one, watch it, approve what it asks, list them all, and stop without
//! losing anything.
//!
//! ```text
//! cargo run -p portcullis-engine --example service -- data
//! curl -X POST localhost:8080/runs -H 'content-type: application/json' -d '{"account": "alice"}'
//! curl -N localhost:8080/runs/RUN/events
//! curl -X POST localhost:8080/runs/RUN/decisions -H 'content-type: application/json' \
//!      -d '{"step": "sure", "approve": true, "by": "bob", "digest": "DIGEST OF THE EVENT"}'
//! curl localhost:8080/runs
//! ```
//!
//! Whoever calls says who they are: a real service takes names and roles from its log-in.
#![allow(clippy::print_stdout, reason = "an example says where it listens")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event as Message, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use journal_sqlite::{Options, SqliteJournal};
use portcullis_engine::{
    DecideError, Decision, Engine, EngineError, Event, EventKind, Functions, Invocation, Keeper, Person,
    Query, RunId, Source, Start, StepPath,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const PLAYBOOK: &str = r#"
playbook: 1
id: lock-account
inputs: { account: { type: string, minLength: 1 } }
steps:
  - id: sure
    approve:
      shows: [lock]
      timeout: 8h
      message: Lock ${{ inputs.account }} out?
  - id: lock
    uses: directory.lock
    with: { account: "${{ inputs.account }}" }
"#;

/// So many events wait for a slow reader; a slower one misses some.
const BEHIND: usize = 256;

/// How long changes in flight may take when the service stops.
const GRACE: Duration = Duration::from_secs(20);

/// What every handler knows.
struct Service {
    keeper: Keeper,
    feeds: Feeds,
}

/// Who watches which run. A feed is gone when its run is over, and so are its streams.
#[derive(Clone, Default)]
struct Feeds(Arc<Mutex<HashMap<RunId, Feed>>>);

struct Feed {
    sender: broadcast::Sender<String>,
    /// The question that is open, for those who come to watch after it was asked.
    question: Option<String>,
}

impl Feeds {
    /// Passes the events of a run on until it is over.
    fn follow(&self, run: RunId, mut events: UnboundedReceiver<Event>) {
        let feeds = self.clone();
        let (sender, _) = broadcast::channel(BEHIND);
        feeds.all(|all| all.insert(run.clone(), Feed { sender, question: None }));
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(told) = tell(&event).map(|told| told.to_string()) else { continue };
                feeds.all(|all| {
                    let Some(feed) = all.get_mut(&run) else { return };
                    match event.kind {
                        EventKind::Asked(_) => feed.question = Some(told.clone()),
                        EventKind::Decided { .. } => feed.question = None,
                        _ => {}
                    }
                    // Perhaps nobody watches.
                    let _ = feed.sender.send(told);
                });
            }
            feeds.all(|all| all.remove(&run));
        });
    }

    /// The open question, and everything from now on.
    fn subscribe(&self, run: &RunId) -> Option<(Option<String>, broadcast::Receiver<String>)> {
        self.all(|all| all.get(run).map(|feed| (feed.question.clone(), feed.sender.subscribe())))
    }

    fn all<T>(&self, look: impl FnOnce(&mut HashMap<RunId, Feed>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What of an event this service shows.
fn tell(event: &Event) -> Option<Value> {
    let what = match &event.kind {
        EventKind::Step(kind) => json!({"kind": "step", "what": format!("{kind:?}")}),
        EventKind::Calling { action, input, .. } => {
            json!({"kind": "calling", "action": action, "input": input})
        }
        EventKind::Asked(ask) => {
            json!({"kind": "asked", "message": ask.message, "digest": ask.digest, "due": ask.due})
        }
        EventKind::Decided { decision, by } => {
            json!({"kind": "decided", "decision": decision.as_str(), "by": by})
        }
        EventKind::Ended(end) => json!({"kind": "ended", "status": end.status.as_str()}),
        _ => return None,
    };
    Some(json!({"at": event.at, "step": event.path, "event": what}))
}

/// The engine of this service: one action of its own, histories in one file below `folder`.
fn engine(folder: &std::path::Path) -> Result<Engine, Box<dyn std::error::Error + Send + Sync>> {
    let lock = serde_json::from_value(json!({
        "name": "directory.lock", "summary": "Locks an account out", "effect": "containment", "repeat": "natural",
        "errors": [], "output": {"type": "object", "additionalProperties": false},
        "input": {"type": "object", "additionalProperties": false, "required": ["account"],
                  "properties": {"account": {"type": "string"}}},
    }))?;
    let actions = Functions::new().with(lock, async |_: Invocation| Ok(json!({})))?;
    Ok(Engine::builder().journal(SqliteJournal::open(folder, Options::default())?).source(actions).build()?)
}

/// Serves until `stop` is ready, and then stops so that everything can go on later.
pub async fn serve(
    listener: TcpListener,
    folder: &std::path::Path,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let engine = engine(folder)?;
    let feeds = Feeds::default();
    let watched = feeds.clone();
    // What the last process left open goes on.
    let (keeper, stuck) = engine
        .keep_running(move |run| {
            let (sender, events) = unbounded_channel();
            watched.follow(run.clone(), events);
            Start { events: Some(sender), ..Start::default() }
        })
        .await?;
    for (run, error) in stuck {
        println!("{run} cannot go on: {error}");
    }
    let app = Router::new()
        .route("/runs", post(start).get(list))
        .route("/runs/{run}/events", get(watch))
        .route("/runs/{run}/decisions", post(decide))
        .with_state(Arc::new(Service { keeper, feeds }));
    let stopped = async move {
        stop.await;
        // Runs first: their streams end with them, and the server waits for its streams.
        engine.shutdown(GRACE).await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await?;
    Ok(())
}

/// What somebody wants to start.
#[derive(Deserialize)]
struct NewRun {
    account: String,
}

async fn start(State(service): State<Arc<Service>>, Json(new): Json<NewRun>) -> Result<Response, Refused> {
    let (sender, events) = unbounded_channel();
    let start = Start {
        inputs: [("account".to_owned(), Value::from(new.account))].into(),
        starter: "the service".to_owned(),
        events: Some(sender),
        ..Start::default()
    };
    let run = service.keeper.start(Source::new("lock-account.yaml", PLAYBOOK), start).await?;
    service.feeds.follow(run.id().clone(), events);
    Ok((StatusCode::ACCEPTED, Json(json!({"run": run.id()}))).into_response())
}

async fn list(State(service): State<Arc<Service>>) -> Result<Json<Value>, Refused> {
    let runs = service.keeper.engine().runs(&Query::newest(100)).await?;
    Ok(Json(runs.iter().map(|run| json!({"run": run.run, "status": run.status.as_str()})).collect()))
}

async fn watch(
    State(service): State<Arc<Service>>,
    Path(run): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Refused> {
    let run = RunId::new(run).ok_or(Refused(StatusCode::NOT_FOUND, "no such run".to_owned()))?;
    let over = Refused(StatusCode::GONE, "the run is over, or there is none".to_owned());
    let (question, feed) = service.feeds.subscribe(&run).ok_or(over)?;
    let first = futures_util::stream::iter(question.map(|text| Ok(Message::default().data(text))));
    let later = futures_util::stream::unfold(feed, async |mut feed| {
        loop {
            match feed.recv().await {
                Ok(text) => return Some((Ok(Message::default().data(text)), feed)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(first.chain(later)))
}

/// What somebody decided, and the digest of what they saw.
#[derive(Deserialize)]
struct NewDecision {
    step: String,
    approve: bool,
    by: String,
    digest: String,
}

async fn decide(
    State(service): State<Arc<Service>>,
    Path(run): Path<String>,
    Json(new): Json<NewDecision>,
) -> Result<StatusCode, Refused> {
    let run = RunId::new(run).ok_or(Refused(StatusCode::NOT_FOUND, "no such run".to_owned()))?;
    let run = service.keeper.run(&run).await?;
    let decision = if new.approve { Decision::Approved } else { Decision::Rejected };
    let step = StepPath::from(new.step.as_str());
    run.decide(&step, decision, Person::new(new.by, ["responder"]), Some(&new.digest)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a caller is told.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        let status = match &error {
            EngineError::Inputs(_) => StatusCode::UNPROCESSABLE_ENTITY,
            EngineError::Busy { .. } => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused(status, error.to_string())
    }
}

impl From<DecideError> for Refused {
    fn from(error: DecideError) -> Self {
        Refused(StatusCode::CONFLICT, error.to_string())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "data".to_owned());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}", listener.local_addr()?);
    let stop = async {
        // Without signals there is nothing to wait for; the service then runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, folder.as_ref(), stop).await
}
