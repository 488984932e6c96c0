//! One log-in: the token that is in use, the one request that may be under way for the next, and the pause
//! after one that failed.
//!
//! The request runs as a task of its own. A caller that gives up does not break it off, because a refresh
//! token that was exchanged and not kept is lost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use transport::{Bearer, Client, NoToken, Secret, Token};

use crate::answer::{Access, Facts};
use crate::clock::{Clock, SystemClock};
use crate::ear::Ear;
use crate::fetch::{self, Wanted};
use crate::form::Door;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::vault::Vault;

/// A server that refuses a new token, too, is not answered with a third one within this many seconds.
const PATIENCE: u64 = 60;

type Flight = Shared<BoxFuture<'static, Result<Access, Problem>>>;

/// A log-in. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct LogIn {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) http: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Option<Vault>,
    ear: Option<Ear>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Access>,
    /// The refresh token, where no vault keeps it.
    refresh: Option<Secret>,
    flight: Option<Flight>,
    /// Until when the authority is left in peace, and why.
    failed: Option<(u64, Problem)>,
    /// When a token was last replaced because the server refused it, and with which challenge.
    replaced: Option<(u64, Option<String>)>,
}

impl LogIn {
    /// A log-in over `http`, which needs no credentials: what it sends carries its own. The log-ins of people
    /// are lost at the end of the process unless a vault keeps them.
    pub fn new(settings: Settings, http: Client) -> Self {
        Self::with(settings, http, Arc::new(SystemClock), None)
    }

    /// As [`LogIn::new`], with all that can be chosen.
    pub fn with(settings: Settings, http: Client, clock: Arc<dyn Clock>, vault: Option<Vault>) -> Self {
        Self::heard(settings, http, clock, vault, None)
    }

    /// As [`LogIn::with`], with somebody who is told of every token.
    pub(crate) fn heard(
        settings: Settings,
        http: Client,
        clock: Arc<dyn Clock>,
        vault: Option<Vault>,
        ear: Option<Ear>,
    ) -> Self {
        LogIn { inner: Arc::new(Inner { settings, http, clock, vault, ear, state: Mutex::default() }) }
    }

    /// A token that is good now.
    pub async fn access(&self) -> Result<Secret, Problem> {
        let flight = {
            let mut state = self.inner.state();
            let now = self.inner.clock.now();
            match &state.current {
                Some(current) if current.is_fresh(now) => return Ok(current.token.clone()),
                _ => {}
            }
            match (paused(&state, now), &state.current) {
                (Some(_), Some(current)) if current.is_alive(now) => return Ok(current.token.clone()),
                (Some(problem), _) => return Err(problem),
                (None, _) => self.flight(&mut state, Wanted::default()),
            }
        };
        match flight.await {
            Ok(access) => Ok(access.token),
            // Five minutes are left on the old one: time enough for whatever is wrong to pass.
            Err(problem) => match &self.inner.state().current {
                Some(current) if current.is_alive(self.inner.clock.now()) => Ok(current.token.clone()),
                _ => Err(problem),
            },
        }
    }

    /// Another token than `refused`, which the server did not take. `claims` is the challenge it sent, as it
    /// stood in the header.
    pub async fn other_than(&self, refused: &Secret, claims: Option<&str>) -> Result<Secret, Problem> {
        let claims = claims.and_then(fetch::challenge);
        let flight = {
            let mut state = self.inner.state();
            let now = self.inner.clock.now();
            match &state.current {
                Some(current) if current.token != *refused && current.is_alive(now) => {
                    return Ok(current.token.clone());
                }
                _ => {}
            }
            if let Some(problem) = paused(&state, now) {
                return Err(problem);
            }
            let again = state.replaced.as_ref().is_some_and(|(at, challenge)| {
                now >= *at && now.saturating_sub(*at) < PATIENCE && *challenge == claims
            });
            if state.flight.is_none() && again {
                return Err(self.inner.refused(refused));
            }
            state.replaced = Some((now, claims.clone()));
            self.flight(&mut state, Wanted { instead_of: Some(refused.clone()), claims })
        };
        flight.await.map(|access| access.token)
    }

    /// Drops the tokens: those in memory, and the log-in that is kept. Tokens that were given out stay good
    /// at the server until they expire.
    pub async fn reset(&self) -> Result<(), Problem> {
        self.inner.forget();
        if let Some(vault) = &self.inner.vault {
            let whose = self.inner.settings.key();
            let lock = fetch::lock(vault, &whose, self.inner.clock.as_ref()).await?;
            vault.remove(&whose, &lock)?;
        }
        Ok(())
    }

    /// What the token in use says about itself, if there is one and it can be read.
    pub fn facts(&self) -> Option<Facts> {
        self.inner.state().current.as_ref().and_then(|current| Facts::of(&current.token))
    }

    /// How it logs in.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The request that is under way, or a new one.
    fn flight(&self, state: &mut State, wanted: Wanted) -> Flight {
        if let Some(flight) = &state.flight {
            return flight.clone();
        }
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            let result = fetch::fetch(&inner, wanted).await;
            inner.settle(&result);
            result
        });
        let inner = Arc::clone(&self.inner);
        let flight = async move {
            match task.await {
                Ok(result) => result,
                Err(_) => {
                    let result = Err(Problem::Interrupted);
                    inner.settle(&result);
                    result
                }
            }
        };
        let flight = flight.boxed().shared();
        state.flight = Some(flight.clone());
        flight
    }
}

impl Inner {
    pub(crate) fn door(&self) -> Door<'_> {
        Door { http: &self.http, authority: &self.settings.authority, clock: self.clock.as_ref() }
    }

    /// Says that something must not be shown.
    pub(crate) fn tell(&self, secret: &Secret) {
        if let Some(ear) = &self.ear {
            ear(secret);
        }
    }

    /// The refresh token, where no vault keeps it.
    pub(crate) fn refresh(&self) -> Option<Secret> {
        self.state().refresh.clone()
    }

    pub(crate) fn keep_refresh(&self, refresh: Secret) {
        self.state().refresh = Some(refresh);
    }

    /// Takes over what a person's log-in has brought.
    pub(crate) fn take(&self, access: Access) {
        let mut state = self.state();
        state.current = Some(access);
        state.failed = None;
        state.replaced = None;
    }

    fn forget(&self) {
        let mut state = self.state();
        let flight = state.flight.take();
        *state = State { flight, ..State::default() };
    }

    /// Nothing is done under this lock that could panic or wait.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, result: &Result<Access, Problem>) {
        let mut state = self.state();
        state.flight = None;
        match result {
            Ok(access) => {
                state.current = Some(access.clone());
                state.failed = None;
            }
            Err(problem) => {
                let pause = problem.pause().as_secs();
                let until = self.clock.now().saturating_add(pause);
                state.failed = (pause > 0).then(|| (until, problem.clone()));
            }
        }
    }

    fn refused(&self, token: &Secret) -> Problem {
        let facts = Facts::of(token).map_or_else(String::new, |facts| format!("; {}", facts.sentence()));
        Problem::TokenRefused(format!(
            "the server refuses a new token, too{facts}; check `cloud`, the permissions of the application and the account's rights on the mailbox"
        ))
    }
}

/// Why the authority is not asked now.
fn paused(state: &State, now: u64) -> Option<Problem> {
    let (until, problem) = state.failed.as_ref()?;
    // A clock that was set back must not make the pause longer.
    let left = until.checked_sub(now).filter(|left| *left > 0)?;
    (left <= problem.pause().as_secs()).then(|| problem.clone())
}

fn no_token(problem: &Problem) -> NoToken {
    match problem.passes() {
        true => NoToken::for_now(problem.to_string(), problem.pause()),
        false => NoToken::new(problem.to_string()),
    }
}

impl Bearer for LogIn {
    fn token(&self) -> Token<'_> {
        Box::pin(async move { self.access().await.map_err(|problem| no_token(&problem)) })
    }

    fn another<'a>(&'a self, refused: &'a Secret, claims: Option<&'a str>) -> Token<'a> {
        Box::pin(async move { self.other_than(refused, claims).await.map_err(|problem| no_token(&problem)) })
    }
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIn").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
