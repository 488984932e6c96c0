//! What a plugin author uses: the interface in WIT (`wit/v1`), and a thin layer over it.
//!
//! A plugin is a type that implements [`Plugin`] and names its actions; an action is a type that implements
//! [`Action`] with typed input and output, whose JSON Schemas come from the types. [`export!`] makes the component:
//!
//! ```
//! use plugin_sdk::{Action, ActionEntry, Context, Failure, Plugin};
//!
//! /// What to greet.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Input {
//!     /// A name.
//!     name: String,
//! }
//!
//! /// The greeting.
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Output {
//!     /// A sentence.
//!     text: String,
//! }
//!
//! struct Hello;
//!
//! impl Action for Hello {
//!     const NAME: &'static str = "hello";
//!     const SUMMARY: &'static str = "Greets somebody";
//!     type Input = Input;
//!     type Output = Output;
//!
//!     fn run(input: Input, _context: &Context) -> Result<Output, Failure> {
//!         if input.name.is_empty() {
//!             return Err(Failure::invalid("the name is empty"));
//!         }
//!         Ok(Output { text: format!("Hello, {}!", input.name) })
//!     }
//! }
//!
//! struct Greetings;
//!
//! impl Plugin for Greetings {
//!     const NAME: &'static str = "greetings";
//!     const VERSION: &'static str = "0.1.0";
//!     const ACTIONS: &'static [ActionEntry] = &[ActionEntry::of::<Hello>()];
//! }
//!
//! plugin_sdk::export!(Greetings);
//!
//! # extern crate portcullis_plugin_sdk as plugin_sdk;
//! let output = plugin_sdk::call::<Greetings>("hello", r#"{"name":"Ada"}"#, "{}").unwrap();
//! assert_eq!(output, r#"{"text":"Hello, Ada!"}"#);
//! ```
//!
//! On any target but wasm the same code compiles against an artifact store in memory, so that a plugin's logic is
//! tested with a plain `cargo test`. Left out on purpose: macros beyond [`export!`], async, and anything the host
//! does not promise (files, network, environment).

mod action;
mod artifact;
mod context;
mod failure;
mod log;
mod plugin;

#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
use wasm as backend;

#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(not(target_family = "wasm"))]
use memory as backend;

pub use action::{Action, ActionEntry, Effect, ErrorDoc, Example, Repeat};
pub use artifact::{Artifact, ArtifactReader, ArtifactWriter};
pub use context::Context;
pub use failure::Failure;
pub use log::{Level, log};
pub use plugin::{Plugin, call, describe};

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use wasm::{Exported as __Exported, bindings as __bindings};

/// Makes the crate a component that exports the given [`Plugin`]. The only macro; use it once, in `lib.rs` of a
/// crate of type `cdylib`. On other targets it only checks that the type is a plugin.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the generated exports have to name their symbols")]
        const _: () = {
            type Exported = $crate::__Exported<$plugin>;
    $crate::__bindings::__export_plugin!(Exported with_types_in $crate::__bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> String = $crate::describe::<$plugin>;
    };
}
