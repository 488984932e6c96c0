//! The token endpoint: from what a client has to a token.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::login;
use super::super::server::Shared;
use super::assertion;
use super::form::Form;
use super::issuer::{Decision, Issuer, Subject};
use super::refusal::Refusal;
use crate::account::Application;
use crate::soap::rights::Caller;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A request for a token.
pub(crate) struct Asked<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) tenant: &'a str,
    pub(crate) form: &'a Form,
    /// `Authorization` of the request, where a client may put its id and secret.
    pub(crate) authorization: Option<&'a str>,
    /// The names of this endpoint.
    pub(crate) audiences: Vec<String>,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// The answer with a token.
    pub(crate) fn answer(&self, issuer: &mut Issuer) -> Result<Value, Refusal> {
        let application = self.application()?;
        let subject = match self.form.required("grant_type")? {
            "client_credentials" => self.itself(issuer, &application)?,
            "password" => self.password(&application)?,
            "refresh_token" => self.refresh(issuer, &application)?,
            "authorization_code" => self.code(issuer, &application)?,
            DEVICE_GRANT | "device_code" => self.device(issuer, &application)?,
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(Refusal::new("unsupported_grant_type", 70_003, text));
            }
        };
        Ok(issuer.issue(subject, self.now))
    }

    /// The application that asks, if it is one of the tenant.
    pub(crate) fn application(&self) -> Result<Application, Refusal> {
        let in_head = self.in_head();
        let id = match (self.form.get("client_id"), &in_head) {
            (Some(id), _) => id,
            (None, Some((id, _))) => id,
            (None, None) => return Err(Refusal::missing("client_id")),
        };
        find(self.shared, self.tenant, id)
    }

    fn in_head(&self) -> Option<(String, String)> {
        let token = self.authorization?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((super::form::decode(id), super::form::decode(secret)))
    }

    /// Checks that the application is who it says. A public one needs no proof.
    fn prove(&self, issuer: &mut Issuer, application: &Application) -> Result<(), Refusal> {
        if let Some(given) = self.form.get("client_assertion") {
            if self.form.required("client_assertion_type")? != ASSERTION_TYPE {
                let text = "The value of 'client_assertion_type' is not supported.";
                return Err(Refusal::new("invalid_request", 900_144, text));
            }
            let jti = assertion::check(application, given, &self.audiences, self.now.as_second())?;
            return match issuer.is_first(&application.id, jti) {
                true => Ok(()),
                // Microsoft does not say how it puts this.
                false => {
                    Err(Refusal::new("invalid_client", 700_027, "The client assertion was used before."))
                }
            };
        }
        let in_head = self.in_head().map(|(_, secret)| secret);
        match (self.form.get("client_secret").or(in_head.as_deref()), &application.secret) {
            (Some(given), Some(secret)) if given == secret => Ok(()),
            (Some(_), _) => Err(Refusal::new(
                "invalid_client",
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
                    application.id
                ),
            )),
            (None, None) if application.certificates.is_empty() => Ok(()),
            (None, _) => Err(Refusal::new(
                "invalid_client",
                7_000_218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )),
        }
    }

    fn itself(&self, issuer: &mut Issuer, application: &Application) -> Result<Subject, Refusal> {
        self.prove(issuer, application)?;
        if application.secret.is_none() && application.certificates.is_empty() {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(Refusal::new("invalid_client", 7_000_218, text));
        }
        let scope = self.form.required("scope")?;
        if !scope.ends_with("/.default") {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err(Refusal::new("invalid_scope", 1_002_012, text));
        }
        Ok(self.subject(application, None, scope, Caller::from(application)))
    }

    fn password(&self, application: &Application) -> Result<Subject, Refusal> {
        let scope = self.for_people()?;
        let (user, password) = (self.form.required("username")?, self.form.required("password")?);
        if !application.password_grant {
            let text =
                "The request is not allowed for this application: it may not take user names and passwords.";
            return Err(Refusal::new("unauthorized_client", 7_000_218, text));
        }
        let known = login::accounts(self.shared).iter().any(|account| account.is_called(user));
        if !known {
            let text = format!("The user account {user} does not exist in the {} directory.", self.tenant);
            return Err(Refusal::new("invalid_grant", 50_034, text));
        }
        let account = login::check(self.shared, user, password).ok_or_else(|| {
            let text = "Error validating credentials due to invalid username or password.";
            Refusal::new("invalid_grant", 50_126, text)
        })?;
        Ok(self.subject(application, Some(account.user.clone()), scope, Caller::from(&account)))
    }

    fn refresh(&self, issuer: &mut Issuer, application: &Application) -> Result<Subject, Refusal> {
        self.prove(issuer, application)?;
        let token = self.form.required("refresh_token")?;
        let stale = || {
            let text = "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.";
            Refusal::new("invalid_grant", 70_008, text)
        };
        let subject = issuer.redeem(token).ok_or_else(stale)?;
        if subject.application != application.id {
            let text = "Provided grant is invalid or malformed: the token was issued to another client id.";
            return Err(Refusal::new("invalid_grant", 70_000, text));
        }
        Ok(subject)
    }

    fn code(&self, issuer: &mut Issuer, application: &Application) -> Result<Subject, Refusal> {
        self.prove(issuer, application)?;
        let given = self.form.required("code")?;
        let redirect = self.form.required("redirect_uri")?;
        let code = issuer.codes.remove(given).ok_or_else(|| {
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.";
            Refusal::new("invalid_grant", 54_005, text)
        })?;
        if code.until <= self.now || code.subject.application != application.id {
            let text = "The provided authorization code or refresh token has expired due to inactivity.";
            return Err(Refusal::new("invalid_grant", 70_008, text));
        }
        if code.redirect_uri != redirect {
            let text = "The reply address does not match the reply address provided when requesting the authorization code.";
            return Err(Refusal::new("invalid_grant", 500_112, text));
        }
        if let Some(challenge) = &code.challenge {
            let verifier = self.form.required("code_verifier")?;
            if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != *challenge {
                let text = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
                return Err(Refusal::new("invalid_grant", 501_481, text));
            }
        }
        Ok(code.subject)
    }

    fn device(&self, issuer: &mut Issuer, application: &Application) -> Result<Subject, Refusal> {
        let given = self.form.required("device_code")?;
        let Some(device) =
            issuer.devices.get_mut(given).filter(|device| device.application == application.id)
        else {
            let text = "The provided value for the input parameter 'device_code' is not valid.";
            return Err(Refusal::new("bad_verification_code", 70_020, text));
        };
        if device.until <= self.now {
            issuer.devices.remove(given);
            let text = "OAuth 2.0 device flow error. The device code has expired.";
            return Err(Refusal::new("expired_token", 70_020, text));
        }
        if device.hurries() {
            return Err(Refusal::new("slow_down", 70_016, "OAuth 2.0 device flow error. Ask less often."));
        }
        let (user, caller) = match &device.decision {
            Decision::Granted(user, caller) => (user.clone(), caller.clone()),
            Decision::Declined => {
                let text = "OAuth 2.0 device flow error. The person declined.";
                return Err(Refusal::new("authorization_declined", 70_018, text));
            }
            Decision::Open => {
                let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                return Err(Refusal::new("authorization_pending", 70_016, text));
            }
        };
        let subject = self.subject(application, Some(user), &device.scope.clone(), caller);
        issuer.devices.remove(given);
        Ok(subject)
    }

    /// The scope of a log-in of a person, if EWS is in it.
    pub(crate) fn for_people(&self) -> Result<&str, Refusal> {
        let scope = self.form.required("scope")?;
        let fits = |scope: &str| scope.ends_with("/EWS.AccessAsUser.All") || scope.ends_with("/.default");
        if scope.split(' ').any(fits) {
            return Ok(scope);
        }
        let text = format!(
            "The provided value for the input parameter 'scope' is not valid. The scope '{scope}' is not for EWS."
        );
        Err(Refusal::new("invalid_scope", 70_011, text))
    }

    fn subject(
        &self,
        application: &Application,
        user: Option<String>,
        scope: &str,
        caller: Caller,
    ) -> Subject {
        let (application, tenant) = (application.id.clone(), self.tenant.to_owned());
        Subject { application, tenant, user, scope: scope.to_owned(), caller }
    }
}

/// An application of a tenant.
pub(crate) fn find(shared: &Shared, tenant: &str, id: &str) -> Result<Application, Refusal> {
    let organisation = shared.organisation.lock();
    let applications = &organisation.directory.applications;
    // Through these names every tenant is reached.
    let any = ["common", "organizations"].contains(&tenant);
    if !any && !applications.iter().any(|application| application.tenant.eq_ignore_ascii_case(tenant)) {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        return Err(Refusal::new("invalid_request", 90_002, text));
    }
    let fits = |application: &&Application| {
        application.id.eq_ignore_ascii_case(id) && (any || application.tenant.eq_ignore_ascii_case(tenant))
    };
    applications.iter().find(fits).cloned().ok_or_else(|| {
        let text = format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
        Refusal::new("unauthorized_client", 700_016, text)
    })
}
