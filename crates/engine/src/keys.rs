//! Concurrency keys: runs about the same thing do not run beside one another in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use journal::RunId;
use plan::OnConflict;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::EngineError;
use crate::run::Control;

/// Who has which key.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<String, Holder>>);

struct Holder {
    run: RunId,
    control: UnboundedSender<Box<Control>>,
    over: watch::Receiver<()>,
}

/// A key that is given back when it is dropped.
pub(crate) struct Held {
    keys: Arc<Keys>,
    key: String,
    /// Whoever waits for the key sees it go.
    _over: watch::Sender<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Keys {
    /// Takes a key, or does what the playbook wants if another run has it.
    pub(crate) async fn take(
        self: &Arc<Self>,
        key: String,
        run: &RunId,
        control: &UnboundedSender<Box<Control>>,
        on_conflict: OnConflict,
    ) -> Result<Held, EngineError> {
        let mut asked = None;
        loop {
            let mut over = {
                let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                match held.get(&key) {
                    None => {
                        let (sender, over) = watch::channel(());
                        let holder = Holder { run: run.clone(), control: control.clone(), over };
                        held.insert(key.clone(), holder);
                        return Ok(Held { keys: Arc::clone(self), key, _over: sender });
                    }
                    Some(other) => {
                        match on_conflict {
                            // The same run, whose handle was dropped a moment ago and which is resumed now.
                            _ if other.run == *run => {}
                            OnConflict::Skip => {
                                return Err(EngineError::Busy { key, run: other.run.clone() });
                            }
                            OnConflict::Replace if asked.as_ref() != Some(&other.run) => {
                                asked = Some(other.run.clone());
                                // A run that is just over needs no telling.
                                let _ = other.control.send(Box::new(Control::Cancel {
                                    by: format!("run {run}, which replaces it"),
                                }));
                            }
                            OnConflict::Queue | OnConflict::Replace => {}
                        }
                        other.over.clone()
                    }
                }
            };
            // Nothing is ever sent: it ends when the key is given back.
            let _ = over.changed().await;
        }
    }
}
