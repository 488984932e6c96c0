//! NTLM, and Negotiate with NTLM or Kerberos in it: the tokens, by the library `sspi`.
//!
//! Only what a client needs. Where a key distribution centre is configured it is Kerberos and nothing weaker; its
//! tickets are fetched over TCP, with the same user and password, and are kept no longer than one log-in.

use std::fmt;

use sspi::generator::{GeneratorInitSecurityContext, GeneratorState};
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse, Credentials,
    CredentialsBuffers, DataRepresentation, KerberosConfig, Negotiate, NegotiateConfig, NegotiatedProtocol,
    Ntlm, SecurityBuffer, SecurityStatus, Sspi, SspiImpl, Username,
};

use crate::bound;
use crate::kerberos::{self, About};
use crate::secret::Secret;

/// What this machine calls itself; servers log it and decide nothing by it.
const WORKSTATION: &str = "portcullis";

/// The scheme in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ntlm,
    Negotiate,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scheme::Ntlm => "NTLM",
            Scheme::Negotiate => "Negotiate",
        }
    }
}

/// Who logs in, and how.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) scheme: Scheme,
    pub(crate) user: String,
    pub(crate) domain: Option<String>,
    pub(crate) password: Secret,
    /// A key distribution centre, such as `tcp://dc.corp.example:88`.
    pub(crate) kdc: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("scheme", &self.scheme)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A token for the other side.
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    /// It proves who logs in; after it the server can decide.
    pub(crate) proves: bool,
}

/// Why there is no token, in words for people.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// Something about who logs in, or about what the other side said.
    Wrong(String),
    /// The key distribution centre cannot be reached now.
    ForNow(String),
}

/// A log-in that is under way.
pub(crate) struct Context {
    package: Package,
    target: String,
    /// What it is bound to.
    binding: Option<Vec<u8>>,
    /// For Kerberos.
    about: Option<About>,
}

enum Package {
    Ntlm(Box<Ntlm>, Option<AuthIdentityBuffers>),
    Negotiate(Box<Negotiate>, Option<CredentialsBuffers>),
}

impl Login {
    fn identity(&self) -> Result<AuthIdentity, String> {
        let wrong = |why| {
            format!(
                "the user cannot be used for a log-in ({why}); write it as user, DOMAIN\\user or user@corp.example"
            )
        };
        let username = match &self.domain {
            Some(domain) => Username::new(&self.user, Some(domain)),
            None => Username::parse(&self.user),
        };
        Ok(AuthIdentity {
            username: username.map_err(wrong)?,
            password: self.password.reveal().to_owned().into(),
        })
    }

    /// Begins a log-in at `host`, bound to a certificate if there is one.
    pub(crate) fn begin(&self, host: &str, binding: Option<&[u8]>) -> Result<Context, String> {
        let identity = self.identity()?;
        let package = match self.scheme {
            Scheme::Ntlm => {
                let mut ntlm = Ntlm::with_config(NtlmConfig::new(WORKSTATION.to_owned()));
                let acquired = ntlm
                    .acquire_credentials_handle()
                    .with_credential_use(CredentialUse::Outbound)
                    .with_auth_data(&identity)
                    .execute(&mut ntlm)
                    .map_err(|why| words(&why))?;
                Package::Ntlm(Box::new(ntlm), acquired.credentials_handle)
            }
            Scheme::Negotiate => {
                let (config, packages): (Box<dyn sspi::negotiate::ProtocolConfig>, _) = match &self.kdc {
                    None => (Box::new(NtlmConfig::new(WORKSTATION.to_owned())), "ntlm,!kerberos,!pku2u"),
                    Some(kdc) if !kerberos::is_centre(kdc) => {
                        return Err(format!(
                            "`{kdc}` is no key distribution centre; write it as tcp://dc.corp.example:88"
                        ));
                    }
                    Some(kdc) => {
                        let config = KerberosConfig::new_with_kdc_url(kdc, WORKSTATION.to_owned());
                        (Box::new(config), "kerberos,!ntlm,!pku2u")
                    }
                };
                let config = NegotiateConfig::new(config, Some(packages.to_owned()), WORKSTATION.to_owned());
                let mut negotiate = Negotiate::new_client(config).map_err(|why| words(&why))?;
                let acquired = negotiate
                    .acquire_credentials_handle()
                    .with_credential_use(CredentialUse::Outbound)
                    .with_auth_data(&Credentials::AuthIdentity(identity))
                    .execute(&mut negotiate)
                    .map_err(|why| words(&why))?;
                Package::Negotiate(Box::new(negotiate), acquired.credentials_handle)
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let target = format!("HTTP/{host}");
        let about = self.kdc.as_ref().filter(|_| self.scheme == Scheme::Negotiate).map(|kdc| About {
            user: self.user.clone(),
            realm: kerberos::realm(&self.user, self.domain.as_deref()),
            service: target.clone(),
            centre: kdc.clone(),
        });
        Ok(Context { package, target, binding: binding.map(<[u8]>::to_vec), about })
    }
}

impl Context {
    /// The next token, in answer to a challenge unless it is the first one.
    pub(crate) async fn step(&mut self, challenge: Option<Vec<u8>>) -> Result<Token, NoToken> {
        let first = challenge.is_none();
        let mut input = vec![SecurityBuffer::new(challenge.unwrap_or_default(), BufferType::Token)];
        if let Some(binding) = self.binding.as_deref().filter(|_| self.about.is_none()) {
            input.push(SecurityBuffer::new(bindings(binding), BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let status = match &mut self.package {
            Package::Ntlm(ntlm, credentials) => {
                let mut builder = ntlm
                    .initialize_security_context()
                    .with_credentials_handle(credentials)
                    .with_context_requirements(ClientRequestFlags::empty())
                    .with_target_data_representation(DataRepresentation::Network)
                    .with_target_name(&self.target)
                    .with_input(&mut input)
                    .with_output(&mut output);
                match SspiImpl::initialize_security_context_impl(&mut **ntlm, &mut builder) {
                    Ok(made) => run(made).await,
                    Err(why) => Err(why),
                }
            }
            Package::Negotiate(negotiate, credentials) => {
                let mut builder = negotiate
                    .initialize_security_context()
                    .with_credentials_handle(credentials)
                    .with_context_requirements(ClientRequestFlags::INTEGRITY)
                    .with_target_data_representation(DataRepresentation::Network)
                    .with_target_name(&self.target)
                    .with_input(&mut input)
                    .with_output(&mut output);
                match SspiImpl::initialize_security_context_impl(&mut **negotiate, &mut builder) {
                    Ok(made) => run(made).await,
                    Err(why) => Err(why),
                }
            }
        };
        let status = status.map_err(|why| match &self.about {
            Some(about) => kerberos::told(&why, about),
            None => NoToken::Wrong(words(&why)),
        })?;
        let mut bytes = output.into_iter().next().map(|token| token.buffer).unwrap_or_default();
        if bytes.is_empty() {
            let why = "the log-in has nothing more to say to the challenge of the server";
            return Err(NoToken::Wrong(why.to_owned()));
        }
        if first && let Some(bound) = self.bound(&bytes) {
            bytes = bound.map_err(|why| {
                NoToken::Wrong(format!("the log-in cannot be bound to the certificate of the server: {why}"))
            })?;
        }
        Ok(Token { bytes, proves: !first || self.about.is_some() || status == SecurityStatus::Ok })
    }

    /// The first token of Kerberos, bound to the certificate where there is one.
    fn bound(&self, token: &[u8]) -> Option<Result<Vec<u8>, String>> {
        let binding = self.binding.as_deref()?;
        let Package::Negotiate(negotiate, _) = &self.package else { return None };
        let NegotiatedProtocol::Kerberos(kerberos) = negotiate.negotiated_protocol() else { return None };
        let key = kerberos.query_context_session_key().map_err(|why| words(&why));
        Some(key.and_then(|key| bound::bind(token, key.session_key.as_ref(), binding)))
    }
}

/// Runs a step of the library, and fetches for it what it asks the network for.
async fn run(mut step: GeneratorInitSecurityContext<'_>) -> Result<SecurityStatus, sspi::Error> {
    let mut state = step.start();
    loop {
        match state {
            GeneratorState::Completed(result) => return Ok(result?.status),
            GeneratorState::Suspended(request) => {
                let answer = kerberos::ask(&request).await;
                let place = request.url.as_str();
                state = step.resume(answer.map_err(|why| {
                    let why = format!("{place} gave no answer: {why}");
                    sspi::Error::new(sspi::ErrorKind::NoAuthenticatingAuthority, why)
                }));
            }
        }
    }
}

/// `SEC_CHANNEL_BINDINGS`: five empty fields and where the data are.
fn bindings(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 24];
    bytes.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(32_u32.to_le_bytes());
    bytes.extend(data);
    bytes
}

fn words(why: &sspi::Error) -> String {
    let text: String = why.description.chars().filter(|letter| !letter.is_control()).take(300).collect();
    format!("{:?}: {text}", why.error_type)
}
