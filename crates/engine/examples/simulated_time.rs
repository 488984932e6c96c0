//! A playbook that waits four hours and then up to eight for a person, played in a moment: under a virtual clock.
//!
//! The clock jumps whenever every run waits for time alone. While a person is asked it stands still, because nobody
//! knows how long people take; `jump` lets the time pass until the next thing that is waited for.
#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::error::Error;

use portcullis_engine::{
    Decision, Engine, EventKind, Functions, Invocation, Source, Start, StepPath, Timestamp, VirtualClock,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

const PLAYBOOK: &str = r#"
playbook: 1
id: patience
steps:
  - id: settle
    wait: 4h
  - id: sure
    approve:
      message: Still needed?
      timeout: 8h
      on_reject: continue
  - id: note
    uses: demo.note
    with: { text: "${{ steps.sure.output.decision }}" }
outputs:
  decision: { type: string, value: "${{ steps.sure.output.decision }}" }
"#;

/// Plays it once, with somebody who answers or nobody who does. Gives the decision and how many hours it took.
pub async fn play(answer: Option<Decision>) -> Result<(Value, i64), Box<dyn Error + Send + Sync>> {
    let note = serde_json::from_value(json!({
        "name": "demo.note", "summary": "Takes a note", "effect": "internal", "repeat": "natural", "errors": [],
        "input": {"type": "object", "additionalProperties": false, "required": ["text"],
                  "properties": {"text": {"type": "string"}}},
        "output": {"type": "object", "additionalProperties": false},
    }))?;
    let actions = Functions::new().with(note, async |_: Invocation| Ok(json!({})))?;
    let begin = Timestamp(1_795_251_600_000);
    let clock = VirtualClock::new(begin);
    // The same bits every time, so that two plays are the same to the letter.
    let engine = Engine::builder().source(actions).clock(clock.clone()).entropy(|| 7).build()?;

    let (sender, mut events) = unbounded_channel();
    let start = Start { events: Some(sender), ..Start::default() };
    let mut run = engine.start(Source::new("patience.yaml", PLAYBOOK), start).await?;
    while let Some(event) = events.recv().await {
        match event.kind {
            EventKind::Asked(_) => match answer {
                Some(decision) => run.decide(&StepPath::from("sure"), decision, "bob", None).await?,
                // Nobody answers, until the time is over.
                None => {
                    clock.jump();
                }
            },
            EventKind::Ended(end) => {
                let hours = (event.at.0 - begin.0) / 3_600_000;
                let decision = end.outputs.get("decision").cloned().unwrap_or_default();
                return Ok((decision, hours));
            }
            _ => {}
        }
    }
    let error = run.wait().await.err();
    Err(format!("{} stopped before its end: {error:?}", run.id()).into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    for answer in [Some(Decision::Approved), Some(Decision::Rejected), None] {
        let (decision, hours) = play(answer).await?;
        println!("{decision} after {hours} hours");
    }
    Ok(())
}
