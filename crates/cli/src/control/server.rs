//! The side that drives a run and listens.
//!
//! Whoever may connect is the same user, which the system says. A request has a size and a time; there are few
//! connections at a time; what is wrong with a request is answered, and the run notices nothing of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::Person;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::place::{Way, file};
use super::protocol::{Answer, MAX_REQUEST, Request, VERSION, What};
use crate::config::PersonConfig;
use crate::output;
use crate::wire::Shared;

/// How long a connection may take for its request, or to read its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections there may be at a time.
const CONNECTIONS: u32 = 32;

/// How long those who asked get to read their answers at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A request that somebody waits to have answered.
pub(crate) struct Heard {
    pub(crate) request: Request,
    /// Whoever asks, with the roles that the configuration of this process knows.
    pub(crate) person: Person,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// The open socket. It is gone when the value is dropped.
pub(crate) struct Control {
    socket: PathBuf,
    heard: mpsc::Receiver<Heard>,
    open: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Control {
    /// Listens in the data folder, which this process has for itself. Without a socket the run goes on all the same,
    /// and it is said why nobody can speak to it.
    pub(crate) fn open(shared: &Shared) -> Option<Self> {
        let config = shared.config().ok()?;
        let data = shared.data(&config);
        match Self::listen(&data, People(config.people)) {
            Ok(control) => Some(control),
            Err(error) => {
                let place = file(&data);
                output::complain(&output::line(&format!(
                    "nobody can speak to this run from outside: could not listen at {}: {error}",
                    place.display()
                )));
                None
            }
        }
    }

    fn listen(data: &Path, people: People) -> io::Result<Self> {
        let socket = file(data);
        // Whoever left it behind is gone: this process has the folder.
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let way = Way::to(data)?;
        let listener = UnixListener::bind(way.path())?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
        let user = fs::symlink_metadata(&socket)?.uid();
        let (tell, heard) = mpsc::channel(1);
        let open = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let task =
            tokio::spawn(serve(listener, Door { user, people: Arc::new(people), tell }, Arc::clone(&open)));
        Ok(Control { socket, heard, open, task })
    }

    /// The next request. Never ready if there is none.
    pub(crate) async fn next(control: &mut Option<Self>) -> Heard {
        match control {
            Some(control) => match control.heard.recv().await {
                Some(heard) => heard,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Answers those who are connected until they have what they came for, or had their time to. Nobody else gets in.
    pub(crate) async fn close(mut self, mut answer: impl FnMut(Heard)) {
        self.task.abort();
        // Each connection holds a permit until its last answer is written.
        let open = Arc::clone(&self.open);
        let gone = tokio::time::timeout(FAREWELL, open.acquire_many(CONNECTIONS));
        tokio::pin!(gone);
        loop {
            tokio::select! {
                _ = &mut gone => return,
                Some(heard) = self.heard.recv() => answer(heard),
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // A socket that stays behind is replaced by whoever comes next.
        let _ = fs::remove_file(&self.socket);
    }
}

/// The people of the configuration, by the name they decide with.
struct People(BTreeMap<String, PersonConfig>);

impl People {
    fn person(&self, name: &str) -> Person {
        let roles = self.0.get(name).map(|person| person.roles.clone()).unwrap_or_default();
        Person::new(name, roles)
    }
}

/// What every connection passes.
#[derive(Clone)]
struct Door {
    /// The only user who gets through.
    user: u32,
    people: Arc<People>,
    tell: mpsc::Sender<Heard>,
}

async fn serve(listener: UnixListener, door: Door, open: Arc<Semaphore>) {
    loop {
        let Ok(permit) = Arc::clone(&open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(attend(stream, door.clone(), permit));
            }
            // Out of file handles, for example: others may let go of theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Answers one connection, request after request, one permit at a time.
async fn attend(stream: UnixStream, door: Door, _permit: OwnedSemaphorePermit) {
    let Door { user, people, tell } = door;
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
        return;
    }
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    loop {
        let request = tokio::select! {
            request = tokio::time::timeout(PATIENCE, read(&mut from)) => request,
            // Nobody listens any more.
            () = tell.closed() => return,
        };
        let answer = match request {
            // Nothing came, or not in time.
            Err(_) | Ok(Ok(None)) => return,
            Ok(Err(message)) => Answer::Refused { message },
            Ok(Ok(Some(request))) => {
                let (reply, answered) = oneshot::channel();
                let waits = matches!(request.what, What::Status { wait: true, .. });
                if tell
                    .send(Heard { person: people.person(&request.by), request: *request, reply })
                    .await
                    .is_err()
                {
                    return;
                }
                tokio::select! {
                    answer = answered => match answer {
                        Ok(answer) => answer,
                        // The run is not followed any more.
                        Err(_) => return,
                    },
                    // Whoever waits for long and has gone would keep others out.
                    _ = from.fill_buf(), if waits => return,
                }
            }
        };
        let last = matches!(answer, Answer::Refused { .. } | Answer::Elsewhere { .. } | Answer::Standing(_));
        let Ok(mut line) = serde_json::to_vec(&answer) else { return };
        line.push(b'\n');
        let written = tokio::time::timeout(PATIENCE, to.write_all(&line)).await;
        if last || !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// One request; nothing at the end of the connection.
async fn read(from: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<Box<Request>>, String> {
    let mut line = Vec::new();
    let read = from.take(MAX_REQUEST as u64 + 1).read_until(b'\n', &mut line).await;
    read.map_err(|error| error.to_string())?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() > MAX_REQUEST {
        return Err(format!("a request has at most {MAX_REQUEST} bytes"));
    }
    let request: Request =
        serde_json::from_slice(&line).map_err(|error| format!("this is not a request: {error}"))?;
    if request.portcullis != VERSION {
        return Err(format!("the process that drives the run speaks version {VERSION} of this protocol"));
    }
    Ok(Some(Box::new(request)))
}
