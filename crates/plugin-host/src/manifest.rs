//! `plugin.toml`: what a plugin is called, which file it is, and which limits it needs changed.
//!
//! Unknown keys are errors: a misspelt limit must not silently be the default. What it asks for is kept as
//! names: no interface here gives a right yet, so a plugin that asks for one is refused where it is used.

use std::time::Duration;

use serde::Deserialize;

use crate::limits::{Limits, parse_duration, parse_size};

/// A plugin's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Lower case, digits and `-`; optionally an owner and `/` in front.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// File name of the component, beside the manifest.
    pub component: String,
    /// Limits of one call.
    pub limits: Limits,
    /// What it asks for beyond its input: `http`, `reveal`, `env`, `fs`.
    pub rights: Vec<String>,
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not TOML, a key is missing or unknown, or has the wrong type.
    #[error("plugin.toml cannot be read: {0}")]
    Syntax(String),
    /// A later format.
    #[error("plugin.toml has format {0}, this version reads format 1; update Portcullis")]
    Format(u32),
    /// A value that is not allowed.
    #[error("plugin.toml: `{key}` is `{value}`, but {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What the manifest says.
        value: String,
        /// What it may say.
        expected: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    manifest: u32,
    name: String,
    version: String,
    interface: String,
    component: String,
    #[serde(default)]
    #[expect(dead_code, reason = "checked for form here, read by the tools that build plugins")]
    build: Option<Build>,
    #[serde(default)]
    capability: Capability,
    #[serde(default)]
    limits: FileLimits,
}

/// What the plugin asks for. What stands inside is for the interface that gives it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Capability {
    http: Vec<toml::Value>,
    reveal: Vec<toml::Value>,
    env: Vec<toml::Value>,
    fs: Vec<toml::Value>,
}

impl Capability {
    fn names(&self) -> Vec<String> {
        let all = [("http", &self.http), ("reveal", &self.reveal), ("env", &self.env), ("fs", &self.fs)];
        all.into_iter().filter(|(_, asked)| !asked.is_empty()).map(|(name, _)| name.to_owned()).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "checked for form here, read by the tools that build plugins")]
struct Build {
    language: Language,
    command: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    Rust,
    Python,
    Js,
    Other,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileLimits {
    wall: Option<String>,
    cpu: Option<String>,
    memory: Option<String>,
    input: Option<String>,
    output: Option<String>,
    log: Option<String>,
    log_line: Option<String>,
    stdio: Option<String>,
    handles: Option<usize>,
    artifacts: Option<String>,
}

impl Manifest {
    /// Reads the text of a `plugin.toml`.
    ///
    /// # Errors
    /// Says which key is wrong and what it may be.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        // A later format may have other keys, so look at the format alone first.
        #[derive(Deserialize)]
        struct Format {
            manifest: Option<u32>,
        }
        let format: Format = toml::from_str(text).map_err(syntax)?;
        if let Some(other) = format.manifest.filter(|&format| format != 1) {
            return Err(ManifestError::Format(other));
        }
        let file: File = toml::from_str(text).map_err(syntax)?;
        debug_assert_eq!(file.manifest, 1);
        check(
            "name",
            &file.name,
            is_name(&file.name),
            "it must be lower-case letters, digits and `-`, such as `eml` or `acme/urlscan`",
        )?;
        check(
            "version",
            &file.version,
            !file.version.is_empty() && file.version.len() <= 64,
            "it must be 1 to 64 characters, such as `1.2.0`",
        )?;
        check(
            "interface",
            &file.interface,
            file.interface == "portcullis:plugin@1.0",
            "this version offers `portcullis:plugin@1.0`",
        )?;
        check(
            "component",
            &file.component,
            is_file_name(&file.component),
            "it must be the name of a file in the same folder",
        )?;
        Ok(Manifest {
            name: file.name,
            version: file.version,
            component: file.component,
            limits: limits(&file.limits)?,
            rights: file.capability.names(),
        })
    }

    /// The name without an owner: what stands before the dot of the plugin's actions.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

fn syntax(error: toml::de::Error) -> ManifestError {
    ManifestError::Syntax(error.to_string().trim_end().to_owned())
}

fn check(key: &'static str, value: &str, good: bool, expected: &str) -> Result<(), ManifestError> {
    if good {
        return Ok(());
    }
    Err(ManifestError::Value { key, value: value.to_owned(), expected: expected.to_owned() })
}

fn is_name(name: &str) -> bool {
    name.len() <= 64 && name.split('/').count() <= 2 && name.split('/').all(is_name_part)
}

/// Whether `name` can stand before the dot of an action.
pub(crate) fn is_name_part(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

fn limits(file: &FileLimits) -> Result<Limits, ManifestError> {
    let most = Limits::ceiling();
    let mut limits = Limits::default();
    duration("limits.wall", file.wall.as_deref(), most.wall, &mut limits.wall)?;
    duration("limits.cpu", file.cpu.as_deref(), most.cpu, &mut limits.cpu)?;
    let sizes = [
        ("limits.memory", &file.memory, most.memory, &mut limits.memory),
        ("limits.input", &file.input, most.input, &mut limits.input),
        ("limits.output", &file.output, most.output, &mut limits.output),
        ("limits.log", &file.log, most.log, &mut limits.log),
        ("limits.log_line", &file.log_line, most.log_line, &mut limits.log_line),
        ("limits.stdio", &file.stdio, most.stdio, &mut limits.stdio),
        ("limits.artifacts", &file.artifacts, most.artifacts, &mut limits.artifacts),
    ];
    for (key, value, most, limit) in sizes {
        let Some(text) = value else { continue };
        let size = parse_size(text).filter(|&size| size <= most);
        *limit = size.ok_or_else(|| ManifestError::Value {
            key,
            value: text.clone(),
            expected: format!("it must be a size such as `512KiB` or `64MiB`, at most {}", Bytes(most)),
        })?;
    }
    if let Some(handles) = file.handles {
        check("limits.handles", &handles.to_string(), handles <= most.handles, "it may be at most 4096")?;
        limits.handles = handles;
    }
    Ok(limits)
}

fn duration(
    key: &'static str,
    text: Option<&str>,
    most: Duration,
    limit: &mut Duration,
) -> Result<(), ManifestError> {
    let Some(text) = text else { return Ok(()) };
    let given = parse_duration(text).filter(|&time| time <= most && !time.is_zero());
    *limit = given.ok_or_else(|| ManifestError::Value {
        key,
        value: text.to_owned(),
        expected: format!(
            "it must be a time such as `500ms` or `2s`, more than none and at most {}s",
            most.as_secs()
        ),
    })?;
    Ok(())
}

/// A size as manifests write it.
pub(crate) struct Bytes(pub(crate) usize);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            size if size >= 1 << 20 && size.is_multiple_of(1 << 20) => write!(f, "{} MiB", size >> 20),
            size if size >= 1 << 10 && size.is_multiple_of(1 << 10) => write!(f, "{} KiB", size >> 10),
            size => write!(f, "{size} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "manifest = 1\nname = \"acme/urlscan\"\nversion = \"1.2.0\"\ninterface = \"portcullis:plugin@1.0\"\ncomponent = \"plugin.wasm\"\n";

    #[test]
    fn a_manifest_without_limits_has_the_defaults() {
        let manifest = Manifest::parse(GOOD).unwrap();
        assert_eq!(manifest.short_name(), "urlscan");
        assert_eq!(manifest.limits, Limits::default());
    }

    #[test]
    fn limits_replace_the_defaults_one_by_one() {
        let text = format!(
            "{GOOD}[build]\nlanguage = \"rust\"\n[limits]\nmemory = \"32MiB\"\nwall = \"1min\"\nhandles = 5\n"
        );
        let expected =
            Limits { memory: 32 << 20, wall: Duration::from_secs(60), handles: 5, ..Limits::default() };
        assert_eq!(Manifest::parse(&text).unwrap().limits, expected);
    }

    #[test]
    fn bad_manifests_are_refused_with_the_key() {
        let cases = [
            ("memory = \"64MiB\"", "memory"),
            ("[limits]\nmemroy = \"64MiB\"", "memroy"),
            ("[limits]\nmemory = \"257MiB\"", "limits.memory"),
            ("[limits]\nmemory = 64", "memory"),
            ("[limits]\ncpu = \"61s\"", "limits.cpu"),
            ("[limits]\ncpu = \"0s\"", "limits.cpu"),
            ("[limits]\nwall = \"11min\"", "limits.wall"),
            ("[limits]\noutput = \"33MiB\"", "limits.output"),
            ("[limits]\nhandles = 5000", "limits.handles"),
            ("[build]\nlanguage = \"cobol\"", "cobol"),
            ("[capability]\nnet = [\"all\"]", "net"),
            ("[rights]", "rights"),
        ];
        for (extra, expected) in cases {
            let error = Manifest::parse(&format!("{GOOD}{extra}\n")).unwrap_err().to_string();
            assert!(error.contains(expected), "{extra}: {error}");
        }
    }

    #[test]
    fn what_is_asked_for_is_known_by_name() {
        let asks = "[capability]\nenv = [\"HOME\"]\nreveal = []\n[[capability.http]]\norigins = [\"https://a.example\"]\n";
        let manifest = Manifest::parse(&format!("{GOOD}{asks}")).unwrap();
        assert_eq!(manifest.rights, ["http", "env"]);
    }

    #[test]
    fn values_are_checked() {
        let cases = [
            ("acme/urlscan", "Acme/urlscan", "name"),
            ("acme/urlscan", "a/b/c", "name"),
            ("acme/urlscan", "../evil", "name"),
            ("plugin.wasm", "../plugin.wasm", "component"),
            ("plugin.wasm", "/etc/passwd", "component"),
            ("portcullis:plugin@1.0", "portcullis:plugin@2.0", "interface"),
            ("manifest = 1", "manifest = 2", "format 2"),
        ];
        for (good, bad, expected) in cases {
            let error = Manifest::parse(&GOOD.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in "(manifest = 1\n)?[ -~\n]{0,200}") {
            let _ = Manifest::parse(&text);
        }

        #[test]
        fn no_limit_passes_its_ceiling(
            key in "memory|input|output|log|log_line|stdio|artifacts",
            number in 0u64..100_000,
            unit in "B|KiB|MiB|GiB",
        ) {
            let text = format!("{GOOD}[limits]\n{key} = \"{number}{unit}\"\n");
            let most = Limits::ceiling();
            if let Ok(Manifest { limits, .. }) = Manifest::parse(&text) {
                let pairs = [
                    (limits.memory, most.memory), (limits.input, most.input), (limits.output, most.output),
                    (limits.log, most.log), (limits.log_line, most.log_line), (limits.stdio, most.stdio),
                    (limits.artifacts, most.artifacts),
                ];
                proptest::prop_assert!(pairs.iter().all(|(limit, most)| limit <= most), "{text}");
            }
        }
    }
}
