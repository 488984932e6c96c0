//! The authorization code with a browser of this machine ([RFC 8252](https://www.rfc-editor.org/rfc/rfc8252)):
//! a person follows an address, logs in, and the browser brings the code to a port that only this machine
//! reaches. The code is of use only together with the PKCE verifier, which stays here.

use std::fmt;
use std::time::Duration;

use transport::Secret;
use url::Url;

use crate::fetch::{self, Wanted, ask};
use crate::form::{Form, refused};
use crate::log_in::LogIn;
use crate::pkce::Pkce;
use crate::problem::Problem;
use crate::random;
use crate::redirect::{Redirect, Returned};
use crate::settings::Grant;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A log-in that waits for a person with a browser.
pub struct BrowserLogIn {
    log_in: LogIn,
    redirect: Redirect,
    state: Secret,
    pkce: Pkce,
    /// The address the person is to open. Of use for this one log-in only.
    pub url: String,
}

impl LogIn {
    /// Begins a log-in with the browser: the redirect is listened for from now on.
    pub async fn begin_browser(&self) -> Result<BrowserLogIn, Problem> {
        let settings = &self.inner.settings;
        let Grant::AuthorizationCode(port) = settings.grant else {
            return Err(Problem::Settings(format!(
                "this connection logs in by `{}`; the browser needs `kind: auth_code`",
                settings.grant.name()
            )));
        };
        let redirect = Redirect::listen(port).await.map_err(|why| {
            Problem::Settings(format!(
                "nothing can be listened for at port {} of this machine ({why}); choose another `redirect_port`",
                port.unwrap_or_default()
            ))
        })?;
        let (state, pkce) = (Secret::new(random::word()?), Pkce::new()?);
        let mut url = Url::parse(&settings.authority.authorize())
            .map_err(|_| Problem::Settings("the address of the authority cannot be used".to_owned()))?;
        url.query_pairs_mut()
            .append_pair("client_id", &settings.client)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &redirect.uri())
            .append_pair("scope", &settings.scope)
            .append_pair("state", state.reveal())
            .append_pair("code_challenge", &pkce.challenge)
            .append_pair("code_challenge_method", "S256");
        match &settings.account {
            Some(account) => url.query_pairs_mut().append_pair("login_hint", account),
            None => url.query_pairs_mut().append_pair("prompt", "select_account"),
        };
        Ok(BrowserLogIn { log_in: self.clone(), redirect, state, pkce, url: url.into() })
    }
}

impl BrowserLogIn {
    /// Waits for the person and keeps the log-in. Who it was, if the authority says so. Dropping the future
    /// gives up.
    pub async fn complete(self) -> Result<Option<String>, Problem> {
        let inner = &self.log_in.inner;
        let uri = self.redirect.uri();
        let returned = tokio::select! {
            returned = self.redirect.returned(&self.state) => returned,
            () = inner.clock.sleep(PATIENCE) => return Err(Problem::TooLate),
        };
        let code = match returned {
            Returned::Code(code) => code,
            Returned::Refused { error, description } => {
                let refusal = refused(&inner.settings.authority, &error, description.as_deref());
                return Err(match refusal {
                    Some(refusal) => Problem::Refused(Box::new(refusal)),
                    None => inner.door().no_answer("the browser came back with neither a code nor an error"),
                });
            }
        };
        inner.tell(&code);
        inner.tell(&self.pkce.verifier);
        let form = Form::new()
            .with("grant_type", "authorization_code")
            .with("code", code.reveal())
            .with("redirect_uri", &uri)
            .with("code_verifier", self.pkce.verifier.reveal());
        fetch::keep(inner, ask(inner, form, &Wanted::default()).await?).await
    }
}

impl fmt::Debug for BrowserLogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserLogIn").finish_non_exhaustive()
    }
}
