//! Answers that stay open: notifications are sent as they come, with a sign of life where none come.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::model::subscription::Live;
use crate::organisation::Organisation;
use crate::soap::{self, Pumped};

/// How many envelopes may wait for a client that reads slowly.
const WAITING: usize = 16;

/// What comes after the first envelope. Ends when the time is up, a subscription is gone, or nobody reads.
pub(crate) fn follow(organisation: Organisation, live: Live) -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(run(organisation, live, sender));
    receiver
}

async fn run(organisation: Organisation, live: Live, sender: mpsc::Sender<Bytes>) {
    let (pace, wake) = {
        let state = organisation.lock();
        (state.subscriptions.pace, state.wake.clone())
    };
    let end = Instant::now() + pace.minute * live.minutes;
    let mut heartbeat = Instant::now() + pace.heartbeat;
    loop {
        // Taken before the look, so that nothing can happen in between unnoticed.
        let notified = wake.notified();
        let pumped = soap::pump(&mut organisation.lock(), &live);
        let text = match pumped {
            Pumped::News(text) => text,
            Pumped::Gone(text) => {
                let _ = sender.send(Bytes::from(text)).await;
                return;
            }
            Pumped::Nothing => {
                tokio::select! {
                    () = notified => continue,
                    () = sleep_until(heartbeat) => soap::still_open(),
                    () = sleep_until(end) => {
                        let _ = sender.send(Bytes::from(soap::closed())).await;
                        return;
                    }
                    () = sender.closed() => return,
                }
            }
        };
        if sender.send(Bytes::from(text)).await.is_err() {
            return;
        }
        heartbeat = Instant::now() + pace.heartbeat;
    }
}
