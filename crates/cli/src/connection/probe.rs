//! `connection test`: the way to a mailbox, stage by stage, until one fails.

use std::future::Future;
use std::time::{Duration, Instant};

use exchange::Mailbox;
use http::Uri;
use login::{LogIn, LogIns};
use transport::Origin;

use super::knock;
use super::remedy::remedy;
use super::stage::{Found, Stage, Step};
use crate::config::{Address, Auth, Ews};

/// How long a stage may take, where the connection says nothing.
const LIMIT: Duration = Duration::from_secs(30);

/// A test under way. What it finds is told at once.
pub(crate) struct Probe<'p> {
    name: &'p str,
    ews: Ews,
    log_ins: &'p LogIns,
    /// The mailbox that is opened by impersonation.
    test_user: Option<Mailbox>,
    tell: &'p mut dyn FnMut(&Step),
    steps: Vec<Step>,
}

impl<'p> Probe<'p> {
    /// A test of one connection.
    pub(crate) fn new(
        name: &'p str,
        ews: Ews,
        log_ins: &'p LogIns,
        test_user: Option<Mailbox>,
        tell: &'p mut dyn FnMut(&Step),
    ) -> Self {
        Probe { name, ews, log_ins, test_user, tell, steps: Vec::new() }
    }

    /// Tests it; the last step is the failed one if there is one.
    pub(crate) async fn run(mut self) -> Vec<Step> {
        // Whether it went through to the end is in the steps.
        let _ = self.stages().await;
        self.steps
    }

    async fn stages(&mut self) -> Option<()> {
        self.configuration()?;
        let url = self.find().await?;
        let origin = Origin::of(&url)?;
        self.network(&origin).await?;
        let offered = self.http(&url).await?;
        self.token().await?;
        self.log_in(&url, &offered).await?;
        self.mailbox().await?;
        self.impersonation().await
    }

    /// Notes what was found; `None` if it is the end.
    fn note(&mut self, stage: Stage, found: Found, took: Duration) -> Option<()> {
        let step = Step { stage, found, took };
        (self.tell)(&step);
        let go_on = !step.found.is_failed();
        self.steps.push(step);
        go_on.then_some(())
    }

    fn limit(&self) -> Duration {
        self.ews.timeout.unwrap_or(LIMIT)
    }

    /// Waits as long as a stage may take.
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Found> {
        let limit = self.limit();
        tokio::time::timeout(limit, work).await.map_err(|_| {
            Found::failed(
                format!("no answer within {} seconds", limit.as_secs()),
                "check firewalls and the server, or allow more time with `timeout`",
            )
        })
    }

    /// Whether secrets can be read and everything fits together.
    fn configuration(&mut self) -> Option<()> {
        let since = Instant::now();
        let found = match self.ews.usable(self.name, self.log_ins) {
            Ok(()) => Found::Passed(format!("log-in by {}", self.ews.auth.kind())),
            Err(error) => Found::failed(format!("{error:#}"), "mend the configuration, or set what it names"),
        };
        self.note(Stage::Configuration, found, since.elapsed())
    }

    /// The address of the server, looked for if need be.
    async fn find(&mut self) -> Option<Uri> {
        if let Address::Url(url) = &self.ews.address {
            return Some(url.clone());
        }
        let since = Instant::now();
        let found = self.within(self.ews.located(self.name, self.log_ins)).await;
        let found = match found {
            Ok(Ok(located)) => {
                self.ews = located;
                Found::Passed(self.ews.address.shown())
            }
            Ok(Err(error)) => knock::broken(&format!("{error:#}")),
            Err(failed) => failed,
        };
        self.note(Stage::Autodiscover, found, since.elapsed())?;
        self.ews.url(self.name).ok()
    }

    /// Name, port, proxy and TLS, as far as there is need for them.
    async fn network(&mut self, origin: &Origin) -> Option<()> {
        let reach = match self.ews.stranger(self.name) {
            Ok(client) => self.within(async move { client.reach(origin).await }).await,
            Err(error) => Err(Found::failed(format!("{error:#}"), "mend the configuration")),
        };
        let reach = match reach {
            Ok(reach) => reach,
            Err(failed) => return self.note(Stage::Tcp, failed, self.limit()),
        };
        let last = reach.steps.len().saturating_sub(1);
        for (at, step) in reach.steps.iter().enumerate() {
            let stage = match step.stage {
                transport::Stage::Name => Stage::Dns,
                transport::Stage::Tcp => Stage::Tcp,
                transport::Stage::Proxy => Stage::Proxy,
                _ => Stage::Tls,
            };
            let found = match &reach.failed {
                Some(error) if at == last => knock::broken(&error.to_string()),
                _ => Found::Passed(step.detail.clone()),
            };
            self.note(stage, found, step.took)?;
        }
        if let Some(error) = &reach.failed {
            // It failed before the first stage.
            return self.note(Stage::Tcp, knock::broken(&error.to_string()), Duration::ZERO);
        }
        if !origin.is_https() {
            let why = "plain http, to this very machine".to_owned();
            return self.note(Stage::Tls, Found::Skipped(why), Duration::ZERO);
        }
        Some(())
    }

    /// What answers somebody without a log-in. Gives the ways to log in that the server offers.
    async fn http(&mut self, url: &Uri) -> Option<Vec<String>> {
        let since = Instant::now();
        let answer = match self.ews.stranger(self.name) {
            Ok(client) => self.within(knock::knock(client, url)).await,
            Err(error) => Err(Found::failed(format!("{error:#}"), "mend the configuration")),
        };
        let (found, offers) = match answer {
            Ok(Ok(answer)) => (answer.to_stranger(), answer.offers()),
            Ok(Err(error)) => (knock::broken(&error.to_string()), Vec::new()),
            Err(failed) => (failed, Vec::new()),
        };
        self.note(Stage::Http, found, since.elapsed())?;
        Some(offers)
    }

    /// The token, where one is needed.
    async fn token(&mut self) -> Option<()> {
        let since = Instant::now();
        let log_in = match self.ews.log_in(self.name, self.log_ins) {
            Ok(log_in) => log_in,
            Err(error) => {
                let found = Found::failed(format!("{error:#}"), "mend the configuration");
                return self.note(Stage::Token, found, since.elapsed());
            }
        };
        let Some(log_in) = log_in else {
            let why = format!("none is needed for {}", self.ews.auth.kind());
            return self.note(Stage::Token, Found::Skipped(why), since.elapsed());
        };
        let found = match self.within(log_in.access()).await {
            Ok(Ok(_)) => Found::Passed(facts(&log_in)),
            Ok(Err(problem)) => knock::broken(&problem.to_string()),
            Err(failed) => failed,
        };
        self.note(Stage::Token, found, since.elapsed())
    }

    /// Whether the server takes the log-in.
    async fn log_in(&mut self, url: &Uri, offered: &[String]) -> Option<()> {
        let since = Instant::now();
        let answer = match self.ews.http(self.name, self.log_ins) {
            Ok(client) => self.within(knock::knock(client, url)).await,
            Err(error) => Err(Found::failed(format!("{error:#}"), "mend the configuration")),
        };
        let found = match answer {
            Ok(Ok(answer)) => answer.to_guest(offered, scheme(&self.ews.auth)),
            Ok(Err(error)) => knock::broken(&error.to_string()),
            Err(failed) => failed,
        };
        self.note(Stage::LogIn, found, since.elapsed())
    }

    /// The account's own mailbox, or the shared one it works in.
    async fn mailbox(&mut self) -> Option<()> {
        let since = Instant::now();
        let own = self.ews.own_mailbox().filter(|_| !self.ews.auth.is_app_only());
        let (mailbox, access) = match (&self.ews.alias, own) {
            (Some(alias), own) => (alias.clone(), ews::Access::Delegate { mailbox: own }),
            (None, Some(own)) => (own.clone(), ews::Access::SelfOnly { mailbox: own }),
            (None, None) => {
                let why = if self.ews.auth.is_app_only() {
                    "the application has no mailbox of its own"
                } else {
                    "the account's own mailbox is not known: say it with `email`"
                };
                return self.note(Stage::Mailbox, Found::Skipped(why.to_owned()), since.elapsed());
            }
        };
        let found = match self.open(&mailbox, access).await {
            Found::Failed { reason, .. } if self.may_lack_a_mailbox() && says_there_is_none(&reason) => {
                Found::Skipped(format!("{mailbox} has no mailbox, and impersonation does without"))
            }
            found => found,
        };
        self.note(Stage::Mailbox, found, since.elapsed())
    }

    /// Service accounts that act for others often have no mailbox, whatever their name looks like.
    fn may_lack_a_mailbox(&self) -> bool {
        self.ews.access == ews::Access::Impersonation && self.ews.email.is_none() && self.ews.alias.is_none()
    }

    /// The mailbox of somebody else.
    async fn impersonation(&mut self) -> Option<()> {
        let since = Instant::now();
        let found = match self.test_user.clone() {
            Some(user) => self.open(&user, self.ews.access.clone()).await,
            None if self.ews.access == ews::Access::Impersonation => {
                Found::Skipped("no mailbox is named for it: add `test_user`, or say --as USER".to_owned())
            }
            None => Found::Skipped("this connection does without".to_owned()),
        };
        self.note(Stage::Impersonation, found, since.elapsed())
    }

    /// Opens the inbox of a mailbox.
    async fn open(&self, mailbox: &Mailbox, access: ews::Access) -> Found {
        let client = match self.ews.client(self.name, self.log_ins, access) {
            Ok(client) => client,
            Err(error) => return Found::failed(format!("{error:#}"), "mend the configuration"),
        };
        match self.within(super::inbox::look(&client, mailbox, &self.ews.opened.store)).await {
            Ok(Ok(open)) => Found::Passed(open),
            Ok(Err(error)) => {
                let fallback = "look at what the server says, and ask the Exchange administrator";
                let remedy = remedy(error.code.as_deref(), &error.message).unwrap_or(fallback);
                Found::failed(error.message, remedy)
            }
            Err(failed) => failed,
        }
    }
}

/// What the token is good for, as far as it says so.
fn facts(log_in: &LogIn) -> String {
    let host = log_in.settings().authority().host();
    let facts = log_in.facts().unwrap_or_default();
    let who = facts.upn.map(|upn| format!(" for {upn}")).unwrap_or_default();
    let may = if facts.roles.is_empty() { facts.scopes.unwrap_or_default() } else { facts.roles.join(", ") };
    let may = if may.is_empty() { may } else { format!(", with {may}") };
    format!("{host} gave a token{who}{may}")
}

fn says_there_is_none(reason: &str) -> bool {
    ["ErrorNonExistentMailbox", "ErrorMissingEmailAddress"].iter().any(|code| reason.contains(code))
}

/// The scheme of HTTP that a log-in uses.
fn scheme(auth: &Auth) -> &'static str {
    match auth {
        Auth::Basic(_) => "Basic",
        Auth::Digest(_) => "Digest",
        Auth::Ntlm(_) => "NTLM",
        Auth::Negotiate(..) => "Negotiate",
        _ => "Bearer",
    }
}
