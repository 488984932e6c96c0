//! From bytes to a plugin that can be instantiated: every check that comes before the first instruction runs.

use action_api::plan::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::bindings::{Plugin, PluginPre};
use crate::cache::{Cache, CacheDirs, CacheError, Loaded, MOST_BYTES};
use crate::error::LoadError;
use crate::limits;
use crate::state::CallState;

/// The version of `portcullis:plugin` that this host offers: major, minor.
const OFFERED: (u64, u64) = (1, 0);
const OFFERED_TEXT: &str = "1.0";

/// The engine with everything that all plugins share. Made when the first plugin is needed, not before.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    linker: Linker<CallState>,
    cache: Option<Cache>,
    pub(crate) cache_problem: Option<CacheError>,
}

impl Runtime {
    pub(crate) fn start(dirs: Option<&CacheDirs>) -> wasmtime::Result<Self> {
        let engine = crate::engine::start()?;
        let mut linker = Linker::new(&engine);
        // All of WASI, because language runtimes import it unasked; the state of a call grants none of it.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut CallState| state)?;
        let (cache, cache_problem) = match dirs.map(|dirs| Cache::open(dirs, &engine, MOST_BYTES)).transpose()
        {
            Ok(cache) => (cache, None),
            Err(problem) => (None, Some(problem)),
        };
        Ok(Runtime { engine, linker, cache, cache_problem })
    }

    /// Checks, compiles (or loads) and links a component.
    pub(crate) fn load(&self, wasm: &[u8]) -> Result<(PluginPre<CallState>, Loaded), LoadError> {
        check_bytes(wasm)?;
        let (component, loaded) = match &self.cache {
            Some(cache) => {
                let digest = Digest::new(Sha256::digest(wasm).into());
                cache.load(&self.engine, &digest, wasm).map_err(|failure| invalid(&failure.0))?
            }
            None => (
                Component::from_binary(&self.engine, wasm).map_err(|error| invalid(&error))?,
                Loaded::Compiled,
            ),
        };
        self.check_interfaces(&component)?;
        let instance: InstancePre<CallState> =
            self.linker.instantiate_pre(&component).map_err(|error| invalid(&error))?;
        Ok((PluginPre::new(instance).map_err(|error| invalid(&error))?, loaded))
    }

    fn check_interfaces(&self, component: &Component) -> Result<(), LoadError> {
        let about = component.component_type();
        let actions = about
            .exports(&self.engine)
            .find_map(|(name, _)| name.strip_prefix("portcullis:plugin/actions@").map(str::to_owned));
        check_version(&actions.ok_or(LoadError::NoInterface)?)?;
        about.imports(&self.engine).try_for_each(|(name, _)| check_import(name))
    }
}

/// The whole chain of causes in one line: the last one is where wasmtime names the thing that is missing.
fn invalid(error: &wasmtime::Error) -> LoadError {
    LoadError::Invalid(format!("{error:#}"))
}

fn check_bytes(wasm: &[u8]) -> Result<(), LoadError> {
    if wasm.len() > limits::COMPONENT {
        return Err(LoadError::TooLarge { size: wasm.len(), limit: limits::COMPONENT });
    }
    if Engine::detect_precompiled(wasm).is_some() {
        return Err(LoadError::Precompiled);
    }
    // https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions
    match wasm.first_chunk::<8>() {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some(b"\0asm\x01\0\0\0") => Err(LoadError::CoreModule),
        _ => Err(LoadError::NotWasm),
    }
}

fn check_version(text: &str) -> Result<(), LoadError> {
    let refuse = |hint| Err(LoadError::Interface { needs: text.to_owned(), offers: OFFERED_TEXT, hint });
    match parse_version(text) {
        Some((major, minor)) if major == OFFERED.0 && minor <= OFFERED.1 => Ok(()),
        Some(version) if version > OFFERED => {
            refuse("update Portcullis, or build the plugin with an older SDK")
        }
        Some(_) => refuse("build the plugin again with a current SDK"),
        None => refuse("build the plugin again with a released SDK"),
    }
}

/// Major and minor of `1.2.3`. Pre-releases promise nothing, so they are not versions here.
fn parse_version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split('.').map(str::parse);
    let version = (parts.next()?.ok()?, parts.next()?.ok()?);
    let _patch: u64 = parts.next()?.ok()?;
    parts.next().is_none().then_some(version)
}

fn check_import(name: &str) -> Result<(), LoadError> {
    let refuse = |hint| Err(LoadError::Import { import: name.to_owned(), hint });
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let (package, _) = interface.split_once('/').unwrap_or((interface, ""));
    match package {
        "portcullis:plugin" => match interface {
            "portcullis:plugin/log" | "portcullis:plugin/artifacts" => check_version(version),
            _ => refuse("this version offers `log` and `artifacts`; a later one may offer more"),
        },
        "wasi:io" | "wasi:clocks" | "wasi:random" | "wasi:cli" | "wasi:filesystem" | "wasi:sockets" => {
            match parse_version(version) {
                Some((0, 2)) => Ok(()),
                _ => refuse("build it for WASI 0.2"),
            }
        }
        _ => refuse("they get `portcullis:plugin` and WASI 0.2 without HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse_version("1.0.0"), Some((1, 0)));
        for text in ["", "1", "1.0", "1.0.0.0", "1.0.0-rc1", "a.b.c", "1.0.x"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
        assert_eq!(check_version("1.0.7"), Ok(()));
        for (text, hint) in
            [("1.1.0", "update"), ("2.0.0", "update"), ("0.9.0", "current SDK"), ("x", "released SDK")]
        {
            let error = check_version(text).unwrap_err().to_string();
            assert!(error.contains(hint) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn imports() {
        for good in ["portcullis:plugin/log@1.0.0", "wasi:cli/environment@0.2.6", "wasi:sockets/tcp@0.2.12"] {
            assert_eq!(check_import(good), Ok(()), "{good}");
        }
        for bad in [
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:cli/run@0.3.0",
            "env",
            "acme:db/sql@1.0.0",
            "portcullis:plugin/secrets@1.0.0",
        ] {
            assert!(check_import(bad).unwrap_err().to_string().contains(bad), "{bad}");
        }
    }
}
