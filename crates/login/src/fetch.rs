//! Fetching one token, by whatever way is configured. Called once at a time for a log-in; who asks, who waits
//! and what becomes of a failure is in [`crate::log_in`].

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use transport::Secret;

use crate::answer::{Access, Tokens, tokens};
use crate::assertion;
use crate::clock::Clock;
use crate::form::Form;
use crate::log_in::Inner;
use crate::problem::Problem;
use crate::settings::Grant;
use crate::vault::{Kept, Lock, Vault};

/// How often it is looked whether another process is done, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 1200;

/// What is wanted beside a good token.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Not this one: the server refuses it.
    pub(crate) instead_of: Option<Secret>,
    /// The server's challenge, as JSON.
    pub(crate) claims: Option<String>,
}

/// The challenge from a header: a JSON object in base64, of either alphabet, padded or not. Anything else is
/// none, because an authority would refuse the whole request for it.
pub(crate) fn challenge(claims: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(claims).ok())?;
    let value: Value = serde_json::from_slice(&decoded).ok()?;
    value.is_object().then(|| value.to_string())
}

/// A new token.
pub(crate) async fn fetch(inner: &Inner, wanted: Wanted) -> Result<Access, Problem> {
    match &inner.settings.grant {
        Grant::ClientSecret(_) | Grant::ClientCertificate(..) => {
            let form = Form::new().with("grant_type", "client_credentials");
            Ok(ask(inner, form, &wanted).await?.access)
        }
        Grant::PasswordLegacy { user, password } => {
            let password = password().map_err(Problem::Credential)?;
            let form = Form::new()
                .with("grant_type", "password")
                .with("username", user)
                .with("password", password.reveal());
            let tokens = ask(inner, form, &wanted).await?;
            Ok(tokens.access)
        }
        Grant::DeviceCode | Grant::AuthorizationCode(_) => match &inner.vault {
            None => {
                let refresh = inner.refresh().ok_or(Problem::LogInFirst)?;
                let tokens = renew(inner, &refresh, &wanted).await?;
                if let Some(refresh) = tokens.refresh {
                    inner.keep_refresh(refresh);
                }
                Ok(tokens.access)
            }
            Some(vault) => from_vault(inner, vault, &wanted).await,
        },
    }
}

/// With what is kept: a token another process fetched meanwhile, or a new one.
async fn from_vault(inner: &Inner, vault: &Vault, wanted: &Wanted) -> Result<Access, Problem> {
    let whose = inner.settings.key();
    let lock = lock(vault, &whose, inner.clock.as_ref()).await?;
    let Some(kept) = vault.read(&whose, &lock)? else { return Err(Problem::LogInFirst) };
    let access = kept.access();
    inner.tell(&access.token);
    let is_other = wanted.instead_of.as_ref().is_none_or(|refused| *refused != access.token);
    if is_other && access.is_fresh(inner.clock.now()) {
        return Ok(access);
    }
    let refresh = kept.refresh();
    inner.tell(&refresh);
    let tokens = renew(inner, &refresh, wanted).await?;
    let refresh = tokens.refresh.unwrap_or(refresh);
    if let Err(problem) = vault.write(&whose, &Kept::new(&refresh, &tokens.access), &lock) {
        // The token is good. Whether the old refresh token still is when this one has expired is up to the
        // authority; Entra ID takes it.
        tracing::warn!(%problem, "a renewed log-in could not be kept");
    }
    Ok(tokens.access)
}

async fn renew(inner: &Inner, refresh: &Secret, wanted: &Wanted) -> Result<Tokens, Problem> {
    let form = Form::new().with("grant_type", "refresh_token").with("refresh_token", refresh.reveal());
    ask(inner, form, wanted).await.map_err(|problem| match problem {
        Problem::Refused(refusal) if refusal.needs_person() => Problem::LogInAgain(refusal),
        other => other,
    })
}

/// Keeps the log-in of a person who has just logged in.
pub(crate) async fn keep(inner: &Inner, tokens: Tokens) -> Result<Option<String>, Problem> {
    if let (Some(expected), Some(found)) = (&inner.settings.account, &tokens.person)
        && expected.to_lowercase() != found.to_lowercase()
    {
        return Err(Problem::SomebodyElse { expected: expected.clone(), found: found.clone() });
    }
    match (&inner.vault, tokens.refresh) {
        (Some(vault), Some(refresh)) => {
            let whose = inner.settings.key();
            let lock = lock(vault, &whose, inner.clock.as_ref()).await?;
            vault.write(&whose, &Kept::new(&refresh, &tokens.access), &lock)?;
        }
        (None, Some(refresh)) => inner.keep_refresh(refresh),
        (_, None) => {
            return Err(Problem::Settings(format!(
                "{} gave no refresh token, so the log-in would last an hour; the scope needs `offline_access`",
                inner.settings.authority.host()
            )));
        }
    }
    inner.take(tokens.access);
    Ok(tokens.person)
}

/// Asks the token endpoint: who we are and what for is added here.
pub(crate) async fn ask(inner: &Inner, form: Form, wanted: &Wanted) -> Result<Tokens, Problem> {
    let form = form.with("scope", &inner.settings.scope).with_some("claims", wanted.claims.as_deref());
    let form = identify(inner, form)?;
    let asked = inner.clock.now();
    let door = inner.door();
    let body = door.send(&inner.settings.authority.token(), form).await?;
    let tokens = tokens(&door, &body, asked)?;
    inner.tell(&tokens.access.token);
    if let Some(refresh) = &tokens.refresh {
        inner.tell(refresh);
    }
    Ok(tokens)
}

/// Says who the application is, and proves it where it can.
fn identify(inner: &Inner, form: Form) -> Result<Form, Problem> {
    let settings = &inner.settings;
    let form = form.with("client_id", &settings.client);
    match &settings.grant {
        Grant::ClientSecret(read) => {
            let secret = read().map_err(Problem::Credential)?;
            if secret.reveal().is_empty() || secret.reveal().contains(char::is_control) {
                return Err(Problem::Credential(
                    "the client secret is empty or has a line break in it; configure its value alone"
                        .to_owned(),
                ));
            }
            Ok(form.with("client_secret", secret.reveal()))
        }
        Grant::ClientCertificate(read, algorithm) => {
            let (certificate, audience) = (read()?, settings.authority.token());
            let now = inner.clock.now();
            let assertion = assertion::assertion(&certificate, *algorithm, &settings.client, &audience, now)?;
            inner.tell(&assertion);
            Ok(form
                .with("client_assertion_type", assertion::TYPE)
                .with("client_assertion", assertion.reveal()))
        }
        Grant::DeviceCode | Grant::AuthorizationCode(_) | Grant::PasswordLegacy { .. } => Ok(form),
    }
}

/// Waits until no other process is at this log-in.
pub(crate) async fn lock(vault: &Vault, whose: &str, clock: &dyn Clock) -> Result<Lock, Problem> {
    for _ in 0..LOOKS {
        if let Some(lock) = vault.try_lock(whose)? {
            return Ok(lock);
        }
        clock.sleep(LOOK).await;
    }
    Err(Problem::Elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_a_json_object_in_base64() {
        let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
        let config = GeneralPurposeConfig::new();
        for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
            let encoded = GeneralPurpose::new(&alphabet, config).encode(json);
            assert_eq!(challenge(&encoded).as_deref(), Some(json));
            assert_eq!(challenge(encoded.trim_end_matches('=')).as_deref(), Some(json));
        }
        for other in ["", "!", "e30x", "MTI=", "WzFd"] {
            assert_eq!(challenge(other), None, "{other}");
        }
    }
}
