//! A disk without room for the journal: the run waits and says so, whoever cancels or shuts down does not wait with
//! it, and what was written down is never bent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod shelf;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use journal::{Event as Happened, Header, JournalError, Query, Record, StoredRun, Summary};
use plan::Digest;
use portcullis_engine::{Engine, EngineError, Event, EventKind, Journal, Run, RunId, RunStatus, Start};
use shelf::{Common, Shelf, begin, playbook};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

const THREE: &str = "steps:
  - { id: a, uses: shelf.put, with: { name: a } }
  - { id: b, uses: shelf.put, with: { name: b } }
  - { id: c, uses: shelf.put, with: { name: c } }
";

/// Has room for so many writes.
#[derive(Clone, Default)]
struct Full {
    inner: Common,
    left: Arc<AtomicU32>,
}

impl Full {
    fn with(writes: u32) -> Self {
        Full { left: Arc::new(AtomicU32::new(writes)), ..Full::default() }
    }

    fn make_room(&self) {
        self.left.store(1_000, Ordering::SeqCst);
    }

    fn room(&self, records: Vec<Record>) -> Result<Vec<Record>, JournalError> {
        let took = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match took {
            Ok(_) => Ok(records),
            Err(_) => Err(JournalError::NoRoom { place: "/data/journal.db".to_owned(), back: records }),
        }
    }
}

impl Journal for Full {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> journal::Work<'a, ()> {
        Box::pin(async move { self.inner.create(header, self.room(first)?).await })
    }
    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> journal::Work<'a, ()> {
        Box::pin(async move { self.inner.append(run, self.room(records)?).await })
    }
    fn load<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, StoredRun> {
        self.inner.load(run)
    }
    fn list<'a>(&'a self, query: &'a Query) -> journal::Work<'a, Vec<Summary>> {
        self.inner.list(query)
    }
    fn delete<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, Vec<Digest>> {
        self.inner.delete(run)
    }
}

struct Scene {
    shelf: Shelf,
    disk: Full,
    engine: Engine,
    run: Run,
    events: UnboundedReceiver<Event>,
}

impl Scene {
    /// A run that has come to where there is no room.
    async fn stuck(writes: u32) -> Scene {
        let (shelf, disk) = (Shelf::default(), Full::with(writes));
        let engine = Engine::builder().source(shelf.clone()).journal(disk.clone()).build().unwrap();
        let (sender, mut events) = unbounded_channel();
        let run = begin(&engine, &playbook(THREE), Start { events: Some(sender), ..Start::default() }).await;
        loop {
            match events.recv().await.expect("the run waits").kind {
                EventKind::WaitsForRoom { place } => {
                    assert_eq!(place, "/data/journal.db");
                    return Scene { shelf, disk, engine, run, events };
                }
                EventKind::Ended(end) => panic!("{end:?}"),
                _ => {}
            }
        }
    }

    async fn records(&self) -> Vec<Record> {
        self.engine.journal().load(self.run.id()).await.map_or(Vec::new(), |stored| stored.records)
    }

    /// Another process goes on with the run; `called` is what was called, here and there.
    async fn goes_on(self, called: &[&str]) {
        let before = self.records().await;
        self.disk.make_room();
        let engine = Engine::builder().source(self.shelf.clone()).journal(self.disk.clone()).build().unwrap();
        let mut run = engine.resume(self.run.id(), Start::default()).await.unwrap();
        assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
        assert_eq!(self.records().await[..before.len()], before, "what was written stays");
        assert_eq!(self.shelf.paths(), called);
    }
}

fn performed(records: &[Record]) -> usize {
    records.iter().filter(|record| matches!(record.event, Happened::Performed { .. })).count()
}

#[tokio::test(start_paused = true)]
async fn it_is_told_and_goes_on_when_there_is_room() {
    let mut scene = Scene::stuck(1).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(scene.events.try_recv().is_err(), "it is told once");
    assert_eq!(scene.shelf.paths(), ["a"]);
    scene.disk.make_room();
    assert_eq!(scene.run.wait().await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(scene.shelf.paths(), ["b", "c"]);
    let mut told = 0;
    while let Ok(event) = scene.events.try_recv() {
        assert!(!matches!(event.kind, EventKind::WaitsForRoom { .. }));
        told += u32::from(event.kind == EventKind::RoomAgain);
    }
    assert_eq!((told, performed(&scene.records().await)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_wait() {
    let mut scene = Scene::stuck(1).await;
    let begun = Instant::now();
    scene.run.cancel("ana");
    let error = scene.run.wait().await.unwrap_err();
    assert!(matches!(&error, EngineError::NoRoom { place, .. } if place == "/data/journal.db"), "{error}");
    assert!(error.to_string().contains(&format!("portcullis runs cancel {}", scene.run.id())), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    let records = scene.records().await;
    assert!(matches!(records.last().unwrap().event, Happened::Performing { .. }), "{records:?}");
    // It was called, and nobody wrote down what it answered.
    scene.goes_on(&["a", "a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_the_wait_at_once_where_nothing_is_lost() {
    let mut scene = Scene::stuck(0).await;
    let begun = Instant::now();
    assert_eq!(scene.engine.shutdown(Duration::from_secs(60)).await, 0);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(matches!(scene.run.wait().await, Err(EngineError::ShutDown(_))));
    assert_eq!(scene.shelf.paths(), [""; 0]);
    assert_eq!(scene.disk.list(&Query::newest(9)).await.unwrap(), [], "it never began");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_as_long_as_there_is_time() {
    let mut scene = Scene::stuck(1).await;
    let disk = scene.disk.clone();
    let room = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        disk.make_room();
    };
    let (late, ()) = tokio::join!(scene.engine.shutdown(Duration::from_secs(20)), room);
    assert_eq!(late, 0);
    assert!(matches!(scene.run.wait().await, Err(EngineError::ShutDown(_))));
    assert!(performed(&scene.records().await) >= 1, "the answer is written down");
    scene.goes_on(&["a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_with_its_grace_where_room_never_comes() {
    let mut scene = Scene::stuck(1).await;
    let begun = Instant::now();
    assert_eq!(scene.engine.shutdown(Duration::from_secs(20)).await, 1);
    assert!(begun.elapsed() <= Duration::from_secs(20));
    assert!(matches!(scene.run.wait().await, Err(EngineError::ShutDown(_))));
    assert_eq!(performed(&scene.records().await), 0);
    scene.goes_on(&["a", "a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_said_meanwhile_is_heard_once_there_is_room() {
    let mut scene = Scene::stuck(1).await;
    let disk = scene.disk.clone();
    let room = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        disk.make_room();
    };
    let (paused, ()) = tokio::join!(scene.run.pause("ana"), room);
    paused.unwrap();
    let records = scene.records().await;
    assert!(records.iter().any(|record| matches!(&record.event, Happened::Paused { by } if by == "ana")));
    scene.run.proceed("ana").await.unwrap();
    assert_eq!(scene.run.wait().await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(scene.shelf.paths(), ["a", "b", "c"]);
}
