//! TLS: rustls with the provider ring, because it builds with nothing but a C compiler.
//!
//! Trusted are the machine's own roots (an organisation's own authority is there) and what the configuration
//! adds; on a machine without roots, such as a bare container, Mozilla's as compiled in. Versions 1.2 and 1.3.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::error::{Error, Kind};

/// A configuration that also trusts the certificates in `pem`.
pub(crate) fn config(pem: &[Vec<u8>]) -> Result<ClientConfig, Error> {
    let setup = |what: &str, why: String| Error::before(Kind::Setup, "", format!("{what}: {why}"));
    let provider = Arc::new(ring::default_provider());
    let mut extra: Vec<CertificateDer<'static>> = Vec::new();
    for text in pem {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            extra.push(
                certificate.map_err(|why| setup("a root certificate cannot be read", why.to_string()))?,
            );
        }
        if extra.len() == before {
            return Err(setup(
                "a root certificate cannot be read",
                "no CERTIFICATE block in the file".to_owned(),
            ));
        }
    }
    let verifier = verifier(extra, &provider)
        .map_err(|why| setup("the roots of this machine cannot be used", why.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| setup("no TLS", why.to_string()))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// The platform's roots and `extra`; Mozilla's only where the platform has none, because an organisation may
/// have taken one of those out on purpose.
fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(extra, Arc::clone(provider)).or_else(|_| {
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        Verifier::new_with_extra_roots(mozilla, Arc::clone(provider))
    })
}
